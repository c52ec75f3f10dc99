"""Sections A and B1: saturation, shifts, formats; and the same steps as float32 makes them.

Arrays are int64. No step leaves 64 bits: M3 says why.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Format(NamedTuple):
    """B1: bits and sign of values."""

    bits: int
    signed: bool

    @property
    def low(self) -> int:
        return -(2 ** (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return 2 ** (self.bits - self.signed) - 1

    @property
    def dtype(self) -> type:
        """B2: what the values are stored as."""
        if self.bits <= 8:
            return np.int8 if self.signed else np.uint8
        return np.int16 if self.bits <= 16 else np.int32

    def saturate(self, values: np.ndarray) -> np.ndarray:
        return np.clip(values, self.low, self.high)


INT32 = Format(32, True)


def clip(values: np.ndarray, n: int) -> np.ndarray:
    """A3: saturation to −2^n … 2^n − 1."""
    return np.clip(values, -(2**n), 2**n - 1)


def sat(values: np.ndarray, bits: int) -> np.ndarray:
    """A4: saturation to `bits` signed bits."""
    return clip(values, bits - 1)


def _shift_right_half_up(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """floor(v / 2^places + 1/2) for places ≥ 1: 1/2 is 2^(places − 1) before the shift."""
    return (values + (np.int64(1) << (places - 1))) >> places


def rsh(values: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A6: floor(v · 2^s + 1/2), one shift per channel on the last axis.

    A right shift by 62 adds 2^61 to values of at most 2^44, a left shift by 31 takes values of at most 2^32: both
    stay within 64 bits. A longer left shift is cut to 31 places, which take every value but 0 to the
    ends of all formats.
    """
    values, shift = np.broadcast_arrays(np.asarray(values, np.int64), np.asarray(shift, np.int64))
    left = values << np.clip(shift, 0, 31)
    right = _shift_right_half_up(values, np.maximum(-shift, 1))
    return np.where(shift >= 0, left, right)


class Exact:
    """The steps of a scale and of a shift in exact integers: the rules of the page."""

    @staticmethod
    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a * b

    @staticmethod
    def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b

    rsh = staticmethod(rsh)
    clip = staticmethod(clip)


class Float32:
    """The same steps as QuantizeML makes them, in float32, which rounds beyond 2^24. No rule of the page.

    All values are integers held in float32, so they survive the way back to int64.
    """

    @staticmethod
    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (np.asarray(a).astype(np.float32) * np.asarray(b).astype(np.float32)).astype(np.int64)

    @staticmethod
    def add(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (np.asarray(a).astype(np.float32) + np.asarray(b).astype(np.float32)).astype(np.int64)

    @staticmethod
    def rsh(values: np.ndarray, shift: np.ndarray) -> np.ndarray:
        power = np.ldexp(np.float32(1), np.asarray(shift).astype(np.int32))
        scaled = np.asarray(values).astype(np.float32) * power
        return np.floor(scaled + np.float32(0.5)).astype(np.int64)

    @staticmethod
    def clip(values: np.ndarray, n: int) -> np.ndarray:
        """2^n − 1 is 2^n in float32 when n exceeds 24."""
        high = int(np.float32(2**n - 1))
        return np.clip(values, -(2**n), high)
