"""Ends of the sums of layers, whatever their inputs are (M1 of ``docs/arithmetic-akida2.md``), window by window.

Inputs have an interval per channel. Windows at the border of a map hold fewer inputs, and every kind of them is looked
at. So the ends are those that inputs reach, where inputs are free to take any values of their intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from cnn2snn import akida

__all__ = ["Interval", "Sums", "clipped", "sums_of"]


@dataclass(frozen=True)
class Interval:
    """The values of a tensor by channel.

    Attributes:
        low, high: int64 of shape (channels,).
        free: whether each value reaches both ends, whatever the others are: so it is with inputs of the model.
    """

    low: np.ndarray
    high: np.ndarray
    free: bool = False

    @property
    def magnitude(self) -> np.ndarray:
        """The largest absolute values."""
        return np.maximum(np.abs(self.low), np.abs(self.high))


@dataclass(frozen=True)
class Sums:
    """The exact sums of a layer by output channel.

    Attributes:
        low, high: their ends, int64.
        magnitude: the largest sum of the absolute values of products, int64.
        shifted: the interval of the inputs behind their shifts, before it saturates; None where no input is shifted.
    """

    low: np.ndarray
    high: np.ndarray
    magnitude: np.ndarray
    shifted: Interval | None


def clipped(values: np.ndarray, bits: int) -> np.ndarray:
    """Values saturated to a signed format of `bits` bits."""
    return np.clip(values, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def sums_of(layer: akida.Layer, inputs: Interval) -> Sums:
    """The sums of a layer with weights (C1 to C9, H2 and H3)."""
    values, shifted = inputs, None
    if "input_shift" in layer.variables:
        shift = np.minimum(layer.get_variable("input_shift").astype(np.int64), 40)
        if np.any(shift):
            shifted = Interval(inputs.low << shift, inputs.high << shift)
            bits = layer.parameters.buffer_bits
            values = Interval(clipped(shifted.low, bits), clipped(shifted.high, bits))
    weights = _weights(layer)
    depthwise = layer.parameters.layer_type.name.startswith("Depthwise")
    taps = [_taps(weights, *ends, depthwise) for ends in ((values.low, values.high), (values.high, values.low))]
    border = _border(layer, weights, depthwise)
    masks = list(product(*_masks(layer, weights.shape[:2])))
    low, high = (
        pick([_window(tap, border, *mask) for mask in masks], axis=0)
        for tap, pick in zip(taps, (np.min, np.max), strict=True)
    )
    padding = np.abs(layer.get_variable("padding_value").astype(np.int64)) if "padding_value" in layer.variables else 0
    magnitude = _taps(np.abs(weights), *[np.maximum(values.magnitude, padding)] * 2, depthwise).sum(axis=(0, 1))
    return Sums(low, high, magnitude, shifted)


def _weights(layer: akida.Layer) -> np.ndarray:
    """Weights as (rows, columns, input channels, filters), as a window meets them; depthwise ones have one filter."""
    weights = layer.get_variable("weights").astype(np.int64)
    kind = layer.parameters.layer_type.name
    channels = layer.input_dims[-1]
    if kind in ("Conv2D", "DepthwiseConv2D"):
        return weights[::-1, ::-1]
    if kind == "Dense1D":
        return weights.reshape(1, -1, channels, weights.shape[-1])
    if kind == "BufferTempConv":
        return weights.reshape(1, -1, channels, weights.shape[-1])
    if kind == "DepthwiseBufferTempConv":
        return weights.reshape(1, -1, channels, 1)
    return weights


def _taps(weights: np.ndarray, low: np.ndarray, high: np.ndarray, depthwise: bool) -> np.ndarray:
    """What each place of a window adds where positive weights meet `low` and negative ones `high`.

    Returns:
        int64 of shape (rows, columns, output channels).
    """
    if depthwise:
        kernel = weights[..., 0]
        return np.maximum(kernel, 0) * low + np.minimum(kernel, 0) * high
    positive = np.einsum("uvcf,c->uvf", np.maximum(weights, 0), low)
    return positive + np.einsum("uvcf,c->uvf", np.minimum(weights, 0), high)


def _border(layer: akida.Layer, weights: np.ndarray, depthwise: bool) -> np.ndarray:
    """What each place of a window adds outside of the map."""
    if "padding_value" not in layer.variables:
        return np.zeros((*weights.shape[:2], 1), np.int64)
    padding = layer.get_variable("padding_value").astype(np.int64)
    return _taps(weights, padding, padding, depthwise)


def _window(taps: np.ndarray, border: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The sum of a window, of which the places in `rows` and `columns` lie inside the map."""
    inside = (rows[:, None] & columns[None, :])[:, :, None]
    return np.where(inside, taps, border).sum(axis=(0, 1))


def _masks(layer: akida.Layer, size: tuple[int, int]) -> list[list[np.ndarray]]:
    """The different sets of places of a window that lie inside the map, by axis; bool of shape (size,) each."""
    kind = layer.parameters.layer_type.name
    if kind.endswith("BufferTempConv"):
        # Frames before the first one are zeros.
        frames = [np.arange(size[1]) >= size[1] - 1 - n for n in range(size[1])]
        return [[np.ones(1, bool)], frames]
    if kind == "Dense1D":
        return [[np.ones(size[0], bool)], [np.ones(size[1], bool)]]
    axes = _transposed if kind.endswith("Transpose") else _convolved
    found = []
    for axis in (0, 1):
        masks = axes(layer, layer.input_dims[axis], size[axis])
        found.append([np.array(mask) for mask in sorted(set(map(tuple, masks.tolist())))])
    return found


def _transposed(layer: akida.Layer, length: int, size: int) -> np.ndarray:
    """Of each output which rows of the kernel meet an input (C7)."""
    before = (size - 2) // 2
    places = np.arange(2 * length)[:, None] + before - np.arange(size)
    return (places % 2 == 0) & (places >= 0) & (places < 2 * length)


def _convolved(layer: akida.Layer, length: int, size: int) -> np.ndarray:
    """Of each window which of its rows lie inside the map (C2); windows that no pooling reads are left out."""
    parameters = layer.parameters
    starts = _starts(length, size, parameters.kernel_stride, parameters.padding)
    if parameters.pool_type.name == "Max":
        pool = parameters.pool_size
        stride = parameters.pool_stride if parameters.pool_stride > 0 else pool
        pools = _starts(len(starts), pool, stride, parameters.padding)
        read = (pools[:, None] + np.arange(pool)).ravel()
        starts = starts[np.unique(read[(read >= 0) & (read < len(starts))])]
    places = starts[:, None] + np.arange(size)
    return (places >= 0) & (places < length)


def _starts(length: int, size: int, stride: int, padding: akida.Padding) -> np.ndarray:
    """Where windows begin (C2)."""
    if padding.name == "Valid":
        return np.arange((length - size) // stride + 1) * stride
    count = -(-length // stride)
    total = max((count - 1) * stride + size - length, 0)
    before = total // 2 if padding.name == "Same" else -(-total // 2)
    return np.arange(count) * stride - before
