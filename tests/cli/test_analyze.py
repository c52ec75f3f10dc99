"""`cnn2snn analyze` on files."""

import json

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.analysis import quantization


@pytest.fixture
def files():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", name="first"),
            layers.ReLU(6.0, name="relu"),
            layers.SeparableConv2D(6, 3, name="second"),
            layers.ReLU(6.0, name="relu_2"),
            layers.Flatten(name="flatten"),
            layers.Dense(7, name="classes"),
        ]
    )
    model.save("f.keras")
    cnn2snn.quantize(model, 2, 2, 8).save("q.keras")
    rng = np.random.default_rng(0)
    np.save("x.npy", (rng.integers(0, 256, (40, 8, 8, 1)) / 255).astype(np.float32))
    np.save("y.npy", rng.integers(0, 7, 40))
    return ("analyze", "-m", "f.keras", "-q", "q.keras", "x.npy")


def load(name):
    return cnn2snn.load_quantized_model(name, compile_model=False)


@pytest.mark.parametrize("options", [(), ("--labels", "y.npy"), ("--apart",), ("--fast",)])
def test_the_report_fits_a_terminal(command, files, options):
    result = command(*files, *options)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("40 samples\nNetwork ")
    assert max(map(len, result.out.splitlines())) <= 80


def test_json_has_everything(report, files):
    values = report(*files, "--labels", "y.npy", "--apart")
    cost = quantization(load("f.keras"), load("q.keras"), np.load("x.npy"), np.load("y.npy"), apart=True)
    assert values == {
        "file": "f.keras",
        "quantized": "q.keras",
        "samples_file": "x.npy",
        **json.loads(json.dumps(cost.to_dict())),
    }


def test_fewer_samples_may_be_used(report, files):
    assert report(*files, "-n", 10, "--labels", "y.npy")["samples"] == 10


def test_integers_of_the_chip_and_a_scaling(report, files):
    wanted = report(*files)["networks"]
    np.save("x.npy", np.rint(np.load("x.npy") * 255).astype(np.uint8))
    assert report(*files, "-sc", 255, "-sh", 0)["networks"] == wanted


def test_a_missing_file_is_named(command, files):
    result = command("analyze", "-m", "f.keras", "-q", "none.keras", "x.npy")
    assert (result.code, result.out) == (1, "")
    assert result.err == "cnn2snn: error: none.keras: No such file or directory\n"
