"""The evaluation of QuantizeML networks in float32: the recorded integers of Keras and ONNX Runtime, in every layer."""

import numpy as np
import pytest

from cnn2snn.analysis.float32 import Evaluator
from cnn2snn.analysis.float32.onnx_model import OnnxEvaluator
from cnn2snn.conversion.quantizeml import read_h5
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.quantizeml.files import FIXTURES, names, recorded

KERAS = [*names("v2", ".h5"), *names("v1", ".h5")]
ONNX = names("v2", ".onnx")


def calls(meta, arrays):
    return arrays["x"] if meta.get("calls") else arrays["x"][None]


def outputs(name, exact):
    """Of every layer that was recorded its name, what was recorded, and what the evaluation gives."""
    meta, arrays = recorded(name)
    evaluator = Evaluator(read_h5(FIXTURES / f"{name}.h5"), exact)
    ends = {k: layer["keras"][-1] for k, layer in enumerate(meta["layers"]) if layer["keras"] and f"{k}/out" in arrays}
    found = [evaluator.run(x, set(ends.values())) for x in calls(meta, arrays)]
    for k, end in ends.items():
        values = np.stack([call[end].values for call in found])
        yield meta["layers"][k]["name"], k, values.reshape(arrays[f"{k}/out"].shape), arrays


@pytest.mark.parametrize("name", KERAS)
def test_float32_gives_the_integers_that_keras_gave(name):
    compared = 0
    for layer, k, values, arrays in outputs(name, exact=False):
        assert values.dtype == np.float32
        np.testing.assert_array_equal(values, arrays[f"{k}/out"], err_msg=layer)
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize("name", [name for name in names("v2", ".h5") if name != "flat_int8_axis"])
def test_double_precision_gives_the_exact_integers(name):
    for layer, k, values, arrays in outputs(name, exact=True):
        expected = arrays.get(f"{k}/exact", arrays[f"{k}/out"])
        np.testing.assert_array_equal(values, expected, err_msg=layer)


def test_float32_and_double_precision_are_not_the_same_everywhere():
    rounded, exact = (list(outputs("pico_int16", exact)) for exact in (False, True))
    assert any(np.any(one[2] != two[2]) for one, two in zip(rounded, exact, strict=True))


@pytest.mark.parametrize("name", KERAS)
def test_the_floats_of_the_dequantizer_are_those_of_keras(name):
    meta, arrays = recorded(name)
    evaluator = Evaluator(read_h5(FIXTURES / f"{name}.h5"))
    end = next((layer.name for layer in evaluator.layers.values() if layer.kind == "Dequantizer"), None)
    assert end is not None
    found = np.stack([evaluator.run(x, [end])[end].floats() for x in calls(meta, arrays)])
    np.testing.assert_allclose(found.reshape(arrays["y"].shape), arrays["y"], rtol=3e-7, atol=0)


@pytest.mark.parametrize("name", ONNX)
def test_onnx_models_give_the_integers_of_onnx_runtime(name):
    onnx = pytest.importorskip("onnx")
    meta, arrays = recorded(name)
    evaluator = OnnxEvaluator(onnx.load(FIXTURES / f"{name}.onnx"))
    found = evaluator.run(arrays["x"])
    compared = 0
    for k, layer in enumerate(meta["layers"]):
        if f"{k}/out" in arrays and layer["name"] in found:
            expected = arrays[f"{k}/out"]
            np.testing.assert_array_equal(found[layer["name"]].reshape(expected.shape), expected)
            sources = [found[meta["layers"][i]["name"]] for i in layer["inbounds"] if _is_node(meta, i)]
            if sources and len(sources) == len(layer["inbounds"]):
                np.testing.assert_array_equal(
                    evaluator.exact(layer["name"], sources, "reference"), found[layer["name"]]
                )
            compared += 1
    assert compared >= 6


def _is_node(meta, index):
    return meta["layers"][index]["type"] != "InputData"


def test_layers_are_let_go_once_they_are_read():
    evaluator = Evaluator(read_h5(FIXTURES / "skip_i8_w8_a8.h5"))
    _, arrays = recorded("skip_i8_w8_a8")
    name = list(evaluator.layers)[5]
    assert list(evaluator.run(arrays["x"], [name])) == [name]


def test_functions_with_foreign_operators_are_refused():
    onnx = pytest.importorskip("onnx")
    model = onnx.load(FIXTURES / "onnx_add.onnx")
    model.functions[1].node[0].op_type = "Tile"
    with pytest.raises(UnsupportedModelError, match="operator Tile") as caught:
        OnnxEvaluator(model)
    assert caught.value.received == "Tile"


def test_functions_that_no_node_calls_are_left_alone():
    onnx = pytest.importorskip("onnx")
    model = onnx.load(FIXTURES / "onnx_add.onnx")
    for name in ("activation", "Tile"):
        function = onnx.FunctionProto(name=name, domain="com.brainchip", input=["X"], output=["Y"])
        function.node.add(op_type="Equal", input=["X", "X"], output=["Y"])
        model.functions.append(function)
    _, arrays = recorded("onnx_add")
    own = OnnxEvaluator(onnx.load(FIXTURES / "onnx_add.onnx")).run(arrays["x"])
    np.testing.assert_array_equal(OnnxEvaluator(model).run(arrays["x"])["conv7"], own["conv7"])
