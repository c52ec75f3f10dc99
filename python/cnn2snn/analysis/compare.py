"""Comparison of a quantized Keras model and its converted model, activation by activation.

Both run on the same integer inputs. What a last layer without activation gives is not compared: its float outputs
differ by the rounding of its thresholds. Where the level of an activation differs, its potential is recomputed exactly
from the levels that Keras fed to the layer, and the difference is attributed to its cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn.conversion.blocks import MaxPooling
from cnn2snn.conversion.convert import convert_blocks
from cnn2snn.conversion.specs import ConvertedBlock, borders
from cnn2snn.errors import InvalidArgumentError

__all__ = ["ActivationReport", "LayerReport", "compare_activations"]

# Samples compared at a time, which bounds the memory.
_BATCH = 128


@dataclass
class LayerReport:
    """The activations of one layer, counted.

    Attributes:
        layer: the layer's name.
        total: activations compared.
        differing: activations whose levels differ between Keras and the engine.
        propagated: differing ones whose integer inputs differ already; the engine is right for its inputs.
        format: differing ones whose boundary the chip's integer threshold and one step cannot hold: the ideal level of
            their potential is Keras' level, not the engine's.
        float_rounding: differing ones whose potential lies so close to an ideal boundary that Keras' float32 sums fall
            on the other side; the engine is right.
        unexplained: differing ones with none of these causes: a defect.
    """

    layer: str
    total: int = 0
    differing: int = 0
    propagated: int = 0
    format: int = 0
    float_rounding: int = 0
    unexplained: int = 0

    def add(self, other: LayerReport) -> None:
        """Adds the counts of other samples of the same layer."""
        for count in (
            "total",
            "differing",
            "propagated",
            "format",
            "float_rounding",
            "unexplained",
        ):
            setattr(self, count, getattr(self, count) + getattr(other, count))


@dataclass
class ActivationReport:
    """The result of `compare_activations`: one `LayerReport` per layer with activation, in layer order."""

    layers: list[LayerReport]

    @property
    def totals(self) -> LayerReport:
        """The counts of all layers together."""
        sums = LayerReport("all layers")
        for layer in self.layers:
            sums.add(layer)
        return sums

    def __str__(self) -> str:
        columns = (
            "layer",
            "total",
            "differing",
            "propagated",
            "format",
            "float_rounding",
            "unexplained",
        )
        titles = (
            "layer",
            "activations",
            "differ",
            "propagated",
            "format",
            "float32",
            "unexplained",
        )
        rows = [titles]
        for layer in [*self.layers, self.totals]:
            rows.append(tuple(str(getattr(layer, column)) for column in columns))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells))
        return "\n".join(lines)


def compare_activations(
    keras_model: keras.Model,
    akida_model: akida.Model,
    inputs: np.ndarray,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
) -> ActivationReport:
    """Compares all activation levels of a quantized Keras model and of the model converted from it.

    Args:
        keras_model: the quantized model.
        akida_model: what `convert` made of it with the same arguments.
        inputs: uint8 inputs of the Akida model, (n, height, width, channels).
        input_scaling: as given to `convert`.
        input_is_image: as given to `convert`.

    Returns:
        How many activations differ, per layer, each attributed to its cause.

    Raises:
        InvalidArgumentError: `inputs` have another type or shape, or `akida_model` does not have the layers and
            variables
            that converting `keras_model` gives.
    """
    sample = tuple(akida_model.input_shape)
    if not isinstance(inputs, np.ndarray) or inputs.dtype != np.uint8 or inputs.shape[1:] != sample:
        received = f"{inputs.dtype} {inputs.shape}" if isinstance(inputs, np.ndarray) else type(inputs).__name__
        raise InvalidArgumentError(
            f"inputs must be a uint8 array of shape (n, {', '.join(map(str, sample))}), received {received}",
            kind="inputs",
            expected=("n", *sample),
            received=received,
        )
    converted = convert_blocks(keras_model, input_scaling, input_is_image)
    if converted.model.to_buffer() != akida_model.to_buffer():
        raise InvalidArgumentError(
            "akida_model must be what convert makes of keras_model with the same arguments; convert it again",
            kind="akida_model",
        )
    blocks = [b for b in converted.blocks if b.step is not None]
    outputs = [keras_model.get_layer(b.block.output).output for b in blocks]
    levels_model = keras.Model(keras_model.inputs[0], outputs) if blocks else None
    places = {layer.name: index for index, layer in enumerate(akida_model.layers)}
    reports = [LayerReport(b.layer.name) for b in blocks if b.ideal is not None]
    for start in range(0, len(inputs) if blocks else 0, _BATCH):
        batch = inputs[start : start + _BATCH]
        found = levels_model(_keras_inputs(keras_model, batch, input_scaling), training=False)
        found = found if isinstance(found, list) else [found]
        keras_levels = {
            b.layer.name: np.rint(np.asarray(values) / np.float32(b.step)).astype(np.int64)
            for b, values in zip(blocks, found, strict=True)
        }
        taps = akida_model.forward_taps(batch)
        engine_levels = {name: taps[index].astype(np.int64) for name, index in places.items()}
        part = [b for b in blocks if b.ideal is not None]
        for report, b in zip(reports, part, strict=True):
            report.add(_compare(b, batch, keras_levels, engine_levels))
    return ActivationReport(reports)


def _keras_inputs(model: keras.Model, batch: np.ndarray, input_scaling: tuple[float, float] | None) -> np.ndarray:
    """What Keras gets where the engine gets `batch`."""
    values = batch.astype(np.float32)
    if input_scaling is not None:
        scale, shift = input_scaling
        values = ((batch.astype(np.float64) - shift) / scale).astype(np.float32)
    return values.reshape(len(batch), *model.inputs[0].shape[1:])


def _compare(
    b: ConvertedBlock,
    batch: np.ndarray,
    keras_levels: dict[str, np.ndarray],
    engine_levels: dict[str, np.ndarray],
) -> LayerReport:
    """One layer on one batch."""
    engine = engine_levels[b.layer.name]
    keras_found = keras_levels[b.layer.name].reshape(engine.shape)
    report = LayerReport(b.layer.name, total=engine.size)
    differing = np.argwhere(engine != keras_found)
    report.differing = len(differing)
    if not len(differing):
        return report
    (source,) = b.layer.inbounds or [None]
    if source is None or source.name not in keras_levels:
        keras_in = engine_in = batch.astype(np.int64)
    else:
        dims = (len(batch), *source.output_dims)
        keras_in = keras_levels[source.name].reshape(dims)
        engine_in = engine_levels[source.name]
    # Only samples with a difference are recomputed.
    samples = np.unique(differing[:, 0])
    place = {sample: i for i, sample in enumerate(samples)}
    ours = _Potentials(b, keras_in[samples])
    theirs = _Potentials(b, engine_in[samples])
    boundaries = _engine_boundaries(b)
    for sample, i, j, f in differing:
        at = (place[sample], i, j, f)
        ideal_here = _ideal_level(b, f, ours.pooled[at])
        if engine[sample, i, j, f] != np.count_nonzero(theirs.pooled[at] > boundaries[f]):
            # The engine contradicts its own boundaries.
            report.unexplained += 1
        elif keras_found[sample, i, j, f] != ideal_here:
            # Keras is off for the inputs that it had.
            if ours.is_close(at, keras_found[sample, i, j, f]):
                report.float_rounding += 1
            else:
                report.unexplained += 1
        elif ideal_here != np.count_nonzero(ours.pooled[at] > boundaries[f]):
            report.format += 1
        elif ours.pooled[at] != theirs.pooled[at]:
            report.propagated += 1
        else:
            report.unexplained += 1
    return report


def _engine_boundaries(b: ConvertedBlock) -> np.ndarray:
    """The integer boundaries of each channel (E3), (filters, levels)."""
    bits = b.layer.parameters.act_bits
    interval = b.layer.get_variable("act_step").astype(np.float64) * 2.0 ** (4 - bits)
    n = np.arange(2**bits - 1)
    distance = np.floor(n * interval[:, np.newaxis])
    return b.layer.get_variable("threshold").astype(np.float64)[:, np.newaxis] + distance


def _ideal_level(b: ConvertedBlock, f: int, potential: int) -> int:
    """The level of a potential by the ideal boundaries (H4), in exact arithmetic."""
    channel, levels = b.ideal.maps[f], 2**b.layer.parameters.act_bits - 1
    above = int(potential) - channel.threshold(b.ideal.step)
    return min(max(ceil(above / (channel.gain * b.ideal.step)), 0), levels)


class _Potentials:
    """Exact potentials of a block's inputs in NumPy, and a bound on what float32 makes of them."""

    def __init__(self, b: ConvertedBlock, inputs: np.ndarray) -> None:
        self._block, self._inputs = b, inputs
        self.pooled = _pool(b, _convolve(b, inputs)[0])

    @cached_property
    def _magnitudes(self) -> tuple[np.ndarray, int]:
        """Sums of absolute values after pooling, and the number of terms of a sum; rarely needed."""
        # Keras subtracts the shift from each input in float32 first.
        magnitudes, terms = _convolve(self._block, self._inputs, absolute_shift=ceil(abs(self._block.input_shift)))
        return _pool(self._block, magnitudes), terms

    def is_close(self, at: tuple[int, ...], level: int) -> bool:
        """Whether float32 rounding can move the potential across the boundaries between its level and `level`."""
        b, f = self._block, at[-1]
        # Keras sums `terms` products in float32, then adds the bias, normalizes, averages and divides by the step; each
        # operation errs by 2^-24 of what it handles. In units of potentials that is at most `magnitudes` and the
        # distance of the potential from the zero of the activation.
        magnitudes, terms = self._magnitudes
        t, s = float(b.ideal.t[f]), float(b.ideal.s[f])
        channel = b.ideal.maps[f]
        zero = float(abs(channel.gain * channel.bias) + abs(channel.shift))
        potential = float(self.pooled[at])
        reach = (terms + 16) * 2.0**-23 * (magnitudes[at] + zero + abs(t) + abs(potential))
        ideal = _ideal_level(b, f, self.pooled[at])
        crossed = range(min(ideal, level), max(ideal, level))
        return all(abs(potential - (t + n * s)) <= reach for n in crossed)


