"""Integers of layers that join or move tensors."""

from __future__ import annotations

import math

import numpy as np

from cnn2snn.conversion.quantizeml.integers.neural import buffer_bits_of, require_fixed_point
from cnn2snn.conversion.quantizeml.integers.output import with_output
from cnn2snn.conversion.quantizeml.integers.records import Joined, Passed, Record
from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.shapes import Shape

__all__ = ["add", "concatenate", "flatten", "move"]


def add(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """An Add: both inputs are shifted left to one number of fractional bits."""
    for tensor in inputs:
        require_fixed_point(layer, tensor)
    largest = np.maximum(*(tensor.frac_bits for tensor in inputs))
    shifts = tuple(largest - tensor.frac_bits for tensor in inputs)
    # An average is a sum with one more fractional bit.
    exponent = np.asarray(largest + layer.arguments["average"])
    accumulated = Tensor(exponent, None, buffer_bits_of(layer) - 1)
    return with_output(layer, Joined(tuple(inputs), accumulated, accumulated, shifts=shifts))


def concatenate(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A Concatenate: each channel keeps its fractional bits, and the wider format holds both inputs."""
    for tensor in inputs:
        require_fixed_point(layer, tensor)
    exponents = [np.broadcast_to(tensor.frac_bits, (shape[-1],)) for tensor, shape in zip(inputs, shapes, strict=True)]
    value_bits, signed = max(tensor.value_bits for tensor in inputs), any(tensor.signed for tensor in inputs)
    output = Tensor(np.concatenate(exponents), None, value_bits, signed)
    return Passed(tuple(inputs), output, output)


def move(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A layer that changes no value, such as a max pooling.

    Raises:
        UnsupportedModelError: a Reshape of a tensor per axis that changes its channels.
    """
    if layer.kind == "Reshape" and inputs[0].is_per_axis:
        target = layer.arguments["target_shape"]
        rest = math.prod(shapes[0]) // math.prod(size for size in target if size != -1)
        if not target or (rest if target[-1] == -1 else target[-1]) != shapes[0][-1]:
            raise refuse(
                layer,
                f"the channels of a tensor that is quantized per axis must stay, received {shapes[0]} to {target}",
                kind="axis",
                received=target,
                remedy="quantize the layer before it per tensor (per_tensor_activations=True)",
            )
    return Passed(tuple(inputs), inputs[0], inputs[0])


def flatten(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A Flatten: channels are shifted left to one number of fractional bits, within their width.

    Whether a value saturates depends on what reaches it, see `intervals`.
    """
    tensor = inputs[0]
    require_fixed_point(layer, tensor)
    output = Tensor(np.asarray(np.max(tensor.frac_bits)), None, tensor.value_bits, tensor.signed)
    return Passed(tuple(inputs), output, output)
