"""Quantizers against numbers worked by hand and the vectors of their published rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn2snn.conversion.quantizeml.fixed_point import ceil_log2, floor_log2, frac_bits, to_integers
from cnn2snn.conversion.quantizeml.quantizers import align, fixed_weights, output_scale, quantize_weights

positive = st.floats(2.0**-100, 2.0**100, width=32)


@given(positive)
def test_logarithms_are_exact(value):
    low, high = int(floor_log2(np.float32(value))), int(ceil_log2(np.float32(value)))
    assert 2.0**low <= value < 2.0 ** (low + 1)
    assert 2.0 ** (high - 1) < value <= 2.0**high


@pytest.mark.parametrize("exponent", [-31, -30, -27, -15, -13, 0, 13, 15, 27, 31])
def test_logarithms_of_powers_of_two_are_these_powers(exponent):
    assert ceil_log2(np.float32(2.0**exponent)) == exponent
    assert floor_log2(np.float32(2.0**exponent)) == exponent


def test_a_range_of_zero_has_all_bits_behind_the_point():
    assert frac_bits(np.float32(0), 7) == 7
    assert frac_bits(np.float32(6), 7) == 4
    assert frac_bits(np.float32(0.1), 7) == 7


def test_floats_are_rounded_half_to_even_and_limited():
    assert to_integers(np.array([0.5, 1.5, -2.5, 300, -300]), 7).tolist() == [0, 2, -2, 127, -128]


def test_weights_use_the_range_of_each_filter():
    weights = np.array([[127, 0.5], [0.5, 254], [-2.5, -3]], np.float32)
    integers, scales = quantize_weights(weights, 8, -1)
    assert integers.tolist() == [[127, 0], [0, 127], [-2, -2]]
    assert scales.tolist() == [1, 2]


def test_one_scale_for_all_weights_where_there_is_no_axis():
    integers, scales = quantize_weights(np.array([[7, 1], [-14, 3]], np.float32), 4, None)
    assert scales == 2
    assert integers.tolist() == [[4, 0], [-7, 2]]


def test_a_filter_without_weights_has_the_smallest_scale():
    integers, scales = quantize_weights(np.zeros((3, 2), np.float32), 8, -1)
    assert not integers.any()
    assert scales.tolist() == [np.float32(1e-6)] * 2


def test_factors_of_a_recurrence_have_15_fractional_bits():
    integers, exponent = fixed_weights(np.array([0.5, -0.25], np.float32), 16)
    assert exponent == 15
    assert integers.tolist() == [16384, -8192]


def test_a_border_is_a_mantissa_and_a_shift():
    # 127.5 for pixels whose offset was -1 and whose scale is 1 / 127.5.
    scale = np.float32(1 / 127.5)
    eight = align(np.array([1], np.float32), scale, np.asarray(0), bits=8, signed=True, into=8)
    four = align(np.array([1], np.float32), scale, np.asarray(0), bits=4, signed=True, into=8)
    assert (eight.mantissa << eight.shift).tolist() == [127]
    assert (four.mantissa << four.shift).tolist() == [112]


def test_mantissas_of_4_bits_share_one_range():
    values = np.array([1, 100], np.float32)
    shared = align(values, None, np.asarray(10), bits=4, signed=True, into=27)
    own = align(values, None, np.asarray(10), bits=8, signed=True, into=27)
    assert len(set(shared.shift.tolist())) == 1
    assert len(set(own.shift.tolist())) == 2


def test_a_quantity_that_does_not_fit_is_marked():
    found = align(np.array([1, 1e30], np.float32), None, np.asarray(20), bits=8, signed=True, into=27)
    assert found.saturates.tolist() == [False, True]


@given(positive)
def test_integer_scales_use_their_highest_bit(value):
    scale, exponent = output_scale(np.asarray(value, np.float32), 8)
    assert 128 <= scale <= 255
    assert abs(float(scale) - value * 2.0 ** int(exponent)) <= 1
