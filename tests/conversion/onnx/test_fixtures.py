"""Layers and integers that follow from ONNX files equal those that the published converter makes."""

import numpy as np
import pytest

from cnn2snn.conversion.onnx import plan_onnx, read_onnx, read_onnx_model
from tests.conversion.onnx.files import load
from tests.conversion.quantizeml.files import FIXTURES, names, recorded
from tests.fresh_interpreter import run_without_keras

NAMES = names("v2", ".onnx")


def test_every_fixture_is_found():
    assert len(NAMES) == 4


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_those_of_the_published_converter(name):
    expected = recorded(name)[0]["layers"]
    found = plan_onnx(read_onnx(FIXTURES / f"{name}.onnx")).layers
    assert [layer.name for layer in found] == [layer["name"] for layer in expected]
    assert [layer.type_name for layer in found] == [layer["type"] for layer in expected]
    assert [list(layer.inbounds) for layer in found] == [layer["inbounds"] for layer in expected]
    assert [dict(layer.parameters) for layer in found] == [layer["params"] for layer in expected]
    assert [sorted(layer.variables) for layer in found] == [sorted(layer["vars"]) for layer in expected]


@pytest.mark.parametrize("name", NAMES)
def test_variables_are_those_of_the_published_converter(name):
    _, expected = recorded(name)
    for index, layer in enumerate(plan_onnx(read_onnx(FIXTURES / f"{name}.onnx")).layers):
        for variable, values in layer.variables.items():
            other = expected[f"{index}/{variable}"]
            assert (values.dtype, values.shape) == (other.dtype, other.shape), (layer.name, variable)
            np.testing.assert_array_equal(values, other, err_msg=f"{layer.name} {variable}")


def test_a_model_in_memory_gives_the_layers_of_its_file():
    plan = plan_onnx(read_onnx_model(load("onnx_add")))
    assert [layer.type_name for layer in plan.layers][:2] == ["Quantizer", "InputConv2D"]


def test_reading_needs_no_tensorflow(tmp_path):
    code = f"""
        from cnn2snn.conversion.onnx import plan_onnx, read_onnx
        print(len(plan_onnx(read_onnx({str(FIXTURES / "onnx_add.onnx")!r})).layers))
        """
    result = run_without_keras(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "9"
