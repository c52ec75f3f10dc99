"""Whether inputs lie in the range that a model was trained on, as far as its first layers tell."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from cnn2snn._keras import tf
from cnn2snn.conversion.scaling import stand_for, values_of
from cnn2snn.graph import Graph, Node

__all__ = ["Doubt", "doubt_of_samples", "doubt_of_scaling", "warn_of_samples", "warn_of_scaling"]

# The ranges that inputs usually have.
_USUAL = ((0.0, 1.0), (-1.0, 1.0), (0.0, 15.0), (0.0, 255.0))
# How many samples are looked at.
_SAMPLES = 64
# The side of made images, at most.
_SIDE = 24
# A standard deviation so many times the one of training, or so small a part of it, is of another range...
_FAR = 16.0
# ...and this near it is of the right one.
_NEAR = 4.0
# The share of positive outputs at the largest level, or of channels that never change, that speaks of another range...
_MOST = 0.9
# ...and what speaks of the right one.
_FEW = 0.5
# An output that changes by less than this part of the largest level is taken for constant.
_CONSTANT = 1 / 32


@dataclass(frozen=True)
class Doubt:
    """What speaks against a range of inputs.

    Attributes:
        layer: the layer that tells.
        reason: what it tells, in words.
        meant: (factor, offset) pairs: inputs times the factor plus the offset look right, the first of them most.
    """

    layer: str
    reason: str
    meant: tuple[tuple[float, float], ...]

    def ranges_of(self, lowest: float, highest: float) -> str:
        """The ranges that look right, in words, for inputs between two numbers."""
        return " or ".join(
            " to ".join(f"{_clean(end * factor + offset):g}" for end in (lowest, highest))
            for factor, offset in self.meant
        )


def _clean(value: float) -> float:
    nearest = round(value)
    return nearest + 0.0 if abs(value - nearest) < 0.02 * max(1, abs(value)) else value


def doubt_of_samples(graph: Graph, samples: np.ndarray) -> Doubt | None:
    """What the first layers of a model say against samples; None where nothing does.

    Statistics of a batch normalization are compared with those of its inputs. Where there is none, images are made in
    the usual range that holds the samples, and the outputs of the first bounded activation are looked at: when nearly
    all that are positive are at the bound, or nearly all channels never change, and neither is so in another usual
    range, the samples are doubted. A model that was never trained says nothing.

    Args:
        graph: the graph of a float or quantized model.
        samples: inputs of the model, (n, …).
    """
    part = np.asarray(samples[:: math.ceil(len(samples) / _SAMPLES)], np.float32)
    lowest, highest = float(part.min()), float(part.max())
    front = _front(graph)
    if front is None or lowest == highest or not _is_trained(front):
        return None
    if _statistics(front[-1]) is not None:
        return _of_batch_statistics(front, part)
    made = _made_images(graph, *_usual_range(lowest, highest))
    return None if made is None else _of_activation(front, made)


def doubt_of_scaling(graph: Graph, scale: float, shift: float, highest: int) -> Doubt | None:
    """What the first layers of a model say against an input scaling, by images made for it.

    Nothing is said of values that span no usual range: whoever gives such a scaling knows of it.

    Args:
        graph: the graph of a quantized model.
        scale: α: integers are α · x + β for inputs x of the model.
        shift: β.
        highest: the highest integer.
    """
    ends = values_of(scale, shift, highest)
    unusual = not any(np.allclose(ends, usual, atol=0.02 * (usual[1] - usual[0])) for usual in _USUAL)
    made = None if unusual else _made_images(graph, *ends)
    return None if made is None else doubt_of_samples(graph, made)


def _made_images(graph: Graph, lowest: float, highest: float) -> np.ndarray | None:
    """Gray images with an edge and noise, between two numbers; None where the shape is open."""
    shape = graph.input.output_shape
    if None in shape[-1:] or (len(shape) != 3 and None in shape):
        return None
    side = tuple(min(size or _SIDE, _SIDE) for size in shape[:2]) if len(shape) == 3 else shape[:-1]
    rng = np.random.default_rng(0)
    grays = rng.random((2, _SAMPLES, *(1 for _ in side), shape[-1]))
    behind = _edges(rng, side) if len(shape) == 3 else rng.random((_SAMPLES, *side, shape[-1])) < 0.5
    noise = rng.normal(0, 1 / 16, (_SAMPLES, *side, shape[-1]))
    shares = np.clip(np.where(behind, grays[0], grays[1]) + noise, 0, 1)
    return (lowest + (highest - lowest) * shares).astype(np.float32)


def _usual_range(lowest: float, highest: float) -> tuple[float, float]:
    """The usual range that holds two numbers, or these themselves."""
    return next((ends for ends in _USUAL if ends[0] <= lowest and highest <= ends[1]), (lowest, highest))


def warn_of_samples(graph: Graph, samples: np.ndarray, stacklevel: int = 3) -> None:
    """Warns of samples that the first layers of a model speak against.

    Args:
        graph: the graph of the model.
        samples: inputs of the model.
        stacklevel: whose line the warning names, as for `warnings.warn`.
    """
    doubt = doubt_of_samples(graph, samples)
    if doubt is None:
        return
    lowest, highest = float(np.min(samples)), float(np.max(samples))
    remedies = " or ".join(f"samples {_formula(*pair)}" for pair in doubt.meant)
    warnings.warn(
        f"samples reach from {lowest:g} to {highest:g}, and the model looks trained on values "
        f"{doubt.ranges_of(*_usual_range(lowest, highest))}: {doubt.reason}; give {remedies} if it is",
        UserWarning,
        stacklevel=stacklevel,
    )


def warn_of_scaling(
    graph: Graph, scaling: tuple[float, float], highest: int, *, is_given: bool = True, stacklevel: int = 3
) -> None:
    """Warns of an input scaling that the first layers of a model speak against.

    Args:
        graph: the graph of a quantized model.
        scaling: (α, β): integers are α · x + β for inputs x of the model.
        highest: the highest integer.
        is_given: whether the scaling can be given otherwise; not where the model begins with `Rescaling`.
        stacklevel: as for `warn_of_samples`.
    """
    doubt = doubt_of_scaling(graph, *scaling, highest)
    if doubt is None:
        return
    ends = values_of(*scaling, highest)
    scale, shift = scaling
    meant = " or ".join(
        f"({scale / factor:.6g}, {shift - scale * offset / factor:.6g})" for factor, offset in doubt.meant
    )
    remedy = (
        f"if it is, give input_scaling={meant} (options -sc and -sh)"
        if is_given
        else "if it is, leave out its Rescaling layer and give that scaling as input_scaling"
    )
    warnings.warn(
        f"{stand_for(scaling, highest)}, and the model looks trained on values {doubt.ranges_of(*ends)}: "
        f"{doubt.reason}; {remedy}",
        UserWarning,
        stacklevel=stacklevel,
    )


def _formula(factor: float, offset: float) -> str:
    by = f"/ {round(1 / factor, 1):g}" if factor < 1 else f"* {factor:g}"
    return by if not offset else f"{by} {'+' if offset > 0 else '-'} {abs(offset):g}"


def _edges(rng: np.random.Generator, side: tuple[int, ...]) -> np.ndarray:
    rows, columns = np.mgrid[: side[0], : side[1]]
    angles, places = rng.uniform(0, 2 * np.pi, _SAMPLES), rng.uniform(-0.3, 0.3, _SAMPLES)
    across = np.cos(angles)[:, None, None] * (rows / side[0] - 0.5) + np.sin(angles)[:, None, None] * (
        columns / side[1] - 0.5
    )
    return (across > places[:, None, None])[..., np.newaxis]


def _others(values: np.ndarray) -> list[tuple[float, float]]:
    """(factor, offset) from values to those of other usual ranges: 0 to 1, -1 to 1, 0 to 255."""
    if values.max() > 16:
        return [(1 / 255, 0.0), (2 / 255, -1.0)]
    return [(255.0, 0.0)] if values.min() >= 0 else [(127.5, 127.5)]


def _front(graph: Graph) -> list[Node] | None:
    """The layers from the input to the first batch normalization behind weights, or else to the first activation."""
    found: list[Node] = []
    has_weights = False
    node = graph.only_consumer(graph.input.name)
    while node is not None:
        if node.layer is None or node.is_a("Lambda"):
            return None
        found.append(node)
        has_weights = has_weights or bool(node.weights)
        if has_weights and (node.is_a("BatchNormalization", "QuantizedActivation") or node.is_exactly("ReLU")):
            return found
        node = graph.only_consumer(node.name)
    return None


def _statistics(node: Node) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean and standard deviation that a batch normalization has seen; None for other layers."""
    if not node.is_a("BatchNormalization"):
        return None
    # With epsilon, a variance of slightly less than zero has a root all the same.
    return node.weights["moving_mean"], np.sqrt(np.maximum(node.weights["moving_variance"], 0))


