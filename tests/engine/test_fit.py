"""`fit_boundaries` and `fit_output` against a complete search (docs/arithmetic.md, H6)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cnn2snn import _akida
from tests.oracle import activation, conversion, fit


def fit_boundaries(t: np.ndarray, s: np.ndarray, act_bits: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The fit of the exact boundaries of thresholds `t` and intervals `s`."""
    ideal = [
        conversion.ideal_boundaries(Fraction(x), Fraction(y), act_bits)
        for x, y in zip(t.tolist(), s.tolist(), strict=True)
    ]
    return _akida.fit_boundaries(np.array(ideal, np.int64), s, act_bits)


def assert_fit_is_best(t: np.ndarray, s: np.ndarray, act_bits: int) -> None:
    threshold, act_step, mismatches = fit_boundaries(t, s, act_bits)
    assert (threshold.dtype, act_step.dtype, mismatches.dtype) == (np.int32, np.float32, np.uint8)
    assert threshold.shape == act_step.shape == mismatches.shape == t.shape
    for f in range(len(t)):
        label = f"t = {t[f]!r}, s = {s[f]!r}, {act_bits} bits"
        exact_t, exact_s = Fraction(float(t[f])), Fraction(float(s[f]))
        ideal = conversion.ideal_boundaries(exact_t, exact_s, act_bits)
        found = fit.matches(ideal, int(threshold[f]), float(act_step[f]), act_bits)
        assert act_step[f] > 0
        assert int(mismatches[f]) == len(ideal) - found, label
        best = fit.best(exact_t, exact_s, act_bits)
        assert found == best.matches, label
        assert (int(threshold[f]) == ideal[0]) == best.keeps_first, label
        wanted = exact_s / 2 ** (4 - act_bits)
        assert abs(Fraction(float(act_step[f])) - wanted) == best.distance, label
        assert int(threshold[f]) in best.thresholds, label


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_random_boundaries(act_bits):
    rng = np.random.default_rng(7)
    t = rng.uniform(-300, 300, 60)
    s = np.exp(rng.uniform(np.log(0.02), np.log(200), 60))
    assert_fit_is_best(t, s, act_bits)


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_large_boundaries_where_float32_is_coarse(act_bits):
    """Beyond 2^24 a float32 step cannot hold every integer interval."""
    rng = np.random.default_rng(8)
    s = np.exp(rng.uniform(np.log(1e4), np.log(1e8), 40))
    assert_fit_is_best(rng.uniform(-5e8, 5e8, 40), s, act_bits)


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_boundaries_that_are_integers_or_lie_beside_them(act_bits):
    rng = np.random.default_rng(9)
    t = rng.integers(-20, 20, 40).astype(np.float64)
    s = rng.integers(1, 60, 40) / rng.integers(1, 16, 40)
    t[::3] = np.nextafter(t[::3], -np.inf)
    t[1::3] = np.nextafter(t[1::3], np.inf)
    s[::4] = np.nextafter(s[::4], 0)
    s[1::4] = np.nextafter(s[1::4], np.inf)
    assert_fit_is_best(t, s, act_bits)


@pytest.mark.parametrize("act_bits", [2, 4])
def test_tiny_intervals(act_bits):
    """Boundaries that coincide: several levels at one potential."""
    s = np.array([1e-300, 1e-45, 1e-40, 1e-10, 0.01, 1 / 16, 1 / 15, 1 / 14, 0.3])
    for first in (0.0, -3.0, 4.999999, -0.5):
        assert_fit_is_best(np.full(s.shape, first), s, act_bits)


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_boundaries_a_chip_can_hold_are_kept(act_bits):
    """Boundaries made from an integer threshold and a float32 step are all matched."""
    rng = np.random.default_rng(10)
    t = rng.integers(-5000, 5000, 200).astype(np.float64)
    act_step = np.exp(rng.uniform(np.log(0.01), np.log(1e4), 200)).astype(np.float32)
    s = act_step.astype(np.float64) * 2 ** (4 - act_bits)
    threshold, found, mismatches = fit_boundaries(t, s, act_bits)
    assert not mismatches.any()
    np.testing.assert_array_equal(threshold, t)
    np.testing.assert_array_equal(found, act_step)


