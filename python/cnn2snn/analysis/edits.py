"""What an Akida model has otherwise than conversion makes it, layer by layer, and what that looks like."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cnn2snn import akida
from cnn2snn.analysis.potentials import boundaries
from cnn2snn.conversion.akida1 import Converted, ConvertedBlock, build_model
from cnn2snn.conversion.block import Blocks
from cnn2snn.conversion.scaling import USUAL_SCALINGS, InputScaling
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError

__all__ = ["Conversion", "Edit", "edits_of", "edits_of_layer", "match"]

# Relative differences of a scale that rounding explains.
_CLOSE = 1e-3
_FITTED = ("threshold", "act_step")
# Layers whose kernels are flipped.
_CONVOLVED = ("Convolutional", "SeparableConvolutional", "Conv2D", "DepthwiseConv2D")


@dataclass(frozen=True)
class Edit:
    """Something in a layer that is not what converting the Keras model gives.

    Attributes:
        layer: the layer's name.
        cause: "input_scaling", "padding_value", "parameters", "kernel" (weights in another order), "weights",
            "threshold" or "act_step"; in Akida 2.0 "parameters", "kernel", or the name of a variable.
        explanation: what is there, what conversion gives, and what to do.
    """

    layer: str
    cause: str
    explanation: str


def match(converted: akida.Model, model: akida.Model) -> dict[str, akida.Layer]:
    """The layers of `model` by the names that conversion gives them in `converted`.

    Raises:
        InvalidArgumentError: the models do not have the same layers.
    """
    expected, found = converted.layers, model.layers

    def outline(layers: list[akida.Layer]) -> list[tuple]:
        places = {layer.name: index for index, layer in enumerate(layers)}
        return [
            (
                layer.parameters.layer_type.name,
                layer.input_dims,
                layer.output_dims,
                layer.input_bits,
                layer.output_bits,
                [places[inbound.name] for inbound in layer.inbounds],
                {name: array.shape for name, array in layer.variables.items()},
            )
            for layer in layers
        ]

    pairs = list(zip(outline(expected), outline(found), strict=False))
    index = next((i for i, (one, two) in enumerate(pairs) if one != two), len(pairs))
    if index == len(expected) == len(found):
        return {one.name: two for one, two in zip(expected, found, strict=True)}
    wanted = _describe(expected[index]) if index < len(expected) else "nothing"
    received = _describe(found[index]) if index < len(found) else "nothing"
    raise InvalidArgumentError(
        f"akida_model must have the layers that converting the quantized model gives: layer {index} must be {wanted}, "
        f"received {received}",
        kind="akida_model",
        expected=wanted,
        received=received,
        remedy="convert the quantized model again",
    )


def _describe(layer: akida.Layer) -> str:
    bits = "potentials" if layer.output_bits is None else f"{layer.output_bits} bits"
    return f'{layer.parameters.layer_type.name} "{layer.name}" from {layer.input_dims} to {layer.output_dims}, {bits}'


class Conversion:
    """Conversion of the Keras model under any input scaling, to compare layers with.

    Args:
        blocks: the blocks of the Keras model.
        image: whether inputs are images.
        scaling: the input scaling that the comparison uses.
        stored: the one that the Akida model says, where that counts.
    """

    def __init__(
        self, blocks: Blocks, image: bool, scaling: tuple[float, float], stored: tuple[float, float] | None
    ) -> None:
        self.blocks, self.image, self.scaling, self.stored = blocks, image, scaling, stored

    def layer(self, name: str, scaling: tuple[float, float]) -> akida.Layer | None:
        """A layer that reads the model's input as another scaling makes it; None where that cannot be converted."""
        part = replace(self.blocks, blocks={name: self.blocks.blocks[name]})
        try:
            return build_model(part, InputScaling.of(*scaling, "input_scaling"), self.image).blocks[0].layer
        except Cnn2SnnError:
            return None