def _is_trained(front: list[Node]) -> bool:
    """Whether the front has seen data: statistics that are not those of the beginning, or a bias that is not zero."""
    statistics = _statistics(front[-1])
    if statistics is not None:
        mean, deviation = statistics
        return not (np.all(mean == 0) and np.all(deviation == 1))
    return any(np.any(node.weights["bias"] != 0) for node in front if "bias" in node.weights)


def _run(nodes: list[Node], values: np.ndarray) -> np.ndarray:
    outputs = tf.convert_to_tensor(values.astype(np.float32))
    for node in nodes:
        outputs = node.layer(outputs, training=False)
    return np.asarray(outputs)


def _of_batch_statistics(front: list[Node], part: np.ndarray) -> Doubt | None:
    mean, deviation = _statistics(front[-1])

    def compared(values: np.ndarray) -> tuple[float, float]:
        """How far inputs lie from the mean that was seen, and how much they vary, in the deviations that were seen."""
        received = _run(front[:-1], values)
        axes = tuple(range(received.ndim - 1))
        unit = np.maximum(deviation, 1e-12)
        far = np.sqrt(np.mean((received - mean) ** 2, axis=axes)) / unit
        return float(np.median(far)), float(np.median(received.std(axis=axes) / unit))

    far, spread = compared(part)
    if far < _FAR and spread > 1 / _FAR:
        return None
    found = sorted((compared(part * factor + offset), factor, offset) for factor, offset in _others(part))
    right = [entry for entry in found if entry[0][0] < _NEAR and entry[0][1] > 1 / _NEAR]
    if not right:
        return None
    other = right[0][0][1]
    name = front[-1].name
    reason = (
        f'the inputs of "{name}" lie {far:,.0f} standard deviations off its batch statistics'
        if far >= _FAR
        else f'the inputs of "{name}" vary {other / max(spread, 1e-12):,.0f} times less than its batch statistics say'
    )
    return Doubt(name, reason, tuple((factor, offset) for _, factor, offset in right))


