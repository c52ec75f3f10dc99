"""Tensors of fixed point, and the quantizers that make them; NumPy alone.

Every operation ends in a clip to its number of bits. Rounding of floats is half to even, rescaling of integers rounds
half up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = [
    "Tensor",
    "align",
    "clip",
    "exponent_above",
    "fitting_bits",
    "fixed",
    "quantized_weights",
    "rescale",
    "times_power",
]

_SMALLEST_SCALE = np.float32(1e-6)


@dataclass(frozen=True)
class Tensor:
    """Integers v that stand for v · scale / 2^frac_bits.

    Attributes:
        values: the integers, in float32 or float64; the last axis has the channels.
        frac_bits: int64 of shape () or (channels,).
        value_bits: their width without a sign.
        scale: float32 of shape () or (channels,); None for 1.
    """

    values: np.ndarray
    frac_bits: np.ndarray
    value_bits: int
    scale: np.ndarray | None = None

    def with_values(self, values: np.ndarray) -> Tensor:
        """The same with other integers."""
        return replace(self, values=values)

    def aligned(self, value_bits: int) -> Tensor:
        """Channels shifted left to one number of fractional bits, clipped to `value_bits`."""
        if self.frac_bits.ndim == 0:
            return replace(self, value_bits=value_bits)
        largest = np.max(self.frac_bits)
        values = clip(times_power(self.values, largest - self.frac_bits), value_bits)
        return replace(self, values=values, frac_bits=np.asarray(largest), value_bits=value_bits)

    def floats(self) -> np.ndarray:
        """What the integers stand for, float32."""
        values = times_power(self.values.astype(np.float32), -self.frac_bits)
        return values if self.scale is None else values * self.scale


def clip(values: np.ndarray, value_bits: int) -> np.ndarray:
    """Values limited to -2^n .. 2^n - 1, whose upper end float32 may round to 2^n."""
    dtype = values.dtype.type
    return np.clip(values, dtype(-(2.0**value_bits)), dtype(2.0**value_bits - 1))


def times_power(values: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Values times powers of two."""
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(values, np.clip(exponents, -1000, 1000).astype(np.int32))


def exponent_above(values: np.ndarray) -> np.ndarray:
    """The smallest n with 2^n ≥ value; far below all others for 0."""
    mantissa, exponent = np.frexp(np.asarray(values, np.float32))
    return np.where(mantissa == 0, -(10**6), exponent - (mantissa == 0.5)).astype(np.int64)


def fitting_bits(ranges: np.ndarray, value_bits: int) -> np.ndarray:
    """The most fractional bits with which values up to `ranges` fit, at most `value_bits`."""
    return np.minimum(value_bits - exponent_above(ranges), value_bits)


def fixed(values: np.ndarray, frac_bits: np.ndarray, value_bits: int) -> np.ndarray:
    """Floats as integers: rounded half to even, clipped."""
    return clip(np.rint(times_power(values, frac_bits)), value_bits)


def quantized_weights(kernel: np.ndarray, bits: int, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Integer weights as float32, and their scales along `axis`; None for one scale."""
    others = (
        None if axis is None or kernel.ndim < 2 else tuple(i for i in range(kernel.ndim) if i != axis % kernel.ndim)
    )
    largest = np.max(np.abs(kernel), axis=others, keepdims=others is not None)
    scales = np.maximum(largest / np.float32(2 ** (bits - 1) - 1), _SMALLEST_SCALE)
    with np.errstate(under="ignore"):
        integers = clip(np.rint(kernel / scales), bits - 1)
    return integers, scales.reshape(-1) if others is not None else np.asarray(scales)


def align(values: np.ndarray, like: Tensor, quantizer: Mapping[str, Any], signed: bool) -> np.ndarray:
    """A quantity at the scale of a tensor: a mantissa of few bits, shifted left.

    Args:
        values: float32 of shape (channels,).
        like: the tensor, such as an accumulator whose bias this is.
        quantizer: with the "bitwidth" of the mantissa.
        signed: whether mantissas have a sign.
    """
    bits = quantizer["bitwidth"] - signed
    with np.errstate(over="ignore", under="ignore"):
        quotients = values if like.scale is None else values / like.scale
        ranges = np.abs(values)
        if quantizer["bitwidth"] <= 4:
            ranges = np.max(ranges)
        ranges = ranges if like.scale is None else ranges / like.scale
    frac_bits = np.minimum(fitting_bits(ranges, bits), like.frac_bits)
    mantissa = fixed(np.asarray(quotients, np.float32), frac_bits, bits)
    return clip(times_power(mantissa.astype(like.values.dtype), like.frac_bits - frac_bits), like.value_bits)


def rescale(tensor: Tensor, quantizer: Mapping[str, Any], ranges: np.ndarray, rates: np.ndarray) -> Tensor:
    """An output quantizer.

    Args:
        tensor: the accumulator.
        quantizer: its arguments.
        ranges: the calibrated ranges, float32.
        rates: the factors of equalization, float32.
    """
    value_bits = quantizer["bitwidth"] - quantizer["signed"]
    frac_bits = fitting_bits(ranges, value_bits)
    products, shift = scaled_product(tensor, quantizer, rates)
    return Tensor(clip(half_up(products, frac_bits - shift), value_bits), frac_bits, value_bits)


def scaled_product(
    tensor: Tensor, quantizer: Mapping[str, Any], rates: np.ndarray, value_bits: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The integers times their scale as an integer, and the fractional bits of this product."""
    if tensor.scale is None:
        return tensor.values, tensor.frac_bits
    scale = np.asarray(tensor.scale * rates, np.float32)
    bits = quantizer["scale_bits"]
    scale_bits = bits - exponent_above(scale)
    integers = np.minimum(np.rint(times_power(scale, scale_bits)), np.float32(2**bits - 1))
    width = quantizer["buffer_bitwidth"] if value_bits is None else value_bits
    return clip(tensor.values * integers.astype(tensor.values.dtype), width), tensor.frac_bits + scale_bits


def half_up(values: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Integers shifted left, or right with rounding half up."""
    return np.floor(times_power(values, np.asarray(shift)) + values.dtype.type(0.5))
