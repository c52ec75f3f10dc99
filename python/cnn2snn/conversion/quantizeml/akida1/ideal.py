"""Where the levels of a quantized network begin, in exact arithmetic.

Let acc be the sum of a filter, its bias B included, and r = 2^(-shift) / S the exact step of its output quantizer.
QuantizeML gives level n where floor(acc / r + 1/2) is n. So potentials P = acc - B give level n + 1 or more where
P ≥ (n + 1/2) · r - B.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cnn2snn.conversion.quantizeml.quantizers import Rescale

__all__ = ["Ideal", "ideal_levels", "ideal_output"]


@dataclass(frozen=True)
class Ideal:
    """What potentials mean, one entry per filter.

    Attributes:
        gains: potentials per level, or per unit of a float output; greater than zero.
        biases: B, the bias times the number of positions that are summed.
        top: the highest level that the bound of the ReLU, and the product with the scale, let through; None without
            activation.
        float32_top: what the highest level is in float32.
    """

    gains: tuple[Fraction, ...]
    biases: tuple[int, ...]
    top: tuple[int, ...] | None
    float32_top: tuple[int, ...] | None = None

    def lines(self) -> list[tuple[int, int, int]]:
        """Start, stride and denominator: level n + 1 begins above floor((start + n · stride) / denominator).

        A boundary belongs to the level above it. So the start is lowered by one part of the denominator.
        """
        found = []
        for gain, bias in zip(self.gains, self.biases, strict=True):
            denominator = 2 * gain.denominator
            found.append((gain.numerator - bias * denominator - 1, 2 * gain.numerator, denominator))
        return found

    def boundaries(self, act_bits: int) -> np.ndarray:
        """The integer boundaries: level n + 1 is given above boundary n.

        Returns:
            int64 of shape (filters, 2^act_bits - 1). Boundaries beyond int32, and those that the bound of the ReLU
            keeps from being crossed, are the ends of int32.
        """
        assert self.top is not None
        limits = np.iinfo(np.int32)
        rows = []
        for (start, stride, denominator), top in zip(self.lines(), self.top, strict=True):
            row = [(start + n * stride) // denominator for n in range(2**act_bits - 1)]
            row[top:] = [int(limits.max)] * (len(row) - top)
            rows.append([min(max(boundary, limits.min), limits.max) for boundary in row])
        return np.array(rows, np.int64)


def ideal_levels(rescale: Rescale, biases: np.ndarray, bounds: np.ndarray) -> Ideal:
    """The ideal of a layer whose activation gives levels.

    Args:
        rescale: its output quantizer, with integer scales.
        biases: the biases B, int64 of shape (filters,).
        bounds: the bounds of its ReLU in units of the sums, int64 of shape (filters,).
    """
    assert rescale.scale is not None
    count = len(biases)
    scales = np.broadcast_to(rescale.scale, (count,)).tolist()
    shifts = np.broadcast_to(rescale.shift, (count,)).tolist()
    gains = tuple(Fraction(2) ** -shift / scale for scale, shift in zip(scales, shifts, strict=True))
    highest = 2**rescale.bits - 1
    # The product with the scale saturates as well. Filters of tiny scales alone come there, such as dead ones.
    product = 2**rescale.buffer_bits
    rows = list(zip(bounds.tolist(), gains, shifts, strict=True))
    exact, rounded = (
        tuple(
            min(highest, int(bound / gain + Fraction(1, 2)), int(end * Fraction(2) ** shift + Fraction(1, 2)))
            for bound, gain, shift in rows
        )
        # The end of 2^32 - 1 is 2^32 in float32.
        for end in (product - 1, product)
    )
    return Ideal(gains, tuple(biases.tolist()), exact, rounded)


def ideal_output(scales: np.ndarray, biases: np.ndarray) -> Ideal:
    """The ideal of a layer without activation.

    Args:
        scales: what a unit of its sums is worth, float32 of shape (filters,), greater than zero.
        biases: the biases B, int64 of shape (filters,).
    """
    return Ideal(tuple(1 / Fraction(scale) for scale in scales.tolist()), tuple(biases.tolist()), None)