def edits_of(
    converted: Converted, found: dict[str, akida.Layer], conversion: Conversion | None = None
) -> dict[str, list[Edit]]:
    """The edits of each layer.

    Args:
        converted: what conversion gives.
        found: the layers of the model by the names of conversion.
        conversion: the same for other input scalings; None where the network has scales of its own.
    """
    edits: dict[str, list[Edit]] = {}
    for b in converted.blocks:
        if b.ideal is None:
            continue
        layer = found[b.layer.name]
        kernels, rest = _weights(b, layer), [*_parameters(b.layer, layer), *_thresholds(b, layer)]
        if (
            conversion is not None
            and b.block.is_input
            and rest
            and not kernels
            and (edit := _scaling(b, layer, conversion))
        ):
            # Thresholds, steps and border follow from the scaling.
            rest = [edit]
        edits[b.layer.name] = [*kernels, *rest]
    return edits


def edits_of_layer(converted: akida.Layer, layer: akida.Layer) -> list[Edit]:
    """The edits of a layer of Akida 2.0, whose variables have no choice."""
    edits = _parameters(converted, layer)
    for name in layer.get_variable_names():
        wanted, received = converted.get_variable(name), layer.get_variable(name)
        wrong = wanted != received
        if not np.any(wrong):
            continue
        how = _order(wanted, received)
        if name == "weights" and how is not None:
            edits.append(Edit(converted.name, "kernel", _turned(layer, name, how)))
            continue
        at = tuple(int(i[0]) for i in np.nonzero(wrong))
        text = f"{int(wrong.sum()):,} of {wrong.size:,} values of {name} are not those of conversion; the first is "
        text += f"{received[at]:g} instead of {wanted[at]:g}; convert the quantized model again"
        edits.append(Edit(converted.name, name, text))
    return edits


def _parameters(converted: akida.Layer, layer: akida.Layer) -> list[Edit]:
    edits = []
    for name, wanted in converted.parameters._values.items():
        received = getattr(layer.parameters, name)
        if received == wanted:
            continue
        if name == "padding_value":
            text = f"the border of the image is {received}; the input that stands for 0 is {wanted}"
            text += ": convert again with the input scaling of the quantized model"
            edits.append(Edit(converted.name, name, text))
        else:
            edits.append(Edit(converted.name, "parameters", f"{name} is {received}, conversion gives {wanted}"))
    return edits


_ORDERS = {
    "flipped on both axes": lambda w: w[::-1, ::-1],
    "flipped from top to bottom": lambda w: w[::-1],
    "flipped from left to right": lambda w: w[:, ::-1],
    "with rows and columns exchanged": lambda w: w.swapaxes(0, 1),
    "negated": lambda w: -w,
}


def _order(wanted: np.ndarray, received: np.ndarray) -> str | None:
    """How weights follow from others by another order or sign; None where they do not."""
    orders = {how: order(wanted) for how, order in _ORDERS.items() if wanted.ndim > 1}
    return next((how for how, weights in orders.items() if np.array_equal(weights, received)), None)


def _turned(layer: akida.Layer, name: str, how: str) -> str:
    text = f"{name} is that of conversion {how}"
    if layer.parameters.layer_type.name in _CONVOLVED:
        text += "; the engine convolves, so that conversion flips kernels of Keras"
    return text


def _weights(b: ConvertedBlock, layer: akida.Layer) -> list[Edit]:
    edits = []
    for name in (n for n in layer.get_variable_names() if n.startswith("weights")):
        wanted, received = b.layer.get_variable(name), layer.get_variable(name)
        if np.array_equal(wanted, received):
            continue
        how = _order(wanted, received)
        if how is None and layer.parameters.layer_type.name == "FullyConnected":
            rows = b.ideal.weights.reshape(wanted.shape)
            how = "with its rows in the order of Keras" if np.array_equal(rows, received) else None
        if how is not None:
            edits.append(Edit(b.layer.name, "kernel", _turned(layer, name, how)))
            continue
        wrong = wanted != received
        filters = int(np.count_nonzero(np.any(wrong, axis=(0, 1, 2))))
        text = f"{int(wrong.sum()):,} of {wrong.size:,} values of {name}, in {filters} of {wrong.shape[-1]} filters, "
        edits.append(Edit(b.layer.name, "weights", text + "are not those of the Keras model; convert it again"))
    return edits


