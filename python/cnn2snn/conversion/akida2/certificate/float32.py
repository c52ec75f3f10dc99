"""Where the float32 of QuantizeML takes an integer to another output than exact arithmetic.

Both are steps that never fall. So they are the same between two ends if they are the same on both sides of every step
of the exact one. That is a question with an answer, not an estimate.
"""

from __future__ import annotations

import numpy as np

__all__ = ["EXACT", "differing", "exact_output", "float32_output"]

# Integers up to here are float32 numbers.
EXACT = 2**24

# Beyond these shifts to the right no product of 33 bits gives another integer than 0 or -1.
_LONGEST = 40


def exact_output(values: np.ndarray, scale: int, shift: int, bits: int) -> np.ndarray:
    """rsh(clip_bits(value · scale), shift) in exact arithmetic (D6 and D7), int64.

    Args:
        values: int64, at most 2^32.
        scale: at most 16 bits.
        shift: not above 0.
        bits: the width of the product, without a sign.
    """
    products = np.clip(values * scale, -(2**bits), 2**bits - 1)
    right = min(-shift, _LONGEST)
    return products if right == 0 else (products + (1 << (right - 1))) >> right


def float32_output(values: np.ndarray, scale: int, shift: int, bits: int) -> np.ndarray:
    """The same as QuantizeML computes it: product, power of two, half and floor, each rounded to float32."""
    products = values.astype(np.float32) * np.float32(scale)
    products = np.clip(products, np.float32(-(2.0**bits)), np.float32(2.0**bits - 1))
    halves = np.ldexp(products, shift) + np.float32(0.5)
    return np.floor(halves).astype(np.int64)


def differing(
    low: int, high: int, scale: int, shift: int, limits: tuple[int, int], bits: int
) -> tuple[int, tuple[int, int, int] | None]:
    """The steps of outputs that lie elsewhere in float32.

    Args:
        low: the lowest accumulator.
        high: the highest accumulator.
        scale: the scale of the output.
        shift: the shift of the output, positive to the left.
        limits: the lowest and the highest output.
        bits: the width of the product, without a sign.

    Returns:
        How many steps do, and of the first one an accumulator with its exact output and that of float32.
    """
    if shift >= 0 or scale == 0:
        # Products that float32 rounds lie far beyond 16 bits of output.
        return 0, None
    right = min(-shift, _LONGEST)
    largest = max(abs(low), abs(high))
    if largest <= EXACT and largest * scale + (1 << (right - 1)) <= EXACT:
        return 0, None
    ends = np.clip(exact_output(np.array([low, high], np.int64), scale, shift, bits), *limits)
    # Outputs on either side of both ends as well, as float32 may reach them earlier.
    codes = np.arange(max(ends[0], limits[0] + 1), min(ends[1] + 1, limits[1]) + 1, dtype=np.int64)
    firsts = -((-((2 * codes - 1) << (right - 1))) // scale)
    found = np.zeros(len(codes), bool)
    witness = None
    for values in (firsts, firsts - 1):
        values = np.clip(values, low, high)
        exact = np.clip(exact_output(values, scale, shift, bits), *limits)
        rounded = np.clip(float32_output(values, scale, shift, bits), *limits)
        wrong = exact != rounded
        found |= wrong
        if witness is None and np.any(wrong):
            index = int(np.argmax(wrong))
            witness = int(values[index]), int(exact[index]), int(rounded[index])
    return int(found.sum()), witness
