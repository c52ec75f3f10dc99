"""H6: the best threshold and step for given ideal boundaries, by complete search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from . import activation, conversion

FLOAT32_MAX = Fraction(float(np.finfo(np.float32).max))
FLOAT32_MIN = Fraction(float(np.finfo(np.float32).smallest_subnormal))


def nearest_float32(x: Fraction) -> float:
    """The float32 nearest to a positive number, ties to even, held inside the positive floats."""
    x = min(max(x, FLOAT32_MIN), FLOAT32_MAX)
    low = float32_at_most(x)
    high = float32_at_least(x)
    below, above = x - Fraction(low), Fraction(high) - x
    if below == above and low != high:
        return low if int(np.float32(low).view(np.uint32)) % 2 == 0 else high
    return low if below < above else high


def float32_at_least(x: Fraction) -> float | None:
    """The smallest positive float32 not below `x`; None when there is none."""
    if x > FLOAT32_MAX:
        return None
    x = max(x, FLOAT32_MIN)
    p, q, grid = _on_grid(x)
    return math.ldexp(-(-p // q), grid)


def float32_at_most(x: Fraction) -> float:
    """The largest float32 not above `x`, for `x` inside the positive floats."""
    p, q, grid = _on_grid(x)
    return math.ldexp(p // q, grid)


def _on_grid(x: Fraction) -> tuple[int, int, int]:
    """x = p / q · 2^grid, with the float32 numbers around x the integers around p / q."""
    p, q = x.as_integer_ratio()
    exponent = p.bit_length() - q.bit_length()
    if x < Fraction(2) ** exponent:
        exponent -= 1
    grid = max(exponent, -126) - 23
    return (p, q << grid, grid) if grid >= 0 else (p << -grid, q, grid)


def float32_below(x: Fraction) -> float:
    """The largest float32 below `x`."""
    at_least = float32_at_least(x)
    above = np.float32(np.inf) if at_least is None else np.float32(at_least)
    return float(np.nextafter(above, np.float32(0)))


@dataclass(frozen=True)
class Best:
    """What a complete search finds.

    Attributes:
        matches: the largest number of boundaries that can equal the ideal ones.
        thresholds: every threshold that reaches it with a step as near as can be.
        keeps_first: whether one of the best choices keeps the first boundary exact.
        distance: of the nearest best step to s · 2^(b − 4), among those left by `keeps_first`.
    """

    matches: int
    thresholds: frozenset[int]
    keeps_first: bool
    distance: Fraction


def matches(ideal: list[int], threshold: int, act_step: float, act_bits: int) -> int:
    """How many boundaries of E3 equal the ideal ones, these held inside int32 like the others."""
    found = activation.boundaries(threshold, act_step, act_bits)
    held = [min(max(b, activation.INT32_MIN), activation.INT32_MAX) for b in ideal]
    return sum(a == b for a, b in zip(found, held, strict=True))


def best(t: Fraction, s: Fraction, act_bits: int) -> Best:
    """Searches all thresholds and all float32 steps.

    For one threshold, boundary n ≥ 1 is right for intervals in [(I_n − T) / n, (I_n − T + 1) / n).
    Between two neighbouring ends of these nothing changes, so each such region is tried at the
    float32 values nearest to its ends and to the wanted step. Two boundaries n < m ≤ 14 cannot both
    be right when |t − T| ≥ (m + n) / (m − n), at most 27, and one is right at T = I_0 already: no
    threshold further away is better.
    """
    ideal = conversion.ideal_boundaries(t, s, act_bits)
    unit = Fraction(2) ** (4 - act_bits)
    wanted = s / unit
    found: dict[tuple[int, bool], tuple[Fraction, set[int]]] = {}
    reach = 30 if act_bits > 1 else 0
    for threshold in range(ideal[0] - reach, ideal[0] + reach + 1):
        if not activation.INT32_MIN <= threshold <= activation.INT32_MAX:
            continue
        for step in _candidates(ideal, threshold, unit, wanted):
            key = (matches(ideal, threshold, step, act_bits), threshold == ideal[0])
            distance = abs(Fraction(step) - wanted)
            known, thresholds = found.get(key, (distance, set()))
            if distance < known:
                known, thresholds = distance, set()
            if distance == known:
                thresholds = thresholds | {threshold}
            found[key] = (known, thresholds)
    count, keeps_first = max(found)
    distance, thresholds = found[count, keeps_first]
    return Best(count, frozenset(thresholds), keeps_first, distance)


def _candidates(ideal: list[int], threshold: int, unit: Fraction, wanted: Fraction) -> set[float]:
    ends = set()
    for n, boundary in enumerate(ideal[1:], start=1):
        ends |= {Fraction(boundary - threshold + more, n) / unit for more in (0, 1)}
    candidates = {nearest_float32(wanted)}
    for end in ends:
        if end > 0:
            candidates |= {float32_at_least(end), float32_below(end)}
    return {step for step in candidates if step is not None and step > 0}


def nearest_integer(x: Fraction) -> int:
    """Rounding to nearest, ties to even (H6 without activation)."""
    low = math.floor(x)
    rest = x - low
    if rest == Fraction(1, 2):
        return low if low % 2 == 0 else low + 1
    return low if rest < Fraction(1, 2) else low + 1


def best_within(
    ideal: list[int],
    s: float,
    act_bits: int,
    reach: tuple[int, int],
    widths: tuple[int, int, float, float],
    thresholds: range,
) -> tuple[int, bool, bool, bool, float, int]:
    """H6 by complete search of `thresholds`: the smallest (missed, outside the widths, first missed, step not stored,
    distance of s, distance of T).

    Nothing changes between two neighbouring steps at which some boundary changes as potentials see it, so all of these
    are tried, with the float32 before each, the nearest to the wanted step, the largest that the width holds, and the
    multiples of the stored unit around each of these.
    """
    n = np.arange(len(ideal))
    unit = 2.0 ** (4 - act_bits)
    low, high = reach[0] - 1, reach[1]
    seen = np.clip(ideal, low, high)
    widest = np.float32(widths[2])
    wanted = np.float32(nearest_float32(Fraction(s) / Fraction(unit)))
    found = []
    for threshold in thresholds:
        goals = np.concatenate([seen, [low, high]]) - threshold
        ends = (goals[:, np.newaxis] + [0, 1]).ravel()[:, np.newaxis] / np.maximum(n, 1) / unit
        near = ends[ends > 0].astype(np.float32)
        steps = np.concatenate(
            [near, np.nextafter(near, np.float32(0)), np.nextafter(near, np.float32(np.inf)), [wanted, widest]]
        )
        steps = np.unique(np.append(steps[steps > 0], np.float32(FLOAT32_MIN)))
        below = np.floor(steps.astype(np.float64) / widths[3]) * widths[3]
        steps = np.unique(np.concatenate([steps, below[below > 0], below + widths[3]]).astype(np.float32))
        interval = steps.astype(np.float64)[:, np.newaxis] * unit
        boundaries = np.clip(threshold + np.floor(n * interval), low, high)
        missed = np.count_nonzero(boundaries != seen, axis=1)
        outside = (steps > widest) | (not widths[0] <= threshold <= widths[1])
        first = boundaries[:, 0] != seen[0]
        rounded = steps.astype(np.float64) % widths[3] != 0
        off = np.abs(interval[:, 0] - s)
        order = np.lexsort((off, rounded, first, outside, missed))[0]
        choice = (missed[order], outside[order], first[order], rounded[order], off[order])
        found.append((int(choice[0]), *map(bool, choice[1:4]), float(choice[4]), abs(threshold - ideal[0])))
    return min(found)