def _convolve(b: ConvertedBlock, inputs: np.ndarray, absolute_shift: int | None = None) -> tuple[np.ndarray, int]:
    """Potentials before pooling and the number of terms of a sum.

    With `absolute_shift` the sums are those of absolute weights and of inputs raised by it.
    """
    ideal, node = b.ideal, b.block.node
    weights = ideal.weights.astype(np.int64)
    depthwise = None if ideal.depthwise is None else ideal.depthwise[..., 0].astype(np.int64)
    border = b.layer.parameters.padding_value if b.block.inbounds == [""] and b.input_shift else 0
    if absolute_shift is not None:
        weights = np.abs(weights)
        depthwise = None if depthwise is None else np.abs(depthwise)
        inputs, border = inputs + absolute_shift, border + absolute_shift
    if node.is_a("Dense"):
        # Keras flattens rows first, as NumPy does.
        sums = inputs.reshape(len(inputs), -1) @ weights
        return sums[:, np.newaxis, np.newaxis], weights.shape[0]
    kernel = weights if depthwise is None else depthwise
    windows = _windows(b, inputs, kernel.shape[:2], border)
    if depthwise is None:
        sums = np.einsum("nijcuv,uvcf->nijf", windows, weights, optimize=True)
    else:
        sums = np.einsum("nijcuv,uvc->nijc", windows, depthwise, optimize=True) @ weights[0, 0]
    return sums, int(np.prod(kernel.shape[:3]))


