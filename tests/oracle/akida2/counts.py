"""Shapes of layers, and M4 and M5: multiply-accumulates and events."""

from __future__ import annotations

from typing import Any

import numpy as np

from .geometry import axis_windows

Shape = tuple[int, int, int]
BORDERED = ("InputConv2D", "Conv2D", "DepthwiseConv2D")
TRANSPOSED = ("Conv2DTranspose", "DepthwiseConv2DTranspose")


def positions(layer: dict[str, Any], shape: Shape) -> tuple[int, int]:
    """Rows and columns of a layer's sums, before pooling (C2, C7)."""
    params, kind = layer["params"], layer["type"]
    if kind in BORDERED:
        window = (params["kernel_size"], params["kernel_stride"], params["padding"])
        return axis_windows(shape[0], *window)[0], axis_windows(shape[1], *window)[0]
    if kind in TRANSPOSED:
        return 2 * shape[0], 2 * shape[1]
    if kind == "Dense1D":
        return 1, 1
    return shape[:2]


def output_shape(layer: dict[str, Any], shapes: list[Shape]) -> Shape:
    """The shape of a layer's outputs from those of its inbounds."""
    params, kind = layer["params"], layer["type"]
    if kind == "Quantizer":
        first, second, third = params["input_shape"]
        return (second, third, first) if params.get("channels_first") else (first, second, third)
    shape = shapes[0] if shapes else tuple(params["input_shape"])
    if kind == "Concatenate":
        return (*shape[:2], sum(s[2] for s in shapes))
    if kind == "PicoPostProcessing":
        return (1, 1, shape[2])
    if kind == "StatefulRecurrent":
        return (1, shape[1] // params["subsample"], params["output_channels"])
    rows, columns = positions(layer, shape)
    if params.get("pool_type") == "Average":
        rows, columns = 1, 1
    elif params.get("pool_type") == "Max":
        size = params["pool_size"]
        window = (size, params.get("pool_stride") or size, params["padding"])
        rows, columns = axis_windows(rows, *window)[0], axis_windows(columns, *window)[0]
    return rows, columns, params.get("filters", params.get("units", shape[2]))


def all_shapes(model: list[dict[str, Any]]) -> list[Shape]:
    """The output shape of every layer."""
    found: list[Shape] = []
    for layer in model:
        found.append(output_shape(layer, [found[i] for i in layer["inbounds"]]))
    return found


def inputs(model: list[dict[str, Any]]) -> list[list[Shape]]:
    """The shapes that every layer reads."""
    found = all_shapes(model)
    first = tuple(model[0]["params"]["input_shape"])
    return [[found[i] for i in layer["inbounds"]] or [first] for layer in model]


def macs(layer: dict[str, Any], shape: Shape) -> int:
    """M4: multiply-accumulates of a call on inputs of this shape."""
    params, kind = layer["params"], layer["type"]
    height, width, channels = shape
    cells = height * width
    kernel = params.get("kernel_size", 1) ** 2
    rows, columns = positions(layer, shape)
    if kind in ("InputConv2D", "Conv2D"):
        return rows * columns * kernel * channels * params["filters"]
    if kind == "DepthwiseConv2D":
        return rows * columns * kernel * channels
    if kind == "Conv2DTranspose":
        return cells * kernel * channels * params["filters"]
    if kind == "DepthwiseConv2DTranspose":
        return cells * kernel * channels
    if kind == "Dense1D":
        return cells * channels * params["units"]
    if kind == "BufferTempConv":
        return cells * params["fifo_size"] * channels * params["filters"]
    if kind == "DepthwiseBufferTempConv":
        return cells * params["fifo_size"] * channels
    if kind == "StatefulRecurrent":
        states = params["stateful_channels"]
        kept = width // params["subsample"]
        return width * (channels * states + 4 * states) + kept * states * params["output_channels"]
    return 0


def events(inputs: np.ndarray) -> int:
    """M5: values that are not zero."""
    return int(np.count_nonzero(inputs))
