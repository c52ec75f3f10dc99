"""Integers of activations and of poolings."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.quantizeml.integers.neural import buffer_bits_of, require_fixed_point
from cnn2snn.conversion.quantizeml.integers.output import with_output
from cnn2snn.conversion.quantizeml.integers.records import Bounded, Passed, Record, Tabled
from cnn2snn.conversion.quantizeml.integers.tables import INPUT_BITS, activation_table
from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.quantizers import Aligned, align
from cnn2snn.conversion.quantizeml.shapes import Shape

__all__ = ["global_average", "relu", "table"]


def relu(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A ReLU, with or without an upper bound.

    Raises:
        UnsupportedModelError: a bound that is not positive.
    """
    tensor, channels = inputs[0], shapes[0][-1]
    scale = np.float32(1) if tensor.scale is None else tensor.scale
    # A ReLU has 32 value bits, which bound no accumulator of fewer.
    accumulated = Tensor(tensor.frac_bits, np.asarray(scale, np.float32), buffer_bits_of(layer))
    bound, limit = None, layer.arguments["max_value"]
    if limit is not None:
        if limit <= 0:
            raise refuse(
                layer,
                f"max_value must be greater than zero, received {limit:g}",
                kind="max_value",
                received=limit,
                remedy="use a ReLU without max_value, or one with a positive bound",
            )
        bound = align(
            np.full(channels, limit, np.float32),
            accumulated.scale,
            accumulated.frac_bits,
            bits=layer.quantizers["max_value_quantizer"]["bitwidth"],
            signed=False,
            into=accumulated.value_bits,
        )
        # Beyond 32 bits lies a bound that no sum reaches; another such bound is as good.
        bound = Aligned(
            np.where(bound.saturates, 255, bound.mantissa), np.where(bound.saturates, 24, bound.shift), bound.saturates
        )
    return with_output(layer, Bounded(tuple(inputs), accumulated, accumulated, bound=bound))


def table(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """An activation that is a table of 2048 values.

    Raises:
        UnsupportedModelError: an input that is not quantized to 11 bits per tensor.
    """
    require_fixed_point(layer, inputs[0])
    tensor = inputs[0]
    if tensor.is_per_axis or not tensor.signed or tensor.bits != INPUT_BITS:
        raise refuse(
            layer,
            f"its input must be quantized to {INPUT_BITS} signed bits per tensor, received {tensor.bits} bits "
            f"{'per axis' if tensor.is_per_axis else 'per tensor'}",
            kind="lut",
            expected=INPUT_BITS,
            received=tensor.bits,
            remedy="quantize the model with quantizeml.models.quantize, which adds this quantizer",
        )
    values, scale = activation_table(layer.arguments["activation"], layer.arguments["alpha"], int(tensor.frac_bits))
    if not np.isfinite(scale) or scale <= 0:
        raise refuse(layer, "its table must have a value other than zero", kind="lut", received=float(scale))
    accumulated = Tensor(np.asarray(0), np.asarray(scale, np.float32), buffer_bits_of(layer))
    return with_output(layer, Tabled(tuple(inputs), accumulated, accumulated, values=values))


def global_average(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A global average: the sum of all positions, whose number divides the scale."""
    height, width = shapes[0][:2]
    positions = np.float32(height * width)
    tensor = inputs[0]
    scale = np.float32(1) / positions if tensor.scale is None else tensor.scale / positions
    accumulated = Tensor(tensor.frac_bits, np.asarray(scale, np.float32), buffer_bits_of(layer))
    return with_output(layer, Passed(tuple(inputs), accumulated, accumulated))
