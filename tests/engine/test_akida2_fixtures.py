"""The oracle of Akida 2.0 on models that QuantizeML quantized: every integer of every layer is the recorded one.

`tests/fixtures/quantizeml/README.md` says where the files come from.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.oracle import akida2
from tests.oracle.akida2 import checks
from tests.oracle.quantizeml_fixtures import AKIDA2, load

# Of all outputs that are recorded for Akida 2.0, counted once.
RECORDED_VALUES = 1_847_992
# Keras saturates inside Flatten, which the converter drops: all layers behind it differ, as the README says.
SATURATING_FLATTEN = "flat_int8_axis"
ULPS = 2


@cache
def outputs(name: str, keras_rounding: bool = False) -> list[np.ndarray]:
    """The oracle's outputs of every layer, calls first."""
    fixture = load(name)
    session = akida2.Session(fixture.model)
    calls = [session.run(x, keras_rounding=keras_rounding) for x in fixture.calls]
    return [np.stack(layer) for layer in zip(*calls, strict=True)]


@pytest.mark.parametrize("name", AKIDA2)
def test_every_layer_gives_the_exact_integers(name):
    fixture = load(name)
    for layer, found, expected in zip(fixture.model, outputs(name), fixture.exact, strict=True):
        if expected is not None:
            assert found.shape == expected.shape, layer["name"]
            differ = int((found != expected).sum())
            assert differ == 0, f"{layer['name']}: {differ} of {expected.size} differ"


@pytest.mark.parametrize("name", [name for name in AKIDA2 if name != SATURATING_FLATTEN])
def test_float32_rounding_is_all_that_distinguishes_keras(name):
    """With the steps of scales and shifts in float32, the oracle gives what Keras gave."""
    fixture = load(name)
    for layer, found, expected in zip(fixture.model, outputs(name, True), fixture.out, strict=True):
        if expected is not None:
            np.testing.assert_array_equal(found, expected, err_msg=layer["name"])


def test_nothing_recorded_is_left_out():
    recorded = {name: [o for o in load(name).out if o is not None] for name in AKIDA2}
    assert sum(o.size for outs in recorded.values() for o in outs) == RECORDED_VALUES
    for name, outs in recorded.items():
        silent = ("InputData", "Dequantizer")
        assert len(outs) == sum(layer["type"] not in silent for layer in load(name).model), name


@pytest.mark.parametrize("name", [name for name in AKIDA2 if name != SATURATING_FLATTEN])
def test_float_outputs_are_those_of_the_dequantizer(name):
    """Within two units in the last place.

    Keras divides by 2^f, which is exact, and multiplies by s; the recorded scale is s / 2^f. Both round one product, so
    equal s give equal outputs. QuantizeML computes s itself in two ways that differ by one unit in the last place: at
    most two units of the product, as a significand may double its relative error. `pico_int16` has no Dequantizer.
    """
    fixture = load(name)
    found = outputs(name)[-1].astype(np.float32).reshape(fixture.y.shape)
    distance = np.abs(found.astype(np.float64) - fixture.y)
    assert (distance <= ULPS * np.spacing(np.abs(fixture.y))).all()


@pytest.mark.parametrize("name", AKIDA2)
def test_recorded_models_are_accepted(name):
    checks.check(load(name).model)


@pytest.mark.parametrize("name", AKIDA2)
def test_outputs_have_the_recorded_range_and_storage(name):
    fixture = load(name)
    for layer, found in zip(fixture.layers, outputs(name), strict=True):
        if layer["range"]:
            low, high = layer["range"]
            assert low <= found.min() <= found.max() <= high
            bits = layer["params"]["output_bits"]
            expected = ("uint" if low == 0 else "int") + str(8 if bits <= 8 else bits)
            assert found.dtype == expected


def test_streams_do_not_depend_on_one_another():
    fixture = load("temporal_i8_w8_a8")
    for stream in range(2):
        session = akida2.Session(fixture.model)
        for call, x in enumerate(fixture.calls):
            alone = session.run(x[stream : stream + 1])
            for together, found in zip(outputs("temporal_i8_w8_a8"), alone, strict=True):
                np.testing.assert_array_equal(found[0], together[call, stream])


def test_every_fixture_of_akida2_is_found():
    folder = Path(__file__).parents[1] / "fixtures" / "quantizeml"
    assert len(AKIDA2) == 38
    assert len(list(folder.glob("*.npz"))) == 46
