"""Integers with a binary point: exact exponents, rounding and limits.

Floats are float32 throughout, as in QuantizeML. Exponents are read off the float and never computed by a logarithm.
"""

from __future__ import annotations

import numpy as np

__all__ = ["ceil_log2", "clip", "floor_log2", "frac_bits", "scaled", "to_integers"]

# Stands for the logarithm of 0. It is below that of every float32, and sums with it stay in range.
_LOG_OF_ZERO = -(10**6)


def ceil_log2(values: np.ndarray) -> np.ndarray:
    """The smallest integers n with 2^n ≥ value, exactly; int64. Of 0 a number below all others."""
    mantissa, exponent = np.frexp(np.asarray(values, np.float32))
    exact = np.where(mantissa == 0.5, exponent - 1, exponent).astype(np.int64)
    return np.where(mantissa == 0, _LOG_OF_ZERO, exact)


def floor_log2(values: np.ndarray) -> np.ndarray:
    """The largest integers n with 2^n ≤ value, exactly; int64. Of 0 a number below all others."""
    mantissa, exponent = np.frexp(np.asarray(values, np.float32))
    return np.where(mantissa == 0, _LOG_OF_ZERO, exponent.astype(np.int64) - 1)


def frac_bits(ranges: np.ndarray, value_bits: int) -> np.ndarray:
    """The fractional bits with which `value_bits` bits hold values up to `ranges`, at most `value_bits`; int64."""
    return np.minimum(value_bits - ceil_log2(ranges), value_bits)


def clip(values: np.ndarray, value_bits: int) -> np.ndarray:
    """Values limited to -2^n .. 2^n - 1."""
    return np.clip(values, -(2**value_bits), 2**value_bits - 1)


def scaled(values: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Values times powers of two in float32; exact unless it leaves the range of float32."""
    limited = np.clip(exponents, -2000, 2000).astype(np.int32)
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(np.asarray(values, np.float32), limited)


def to_integers(values: np.ndarray, value_bits: int) -> np.ndarray:
    """Floats rounded half to even and limited to -2^n .. 2^n - 1; int64. Infinities give the ends."""
    return clip(np.rint(values), value_bits).astype(np.int64)
