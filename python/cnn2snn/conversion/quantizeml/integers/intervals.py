"""Intervals that hold every value of a tensor, whatever the input is.

Inputs of a layer with weights are bounded by their format. Its own weights, biases, bounds and scales then bound what
its block gives. All sums are exact in 64 bits.
"""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.quantizeml.fixed_point import clip
from cnn2snn.conversion.quantizeml.integers.records import Bounded, Joined, Neural, Separable, Tabled
from cnn2snn.conversion.quantizeml.integers.walk import Walk
from cnn2snn.conversion.quantizeml.layer import Layer
from cnn2snn.conversion.quantizeml.quantizers import Rescale

__all__ = ["output_interval"]

Interval = tuple[np.ndarray, np.ndarray]


def output_interval(walk: Walk, name: str) -> Interval:
    """The lowest and the highest value of each channel of what a layer gives; int64 of shape (channels,) each."""
    chain = [walk.layers[name]]
    # Back to the layer whose inputs have a format of their own.
    while _continues(walk, chain[-1]):
        chain.append(walk.layers[chain[-1].inbounds[0]])
    first = chain.pop()
    low, high = _of_first(walk, first)
    for layer in reversed(chain):
        low, high = _of_next(walk, layer, low, high)
    return low, high


def _continues(walk: Walk, layer: Layer) -> bool:
    """Whether the interval of a layer follows from that of the layer that it reads."""
    record = walk.records[layer.name]
    return len(layer.inbounds) == 1 and not isinstance(record, Neural)


def _of_first(walk: Walk, layer: Layer) -> Interval:
    record = walk.records[layer.name]
    channels = walk.shapes[layer.name][-1]
    if isinstance(record, Neural) and not isinstance(record, Separable):
        return _rescaled(_sums(walk, layer, record), record.rescale)
    if isinstance(record, Joined):
        parts = [
            (tensor.low << shift, tensor.high << shift)
            for tensor, shift in zip(record.inputs, record.shifts, strict=True)
        ]
        low, high = (np.broadcast_to(sum(part[i] for part in parts), (channels,)) for i in (0, 1))
        return _rescaled((low.astype(np.int64), high.astype(np.int64)), record.rescale)
    return np.full(channels, record.output.low), np.full(channels, record.output.high)


def _of_next(walk: Walk, layer: Layer, low: np.ndarray, high: np.ndarray) -> Interval:
    record = walk.records[layer.name]
    if isinstance(record, Bounded):
        top = np.int64(2**record.accumulated.value_bits - 1)
        if record.bound is not None:
            top = record.bound.mantissa << record.bound.shift
        return _rescaled((np.clip(low, 0, top), np.clip(high, 0, top)), record.rescale)
    if isinstance(record, Tabled):
        first, last = (clip(v, 10) + 1024 for v in (low, high))
        spans = [record.values[a : b + 1] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        low, high = (np.array([f(span) for span in spans], np.int64) for f in (np.min, np.max))
        return _rescaled((low, high), record.rescale)
    if layer.kind == "GlobalAveragePooling2D":
        height, width = walk.shapes[layer.inbounds[0]][:2]
        return _rescaled((low * (height * width), high * (height * width)), record.rescale)
    if layer.kind in ("MaxPool2D", "Dropout"):
        return low, high
    # Others may move channels; the format bounds their values.
    channels = walk.shapes[layer.name][-1]
    return np.full(channels, record.output.low), np.full(channels, record.output.high)


def _sums(walk: Walk, layer: Layer, record: Neural) -> Interval:
    """The sums of a layer with weights, its bias included. Borders are bounded by the format of the inputs."""
    tensor = record.inputs[0]
    low, high = tensor.low, tensor.high
    if tensor.signed and _is_positive(walk, layer.inbounds[0]):
        low = 0
    border = 0 if record.padding is None else record.padding
    lows, highs = np.minimum(low, np.min(border)), np.maximum(high, np.max(border))
    weights = record.weights.astype(np.int64)
    channels = walk.shapes[layer.inbounds[0]][-1]
    shift = np.zeros(channels, np.int64) if record.input_shift is None else record.input_shift
    depthwise = layer.kind in ("DepthwiseConv2D", "DepthwiseConv2DTranspose", "DepthwiseBufferTempConv")
    if layer.kind == "BufferTempConv":
        shift = np.tile(shift, weights.shape[2] // channels)
    if layer.kind == "DepthwiseBufferTempConv":
        weights = weights[..., None]
    weights = weights << shift[:, None]
    axes = tuple(range(weights.ndim - 2)) + ((weights.ndim - 1,) if depthwise else (weights.ndim - 2,))
    positive, negative = np.maximum(weights, 0).sum(axes), np.minimum(weights, 0).sum(axes)
    sums = positive * lows + negative * highs, positive * highs + negative * lows
    bias = 0 if record.bias is None else record.bias.mantissa << record.bias.shift
    return tuple(clip(clip(s, record.buffer_bits - 1) + bias, record.buffer_bits - 1) for s in sums)  # type: ignore[return-value]


def _is_positive(walk: Walk, name: str) -> bool:
    """Whether a layer gives no negative value."""
    layer = walk.layers[name]
    while layer.kind in ("MaxPool2D", "Dropout", "Reshape", "Flatten", "GlobalAveragePooling2D"):
        layer = walk.layers[layer.inbounds[0]]
    return layer.kind == "ReLU"


def _rescaled(interval: Interval, rescale: Rescale | None) -> Interval:
    """The interval behind an output quantizer, whose steps never fall."""
    if rescale is None:
        return interval
    scale = np.asarray(1) if rescale.scale is None else rescale.scale
    return tuple(_rescale(v, scale, rescale) for v in interval)  # type: ignore[return-value]


def _rescale(values: np.ndarray, scale: np.ndarray, rescale: Rescale) -> np.ndarray:
    products = np.clip(values * scale, -(2**rescale.buffer_bits), 2**rescale.buffer_bits - 1)
    shifts = np.broadcast_to(rescale.shift, products.shape)
    # Products have 33 bits: shifts beyond these ends give what the ends give, within 16 bits of output.
    left, right = np.clip(shifts, 0, 24), np.clip(-shifts, 0, 40)
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    return np.clip(((products << left) + half) >> right, -(2**rescale.value_bits), 2**rescale.value_bits - 1)
