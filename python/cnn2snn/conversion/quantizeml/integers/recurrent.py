"""Integers of recurrent layers and of what follows them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cnn2snn.conversion.quantizeml.integers.neural import buffer_bits_of, variable
from cnn2snn.conversion.quantizeml.integers.output import rescale_of
from cnn2snn.conversion.quantizeml.integers.records import Passed, Picked, Record, Recurrent
from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.layer import Layer, invalid, refuse
from cnn2snn.conversion.quantizeml.quantizers import fixed_weights
from cnn2snn.conversion.quantizeml.shapes import Shape

__all__ = ["pico", "recurrent", "token"]


def recurrent(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A StatefulRecurrent: states of fixed point that a complex factor multiplies in each step.

    Raises:
        UnsupportedModelError: an input with an output quantizer, factors of different precision, or a quantizer that
            is not one of 16 bits per tensor.
    """
    tensor, states = inputs[0], shapes[0][-1]
    if tensor.scale is None:
        raise refuse(
            layer,
            "it must read the sums of a StatefulProjection without output quantizer",
            kind="scale",
            remedy="quantize the model with quantizeml.models.quantize",
        )
    bits = layer.quantizers["a_quantizer"]["bitwidth"]
    a_real, real_bits = fixed_weights(variable(layer, "A_real", (states,)), bits)
    a_imag, imag_bits = fixed_weights(variable(layer, "A_imag", (states,)), bits)
    if real_bits != imag_bits:
        raise refuse(
            layer,
            f"A_real and A_imag must have one number of fractional bits, received {real_bits} and {imag_bits}",
            kind="variable",
            received=(int(real_bits), int(imag_bits)),
            remedy="keep the modulus of every factor below 1, which stable recurrences have anyway",
        )
    quantizer = layer.quantizers.get("output_quantizer")
    if quantizer is None or (quantizer["bitwidth"], quantizer["signed"], quantizer["axis"]) != (
        16,
        True,
        "per-tensor",
    ):
        raise refuse(
            layer,
            f"its states must have 16 signed bits per tensor, received {dict(quantizer or {})}",
            kind="output_quantizer",
            remedy="quantize the model with quantizeml.models.quantize",
        )
    inner = rescale_of(layer, tensor, quantizer)
    # What enters the sum of a step has the fractional bits of a state times a factor.
    entering = np.asarray(inner.shift + real_bits)
    rescale = replace(inner, shift=entering)
    output = Tensor(inner.frac_bits, None, inner.value_bits, signed=True)
    return Recurrent(
        inputs=tuple(inputs),
        accumulated=Tensor(np.asarray(inner.frac_bits + real_bits), None, buffer_bits_of(layer) - 1),
        output=output,
        rescale=rescale,
        a_real=a_real,
        a_imag=a_imag,
        state_shift=-real_bits,
    )


def token(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """An ExtractToken: it takes one index of an axis, here the real part of the states."""
    return Passed(tuple(inputs), inputs[0], inputs[0])


def pico(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A PicoPostProcessing: predictions are brought to the integers of the target and compared with it.

    Raises:
        InvalidArgumentError: a threshold that is no integer in 0..65535.
        UnsupportedModelError: predictions that have an output quantizer.
    """
    threshold = layer.arguments["threshold"]
    if not 0 <= threshold <= 65535 or threshold != int(threshold):
        raise invalid(
            layer,
            f"threshold must be an integer in 0..65535, received {threshold:g}",
            kind="threshold",
            expected=(0, 65535),
            received=threshold,
        )
    tensor = inputs[0]
    if tensor.scale is None:
        raise refuse(
            layer,
            "it must read the sums of a layer without output quantizer",
            kind="scale",
            remedy="quantize without last_output_bits",
        )
    inner = rescale_of(layer, tensor, {**layer.quantizers["prediction_quantizer"], "axis": _axis(layer)})
    # Integers of the target have no fractional bits, whatever the calibrated range of predictions is.
    rescale = replace(inner, shift=inner.shift - inner.frac_bits, frac_bits=np.asarray(0))
    output = Tensor(np.asarray(0), None, 1, signed=False)
    return Picked(tuple(inputs), tensor, output, rescale, threshold=int(threshold))


def _axis(layer: Layer) -> str:
    """The axis of the quantizer, which its variables show."""
    values = layer.variables.get("range_max")
    return "per-tensor" if values is None or values.ndim == 0 else "per-axis"
