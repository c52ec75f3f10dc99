"""Layers and integers that follow from the files equal those that the published converter makes."""

import numpy as np
import pytest

from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.quantizeml import read_h5
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.quantizeml.files import FIXTURES, names, recorded

# Values saturate inside its Flatten, see test_flattening.py.
REFUSED = "flat_int8_axis"
NAMES = [name for name in names("v2", ".h5") if name != REFUSED]


def plan(name):
    return plan_model(read_h5(FIXTURES / f"{name}.h5"))


def test_every_fixture_is_found():
    assert len(NAMES) == 33


@pytest.mark.parametrize("name", NAMES)
def test_layers_of_akida_2_are_those_of_the_published_converter(name):
    expected = recorded(name)[0]["layers"]
    found = plan(name).layers
    assert [layer.name for layer in found] == [layer["name"] for layer in expected]
    assert [layer.type_name for layer in found] == [layer["type"] for layer in expected]
    assert [list(layer.inbounds) for layer in found] == [layer["inbounds"] for layer in expected]
    assert [dict(layer.parameters) for layer in found] == [layer["params"] for layer in expected]
    assert [list(layer.keras) for layer in found] == [layer["keras"] for layer in expected]
    assert [sorted(layer.variables) for layer in found] == [sorted(layer["vars"]) for layer in expected]


@pytest.mark.parametrize("name", NAMES)
def test_integers_of_akida_2_are_those_of_the_published_converter(name):
    _, expected = recorded(name)
    for index, layer in enumerate(plan(name).layers):
        for variable, values in layer.variables.items():
            other = expected[f"{index}/{variable}"]
            assert (values.dtype, values.shape) == (other.dtype, other.shape), (layer.name, variable)
            if values.dtype == np.float32:
                # The scales of the library vary by one unit in the last place between its modes.
                steps = values.view(np.int32).astype(np.int64) - other.view(np.int32)
                assert np.max(np.abs(steps)) <= 1, (layer.name, variable)
            else:
                np.testing.assert_array_equal(values, other, err_msg=f"{layer.name} {variable}")


@pytest.mark.parametrize("name", NAMES)
def test_signs_of_outputs_are_those_of_the_recorded_ranges(name):
    for layer, expected in zip(plan(name).layers, recorded(name)[0]["layers"], strict=True):
        if expected["range"] is not None:
            assert layer.output_signed == (expected["range"][0] < 0), layer.name


def test_layers_behind_the_dequantizer_are_named_and_left_out():
    model = plan("cnn_i8_w8_a8")
    assert model.ignored == ("softmax",)
    assert model.layers[-1].type_name == "Dequantizer"


def test_a_flatten_in_which_values_saturate_is_refused():
    with pytest.raises(UnsupportedModelError, match="saturate") as caught:
        plan(REFUSED)
    assert caught.value.layer == "flatten"
    assert "per tensor" in caught.value.remedy
