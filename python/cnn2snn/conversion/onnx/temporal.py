"""Temporal layers of ONNX models."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.onnx.constants import constant, output_stage, shared_variables
from cnn2snn.conversion.onnx.functions import Function
from cnn2snn.conversion.onnx.graph import Node, refuse
from cnn2snn.conversion.onnx.shapes import Made, Shape, require_map

__all__ = ["temporal"]


def temporal(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """A BufferTempConv or a DepthwiseBufferTempConv, whose queue holds the last `fifo_size` maps.

    The file has the weights of a channel at all times one behind the other, Akida the channels of a time.

    Raises:
        UnsupportedModelError: weights that do not fit the input and the queue, or a pooling or table, both of which no
            temporal layer has.
    """
    height, width, channels = require_map(node, inputs[0])
    if function.pooling != "NoPooling" or function.activation == "LUT":
        raise refuse(
            node,
            "a temporal layer has neither a pooling nor a table",
            kind="pattern",
            received=node.function,
            remedy="use a ReLU behind temporal layers",
        )
    size, weights = node.attributes.get("fifo_size"), constant(node, "W", "iu")
    if not isinstance(size, int) or size < 1:
        raise refuse(
            node,
            f"fifo_size must be an integer of at least 1, received {size}",
            kind="fifo_size",
            received=size,
        )
    depthwise = function.type_name == "DepthwiseBufferTempConv"
    filters = channels if depthwise else weights.shape[0] if weights.ndim == 4 else 0
    expected = (channels, size, 1, 1) if depthwise else (filters or "filters", channels * size, 1, 1)
    if weights.dtype != np.int8 or weights.shape != expected:
        raise refuse(
            node,
            f"its weights must be int8 of shape {expected}, received {weights.dtype} of shape {weights.shape}",
            kind="constant",
            expected=expected,
            received=weights.shape,
        )
    bits, stage = output_stage(node, function, filters)
    parameters = {"fifo_size": size, "output_bits": bits, "activation": function.activation}
    if depthwise:
        weights = weights.reshape(1, 1, channels, size).swapaxes(2, 3)
    else:
        parameters["filters"] = filters
        weights = weights.reshape(filters, channels, size).transpose(2, 1, 0).reshape(1, 1, -1, filters)
    variables = {"weights": np.ascontiguousarray(weights), **shared_variables(node, function, filters), **stage}
    return Made(parameters, variables, (height, width, filters))
