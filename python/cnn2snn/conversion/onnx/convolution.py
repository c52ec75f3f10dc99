"""Convolutions of ONNX models."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn.conversion.onnx.constants import constant, output_stage, shared_variables
from cnn2snn.conversion.onnx.functions import Function
from cnn2snn.conversion.onnx.graph import Node, invalid, refuse
from cnn2snn.conversion.onnx.padding import Axis, choose_padding
from cnn2snn.conversion.onnx.shapes import Made, Shape, require_map

__all__ = ["convolution", "transposed"]

# Kernels of layers of images and of others that may have the padding of exporters.
_UPPER_SIZES = {"InputConv2D": (3, 5, 7), "Conv2D": (3,), "DepthwiseConv2D": (3,)}


def convolution(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """An InputConv2D, a Conv2D or a DepthwiseConv2D.

    Raises:
        InvalidArgumentError, UnsupportedModelError: windows that are not square, pads that no padding of Akida gives,
            or constants that do not fit the layer.
    """
    height, width, channels = require_map(node, inputs[0])
    depthwise = function.type_name == "DepthwiseConv2D"
    weights, size = _kernel(node, 1 if depthwise else channels)
    filters = weights.shape[0]
    if depthwise and filters != channels:
        raise refuse(node, f"it must have {channels} filters, received {filters}", kind="constant", expected=channels)
    stride = _single(node, "strides")
    top, left, bottom, right = _pads(node)
    axes = [Axis(height, size, stride, top, bottom), Axis(width, size, stride, left, right)]
    parameters: dict[str, Any] = {"kernel_size": size, "kernel_stride": stride, "pool_type": function.pooling}
    pooling: list[Axis] = []
    if function.pooling == "Max":
        pooling = _pooling(node, axes)
        parameters |= {"pool_size": pooling[0].window, "pool_stride": pooling[0].stride}
    parameters["padding"] = _padding(node, function, axes, pooling)
    parameters["activation"] = function.activation
    is_image = function.type_name == "InputConv2D"
    if is_image:
        parameters["input_shape"] = [height, width, channels]
    if not depthwise:
        parameters["filters"] = filters
    weights = weights.transpose(2, 3, 0, 1) if depthwise else weights.transpose(2, 3, 1, 0)
    # Conv2D and DepthwiseConv2D convolve, with kernels that are turned; ONNX correlates.
    weights = weights if is_image else weights[::-1, ::-1]
    variables = {"weights": np.ascontiguousarray(weights), **shared_variables(node, function, filters)}
    if is_image:
        variables["padding_value"] = _border(node, channels)
    parameters["output_bits"], stage = output_stage(node, function, filters)
    shape = (1, 1) if function.pooling == "Average" else tuple(axis.count for axis in pooling or axes)
    return Made(parameters, {**variables, **stage}, (*shape, filters))


def transposed(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """A Conv2DTranspose or DepthwiseConv2DTranspose.

    Raises:
        InvalidArgumentError, UnsupportedModelError: another kernel size than 3 or 4, another stride than 2, or pads
            that do not double the size.
    """
    height, width, channels = require_map(node, inputs[0])
    depthwise = function.type_name == "DepthwiseConv2DTranspose"
    weights = constant(node, "W", "iu")
    if weights.ndim != 4 or weights.shape[0] != channels or (depthwise and weights.shape[1] != 1):
        raise _wrong_kernel(node, f"({channels}, filters, size, size)", weights)
    size, stride = weights.shape[2], _single(node, "strides")
    before = (size - 2) // 2
    pads = (before, before, size - 2 - before, size - 2 - before)
    received = (*weights.shape[2:], stride, node.attributes.get("pads"))
    if size not in (3, 4) or received != (size, size, 2, pads):
        raise invalid(
            node,
            "a transposed convolution must have a kernel of size 3 or 4, stride 2 and pads that double the size, "
            f"received size {weights.shape[2:]}, stride {stride}, pads {received[3]}",
            kind="transposed",
            received=received,
            remedy="export it with pads (0, 0, 1, 1) for size 3, or (1, 1, 1, 1) for size 4",
        )
    filters = channels if depthwise else weights.shape[1]
    parameters: dict[str, Any] = {"kernel_size": size, "activation": function.activation}
    if not depthwise:
        parameters["filters"] = filters
    parameters["output_bits"], stage = output_stage(node, function, filters)
    variables = {
        "weights": _bytes(node, weights.transpose(2, 3, 0, 1)),
        **shared_variables(node, function, filters),
        **stage,
    }
    return Made(parameters, variables, (2 * height, 2 * width, filters))


def _kernel(node: Node, channels: int) -> tuple[np.ndarray, int]:
    """The kernel (filters, channels, size, size) and its size."""
    weights = constant(node, "W", "iu")
    if weights.ndim != 4 or weights.shape[1] != channels or weights.shape[2] != weights.shape[3] or not weights.size:
        raise _wrong_kernel(node, f"(filters, {channels}, size, size)", weights)
    return _bytes(node, weights), weights.shape[2]


def _wrong_kernel(node: Node, expected: str, weights: np.ndarray) -> Exception:
    return refuse(
        node,
        f"its kernel must have shape {expected}, received {weights.shape}",
        kind="constant",
        expected=expected,
        received=weights.shape,
        remedy="use a square kernel without groups, or a depthwise convolution",
    )


def _bytes(node: Node, weights: np.ndarray) -> np.ndarray:
    if weights.dtype != np.int8:
        raise refuse(node, f"its weights must be int8, received {weights.dtype}", kind="constant", expected="int8")
    return np.ascontiguousarray(weights)


def _single(node: Node, name: str) -> int:
    """A size that must be the same in both directions."""
    values = node.attributes.get(name)
    if not isinstance(values, tuple) or len(values) != 2 or values[0] != values[1] or not 1 <= values[0] < 2**31:
        raise invalid(
            node,
            f"{name} must be two equal sizes, received {values}",
            kind=name,
            expected="square",
            received=values,
            remedy="use a square one",
        )
    return values[0]


def _pads(node: Node) -> tuple[int, int, int, int]:
    """Top, left, bottom and right pads."""
    pads = constant(node, "pads", "iu").reshape(-1).tolist()
    if len(pads) != 8 or any(pads[i] for i in (0, 1, 4, 5)) or not all(0 <= pad < 2**16 for pad in pads):
        raise refuse(node, f"pads must be 8 sizes of height and width, received {pads}", kind="padding", received=pads)
    return pads[2], pads[3], pads[6], pads[7]


def _pooling(node: Node, axes: list[Axis]) -> list[Axis]:
    size, stride = _single(node, "pool_size"), _single(node, "pool_strides")
    pads = node.attributes.get("pool_pads")
    if not isinstance(pads, tuple) or len(pads) != 4 or not all(0 <= pad < size for pad in pads):
        raise refuse(node, f"pool_pads must be four sizes, received {pads}", kind="padding", received=pads)
    return [Axis(axis.count, size, stride, pads[i], pads[i + 2]) for i, axis in enumerate(axes)]


def _padding(node: Node, function: Function, axes: list[Axis], pooling: list[Axis]) -> str:
    padding = choose_padding(axes, pooling)
    if padding == "SameUpper" and (axes[0].stride != 2 or axes[0].window not in _UPPER_SIZES[function.type_name]):
        padding = None
    if padding is None:
        pads = [(axis.before, axis.after) for axis in (*axes, *pooling)]
        # A convolution that begins as SameUpper does is no remedy for the pooling behind it, or for its kernel.
        if choose_padding(axes, []) in ("Valid", "Same"):
            remedy = "give the max pooling pads that keep an odd size (ceil_mode), or use an even one"
        else:
            remedy = f"export the convolution with pads {[axis.same for axis in axes]}, or with none"
        raise refuse(
            node,
            f"no padding of Akida gives pads {pads} (before, after) for an input of "
            f"{tuple(axis.length for axis in axes)}",
            kind="padding",
            expected="Valid, Same or SameUpper, the same for convolution and max pooling",
            received=pads,
            remedy=remedy,
        )
    return padding


def _border(node: Node, channels: int) -> np.ndarray:
    values = constant(node, "x_pad_value", "iu", channels)
    if np.any(values < 0) or np.any(values > 255):
        raise invalid(
            node,
            f"its border must be in 0..255, received {values.tolist()}",
            kind="padding_value",
            expected=(0, 255),
            received=values.tolist(),
            remedy="quantize with input_dtype int8",
        )
    return values.astype(np.uint8)
