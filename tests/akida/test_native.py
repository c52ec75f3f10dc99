"""Functions of the native module that the conversion calls."""

import numpy as np
import pytest

from cnn2snn import _akida
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError


def test_boundaries_are_fitted_per_channel():
    ideal = np.array([[1536, 2048, 2560], [-154, 204, 563]])
    threshold, act_step, mismatches = _akida.fit_boundaries(ideal, np.array([512.0, 358.5]), 2)
    assert (threshold.dtype, act_step.dtype, mismatches.dtype) == (np.int32, np.float32, np.uint8)
    assert threshold.tolist() == [1536, -154]
    assert act_step.tolist() == [128, 358.5 / 4]
    assert mismatches.tolist() == [0, 0]


def test_outputs_keep_their_threshold():
    threshold, act_step = _akida.fit_output(np.array([0, 2, -2]), np.array([1.0, 0.1, 3.0]))
    assert threshold.tolist() == [0, 2, -2]
    np.testing.assert_array_equal(act_step, np.array([1.0, 0.1, 3.0], np.float32))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.inf, np.nan])
def test_unusable_channel_is_named(bad):
    steps = np.array([1.0, bad])
    with pytest.raises(InvalidArgumentError, match="channel 1"):
        _akida.fit_boundaries(np.zeros((2, 15), np.int64), steps, 4)
    with pytest.raises(InvalidArgumentError, match="channel 1"):
        _akida.fit_output(np.zeros(2, np.int64), steps)


def test_types_and_shapes_are_checked():
    ints, floats = np.ones(2, np.int64), np.ones(2)
    with pytest.raises(InvalidArgumentError, match="s must be of dtype float64, received float32"):
        _akida.fit_boundaries(ints, floats.astype(np.float32), 1)
    with pytest.raises(InvalidArgumentError, match="boundaries must be of dtype int64, received float64"):
        _akida.fit_boundaries(floats, floats, 1)
    with pytest.raises(InvalidArgumentError, match=r"t must be of one axis, received \(1, 2\)"):
        _akida.fit_output(ints[np.newaxis], floats)
    with pytest.raises(InvalidTypeError, match=r"t must be a numpy\.ndarray"):
        _akida.fit_output([1.0], floats)


def test_no_channels_give_no_values():
    none, ints = np.zeros(0), np.zeros(0, np.int64)
    assert [len(a) for a in _akida.fit_boundaries(ints, none, 4)] == [0, 0, 0]
    assert [len(a) for a in _akida.fit_output(ints, none)] == [0, 0]
