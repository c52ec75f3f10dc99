"""Paddings of Akida that give the windows of pads."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn2snn.conversion.onnx.padding import PADDINGS, Axis, choose_padding


def begins(axis):
    """Where windows begin, and which values each reads."""
    values = np.pad(np.arange(1, axis.length + 1), (axis.before, axis.after))
    starts = range(0, len(values) - axis.window + 1, axis.stride)
    return [values[start : start + axis.window].tolist() for start in starts]


def pads(padding, length, window, stride):
    """The pads of a padding, by its rule."""
    if padding == "Valid":
        return 0, 0
    total = max((-(-length // stride) - 1) * stride + window - length, 0)
    before = total // 2 if padding == "Same" else (total + 1) // 2
    return before, total - before


@given(st.integers(1, 12), st.integers(1, 7), st.integers(1, 4), st.integers(0, 4), st.integers(0, 4))
def test_a_padding_that_fits_gives_the_same_windows(length, window, stride, before, after):
    axis = Axis(length, window, stride, before, after)
    for padding in PADDINGS:
        own = Axis(length, window, stride, *pads(padding, length, window, stride))
        if own.count >= 1 and axis.count >= 1:
            assert axis.fits(padding) == (begins(axis) == begins(own) and own.before == before)


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (Axis(24, 3, 2, 1, 1), "SameUpper"),
        (Axis(24, 3, 2, 0, 1), "Same"),
        (Axis(23, 3, 2, 1, 1), "Same"),
        (Axis(24, 3, 1, 1, 1), "Same"),
        (Axis(24, 3, 1, 0, 0), "Valid"),
        (Axis(24, 1, 1, 0, 0), "Same"),
        (Axis(24, 1, 2, 0, 0), "Same"),
        (Axis(24, 3, 1, 2, 2), None),
        (Axis(2, 5, 1, 0, 0), None),
    ],
)
def test_pads_of_exporters(axis, expected):
    assert choose_padding([axis, axis], []) == expected


def test_a_max_pooling_without_pads_behind_a_convolution_without_pads_is_valid():
    axis = Axis(10, 3, 1, 0, 0)
    assert choose_padding([axis, axis], [Axis(8, 2, 2, 0, 0)] * 2) == "Valid"


def test_a_max_pooling_that_cuts_an_odd_size_has_no_padding():
    axis = Axis(9, 3, 1, 1, 1)
    assert choose_padding([axis, axis], [Axis(9, 2, 2, 0, 0)] * 2) is None
