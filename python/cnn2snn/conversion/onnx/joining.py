"""Add and Concatenate of ONNX models."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.onnx.constants import constant, exponents
from cnn2snn.conversion.onnx.functions import Function
from cnn2snn.conversion.onnx.graph import Node, refuse
from cnn2snn.conversion.onnx.shapes import Made, Shape

__all__ = ["add", "concatenate"]


def add(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """An Add.

    Raises:
        InvalidArgumentError, UnsupportedModelError: inputs that are not two different tensors of one shape, or shifts
            that are no powers of two.
    """
    if len(inputs) != 2 or inputs[0] != inputs[1] or node.inbounds[0] == node.inbounds[1]:
        raise refuse(
            node,
            f"it must read two different tensors of one shape, received {node.inbounds} of {inputs}",
            kind="inbound",
            received=list(node.inbounds),
            remedy="quantize the model again, which puts an identity convolution between",
        )
    channels = inputs[0][-1]
    shifts = {
        name: exponents(node, formal, constant(node, formal, "iu", channels), 0, 31).astype(np.uint8)
        for name, formal in (("a_shift", "Xs"), ("b_shift", "Ys"))
    }
    bits, output_shift = 32, np.zeros(channels, np.int8)
    if function.scaled:
        bits = 8
        output_shift = (-exponents(node, "Shift", constant(node, "Shift", "f", channels), -31, 32)).astype(np.int8)
    return Made({"output_bits": bits}, {**shifts, "output_shift": output_shift}, inputs[0])


def concatenate(node: Node, function: Function, inputs: list[Shape]) -> Made:
    """A Concatenate of channels.

    Raises:
        UnsupportedModelError: inputs that are not two tensors of one height and width.
    """
    if len(inputs) != 2 or inputs[0][:-1] != inputs[1][:-1]:
        raise refuse(
            node,
            f"it must join two tensors of one height and width, received {inputs}",
            kind="inbound",
            received=inputs,
        )
    return Made({}, {}, (*inputs[0][:-1], inputs[0][-1] + inputs[1][-1]))
