"""M1: intervals that hold the accumulators of every output channel, whatever the inputs are."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import layers, stage
from .counts import Shape, positions
from .numbers import Format, clip, sat


def sum_interval(layer: dict[str, Any], form: Format, channels: int) -> np.ndarray:
    """The ends of the exact sums, shape (2, output channels).

    The ends of a format lie on both sides of 0, so windows with fewer products are held as well.
    """
    kind = layer["type"]
    if kind == "StatefulRecurrent":
        weights, ends = stage.variable(layer, "out_proj"), np.array([[-(2**15)], [2**15 - 1]])
        return _products(weights, ends[:, :, None])
    shifts = np.broadcast_to(stage.variable(layer, "input_shift"), channels)
    ends = sat(np.array([[form.low], [form.high]]) << shifts, layers.buffer_bits(layer))
    weights = stage.variable(layer, "weights")
    if kind == "Dense1D":
        return _products(weights.reshape(-1, channels, weights.shape[1]), ends[:, None, :, None])
    if kind == "BufferTempConv":
        return _products(weights.reshape(-1, channels, weights.shape[3]), ends[:, None, :, None])
    if kind == "DepthwiseBufferTempConv":
        return _products(weights, ends[:, None, None, None])
    if kind in ("DepthwiseConv2D", "DepthwiseConv2DTranspose"):
        return _products(weights[..., 0], ends[:, None, None])
    return _products(weights, ends[:, None, None, :, None])


def _products(weights: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Σ min and Σ max of w · lo and w · hi over all axes but the last."""
    low, high = ends[0] * weights, ends[1] * weights
    axes = tuple(range(weights.ndim - 1))
    return np.stack([np.minimum(low, high).sum(axes), np.maximum(low, high).sum(axes)])


def accumulator_interval(layer: dict[str, Any], form: Format, shape: Shape) -> np.ndarray:
    """The ends of acc before D6, shape (2, output channels), for inputs of this format and shape."""
    bits = layers.buffer_bits(layer)
    acc = sat(sum_interval(layer, form, shape[2]), bits)
    acc = sat(acc + (stage.variable(layer, "bias") << stage.variable(layer, "bias_shift")), bits)
    if layer["params"].get("activation") == "LUT":
        acc = np.ones_like(acc) * np.array([[stage.table(layer).min()], [stage.table(layer).max()]])
    else:
        acc = stage.activation(layer, acc)
    if layer["params"].get("pool_type") == "Average":
        rows, columns = positions(layer, shape)
        acc = clip(acc * (rows * columns), 32)
    return acc
