"""The variables of quantized layers: their shapes, which follow from the model. All their values are 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnn2snn.sanitizing.draft import Draft, Part

__all__ = ["variables"]

Shape = tuple[int, ...]


def variables(draft: Draft, part: Part) -> Iterator[tuple[str, np.ndarray]]:
    """Names and values of the variables of a layer, but for those of its output quantizer."""
    rule = _RULES.get(part.kind)
    if rule is None:
        return
    source = draft.source(part)
    for name, shape in rule(part.arguments, source.channels):
        # One value in memory, whatever the shape.
        yield name, np.broadcast_to(np.float32(1), shape)


def _with_bias(name: str, shape: Shape, filters: int, arguments: dict[str, Any]) -> list[tuple[str, Shape]]:
    found = [(name, shape)]
    return [*found, ("bias", (filters,))] if arguments.get("use_bias", True) else found


def _conv(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    filters, groups = arguments["filters"], arguments.get("groups", 1)
    return _with_bias("kernel", (*arguments["kernel_size"], channels // groups, filters), filters, arguments)


def _transposed(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    filters = arguments["filters"]
    return _with_bias("kernel", (*arguments["kernel_size"], filters, channels), filters, arguments)


def _depthwise(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    multiplier = arguments.get("depth_multiplier", 1)
    kernel = (*arguments["kernel_size"], channels, multiplier)
    return _with_bias("depthwise_kernel", kernel, channels * multiplier, arguments)


def _separable(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    multiplier, filters = arguments.get("depth_multiplier", 1), arguments["filters"]
    pointwise = _with_bias("pointwise_kernel", (1, 1, channels * multiplier, filters), filters, arguments)
    return [("depthwise_kernel", (*arguments["kernel_size"], channels, multiplier)), *pointwise]


def _dense(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    units = arguments["units"]
    return _with_bias("kernel", (channels, units), units, arguments)


def _temporal(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    filters = arguments["filters"]
    return _with_bias("kernel", (1, 1, arguments["kernel_size"] * channels, filters), filters, arguments)


def _depthwise_temporal(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    return _with_bias("kernel", (arguments["kernel_size"], channels), channels, arguments)


def _recurrent(arguments: dict[str, Any], channels: int) -> list[tuple[str, Shape]]:
    return [("A_real", (channels,)), ("A_imag", (channels,))]


_RULES: dict[str, Callable[[dict[str, Any], int], list[tuple[str, Shape]]]] = {
    "Conv2D": _conv,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Conv2DTranspose": _transposed,
    "DepthwiseConv2DTranspose": _depthwise,
    "Dense": _dense,
    "BufferTempConv": _temporal,
    "DepthwiseBufferTempConv": _depthwise_temporal,
    "StatefulProjection": _dense,
    "StatefulRecurrent": _recurrent,
}
