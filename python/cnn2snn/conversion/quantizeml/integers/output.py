"""Output quantizers: how a layer's accumulator becomes its output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from cnn2snn.conversion.quantizeml.fixed_point import frac_bits
from cnn2snn.conversion.quantizeml.integers.records import Record
from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.quantizers import Rescale, output_scale

__all__ = ["calibrated", "rescale_of", "with_output"]

AnyRecord = TypeVar("AnyRecord", bound=Record)


def with_output(layer: Layer, record: AnyRecord) -> AnyRecord:
    """The record with the output that the layer's output quantizer gives; the same record without one."""
    quantizer = layer.quantizers.get("output_quantizer")
    if quantizer is None:
        return record
    rescale = rescale_of(layer, record.accumulated, quantizer)
    output = Tensor(rescale.frac_bits, None, rescale.value_bits, rescale.signed)
    return replace(record, output=output, rescale=rescale)


def rescale_of(layer: Layer, accumulated: Tensor, quantizer: dict[str, Any] | Any) -> Rescale:
    """What an output quantizer does.

    Args:
        layer: the layer that has it, with the variables `range_max` and `rescaling_rate`.
        accumulated: what it reads; scales are rounded to integers, fixed point is shifted alone.
        quantizer: its arguments.

    Raises:
        UnsupportedModelError: variables that are missing, of another shape, or out of range.
    """
    per_axis = quantizer["axis"] == "per-axis"
    ranges = calibrated(layer, "range_max", per_axis)
    rates = calibrated(layer, "rescaling_rate", per_axis)
    if np.any(rates <= 0):
        raise refuse(
            layer,
            f"rescaling_rate must be greater than zero, received {float(np.min(rates)):g}",
            kind="variable",
            received=float(np.min(rates)),
        )
    value_bits = quantizer["bitwidth"] - quantizer["signed"]
    out = frac_bits(ranges, value_bits)
    scale, exponent = None, np.asarray(0)
    if accumulated.scale is not None:
        with np.errstate(over="ignore", under="ignore"):
            scales = np.asarray(accumulated.scale * rates, np.float32)
        if not np.all(np.isfinite(scales) & (scales > 0)):
            raise refuse(
                layer,
                "the scales of its sums must be float32 numbers greater than zero",
                kind="scale",
                received=float(np.min(scales)),
                remedy="calibrate the model on samples of its inputs",
            )
        scale, exponent = output_scale(scales, quantizer["scale_bits"])
    return Rescale(
        scale=scale,
        shift=np.asarray(out - (accumulated.frac_bits + exponent)),
        frac_bits=out,
        bits=quantizer["bitwidth"],
        signed=quantizer["signed"],
        scale_bits=quantizer["scale_bits"],
        buffer_bits=quantizer["buffer_bitwidth"],
    )


def calibrated(layer: Layer, name: str, per_axis: bool) -> np.ndarray:
    """A variable of a quantizer: of shape () per tensor, (channels,) per axis."""
    values = layer.variables.get(name)
    if values is None or values.ndim != per_axis or (np.any(values < 0) and name != "range_min"):
        expected = "(channels,)" if per_axis else "()"
        received = "none" if values is None else f"shape {values.shape}, lowest {float(np.min(values, initial=0)):g}"
        raise refuse(
            layer,
            f"{name} of its quantizer must have shape {expected} and no negative value, received {received}",
            kind="variable",
            expected=expected,
            received=None if values is None else values.shape,
            remedy="save the model again with quantizeml.save_model",
        )
    return values
