"""`cnn2snn info`, `diff` and `run` on models of Akida 2.0."""

import os

import numpy as np
import pytest

from cnn2snn import akida
from tests.akida.akida2_models import model_of_every_layer, queue_model, steps


@pytest.fixture
def network():
    """`net.fbz`: floats of shape (8, 6, 3) to three classes."""
    model = model_of_every_layer()
    model.save("net.fbz")
    return model


@pytest.fixture
def floats():
    """`x.npy`: float inputs for `network`."""
    values = np.random.default_rng(3).uniform(-3, 3, (23, 8, 6, 3)).astype(np.float32)
    np.save("x.npy", values)
    return values


@pytest.fixture
def queue():
    """`queue.fbz`: outputs are 10 times the input before, plus the newest input, halved by predict."""
    model = queue_model()
    model.add(akida.Dequantizer("floats"))
    model.get_layer("floats").set_variable("scales", np.array([0.5], np.float32))
    model.save("queue.fbz")
    return model


@pytest.fixture
def clip():
    """`clip.npy`: four steps of two streams."""
    values = steps([1, 5], [2, 0], [-3, 1], [0, 7])
    np.save("clip.npy", values)
    return values


def test_info_shows_layers_and_variables(command, report, network):
    out = command("info", "net.fbz").out
    assert "Hardware  Akida 2.0\nInput     8×6×3, float32\n" in out
    assert max(map(len, out.splitlines())) <= 80
    values = report("info", "net.fbz")
    assert (values["ip_version"], values["input_dtype"], values["output_bits"]) == ("v2", "float32", 32)
    assert [layer["name"] for layer in values["layers"]] == [layer.name for layer in network.layers]


def test_dump_writes_every_variable(command, network):
    assert command("info", "net.fbz", "--dump", "out").code == 0
    for index, layer in enumerate(network.layers):
        for name, values in layer.variables.items():
            dumped = np.load(f"out/{index:03d}.{layer.name}.{name}.npy")
            assert dumped.dtype == values.dtype
            np.testing.assert_array_equal(dumped, values)


def test_diff_compares_values(command, network):
    assert command("diff", "net.fbz", "net.fbz").out == "The models are equal.\n"
    shift = network.get_layer("sum").get_variable("output_shift")
    network.get_layer("sum").set_variable("output_shift", shift + np.int8(1))
    network.save("other.fbz")
    result = command("diff", "net.fbz", "other.fbz")
    assert result.code == 1
    assert result.out.startswith("sum.output_shift: 4 of 4 values differ, by at most 1; at (0): ")


def test_forward_predict_and_classes_of_float_inputs(command, network, floats):
    for options, run in (([], network.forward), (["--predict"], network.predict)):
        result = command("run", "net.fbz", "x.npy", "-o", "o.npy", *options)
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith("Inputs    23×8×6×3 float32\n")
        np.testing.assert_array_equal(np.load("o.npy"), run(floats))
    assert command("run", "net.fbz", "x.npy", "-o", "o.npy", "--classes").code == 0
    np.testing.assert_array_equal(np.load("o.npy"), network.predict_classes(floats))


@pytest.mark.parametrize("mode", [[], ["--predict"], ["--classes"]])
def test_labels_are_compared_with_floats(report, network, floats, mode):
    scales = np.array([1e-6, 1, 1e-6], np.float32)
    network.get_layer("floats").set_variable("scales", scales)
    network.save("net.fbz")
    labels = network.predict_classes(floats)
    assert labels.tolist() != network.forward(floats).reshape(23, 3).argmax(axis=1).tolist()
    np.save("labels.npy", labels)
    assert report("run", "net.fbz", "x.npy", "--labels", "labels.npy", *mode)["accuracy"] == 1


def test_a_nan_is_found_in_the_file(command, network, floats, monkeypatch):
    monkeypatch.setattr("cnn2snn.cli.run._CHECKED_VALUES", 500)
    floats[17, 2, 0, 1] = np.nan
    np.save("x.npy", floats)
    result = command("run", "net.fbz", "x.npy", "-o", "o.npy")
    assert (result.code, result.err) == (1, "cnn2snn: error: inputs must be numbers, received NaN at [17, 2, 0, 1]\n")
    assert not os.path.exists("o.npy")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 8, 6, 3)), "inputs must be of dtype float32, received float64"),
        (np.zeros((3, 8, 6, 3), np.uint8), "inputs must be of dtype float32, received uint8"),
        (np.zeros((3, 8, 6, 2), np.float32), "inputs must be of shape (n, 8, 6, 3), received (3, 8, 6, 2)"),
        (np.zeros((2, 3, 8, 6, 3), np.float32), "inputs must be of shape (n, 8, 6, 3), received (2, 3, 8, 6, 3)"),
    ],
)
def test_refused_inputs_are_told(command, network, values, message):
    np.save("x.npy", values)
    result = command("run", "net.fbz", "x.npy")
    assert result.code == 1
    assert result.err.startswith(f"cnn2snn: error: {message}")


