"""Dense layers of ONNX models."""

from __future__ import annotations

import math

import numpy as np

from cnn2snn.conversion.onnx.constants import constant, output_stage, shared_variables
from cnn2snn.conversion.onnx.functions import Function
from cnn2snn.conversion.onnx.graph import Node, refuse
from cnn2snn.conversion.onnx.shapes import Made, Shape

__all__ = ["dense"]


def dense(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """A Dense1D, whose rows go from the order (channels, height, width) to (height, width, channels).

    Raises:
        UnsupportedModelError: weights that do not fit the input, an input that is not flattened, or an activation that
            no Dense1D has.
    """
    shape, weights = inputs[0], constant(node, "W", "iu")
    if function.pooling != "NoPooling" or function.activation == "LUT":
        raise refuse(
            node,
            "a dense layer has neither a pooling nor a table",
            kind="pattern",
            received=node.function,
            remedy="use a ReLU behind dense layers",
        )
    if not function.flatten and any(size != 1 for size in shape[:-1]):
        raise refuse(node, f"its input must be flattened, received {shape}", kind="input_shape", received=shape)
    if weights.ndim != 2 or weights.dtype != np.int8 or weights.shape[1] != math.prod(shape) or not weights.size:
        raise refuse(
            node,
            f"its weights must be int8 of shape (units, {math.prod(shape)}), received {weights.dtype} {weights.shape}",
            kind="constant",
            received=weights.shape,
        )
    units = weights.shape[0]
    if len(shape) == 3:
        height, width, channels = shape
        weights = weights.reshape(units, channels, height, width).transpose(2, 3, 1, 0)
        weights = weights.reshape(-1, units)
    else:
        weights = weights.T
    bits, stage = output_stage(node, function, units)
    parameters = {"units": units, "output_bits": bits, "activation": function.activation}
    variables = {"weights": np.ascontiguousarray(weights), **shared_variables(node, function, units), **stage}
    return Made(parameters, variables, (1, 1, units))
