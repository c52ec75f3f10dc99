"""Shapes of what layers give, without the batch: (height, width, channels), (time, channels) or (channels,)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.errors import UnsupportedModelError

__all__ = ["Shape", "infer_shapes"]

Shape = tuple[int, ...]

_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")
_TRANSPOSED = ("Conv2DTranspose", "DepthwiseConv2DTranspose")
_UNCHANGED = (
    "InputQuantizer",
    "Rescaling",
    "ReLU",
    "LUT",
    "Activation",
    "Dropout",
    "DepthwiseBufferTempConv",
    "Dequantizer",
)
# Arrays with an entry per channel are as large as files say. Behind the input, kernels in the file bound them.
_MOST_CHANNELS = 2**20
# The axes of a map are counted without the batch.
_MAPS = (*_CONVOLUTIONS, *_TRANSPOSED, "MaxPool2D", "GlobalAveragePooling2D", "BufferTempConv")


def infer_shapes(layers: Mapping[str, Layer], problems: Problems) -> dict[str, Shape]:
    """The shape of the output of every layer.

    Args:
        layers: the layers, each after those that it reads.
        problems: receives the layers whose inputs have a shape that they cannot read. Where problems are collected,
            such layers and those that read them are missing in the result.
    """
    shapes: dict[str, Shape] = {}
    for layer in layers.values():
        if all(name in shapes for name in layer.inbounds):
            with problems.catch():
                shapes[layer.name] = _shape(layer, [shapes[name] for name in layer.inbounds])
    return shapes


def _shape(layer: Layer, inputs: list[Shape]) -> Shape:
    kind, arguments = layer.kind, layer.arguments
    if kind == "InputLayer":
        return _input_shape(layer)
    if not inputs:
        raise refuse(layer, "it must read another layer", kind="inbound", expected=1, received=0)
    if kind == "Add":
        return _joined(layer, inputs, None)
    if kind == "Concatenate":
        return _joined(layer, inputs, arguments["axis"])
    if kind == "PicoPostProcessing":
        if len(inputs) != 2:
            raise refuse(
                layer, f"it must read two layers, received {len(inputs)}", kind="inbound", received=len(inputs)
            )
        return 1, inputs[0][-1]
    if len(inputs) != 1:
        raise refuse(
            layer, f"it must read one layer, received {len(inputs)}", kind="inbound", expected=1, received=len(inputs)
        )
    shape = inputs[0]
    if kind in _MAPS and len(shape) != 3:
        raise _wrong(layer, "(height, width, channels)", shape)
    if kind in _UNCHANGED:
        return shape
    if kind in _CONVOLUTIONS:
        padding = "same" if arguments.get("padding_value") is not None else arguments["padding"]
        filters = arguments.get("filters", shape[2])
        return (*_windows(layer, shape, arguments["kernel_size"], arguments["strides"], padding), filters)
    if kind in _TRANSPOSED:
        height, width = arguments["strides"]
        return shape[0] * height, shape[1] * width, arguments.get("filters", shape[2])
    if kind == "MaxPool2D":
        size = arguments["pool_size"]
        return (*_windows(layer, shape, size, arguments["strides"] or size, arguments["padding"]), shape[2])
    if kind == "GlobalAveragePooling2D":
        return (1, 1, shape[2]) if arguments["keepdims"] else (shape[2],)
    if kind == "BufferTempConv":
        return (*shape[:2], arguments["filters"])
    if kind == "Dense":
        return (*shape[:-1], arguments["units"])
    if kind == "StatefulProjection":
        return _projected(layer, shape)
    if kind == "StatefulRecurrent":
        return (*shape, 2)
    return _rearranged(layer, shape)


def _input_shape(layer: Layer) -> Shape:
    _, *sizes = layer.arguments["batch_input_shape"] or (None,)
    if not sizes or None in sizes:
        raise refuse(
            layer,
            f"the sizes of the input must be known, received {tuple(sizes)}",
            kind="input_shape",
            received=tuple(sizes),
            remedy="pass input_shape to quantizeml.models.quantize, or build the model with an Input of fixed sizes",
        )
    if sizes[-1] > _MOST_CHANNELS:
        raise refuse(
            layer,
            f"an input must have at most {_MOST_CHANNELS} channels, received {sizes[-1]}",
            kind="input_shape",
            expected=_MOST_CHANNELS,
            received=sizes[-1],
        )
    return tuple(sizes)


def _windows(layer: Layer, shape: Shape, size: tuple[int, int], stride: tuple[int, int], padding: str) -> Shape:
    """How many windows fit, (height, width)."""
    found = []
    for length, kernel, step in zip(shape, size, stride, strict=False):
        count = -(-length // step) if padding == "same" else (length - kernel) // step + 1
        if count < 1:
            raise refuse(
                layer, f"its window of {size} must fit its input, received {shape}", kind="input_shape", received=shape
            )
        found.append(count)
    return tuple(found)


def _projected(layer: Layer, shape: Shape) -> Shape:
    subsample = layer.arguments["subsample"]
    if len(shape) != 2:
        raise _wrong(layer, "(time, channels)", shape)
    if shape[0] % subsample:
        raise refuse(
            layer,
            f"the number of time steps must be a multiple of subsample {subsample}, received {shape[0]}",
            kind="input_shape",
            expected=subsample,
            received=shape[0],
            remedy="build the model on a multiple",
        )
    return shape[0] // subsample, layer.arguments["units"]


def _rearranged(layer: Layer, shape: Shape) -> Shape:
    """The shapes of layers that only move values."""
    arguments = layer.arguments
    total = math.prod(shape)
    if layer.kind == "Flatten":
        return (total,)
    if layer.kind == "Reshape":
        target = arguments["target_shape"]
        known = math.prod(tuple(size for size in target if size != -1))
        result = tuple(total // known if size == -1 else size for size in target)
        if math.prod(result) != total:
            raise _wrong(layer, f"{known} values", shape)
        return result
    if layer.kind == "Permute":
        dims = arguments["dims"]
        if sorted(size or 0 for size in dims) != list(range(1, len(shape) + 1)):
            raise _wrong(layer, f"{len(dims)} axes", shape)
        return tuple(shape[size - 1] for size in dims)
    # ExtractToken takes one index of an axis; axis 0 is the batch.
    axis, rank = arguments["axis"], len(shape) + 1
    place = axis % rank
    if not -rank <= axis < rank or place == 0 or not -shape[place - 1] <= arguments["token"] < shape[place - 1]:
        raise _wrong(layer, f"index {arguments['token']} on axis {axis}", shape)
    return shape[: place - 1] + shape[place:]


def _joined(layer: Layer, inputs: list[Shape], axis: int | None) -> Shape:
    if len(inputs) != 2:
        raise refuse(
            layer,
            f"it must read two layers, received {len(inputs)}",
            kind="inbound",
            expected=2,
            received=len(inputs),
            remedy="join more than two in several steps; quantizeml.models.quantize does so by itself",
        )
    first, second = inputs
    if axis is None:
        if first != second:
            raise refuse(layer, f"both inputs must have one shape, received {first} and {second}", kind="input_shape")
        return first
    if axis not in (-1, len(first)) or first[:-1] != second[:-1]:
        raise refuse(
            layer,
            f"two inputs must be joined on their channels (axis -1), received axis {axis} and {first}, {second}",
            kind="axis",
            expected=-1,
            received=axis,
        )
    return (*first[:-1], first[-1] + second[-1])


def _wrong(layer: Layer, expected: str, shape: Shape) -> UnsupportedModelError:
    return refuse(
        layer,
        f"its input must have the shape of {expected}, received {shape}",
        kind="input_shape",
        expected=expected,
        received=shape,
    )
