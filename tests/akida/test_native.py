"""Functions of the native module that the conversion calls."""

import numpy as np
import pytest

from cnn2snn import _akida
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError


def test_boundaries_are_fitted_per_channel():
    t, s = np.array([1536.0, -153.75, 0.75]), np.array([512.0, 358.5, 2.5])
    threshold, act_step, mismatches = _akida.fit_boundaries(t[:2], s[:2], 4)
    assert (threshold.dtype, act_step.dtype, mismatches.dtype) == (np.int32, np.float32, np.uint8)
    assert threshold.tolist() == [1536, -154]
    assert act_step[0] == 512
    assert mismatches.tolist() == [0, 0]
    # The example of rule H5: no interval gives the boundaries 0, 3, 5 with T = 0.
    threshold, act_step, mismatches = _akida.fit_boundaries(t[2:], s[2:], 2)
    assert threshold.tolist() == [0]
    assert mismatches.tolist() == [1]


def test_output_is_rounded_to_nearest_even():
    threshold, act_step = _akida.fit_output(np.array([0.5, 1.5, -2.4]), np.array([1.0, 0.1, 3.0]))
    assert threshold.tolist() == [0, 2, -2]
    np.testing.assert_array_equal(act_step, np.array([1.0, 0.1, 3.0], np.float32))


@pytest.mark.parametrize(
    ("t", "s"),
    [
        ([0.0, np.nan], [1.0, 1.0]),
        ([0.0, 0.0], [1.0, 0.0]),
        ([0.0, 0.0], [1.0, -1.0]),
        ([0.0, 0.0], [1.0, np.inf]),
    ],
)
def test_unusable_channel_is_named(t, s):
    for fit in (lambda t, s: _akida.fit_boundaries(t, s, 4), _akida.fit_output):
        with pytest.raises(InvalidArgumentError, match="channel 1"):
            fit(np.array(t), np.array(s))


def test_arguments_are_float64_vectors():
    one = np.ones(2)
    with pytest.raises(InvalidArgumentError, match="s must be of dtype float64, received float32"):
        _akida.fit_boundaries(one, one.astype(np.float32), 4)
    with pytest.raises(InvalidArgumentError, match=r"t must be of one axis, received \(1, 2\)"):
        _akida.fit_output(one[np.newaxis], one)
    with pytest.raises(InvalidTypeError, match=r"t must be a numpy\.ndarray"):
        _akida.fit_output([1.0], one)


def test_no_channels_give_no_values():
    none = np.zeros(0)
    assert [len(a) for a in _akida.fit_boundaries(none, none, 4)] == [0, 0, 0]
    assert [len(a) for a in _akida.fit_output(none, none)] == [0, 0]