def test_explain_tells_every_layer(report, network, floats):
    plan = report("run", "net.fbz", "x.npy", "--explain")["plan"]
    assert [layer["layer"] for layer in plan["layers"]] == [layer.name for layer in network.layers]


@pytest.mark.parametrize("options", [[], ["-b", "1"], ["-b", "3"], ["-t", "2"]])
def test_clips_are_run_step_by_step(command, report, queue, clip, options):
    result = report("run", "queue.fbz", "clip.npy", "-o", "o.npy", *options)
    outputs = np.load("o.npy")
    assert (outputs.dtype, outputs.shape) == (np.int8, (4, 2, 1, 1, 1))
    assert outputs.reshape(4, 2).tolist() == [[1, 5], [12, 50], [17, 1], [-30, 17]]
    assert result["inputs"] == {"file": "clip.npy", "shape": [4, 2, 1, 1, 1], "dtype": "int8"}
    assert result["outputs"]["shape"] == [4, 2, 1, 1, 1]


def test_a_clip_of_one_stream_needs_no_axis_of_streams(command, queue, clip):
    np.save("one.npy", clip[:, 1])
    assert command("run", "queue.fbz", "one.npy", "-o", "o.npy", "--predict").code == 0
    outputs = np.load("o.npy")
    assert (outputs.dtype, outputs.shape) == (np.float32, (4, 1, 1, 1))
    assert outputs.ravel().tolist() == [2.5, 25, 0.5, 8.5]


def test_classes_and_labels_of_clips(command, report):
    queue = akida.DepthwiseBufferTempConv(2, name="queue")
    model = akida.Model(layers=[akida.InputData((1, 1, 2), 8), queue])
    queue.set_variable("weights", np.array([[10, 10], [1, 1]], np.int8).reshape(1, 1, 2, 2))
    model.save("queue.fbz")
    values = np.array([[[3, 0], [0, 3]], [[0, 9], [1, 0]], [[0, 0], [0, 0]]], np.int8).reshape(3, 2, 1, 1, 2)
    np.save("clip.npy", values)
    assert command("run", "queue.fbz", "clip.npy", "--classes", "-o", "o.npy").code == 0
    assert np.load("o.npy").tolist() == [[0, 1], [0, 1], [1, 0]]
    np.save("labels.npy", np.array([[0, 1], [0, 1], [1, 1]]))
    for mode in ([], ["--classes"]):
        found = report("run", "queue.fbz", "clip.npy", "--labels", "labels.npy", *mode)
        assert (found["correct"], found["classes"]) == (5, {"0": 3, "1": 3})
    np.save("labels.npy", np.zeros(3, int))
    result = command("run", "queue.fbz", "clip.npy", "--labels", "labels.npy")
    assert result.err == "cnn2snn: error: labels.npy: labels must be of shape (3, 2), one per input, received (3,)\n"


def test_float_outputs_are_refused_before_a_clip_is_run(command, clip, monkeypatch):
    queue_model().save("queue.fbz")
    monkeypatch.setattr(akida.Session, "run_clip", None)
    result = command("run", "queue.fbz", "clip.npy", "--predict")
    assert result.code == 1
    assert 'layer "queue": predict needs a Dequantizer' in result.err


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 2, 1, 1, 1), np.uint8), "inputs must be of dtype int8, received uint8"),
        (np.zeros((4, 1, 1, 1), np.int16), "inputs must be of dtype int8, received int16"),
        (np.zeros((4, 1, 1), np.int8), "inputs must be of shape (t, n, 1, 1, 1), received (4, 1, 1)"),
        (np.zeros((4, 2, 1, 1, 2), np.int8), "inputs must be of shape (t, n, 1, 1, 1), received (4, 2, 1, 1, 2)"),
    ],
)
def test_refused_clips_are_told(command, queue, values, message):
    np.save("clip.npy", values)
    result = command("run", "queue.fbz", "clip.npy")
    assert result.code == 1
    assert result.err.startswith(f"cnn2snn: error: {message}")
