"""Sections E and F2: from potentials to activation levels, or to float outputs."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def interval(act_step: float, act_bits: int) -> Fraction:
    """E1: s = S · 2^(4 − b), exactly: a float32 times 1, 4 or 8 is a double."""
    return Fraction(float(act_step) * 2 ** (4 - act_bits))


def level(potential: int, threshold: int, act_step: float, act_bits: int) -> int:
    """E2 for one potential, in rational numbers."""
    s = interval(act_step, act_bits)
    return min(max(math.ceil(Fraction(potential - threshold) / s), 0), 2**act_bits - 1)


def levels(potentials: np.ndarray, threshold: np.ndarray, act_step: np.ndarray, act_bits: int) -> np.ndarray:
    """E2, E5 for an array with the channels on its last axis.

    Each different potential is computed once.
    """
    result = np.empty(potentials.shape, np.uint8)
    for f in range(potentials.shape[-1]):
        values, where = np.unique(potentials[..., f], return_inverse=True)
        t, s = int(threshold[f]), float(act_step[f])
        found = np.array([level(int(p), t, s, act_bits) for p in values], np.uint8)
        result[..., f] = found[where].reshape(potentials.shape[:-1])
    return result


def boundaries(threshold: int, act_step: float, act_bits: int) -> list[int]:
    """E3: B_n = T + floor(n · s) for n = 0 … N − 1, held inside int32."""
    p, q = interval(act_step, act_bits).as_integer_ratio()
    exact = [int(threshold) + n * p // q for n in range(2**act_bits - 1)]
    return [min(max(b, INT32_MIN), INT32_MAX) for b in exact]


def levels_by_boundaries(
    potentials: np.ndarray, threshold: np.ndarray, act_step: np.ndarray, act_bits: int
) -> np.ndarray:
    """E3: the number of boundaries that the potential exceeds."""
    result = np.zeros(potentials.shape, np.uint8)
    for f in range(potentials.shape[-1]):
        for boundary in boundaries(threshold[f], act_step[f], act_bits):
            result[..., f] += potentials[..., f] > boundary
    return result


def float_outputs(potentials: np.ndarray, threshold: np.ndarray, act_step: np.ndarray) -> np.ndarray:
    """F2: an exact difference, one division in double precision, one rounding to float32."""
    difference = potentials - threshold.astype(np.int64)
    quotient = difference.astype(np.float64) / act_step.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        return quotient.astype(np.float32)
