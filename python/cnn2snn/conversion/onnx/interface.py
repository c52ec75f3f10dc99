"""The ends of ONNX models: Quantizer and Dequantizer."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.onnx.constants import constant
from cnn2snn.conversion.onnx.functions import Function
from cnn2snn.conversion.onnx.graph import Node, invalid, refuse
from cnn2snn.conversion.onnx.shapes import Made, Shape

__all__ = ["dequantizer", "quantizer"]

# Arrays with an entry per channel are as large as files say. Behind the input, kernels in the file bound them.
_MOST_CHANNELS = 2**20


def quantizer(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """A Quantizer, which multiplies by the float32 reciprocal of the scale that ONNX divides by.

    Args:
        node: the node.
        function: what it computes.
        inputs: the shape of the model's input, as the file has it.

    Raises:
        InvalidArgumentError: scales that are not finite and greater than zero, or zero points of signed integers.
        UnsupportedModelError: an input of another rank than 1 or 3, or another order of axes.
    """
    shape = inputs[0]
    rank = len(shape) + 1
    perm = node.attributes.get("perm")
    identity, leading = tuple(range(rank)), (0, rank - 1, *range(1, rank - 1))
    if len(shape) not in (1, 3) or perm not in (identity, leading):
        raise refuse(
            node,
            f"the input must be (channels,), (channels, height, width) or (height, width, channels), received {shape} "
            f"with the order {perm}",
            kind="input_shape",
            received=(shape, perm),
            remedy="export a model of one image or vector per sample",
        )
    # A vector has its channels last.
    channels_first = len(shape) == 3 and perm == identity
    map_shape = (1, 1, *shape) if len(shape) == 1 else shape
    output = (*map_shape[1:], map_shape[0]) if channels_first else map_shape
    channels = output[-1]
    if channels > _MOST_CHANNELS:
        raise refuse(
            node,
            f"an input must have at most {_MOST_CHANNELS} channels, received {channels}",
            kind="input_shape",
            expected=_MOST_CHANNELS,
            received=channels,
        )
    zero_points = constant(node, "zp", "iu", channels)
    scales = constant(node, "scale", "f", channels).astype(np.float32)
    signed = zero_points.dtype.kind == "i"
    if (
        not np.all(np.isfinite(scales) & (scales > 0))
        or zero_points.dtype.itemsize > 2
        or (signed and zero_points.any())
    ):
        raise invalid(
            node,
            "scales must be finite and greater than zero, and zero points of signed integers 0",
            kind="scale",
            received=scales.tolist(),
            remedy="calibrate the model on samples of its inputs",
        )
    with np.errstate(over="ignore"):
        reciprocals = np.float32(1) / scales
    parameters = {
        "input_shape": list(map_shape),
        "output_bits": 8 * zero_points.dtype.itemsize,
        "output_signed": signed,
        "channels_first": channels_first,
    }
    return Made(parameters, {"scales": reciprocals, "zero_points": zero_points.astype(np.uint8)}, output)


def dequantizer(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """A Dequantizer."""
    scales = constant(node, "scale", "f", inputs[0][-1])
    return Made({}, {"scales": np.ascontiguousarray(scales, np.float32)}, inputs[0])