def _thresholds(b: ConvertedBlock, layer: akida.Layer) -> list[Edit]:
    """Thresholds and steps, where they put a boundary or an output elsewhere."""
    pairs = {name: (b.layer.get_variable(name), layer.get_variable(name)) for name in _FITTED}
    if b.step is not None:
        same = np.all(_seen(b.layer) == _seen(layer), axis=1)
        pairs = {name: (np.where(same, two, one), two) for name, (one, two) in pairs.items()}
    edits = []
    for name, (wanted, received) in pairs.items():
        wrong = np.flatnonzero(wanted != received)
        if not len(wrong):
            continue
        f = int(wrong[np.argmax(np.abs(wanted[wrong].astype(np.float64) - received[wrong]))])
        text = f"{name} of {len(wrong)} of {len(wanted)} channels is not that of conversion; at most in channel {f}: "
        edits.append(Edit(b.layer.name, name, f"{text}{received[f]:.9g} instead of {wanted[f]:.9g}"))
    return edits


def _scaling(b: ConvertedBlock, layer: akida.Layer, conversion: Conversion) -> Edit | None:
    """Another input scaling than that of the comparison, recognised by what it does to most channels."""
    alpha, beta = conversion.scaling
    if conversion.stored not in (None, conversion.scaling):
        candidates = [conversion.stored]
    else:
        # Steps follow the scale, and each threshold the shift times the sum of its filter (H3).
        steps = [one.get_variable("act_step").astype(np.float64) for one in (b.layer, layer)]
        scale = alpha * float(np.median(steps[1] / steps[0]))
        scale = round(scale) if abs(scale - round(scale)) < _CLOSE * scale else scale
        sums = _sums(b)
        moved = layer.get_variable("threshold") - scale / alpha * (b.ideal.t - beta * sums)
        shift = round(float(moved @ sums / (sums @ sums))) if conversion.image and np.any(sums) else 0
        candidates = [*USUAL_SCALINGS, (scale, beta), (scale, shift)]
    candidates = [other for other in candidates if other != conversion.scaling]
    shares = [_agreement(layer, conversion.layer(b.block.name, other)) for other in candidates]
    best = int(np.argmax(shares))
    if shares[best] < 0.9 or shares[best] <= _agreement(layer, b.layer):
        return None
    other = candidates[best]
    text = (
        f"the model was converted for inputs {other[0]:.6g} x {other[1]:+.6g} (x those of the Keras model), and is "
        f"compared with {alpha:.6g} x {beta:+.6g}; use the same input_scaling for both, or convert again"
    )
    return Edit(b.layer.name, "input_scaling", text)


def _sums(b: ConvertedBlock) -> np.ndarray:
    """How far thresholds move for a shift of one."""
    return b.block.positions * b.ideal.weights.sum(axis=tuple(range(b.ideal.weights.ndim - 1)), dtype=np.float64)


def _agreement(layer: akida.Layer, other: akida.Layer | None) -> float:
    """The share of channels whose boundaries, or threshold and step, are nearly the same."""
    if other is None:
        return 0.0
    if layer.output_bits is not None:
        pairs = [(_seen(layer), _seen(other))]
    else:
        pairs = [(layer.get_variable(n)[:, np.newaxis], other.get_variable(n)[:, np.newaxis]) for n in _FITTED]
    slack = [2 * (one.dtype != np.float32) + _CLOSE * np.abs(one) for one, _ in pairs]
    close = [np.all(np.abs(one - two) <= by, axis=1) for (one, two), by in zip(pairs, slack, strict=True)]
    return float(np.mean(np.all(close, axis=0)))


def _seen(layer: akida.Layer, **variables: np.ndarray) -> np.ndarray:
    """Boundaries as potentials see them (H5)."""
    low, high = layer.reach()
    return np.clip(boundaries(layer, **variables), low[:, np.newaxis].astype(np.int64) - 1, high[:, np.newaxis])
