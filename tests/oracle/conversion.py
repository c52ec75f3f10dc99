"""Section H: from the scales, biases and steps of a quantized Keras layer to ideal boundaries.

Everything is a `Fraction`: stored floats are taken as the real numbers that they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Normalization:
    """A batch normalization of one channel, z' = c · z + d (H2)."""

    c: Fraction = Fraction(1)
    d: Fraction = Fraction(0)


def normalization(gamma: float, beta: float, mean: float, variance: float, epsilon: float) -> Normalization:
    """c and d of one channel; the square root to 200 bits."""
    squared = Fraction(float(variance)) + Fraction(float(epsilon))
    root = Fraction(math.isqrt(math.floor(squared * 4**200)), 2**200)
    c = Fraction(float(gamma)) / root
    return Normalization(c, Fraction(float(beta)) - c * Fraction(float(mean)))


@dataclass(frozen=True)
class LinearMap:
    """H3 for one channel: P = scale · (z − bias) + offset."""

    scale: Fraction
    bias: Fraction
    offset: Fraction

    def ideal(self, step: float) -> tuple[Fraction, Fraction]:
        """H4: t and s, so that level n + 1 begins where P > t + n · s."""
        exact = Fraction(float(step))
        return self.scale * (exact / 2 - self.bias) + self.offset, self.scale * exact

    def ideal_output(self) -> tuple[Fraction, Fraction]:
        """H4 without activation: t and A."""
        return self.offset - self.scale * self.bias, self.scale


def linear_map(
    alpha: Fraction,
    factor: Fraction,
    bias: float,
    merged: Normalization,
    *,
    positions: int = 1,
    beta: Fraction = Fraction(0),
    sigma: int = 0,
) -> LinearMap:
    """H2 and H3: `factor` is k, `sigma` the sum of the final (possibly negated) integer weights."""
    scale = positions * alpha * factor / abs(merged.c)
    return LinearMap(scale, merged.c * Fraction(float(bias)) + merged.d, positions * beta * sigma)


def ideal_boundaries(t: Fraction, s: Fraction, act_bits: int) -> list[int]:
    """H4: floor(t + n · s)."""
    return [math.floor(t + n * s) for n in range(2**act_bits - 1)]


def integer_weights(quantized: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """H2: round(w_q · k), the factor along the last axis."""
    product = quantized.astype(np.float64) * np.asarray(factor, np.float64)
    return np.rint(product).astype(np.int64)


def flipped(kernel: np.ndarray) -> np.ndarray:
    """A Keras kernel (kh, kw, ...), a cross-correlation, as the true convolution of C4, C5."""
    kh, kw = kernel.shape[:2]
    result = np.empty_like(kernel)
    for u in range(kh):
        for v in range(kw):
            result[kh - 1 - u, kw - 1 - v] = kernel[u, v]
    return result


def dense_rows(kernel: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """A Keras kernel (X·Y·C, units) of a flattened (X, Y, C) map in the order of rows of C6."""
    height, width, channels = shape
    result = np.empty((1, 1, *kernel.shape), kernel.dtype)
    for i in range(height):
        for j in range(width):
            for c in range(channels):
                row = c * (height * width) + j * height + i
                result[0, 0, row] = kernel[(i * width + j) * channels + c]
    return result
