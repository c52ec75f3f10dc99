"""Intervals hold every recorded value, and saturate nowhere too early."""

import numpy as np
import pytest

from cnn2snn.conversion.akida2.build import _REMEDIES, _cut
from cnn2snn.conversion.quantizeml import read_h5
from cnn2snn.conversion.quantizeml.integers.intervals import output_interval
from cnn2snn.conversion.quantizeml.patterns import AKIDA2, AKIDA2_INPUT
from cnn2snn.conversion.quantizeml.read_blocks import read_blocks
from tests.conversion.quantizeml.files import FIXTURES, recorded

NAMES = ["cnn_i4_w4_a4", "skip_i8_w8_a8", "lut_i8_w8_a8", "unet_i8_w8_a8", "temporal_i8_w8_a8", "float_int8_5ch"]


@pytest.mark.parametrize("name", NAMES)
def test_intervals_hold_all_recorded_outputs(name):
    reading = read_blocks(read_h5(FIXTURES / f"{name}.h5"), AKIDA2, AKIDA2_INPUT, _cut, _REMEDIES)
    meta, arrays = recorded(name)
    checked = 0
    for index, layer in enumerate(meta["layers"]):
        outputs = arrays.get(f"{index}/exact", arrays.get(f"{index}/out"))
        if outputs is None or not layer["keras"]:
            continue
        low, high = output_interval(reading.walk, layer["keras"][-1])
        values = outputs.reshape(-1, outputs.shape[-1]).astype(np.int64)
        assert np.all(low <= values.min(axis=0)), layer["name"]
        assert np.all(values.max(axis=0) <= high), layer["name"]
        checked += 1
    assert checked >= 4