def _windows(b: ConvertedBlock, inputs: np.ndarray, kernel: tuple[int, int], border: int) -> np.ndarray:
    """The windows of a convolution: (sample, row, column, channel, kernel row, kernel column)."""
    strides = b.block.node.config["strides"]
    padding = b.block.node.config["padding"]
    pads = [borders(size, k, s, padding) for size, k, s in zip(inputs.shape[1:3], kernel, strides, strict=True)]
    bordered = np.pad(inputs, [(0, 0), *pads, (0, 0)], constant_values=border)
    views = np.lib.stride_tricks.sliding_window_view(bordered, kernel, axis=(1, 2))
    return views[:, :: strides[0], :: strides[1]]


def _pool(b: ConvertedBlock, potentials: np.ndarray) -> np.ndarray:
    """Potentials after pooling."""
    pooling = b.block.pooling
    if pooling == "average":
        return potentials.sum(axis=(1, 2), keepdims=True)
    if not isinstance(pooling, MaxPooling):
        return potentials
    pads = [
        borders(size, k, s, pooling.padding)
        for size, k, s in zip(potentials.shape[1:3], pooling.size, pooling.stride, strict=True)
    ]
    lowest = np.iinfo(np.int64).min
    bordered = np.pad(potentials, [(0, 0), *pads, (0, 0)], constant_values=lowest)
    views = np.lib.stride_tricks.sliding_window_view(bordered, pooling.size, axis=(1, 2))
    return views[:, :: pooling.stride[0], :: pooling.stride[1]].max(axis=(-2, -1))
