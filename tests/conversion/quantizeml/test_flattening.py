"""Flatten of a tensor that is quantized per axis: converted where nothing saturates."""

import numpy as np
import pytest

from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.quantizeml import read_h5
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.quantizeml.files import changed

RANGES = "re_lu/re_lu/output_quantizer/range_max:0"


def plan(folder, ranges, bound=6.0):
    def change(layers):
        layers["re_lu"]["config"]["max_value"] = bound

    return plan_model(read_h5(changed("flat_int8_axis", folder, change, {RANGES: ranges})))


def test_equal_precision_needs_no_proof(tmp_path):
    dense = plan(tmp_path, np.full(8, 6)).layers[2]
    assert dense.variables["input_shift"].tolist() == [0] * 8


def test_a_bound_that_leaves_room_is_a_proof(tmp_path):
    """A bound of 6 is 48 with 3 fractional bits, and 96 with 4, which all other channels have."""
    ranges = np.full(8, 6.0)
    ranges[2] = 16
    dense = plan(tmp_path, ranges).layers[2]
    assert dense.variables["input_shift"].tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert dense.variables["input_shift"].dtype == np.uint8


def test_without_the_bound_values_may_saturate(tmp_path):
    ranges = np.full(8, 6.0)
    ranges[2] = 16
    with pytest.raises(UnsupportedModelError, match="values of channel 2") as caught:
        plan(tmp_path, ranges, bound=None)
    assert 'the output of "re_lu" per tensor' in caught.value.remedy
