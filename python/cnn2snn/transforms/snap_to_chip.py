"""Quantized models moved by a hair so that integer thresholds and one step per channel hold them exactly."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cnn2snn import _table
from cnn2snn._keras import keras
from cnn2snn.conversion.akida1 import TARGET, ConvertedBlock, build_model
from cnn2snn.conversion.keras import join_depthwise, read_blocks
from cnn2snn.conversion.scaling import InputScaling, input_scaling_of
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node, affine, assign_weights, build, read
from cnn2snn.input_range import warn_of_scaling
from cnn2snn.quantization_ops import WeightQuantizer
from cnn2snn.transforms.channels import output_kernel
from cnn2snn.transforms.fold_batchnorm import fold_node
from cnn2snn.transforms.invert_batchnorm_pooling import invert_graph
from cnn2snn.transforms.placement import (
    Interval,
    Threshold,
    free_threshold,
    interval_on_grid,
    nearest_interval,
    threshold_on_grid,
)

__all__ = ["SnapLayer", "SnapReport", "SnapToChip", "snap_to_chip"]

# Attempts at a kernel whose scale and integers are both right.
_ATTEMPTS = 8


@dataclass(frozen=True)
class SnapLayer:
    """What `snap_to_chip` made of one layer.

    Attributes:
        layer: the layer's name.
        channels: number of output channels.
        grid: the k of each channel for which its `act_step` is a multiple of 2^-k; -1 where it has no grid: an
            activation of one bit, none at all, or a step that a quantizer's scale does not let move.
        storable: whether `convert` gives each channel an `act_step` that chips are believed to store, a multiple of
            1/16; True without activation, where hosts divide by it.
        step_change: the largest change of a step, as a part of it.
        threshold_change: the largest change of a threshold, in potentials.
        margin: the smallest distance of a boundary from an integer, in potentials; for a layer without activation the
            largest distance of a threshold from one.
        inexact: the channels in which some boundary is not exact, as float32 cannot place it.
    """

    layer: str
    channels: int
    grid: np.ndarray
    storable: np.ndarray
    step_change: float
    threshold_change: float
    margin: float
    inexact: tuple[int, ...]


@dataclass(frozen=True)
class SnapReport:
    """What `snap_to_chip` did: one `SnapLayer` per layer with weights, in order."""

    layers: list[SnapLayer]

    @property
    def exact(self) -> bool:
        """Whether conversion holds every boundary of every channel."""
        return not any(layer.inexact for layer in self.layers)

    def __str__(self) -> str:
        titles = ("layer", "channels", "sixteenths", "step", "threshold", "margin", "inexact")
        rows = [
            (
                layer.layer,
                str(layer.channels),
                str(int(layer.storable.sum())),
                f"{layer.step_change:.2%}",
                f"{layer.threshold_change:.2f}",
                f"{layer.margin:.2g}",
                str(len(layer.inexact)),
            )
            for layer in self.layers
        ]
        return "\n".join(_table.columns(titles, rows, width=80, right=range(1, len(titles))))


def snap_to_chip(
    model: keras.Model,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    return_report: bool = False,
) -> keras.Model | tuple[keras.Model, SnapReport]:
    """Moves steps and thresholds a little, so that the converted model is exact for every input.

    The chip has one integer threshold and one step per channel; the boundaries between the levels of a trained layer
    lie anywhere. In the result every boundary lies well between two integers, at places that a threshold and a step
    hold: the step of a channel, in potentials, is a multiple of the coarsest 2^-k that is less than 0.5 % away, the
    threshold half of 2^-k above an integer. Then `convert` is exact: activations of the converted model are those of
    the quantized network for all inputs (scales, biases and steps taken as real numbers; Keras itself rounds to
    float32).

    Integer weights stay as they are. The bias moves the threshold. A factor near 1 on a filter's float kernel moves its
    step where the quantizer's scale follows the filter; one factor moves all channels where there is one scale for all.
    Where the scale does not follow (a quantizer of one's own, a scale at its limit), the bias alone finds the place
    with the most room. Batch normalization is folded first, or moved itself where folding would change integer weights;
    a missing bias is added, and a depthwise convolution joined with the pointwise one behind it. Biases of a last layer
    without activation are put on whole potentials.

    A model that was snapped is not changed again.

    Args:
        model: the quantized model; it is not changed.
        input_scaling: as for `convert`.
        input_is_image: as for `convert`.
        return_report: whether to return a `SnapReport` as well.

    Returns:
        A new model of the same kind and name, or (model, report).

    Raises:
        InvalidArgumentError, UnsupportedModelError: as for `convert`.

    Warns:
        UserWarning: channels that stay inexact, as float32 cannot place their boundaries; or the model looks trained on
            other values than those that integers stand for with this `input_scaling`.

    Example:
        >>> model = cnn2snn.transforms.snap_to_chip(quantized)  # doctest: +SKIP
        >>> cnn2snn.convert(model)  # doctest: +SKIP
    """
    graph = read(model)
    _warn(graph, input_scaling, input_is_image)
    report = _Snapper(graph, input_scaling, input_is_image).run()
    snapped = build(graph)
    return (snapped, report) if return_report else snapped


class SnapToChip(keras.callbacks.Callback):
    """Snaps a model at the end of every epoch of its training; see `snap_to_chip`.

    What is evaluated and saved after an epoch then is what the chip computes. The model must have a bias in every layer
    and no batch normalization that could be folded: train what `snap_to_chip` returns.

    Args:
        input_scaling: as for `convert`.
        input_is_image: as for `convert`.

    Attributes:
        report: the `SnapReport` of the last epoch; None before.

    Raises:
        UnsupportedModelError: (in training) snapping would add or remove layers or weights.

    Example:
        >>> model = cnn2snn.transforms.snap_to_chip(quantized)  # doctest: +SKIP
        >>> model.fit(x, y, callbacks=[cnn2snn.transforms.SnapToChip()])  # doctest: +SKIP
    """

    def __init__(self, input_scaling: tuple[float, float] | None = None, input_is_image: bool = True) -> None:
        super().__init__()
        self.input_scaling = input_scaling
        self.input_is_image = input_is_image
        self.report: SnapReport | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Refuses models that cannot be snapped in place."""
        before, graph = read(self.model), read(self.model)
        _warn(graph, self.input_scaling, self.input_is_image)
        _prepare(graph)
        for node in before:
            after = graph.nodes.get(node.name)
            if after is None or after.weights.keys() != node.weights.keys() or after.inbounds != node.inbounds:
                raise UnsupportedModelError(
                    f'layer "{node.name}" would change its structure',
                    layer=node.name,
                    kind="structure",
                    remedy="train the model that snap_to_chip returns",
                )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Snaps the model in place."""
        graph = read(self.model)
        self.report = _Snapper(graph, self.input_scaling, self.input_is_image).run()
        for node in graph:
            if node.layer is not None:
                assign_weights(node.layer, node)


def _warn(graph: Graph, input_scaling: tuple[float, float] | None, input_is_image: bool) -> None:
    """Warns of a scaling that the model looks not trained for."""
    blocks = read_blocks(graph.copy())
    scaling = input_scaling_of(blocks, input_scaling)
    used = (1.0, 0.0) if blocks.rescaling else (float(scaling.scale), float(scaling.shift))
    highest = 255 if input_is_image else 15
    warn_of_scaling(graph, used, highest, is_given=not blocks.rescaling, stacklevel=4)


def _quantized(graph: Graph) -> list[Node]:
    return [node for node in graph if node.is_neural and "quantizer" in node.config]


def _prepare(graph: Graph) -> None:
    """Joins and folds what conversion would, and adds what is to be moved where it is missing."""
    join_depthwise(graph)
    invert_graph(graph)
    for node in _quantized(graph):
        role = output_kernel(node)
        while (norm := graph.only_consumer(node.name)) is not None and norm.is_a("BatchNormalization"):
            wanted = _integers(node.config["quantizer"], node.weights[role])
            signs = np.sign(affine(norm)[0])
            if not fold_node(node, norm, keep_inexact=True):
                break
            node.weights[role] = _hold(node.config["quantizer"], node.weights[role], wanted * signs)
            graph.remove(norm.name)
        _add(node, "bias", "use_bias", node.weights[role].shape[-1], 0)
        if (norm := _last_normalization(graph, node)) is not None:
            channels = len(norm.weights["moving_mean"])
            _add(norm, "gamma", "scale", channels, 1)
            _add(norm, "beta", "center", channels, 0)


def _add(node: Node, role: str, option: str, channels: int, value: float) -> None:
    """Gives a layer a weight that it was made without."""
    if role not in node.weights:
        node.config[option] = True
        node.weights[role] = np.full(channels, value, np.float32)


def _last_normalization(graph: Graph, node: Node) -> Node | None:
    """The last batch normalization between a neural layer and its activation."""
    found, reader = None, graph.only_consumer(node.name)
    while reader is not None and not reader.is_neural and not reader.is_a("QuantizedActivation"):
        if reader.is_a("BatchNormalization"):
            found = reader
        reader = graph.only_consumer(reader.name)
    return found


class _Snapper:
    """Snaps the layers of a graph in place."""

    def __init__(self, graph: Graph, input_scaling: tuple[float, float] | None, input_is_image: bool) -> None:
        self.graph = graph
        self.image = input_is_image
        self.given = input_scaling

    def run(self) -> SnapReport:
        """Snaps, and reports what conversion makes of the result."""
        _prepare(self.graph)
        before = self._convert()
        self._move_intervals(before)
        self._move_thresholds(before, self._convert())
        report = SnapReport([_describe(a, b) for a, b in zip(before, self._convert(), strict=True)])
        inexact = [layer for layer in report.layers if layer.inexact]
        if inexact:
            listed = ", ".join(f'"{layer.layer}": {len(layer.inexact)} of {layer.channels}' for layer in inexact)
            warnings.warn(f"float32 cannot place every boundary; channels that stay inexact: {listed}", stacklevel=3)
        return report

    def _convert(self) -> list[ConvertedBlock]:
        """The neural blocks as they are now, with their exact boundaries."""
        blocks = read_blocks(self.graph)
        scaling: InputScaling = input_scaling_of(blocks, self.given)
        return [b for b in build_model(blocks, scaling, self.image).blocks if b.ideal is not None]

    def _move_intervals(self, blocks: list[ConvertedBlock]) -> None:
        for b in blocks:
            levels = _levels(b)
            if levels < 2:
                continue
            node = self.graph.nodes[b.block.name]
            intervals = [m.gain * b.ideal.step for m in b.ideal.maps]
            norm = _last_normalization(self.graph, node)
            if norm is None and np.size(node.config["quantizer"].scale_factor(node.weights[output_kernel(node)])) == 1:
                targets = [_target(intervals[0], levels)] * len(intervals)
            else:
                targets = [_target(s, levels) for s in intervals]
            factors = [Fraction(1) if x is None else s / x.value for s, x in zip(intervals, targets, strict=True)]
            if all(factor == 1 for factor in factors):
                continue
            if norm is None:
                _scale_filters(node, factors, [_tolerance(target, levels) for target in targets])
            else:
                gamma = norm.weights["gamma"]
                norm.weights["gamma"] = (gamma * np.array(factors, np.float64)).astype(gamma.dtype)

    def _move_thresholds(self, before: list[ConvertedBlock], moved: list[ConvertedBlock]) -> None:
        for a, b in zip(before, moved, strict=True):
            node = self.graph.nodes[b.block.name]
            norm = _last_normalization(self.graph, node)
            node, role = (node, "bias") if norm is None else (norm, "beta")
            biases = node.weights[role].copy()
            step, levels = b.ideal.step or Fraction(0), _levels(b)
            for channel, (old, new) in enumerate(zip(a.ideal.maps, b.ideal.maps, strict=True)):
                # A threshold goes to the place nearest to where it was before the step moved.
                wanted, t = old.threshold(step), new.threshold(step)
                target = _place(wanted, new.gain * step, levels).value if levels else round(wanted)
                biases[channel] = float(Fraction(float(biases[channel])) - (target - t) / new.gain)
            node.weights[role] = biases


def _levels(b: ConvertedBlock) -> int:
    """The number of boundaries of a block; 0 without activation."""
    return 0 if b.block.activation is None else 2**b.block.activation.bits - 1


def _target(s: Fraction, levels: int) -> Interval | None:
    """The interval to move `s` to; None to leave it where it is."""
    if interval_on_grid(s, levels) is not None:
        return None
    return nearest_interval(s)


def _tolerance(target: Interval | None, levels: int) -> float:
    """How far from its place a scale may be, as a part of it."""
    if target is None:
        return float("inf")
    return float(target.tolerance(levels) / target.value)


def _place(t: Fraction, s: Fraction, levels: int) -> Threshold:
    interval = interval_on_grid(s, levels) if levels > 1 else None
    return free_threshold(t, s, levels) if interval is None else threshold_on_grid(t, s, levels, interval)


def _integers(quantizer: WeightQuantizer, kernel: np.ndarray) -> np.ndarray:
    scale = np.asarray(quantizer.scale_factor(kernel), np.float64)
    return np.rint(np.asarray(quantizer.quantize(kernel), np.float64) * scale)


def _hold(quantizer: WeightQuantizer, kernel: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The kernel with weights that rounding has carried over a tie moved back to their side of it."""
    moved = _integers(quantizer, kernel) != wanted
    if not np.any(moved):
        return kernel
    scale = np.broadcast_to(np.asarray(quantizer.scale_factor(kernel), np.float64), kernel.shape)
    inside = (wanted + np.clip(kernel * scale - wanted, -0.499, 0.499)) / scale
    return np.where(moved, inside, kernel).astype(kernel.dtype)


def _scale_filters(node: Node, factors: list[Fraction], tolerance: list[float]) -> None:
    """Multiplies the filters of a layer by `factors`, so that the quantizer's scales are divided by them.

    Filters whose scale does not follow, or whose integers would change, are left as they were.
    """
    quantizer, role = node.config["quantizer"], output_kernel(node)
    original = node.weights[role]
    wanted = _integers(quantizer, original)
    scale = np.ravel(np.asarray(quantizer.scale_factor(original), np.float64))
    goal = scale / np.array([float(f) for f in factors])[: scale.size]
    allowed = np.array(tolerance)[: scale.size]
    kernel, correction = original, scale / goal
    for _ in range(_ATTEMPTS):
        kernel = _hold(quantizer, (kernel * correction).astype(original.dtype), wanted)
        correction = np.ravel(np.asarray(quantizer.scale_factor(kernel), np.float64)) / goal
        same = _integers(quantizer, kernel) == wanted
        # A quarter of what is allowed is aimed at; float32 may not come as near.
        near = np.abs(correction - 1) <= allowed / 4
        if np.all(near) and np.all(same):
            break
        correction = np.where(near, 1, correction)
    near = np.abs(np.ravel(np.asarray(quantizer.scale_factor(kernel), np.float64)) / goal - 1) <= allowed
    fits = near & np.all(same, axis=tuple(range(same.ndim - 1))) if scale.size > 1 else np.all(near) & np.all(same)
    node.weights[role] = np.where(fits, kernel, original)


def _describe(before: ConvertedBlock, after: ConvertedBlock) -> SnapLayer:
    levels, channels = _levels(after), len(after.ideal.maps)
    step = after.ideal.step or Fraction(0)
    grid, margins, changes = [], [], [(0.0, 0.0)]
    for old, new in zip(before.ideal.maps, after.ideal.maps, strict=True):
        t, s = new.threshold(step), new.gain * step
        changes.append((float(abs(new.gain / old.gain - 1)), float(abs(t - old.threshold(step)))))
        boundaries = [t + n * s for n in range(levels)] or [t]
        margins.append(min(float(abs(boundary - round(boundary))) for boundary in boundaries))
        interval = interval_on_grid(s, levels) if levels > 1 else None
        # act_step is the interval of four bits.
        grid.append(-1 if interval is None else interval.grid + 4 - after.block.activation.bits)
    return SnapLayer(
        layer=after.layer.name,
        channels=channels,
        grid=np.array(grid),
        storable=np.array([levels < 2])
        | (after.layer.get_variable("act_step") % after.layer.widths(TARGET).step_unit == 0),
        step_change=max(change for change, _ in changes),
        threshold_change=max(change for _, change in changes),
        margin=min(margins) if levels else max(margins),
        inexact=tuple(int(f) for f in np.flatnonzero(after.mismatches)),
    )