def test_worked_example():
    """Ideal boundaries 0, 3, 5: no interval gives all three, and the first is kept."""
    threshold, act_step, mismatches = _akida.fit_boundaries(np.array([[0, 3, 5]]), np.array([2.5]), 2)
    assert (threshold.tolist(), mismatches.tolist()) == ([0], [1])
    assert act_step.tolist() == [0.625]


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_boundaries_beyond_int32_are_held_at_its_ends(act_bits):
    """No potential lies beyond: such a boundary is never, or always, exceeded."""
    t = np.array([-(2.0**31), 2.0**31 - 1, -(2.0**31) + 0.5, 2.0**31, -(2.0**31) - 1, 1e12, -1e12])
    threshold, _, mismatches = fit_boundaries(t, np.full(t.shape, 0.001), act_bits)
    low, high = -(2**31), 2**31 - 1
    assert threshold.tolist() == [low, high, low, high, low, high, low]
    assert not mismatches.any()


def test_later_boundaries_beyond_int32_are_held_at_its_end():
    t, s = 2.0**31 - 50, 20.0
    threshold, act_step, mismatches = fit_boundaries(np.array([t]), np.array([s]), 4)
    ideal = conversion.ideal_boundaries(Fraction(t), Fraction(s), 4)
    assert fit.matches(ideal, int(threshold[0]), float(act_step[0]), 4) == 15
    assert not mismatches.any()


def test_output_steps_are_rounded_to_the_nearest_float32():
    t = np.array([0, -2, 2**31 - 1, -(2**31)])
    a = np.array([0.1, 1 / 3, 16777217.0, 16777219.0])
    threshold, act_step = _akida.fit_output(t, a)
    assert (threshold.dtype, act_step.dtype) == (np.int32, np.float32)
    assert threshold.tolist() == t.tolist()
    assert act_step.tolist() == [fit.nearest_float32(Fraction(v)) for v in a.tolist()]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, -np.inf, np.nan])
def test_a_bad_interval_is_refused_with_its_channel(bad):
    values = np.array([1.0, 1.0, bad])
    with pytest.raises(ValueError, match="channel 2"):
        _akida.fit_boundaries(np.zeros((3, 15), np.int64), values, 4)
    with pytest.raises(ValueError, match="channel 2"):
        _akida.fit_output(np.zeros(3, np.int64), values)


@pytest.mark.parametrize("bad", [2**31, -(2**31) - 1, 2**62])
def test_an_output_threshold_beyond_int32_is_refused(bad):
    with pytest.raises(ValueError, match="channel 1"):
        _akida.fit_output(np.array([0, bad]), np.ones(2))


def test_a_step_beyond_float32_is_refused():
    with pytest.raises(ValueError, match="channel 0"):
        _akida.fit_output(np.zeros(1, np.int64), np.array([1e39]))
    with pytest.raises(ValueError, match="channel 0"):
        _akida.fit_output(np.zeros(1, np.int64), np.array([1e-46]))


