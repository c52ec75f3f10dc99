"""The quantizers of QuantizeML, from float32 variables to integers.

Formulas are those of the library, computed in float32 as it does: quotients are rounded to float32 before they are
rounded to integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnn2snn.conversion.quantizeml.fixed_point import ceil_log2, clip, frac_bits, scaled, to_integers

__all__ = ["Aligned", "Rescale", "align", "fixed_weights", "output_scale", "quantize_weights"]

# The smallest scale of weights. Filters without any weight have it.
_SMALLEST_SCALE = np.float32(1e-6)


def quantize_weights(weights: np.ndarray, bits: int, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Integer weights and their float scales.

    Args:
        weights: float32.
        bits: the width of the integers, sign included.
        axis: the axis that has a scale for each index; None for one scale.

    Returns:
        The integers, int8 in ±(2^(bits − 1) − 1), and the scales, float32 of shape () or (channels,).
    """
    if axis is None or weights.ndim == 1:
        ranges = np.max(np.abs(weights), initial=np.float32(0))
        shape: tuple[int, ...] = ()
    else:
        kept = axis % weights.ndim
        others = tuple(i for i in range(weights.ndim) if i != kept)
        ranges = np.max(np.abs(weights), axis=others, initial=np.float32(0))
        shape = tuple(-1 if i == kept else 1 for i in range(weights.ndim))
    largest = np.float32(2 ** (bits - 1) - 1)
    scales = np.maximum(np.float32(ranges) / largest, _SMALLEST_SCALE)
    # In place, because kernels are the largest arrays of a model.
    with np.errstate(under="ignore"):
        quotients = weights / scales.reshape(shape)
    np.rint(quotients, out=quotients)
    np.clip(quotients, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, out=quotients)
    return quotients.astype(np.int8), scales


def fixed_weights(weights: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Integers with a binary point, for the matrices of a recurrence.

    Args:
        weights: float32.
        bits: the width of the integers, sign included.

    Returns:
        The integers, int64, and their fractional bits, int64 of shape ().
    """
    exponent = frac_bits(np.max(np.abs(weights), initial=np.float32(0)), bits - 1)
    return to_integers(scaled(weights, exponent), bits - 1), exponent


@dataclass(frozen=True)
class Aligned:
    """A quantity at the scale of an accumulator or of an input: mantissa · 2^shift.

    Attributes:
        mantissa: int64.
        shift: int64 of the same shape, not negative.
        saturates: where the quantity does not fit the accumulator; bool of the same shape.
    """

    mantissa: np.ndarray
    shift: np.ndarray
    saturates: np.ndarray


def align(
    values: np.ndarray, scales: np.ndarray | None, exponents: np.ndarray, *, bits: int, signed: bool, into: int
) -> Aligned:
    """Quantizes values so that they have the scales and the fractional bits of another quantity.

    Args:
        values: float32 of shape (channels,).
        scales: the scales of the other quantity, float32 of shape () or (channels,); None for 1.
        exponents: its fractional bits, int64 of shape () or (channels,).
        bits: the width of the mantissas, sign included.
        signed: whether mantissas have a sign.
        into: the value bits of the other quantity.
    """
    value_bits = bits - 1 if signed else bits
    units = np.asarray(np.float32(1)) if scales is None else scales
    # Quotients beyond float32 saturate; those below it are 0.
    with np.errstate(over="ignore", under="ignore"):
        quotients = values / units
    ranges = np.abs(values)
    if bits <= 4:
        ranges = np.max(ranges, initial=np.float32(0))
    with np.errstate(over="ignore", under="ignore"):
        own = np.minimum(frac_bits(ranges / units, value_bits), exponents)
    mantissa = to_integers(scaled(quotients, own), value_bits)
    shift = np.broadcast_to(np.maximum(exponents - own, 0), mantissa.shape).copy()
    # A mantissa of 0 needs no shift of its own but has one, as in the library. Shifts beyond 48 bits saturate.
    limited = np.minimum(shift, 48)
    aligned = mantissa << limited
    beyond = (clip(aligned, into) != aligned) | ((shift > 48) & (mantissa != 0)) | ~np.isfinite(quotients)
    return Aligned(mantissa, shift, beyond)


@dataclass(frozen=True)
class Rescale:
    """From an accumulator to the integers of an output: y = clip(floor(acc · scale · 2^shift + 1/2)).

    Attributes:
        scale: int64 in 0 .. 2^scale_bits - 1, of shape () or (channels,); None for 1 without rounding.
        shift: int64 of shape () or (channels,); positive to the left.
        frac_bits: the fractional bits of the output, int64 of shape () or (channels,).
        bits: the width of the output, sign included.
        signed: whether the output has a sign.
        scale_bits: the width of `scale`.
        buffer_bits: the width in which the product is held.
    """

    scale: np.ndarray | None
    shift: np.ndarray
    frac_bits: np.ndarray
    bits: int
    signed: bool
    scale_bits: int
    buffer_bits: int

    @property
    def value_bits(self) -> int:
        """The width of the output without a sign."""
        return self.bits - 1 if self.signed else self.bits


def output_scale(scales: np.ndarray, scale_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Integer scales and their fractional bits.

    Args:
        scales: float32, greater than zero.
        scale_bits: the width of the integers, which have no sign.

    Returns:
        int64 in 0 .. 2^scale_bits - 1, and int64.
    """
    exponents = scale_bits - ceil_log2(scales)
    return np.minimum(to_integers(scaled(scales, exponents), scale_bits), 2**scale_bits - 1), exponents
