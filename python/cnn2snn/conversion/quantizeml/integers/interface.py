"""Integers at the ends of a network: inputs, input quantizers and rescalings."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.quantizeml.fixed_point import clip, frac_bits, scaled, to_integers
from cnn2snn.conversion.quantizeml.integers.output import calibrated
from cnn2snn.conversion.quantizeml.integers.records import Passed, Record, Zeroed
from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.layer import Layer, invalid, refuse
from cnn2snn.conversion.quantizeml.shapes import Shape

__all__ = ["input_quantizer", "model_input", "rescaling"]

# Width without a sign, and sign, of integer inputs. Floats are what an input quantizer reads. Without one they are the
# bytes of older files, signed or not.
_INPUTS = {"uint8": (8, False), "int8": (7, True), "int16": (15, True), "float32": (8, True)}


def model_input(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """The input of a model.

    Raises:
        InvalidArgumentError: another type than uint8, int8, int16 and float32.
    """
    dtype = layer.arguments["dtype"]
    if dtype not in _INPUTS:
        raise invalid(
            layer,
            f"the type of the input must be one of {', '.join(_INPUTS)}, received {dtype}",
            kind="dtype",
            expected=tuple(_INPUTS),
            received=dtype,
            remedy="build the model with an Input of one of these types",
        )
    value_bits, signed = _INPUTS[dtype]
    tensor = Tensor(np.asarray(0), None, value_bits, signed)
    return Passed((), tensor, tensor)


def rescaling(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A Rescaling, which multiplies the meaning of integers and leaves the integers.

    Raises:
        UnsupportedModelError: a scale that is not greater than zero.
    """
    scale, tensor = np.float32(layer.arguments["scale"]), inputs[0]
    if not scale > 0:
        raise refuse(layer, f"scale must be greater than zero, received {scale:g}", kind="scale", received=float(scale))
    together = scale if tensor.scale is None else scale * tensor.scale
    output = Tensor(tensor.frac_bits, np.asarray(together, np.float32), tensor.value_bits, tensor.signed)
    return Passed(tuple(inputs), output, output)


def input_quantizer(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """An InputQuantizer, which makes integers of floats.

    Raises:
        UnsupportedModelError: ranges that are missing, not ordered, or above zero for unsigned integers.
    """
    arguments = layer.arguments
    bits, signed = arguments["bitwidth"], arguments["signed"]
    value_bits = bits - signed
    per_axis = arguments["axis"] == "per-axis"
    low, high = calibrated(layer, "range_min", per_axis), calibrated(layer, "range_max", per_axis)
    if low.shape != high.shape or np.any(low > high) or (not signed and np.any(low > 0)):
        raise refuse(
            layer,
            "range_min must be at most range_max, and at most 0 for unsigned integers",
            kind="variable",
            received=(low.tolist(), high.tolist()),
            remedy="calibrate the model on samples of its inputs",
        )
    ranges = np.maximum(np.abs(low), np.abs(high)) if signed else high - low
    exponents = frac_bits(ranges, value_bits)
    zero_points = None if signed else to_integers(scaled(-low, exponents), value_bits)
    if zero_points is not None:
        zero_points = clip(zero_points, value_bits)
    output = Tensor(exponents, None if signed else np.asarray(np.float32(1)), value_bits, signed)
    return Zeroed(tuple(inputs), output, output, zero_points=zero_points)