def test_the_number_of_boundaries_is_checked():
    with pytest.raises(ValueError, match="number of boundaries"):
        _akida.fit_boundaries(np.zeros((2, 3), np.int64), np.ones(2), 4)


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_inside_a_reach_the_choice_is_that_of_a_complete_search(act_bits):
    """Filters that hardly fire, or hardly do not; thresholds of 6 bits and steps of 3 bits and sixteenths."""
    rng = np.random.default_rng(11)
    improved, widths, kinds = 0, (-32, 31, 7.9375, 1 / 16), set()
    for _ in range(40):
        lowest = int(rng.integers(-30, 20))
        highest = lowest + int(rng.integers(0, 40))
        s = float(np.exp(rng.uniform(np.log(0.05), np.log(40))))
        t = Fraction(float(rng.uniform(lowest - 8 * s, highest + 2)))
        ideal = conversion.ideal_boundaries(t, Fraction(s), act_bits)
        reach = np.array([lowest], np.int32), np.array([highest], np.int32)
        threshold, act_step, mismatches = _akida.fit_boundaries(
            np.array([ideal]), np.array([s]), act_bits, reach, _akida.Widths(*widths)
        )
        thresholds = range(-1300, 100) if act_bits > 1 else range(-100, 100)
        best = fit.best_within(ideal, s, act_bits, (lowest, highest), widths, thresholds)
        held = activation.boundaries(int(threshold[0]), float(act_step[0]), act_bits)
        seen = [np.clip(b, lowest - 1, highest) for b in (held, ideal)]
        outside = not (-32 <= threshold[0] < 32 and act_step[0] <= 7.9375)
        off = abs(float(act_step[0]) * 2 ** (4 - act_bits) - s)
        rounded = bool(act_step[0] * 16 % 1)
        drift = abs(int(threshold[0]) - ideal[0])
        found = (int(mismatches[0]), outside, bool(seen[0][0] != seen[1][0]), rounded, off, drift)
        assert found == best, f"t = {t}, s = {s}, reach {lowest}..{highest}"
        assert np.count_nonzero(seen[0] != seen[1]) == mismatches[0]
        inner = np.count_nonzero((seen[1] >= lowest) & (seen[1] < highest))
        kinds.add((min(int(inner), 2), bool(seen[1][0] < lowest), bool(seen[1][-1] == highest), outside))
        floored = activation.boundaries(ideal[0], nearest_step(s, act_bits), act_bits)
        improved += np.count_nonzero(np.clip(floored, lowest - 1, highest) != seen[1]) > mismatches[0]
    assert act_bits == 1 or improved > 5
    assert len(kinds) >= 4


def test_a_step_that_chips_store_comes_before_the_nearest():
    # Intervals of 100 to 100.5, and of 100.5 to 101, give these boundaries.
    ideal, s = np.array([[-4, 96, 196], [-4, 96, 197]]), np.array([100.01, 100.6])
    reach = np.full(2, -(2**31), np.int32), np.full(2, 2**31 - 1, np.int32)
    widths = _akida.Widths(-(2**19), 2**19 - 1, 65535.9375, 1 / 16)
    threshold, act_step, mismatches = _akida.fit_boundaries(ideal, s, 2, reach, widths)
    assert (threshold.tolist(), mismatches.tolist()) == ([-4, -4], [0, 0])
    assert act_step.tolist() == [25.0, 25.125]
    assert _akida.fit_boundaries(ideal, s, 2, reach)[1].tolist() == (s / 4).astype(np.float32).tolist()


def nearest_step(s: float, act_bits: int) -> float:
    return fit.nearest_float32(Fraction(s) / 2 ** (4 - act_bits))


def test_saturated_boundaries_do_not_hide_the_one_that_counts():
    ideal = np.array([[-(2**31)] * 14 + [5]])
    assert _akida.fit_boundaries(ideal, np.array([1e11]), 4)[2].tolist() == [1]
    reach = np.array([-1000], np.int32), np.array([1000], np.int32)
    assert _akida.fit_boundaries(ideal, np.array([1e11]), 4, reach)[2].tolist() == [0]


def test_a_reach_that_is_no_interval_is_refused():
    ends = np.array([3], np.int32), np.array([2], np.int32)
    with pytest.raises(ValueError, match="lowest potential must be at most the highest"):
        _akida.fit_boundaries(np.zeros((1, 1), np.int64), np.ones(1), 1, ends)
    with pytest.raises(ValueError, match="number of reaches"):
        _akida.fit_boundaries(np.zeros((2, 1), np.int64), np.ones(2), 1, ends)
