"""How integer inputs follow from those of a network, and which inputs a model refuses."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cnn2snn.conversion.scaling import InputScaling, check_inputs, input_scaling_of
from cnn2snn.errors import InvalidArgumentError
from tests.conversion.networks import image_network


def rescaled(rescaling):
    return replace(image_network(), rescaling=rescaling)


def test_a_shift_within_a_millionth_of_an_integer_is_that_integer():
    for shift, expected in [
        (3.0, Fraction(3)),
        (1e-6, Fraction(0)),
        (3.0000009, Fraction(3)),
        (2.9999991, Fraction(3)),
        (-127.9999995, Fraction(-128)),
        (3.000002, Fraction(3.000002)),
        (0.5, Fraction(1, 2)),
    ]:
        found = InputScaling.of(2.5, shift, "default")
        assert (found.scale, found.shift, found.given_shift) == (Fraction(5, 2), expected, shift)


def test_the_scaling_is_that_of_the_network_or_the_given_one_or_none():
    found = input_scaling_of(image_network(), None)
    assert (found.scale, found.shift, found.source) == (1, 0, "default")
    found = input_scaling_of(image_network(), (255, 10.25))
    assert (found.scale, found.shift, found.source) == (255, Fraction(41, 4), "input_scaling")
    found = input_scaling_of(rescaled((1 / 128, -1)), None)
    assert (found.scale, found.shift, found.source) == (128, 128, "Rescaling")
    found = input_scaling_of(rescaled((0.25, 0.5)), None)
    assert (found.scale, found.shift) == (4, -2)
    with pytest.raises(InvalidArgumentError, match="has a Rescaling layer, so input_scaling must not be given"):
        input_scaling_of(rescaled((1.0, 0.0)), (1.0, 0.0))


@pytest.mark.parametrize("bad", [(0.0, 0.0), (-1.0, 0.0), (np.nan, 0.0), (np.inf, 0.0), (1.0, np.nan), (1.0, np.inf)])
def test_a_scaling_that_is_none_is_refused(bad):
    with pytest.raises(InvalidArgumentError, match="input_scaling must be a scale greater than zero and a shift"):
        input_scaling_of(image_network(), bad)


@pytest.mark.parametrize("bad", [1.0, (1.0,), (1.0, 2.0, 3.0), ("a", "b"), (None, 0.0)])
def test_what_is_no_pair_of_numbers_is_refused(bad):
    with pytest.raises(InvalidArgumentError, match="input_scaling must be a scale greater than zero and a shift"):
        input_scaling_of(image_network(), bad)


def test_a_scale_and_a_shift_per_channel_are_refused_with_the_reason():
    for bad in [((1.0, 2.0, 3.0), 0.0), (1.0, [0.0, 1.0]), (np.ones(2), np.zeros(2))]:
        with pytest.raises(InvalidArgumentError, match="one scale and one shift for all channels"):
            input_scaling_of(image_network(), bad)
    assert input_scaling_of(image_network(), (np.ones(1)[0], np.zeros(1)[0])).scale == 1


def test_a_scale_below_one_is_taken_for_the_inverse_direction():
    assert input_scaling_of(image_network(), (1.0, -3.0)).shift == -3
    with pytest.raises(InvalidArgumentError, match="with a scale below 1 Keras inputs 4 apart") as error:
        input_scaling_of(image_network(), (0.25, -0.5))
    assert "pass (4, 2) if the model was trained on inputs times 0.25 plus -0.5" in error.value.remedy
    assert "begin it with Rescaling(4, 2)" in error.value.remedy
    with pytest.raises(InvalidArgumentError, match=r"inputs 1.42857 apart"):
        input_scaling_of(image_network(), (0.7, 0.0))
    # Numbers that are integers but for rounding have all their digits.
    for scale in (1 / 1234567, 1 / 1234567.3):
        with pytest.raises(InvalidArgumentError, match=r"inputs 1234567 apart"):
            input_scaling_of(image_network(), (scale, 0.0))
    with pytest.raises(InvalidArgumentError, match=r"inputs 255 apart"):
        input_scaling_of(image_network(), (1 / 255, 0.0))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_integers_in_range_pass_and_all_others_are_named(bits):
    highest = 2**bits - 1
    check_inputs(np.array([0, highest, 1]), bits)
    check_inputs(np.array([[0.0, float(highest)]]), bits)
    for bad in (highest + 1, -1, 0.5, highest - 0.25):
        with pytest.raises(InvalidArgumentError, match=rf"integers in 0\.\.{highest}, received {bad:g}") as error:
            check_inputs(np.array([0, bad, -7]), bits)
        assert (error.value.expected, error.value.received) == ((0, highest), bad)


def test_the_scaling_that_makes_inputs_integers_is_named():
    for scale, shift in [(255.0, 0.0), (127.5, 127.5), (128.0, 128.0), (127.0, 127.0), (15.0, 0.0)]:
        # Zero and both ends: which scaling was meant is not left open.
        values = (np.array([0.0, 255.0, 1.0, 100.0]) - shift) / scale
        bits = 8
        if (scale, shift) == (15.0, 0.0):
            values, bits = np.array([0.0, 1.0, 1 / 15]), 4
        with pytest.raises(InvalidArgumentError) as error:
            check_inputs(values, bits)
        words = f"inputs * {scale:g} + {shift:g}, rounded; and convert with input_scaling=({scale:g}, {shift:g})"
        assert words in error.value.remedy
    with pytest.raises(InvalidArgumentError) as error:
        check_inputs(np.array([0.1, 0.2, -0.3]), 8, (10.0, 3.0))
    assert error.value.remedy.endswith("inputs * 10 + 3, rounded")
    with pytest.raises(InvalidArgumentError) as error:
        check_inputs(np.array([7.0005, 251.0]), 8, (10.0, 3.0))
    assert error.value.remedy.endswith("inputs * 1 + 0, rounded; and convert with input_scaling=(1, 0)")
    for values in ([0.5, 3.0], [-1.0, 3.0]):
        with pytest.raises(InvalidArgumentError) as error:
            check_inputs(np.array(values), 8)
        assert "rounded" not in error.value.remedy
    # Within a thousandth of an integer at 8 bits.
    with pytest.raises(InvalidArgumentError) as error:
        check_inputs(np.array([0.000998, 100.0, 255.0]) / 255, 8)
    assert "inputs * 255 + 0" in error.value.remedy
    with pytest.raises(InvalidArgumentError) as error:
        check_inputs(np.array([0.0011, 100.0, 255.0]) / 255, 8)
    assert "rounded" not in error.value.remedy