def _of_activation(front: list[Node], part: np.ndarray) -> Doubt | None:
    activation = front[-1]
    bound = _bound(activation)
    if bound is None:
        return None

    def shares(values: np.ndarray) -> tuple[float, float]:
        """The share of positive outputs that are at the bound, and of channels that never change."""
        given = np.clip(_run(front[:-1], values), 0, bound)
        positive = np.count_nonzero(given > 0)
        clipped = np.count_nonzero(given >= bound) / positive if positive else 0.0
        flat = given.reshape(-1, given.shape[-1])
        return clipped, float(np.mean(np.ptp(flat, axis=0) < bound * _CONSTANT))

    clipped, constant = shares(part)
    if clipped < _MOST and constant < _MOST:
        return None
    found = [(max(shares(part * factor + offset)), factor, offset) for factor, offset in _others(part)]
    meant = tuple((factor, offset) for share, factor, offset in sorted(found) if share <= _FEW)
    if not meant:
        return None
    reason = (
        f'{clipped:.0%} of the positive inputs of "{activation.name}" are beyond its bound, {bound:g}'
        if clipped >= _MOST
        else f'{constant:.0%} of the channels of "{activation.name}" never change'
    )
    return Doubt(activation.name, reason, meant)


def _bound(node: Node) -> float | None:
    """The largest output of an activation; None without bound."""
    if node.is_a("QuantizedActivation"):
        return float(np.asarray(node.layer.step)) * node.layer.levels
    bound = node.config.get("max_value")
    return None if bound is None else float(bound)
