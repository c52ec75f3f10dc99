"""Temporal layers of ONNX models."""

from pathlib import Path

import numpy as np
import onnx
import pytest

import cnn2snn
from cnn2snn.analysis import compare
from cnn2snn.conversion.onnx import plan_onnx, read_onnx_model
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.onnx.files import node_of, set_attribute, set_constant

FIXTURES = Path(__file__).parents[2] / "fixtures" / "onnx-temporal"
TEMPORAL = ["BufferTempConv", "DepthwiseBufferTempConv"]


def load():
    return onnx.load(FIXTURES / "relu.onnx")


def temporal_nodes(model):
    return [node for node in model.graph.node if "BufferTempConv" in node.op_type]


@pytest.mark.parametrize("name", ["relu", "linear"])
def test_frame_by_frame_outputs_are_those_of_onnx_runtime(name):
    model = cnn2snn.convert(FIXTURES / f"{name}.onnx")
    assert [type(layer).__name__ for layer in model.layers if "Temp" in type(layer).__name__] == TEMPORAL
    scales = model.layers[-1].get_variable("scales")
    with np.load(FIXTURES / f"{name}.npz") as file:
        frames, outputs = file["x"], file["y"]
    assert np.unique(outputs).size > 100
    for frame, output in zip(frames, outputs, strict=True):
        np.testing.assert_array_equal(model.forward(frame), np.rint(output / scales))


def refused(model):
    with pytest.raises(UnsupportedModelError) as caught:
        plan_onnx(read_onnx_model(model))
    return caught.value


@pytest.mark.parametrize("place", [0, 1])
def test_weights_that_do_not_fit_the_queue_are_refused(place):
    model = load()
    node = temporal_nodes(model)[place]
    set_attribute(node, "fifo_size", 2)
    error = refused(model)
    assert (error.layer, error.kind) == (node.name, "constant")
    assert error.expected[:2] == ((5, 8) if place == 0 else (6, 2))


@pytest.mark.parametrize("size", [0, -3, [3]])
@pytest.mark.parametrize("place", [0, 1])
def test_a_queue_without_a_length_is_refused(place, size):
    model = load()
    node = temporal_nodes(model)[place]
    set_attribute(node, "fifo_size", size)
    assert refused(model).layer == node.name


def test_weights_of_another_type_are_refused():
    model = load()
    node = temporal_nodes(model)[0]
    set_constant(model, f"{node.name}_Wi", lambda values: values.astype(np.int16))
    assert "must be int8" in str(refused(model))


@pytest.mark.parametrize("part", ["MaxPool", "GlobalAvgPool", "LUT"])
def test_poolings_and_tables_of_temporal_layers_are_refused(part):
    model = load()
    node = node_of(model, temporal_nodes(model)[0].name)
    new = node.op_type.replace("ReLU", part if part == "LUT" else f"{part}ReLU")
    next(function for function in model.functions if function.name == node.op_type).name = new
    node.op_type = new
    error = refused(model)
    assert (error.kind, error.received) == ("pattern", new)
    assert "ReLU" in error.remedy


@pytest.mark.parametrize("name", ["relu", "linear"])
def test_comparison_evaluates_queues(name):
    path = FIXTURES / f"{name}.onnx"
    with np.load(FIXTURES / f"{name}.npz") as file:
        frames = file["x"]
    comparison = compare(path, cnn2snn.convert(path), frames)
    assert comparison.first is None
    assert comparison.samples == frames.shape[0] * frames.shape[1]
    assert all(layer.total for layer in comparison.layers)


def test_comparison_tells_of_an_edited_temporal_layer():
    model = cnn2snn.convert(FIXTURES / "linear.onnx")
    layer = next(layer for layer in model.layers if type(layer).__name__ == "BufferTempConv")
    weights = layer.get_variable("weights")
    weights[0, 0, 0] ^= 64
    layer.set_variable("weights", weights)
    with np.load(FIXTURES / "linear.npz") as file:
        comparison = compare(FIXTURES / "linear.onnx", model, file["x"])
    assert (comparison.first.layer, comparison.first.cause) == (layer.name, "weights")
    assert [edit.layer for edit in comparison.edits] == [layer.name]


@pytest.mark.parametrize("change", ["size", "itself"])
def test_functions_of_another_form_are_not_evaluated(change):
    model = load()
    inner = next(function for function in model.functions if function.name == "BufferTempConv")
    if change == "size":
        attribute = next(attribute for attribute in inner.node[0].attribute if attribute.name == "fifo_size")
        attribute.CopyFrom(onnx.helper.make_attribute("fifo_size", 2**40))
    else:
        inner.node[1].op_type = "BufferTempConv"
    frames = np.zeros((1, 1, 3, 6, 7), np.float32)
    with pytest.raises(UnsupportedModelError, match="in a form that functions of QuantizeML do not have"):
        compare(model, cnn2snn.convert(FIXTURES / "relu.onnx"), frames)
