"""Where the boundaries of a layer can be put so that integers hold them; exact fractions alone.

Boundaries lie at t + n · s for n = 0 … levels - 1, in units of potentials (H4 of ``docs/arithmetic.md``). The engine
has T + floor(n · s') with an integer T. Both agree for every potential when no integer lies between them, which
numbers in float32 can guarantee only with room on both sides: each boundary is to lie well between two integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Interval", "Threshold", "free_threshold", "interval_on_grid", "nearest_interval", "threshold_on_grid"]

# An interval moves by less than this part of itself.
LARGEST_MOVE = Fraction(1, 200)
# What a few roundings to float32 leave of an interval.
ROUNDING = Fraction(1, 2**20)


@dataclass(frozen=True)
class Interval:
    """An interval between boundaries that is a multiple of 2^-grid."""

    value: Fraction
    grid: int

    def tolerance(self, levels: int) -> Fraction:
        """How far from `value` an interval may be: what float32 leaves, and boundaries keep half of their room."""
        room = Fraction(1, 2 ** (self.grid + 1) * max(levels - 1, 1))
        return min(self.value * ROUNDING, room)


@dataclass(frozen=True)
class Threshold:
    """A place for the first boundary, and the distance of the nearest boundary from an integer then."""

    value: Fraction
    margin: Fraction


def nearest_interval(s: Fraction) -> Interval:
    """The interval nearest `s` on the coarsest grid that moves it by less than 0.5 %."""
    grid = 0
    while abs((value := _on_grid(s, grid)) - s) >= LARGEST_MOVE * s:
        grid += 1
    return Interval(value, grid)


def interval_on_grid(s: Fraction, levels: int) -> Interval | None:
    """The interval that `s` is already, but for what float32 leaves; None where it is none.

    Once an interval was put on a grid, the grid before it may be less than 0.5 % away too: one finer grid than
    `nearest_interval` takes is looked at.
    """
    for grid in range(nearest_interval(s).grid + 2):
        interval = Interval(_on_grid(s, grid), grid)
        if interval.value and abs(s - interval.value) <= interval.tolerance(levels):
            return interval
    return None


def _on_grid(s: Fraction, grid: int) -> Fraction:
    return Fraction(round(s * 2**grid), 2**grid)


def threshold_on_grid(t: Fraction, s: Fraction, levels: int, interval: Interval) -> Threshold:
    """The place nearest `t` that is half a grid above an integer: then no boundary is nearer than that to one.

    The little by which `s` misses the grid is shared out among the boundaries on both sides.
    """
    half = Fraction(1, 2 ** (interval.grid + 1))
    drift = (levels - 1) * (s - interval.value) / 2
    return Threshold(round(t - half) + half - drift, half - abs(drift))


def free_threshold(t: Fraction, s: Fraction, levels: int) -> Threshold:
    """A place near `t` for boundaries at intervals that stay as they are.

    Fractional parts of the boundaries divide a circle; integers are put into the middle of its largest gap for which an
    integer T and some interval give the same integers. Before the end of the circle there is always such a gap: the
    boundary of the smallest fraction then is the first one, and T + floor(n · s) hits all.
    """
    fractions = sorted({n * s % 1 for n in range(levels)})
    gaps = [
        (after - before, (before + after) / 2) for before, after in zip(fractions, [*fractions[1:], 1], strict=True)
    ]
    for gap, middle in sorted(gaps, reverse=True):
        phase = 1 - middle
        if _is_held(phase, s, levels):
            return Threshold(round(t - phase) + phase, gap / 2)
    raise AssertionError("the last gap always serves")


def _is_held(phase: Fraction, s: Fraction, levels: int) -> bool:
    """Whether some interval s' has floor(n · s') = floor(phase + n · s) for every n, given 0 < phase < 1."""
    steps = [(n, (phase + n * s) // 1) for n in range(1, levels)]
    low = max((Fraction(d, n) for n, d in steps), default=Fraction(0))
    high = min((Fraction(d + 1, n) for n, d in steps), default=Fraction(1))
    return low < high
