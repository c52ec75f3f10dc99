"""`cnn2snn compare` on files."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida
from cnn2snn.transforms import snap_to_chip
from tests.keras.test_compare import lively


@pytest.fixture
def files():
    model = snap_to_chip(lively(), (255, 0))
    model.save("q.keras")
    cnn2snn.convert(model, "m.fbz", input_scaling=(255, 0))
    np.save("x.npy", np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8))
    return ("compare", "-m", "q.keras", "m.fbz", "x.npy")


def edit():
    model = akida.Model("m.fbz")
    layer = model.get_layer("last_conv")
    layer.set_variable("weights", np.ascontiguousarray(layer.get_variable("weights")[::-1, ::-1]))
    model.save("m.fbz")


def test_models_that_agree(command, report, files):
    result = command(*files)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].split() == ["layer", "values", "differ", "by"]
    assert lines[-1] == "No value differs on 6 samples."
    assert max(map(len, lines)) <= 80
    values = report(*files)
    assert (values["file"], values["converted"], values["samples"]) == ("q.keras", "m.fbz", 6)
    assert values["input_scaling"] == [255.0, 0.0]
    assert values["first"] is None


def test_a_fault_is_told_and_gives_code_1(command, files):
    edit()
    result = command(*files)
    assert (result.code, result.err) == (1, "")
    assert 'First: layer "last_conv", sample 0' in result.out
    assert "flipped on both axes" in " ".join(result.out.split())
    assert max(map(len, result.out.splitlines())) <= 80


def test_the_input_scaling_may_be_given(command, files):
    assert command(*files, "-sc", 255, "-sh", 0).code == 0
    result = command(*files, "-sc", 128, "-sh", 0)
    assert result.code == 1
    assert "converted for inputs 255 x +0" in " ".join(result.out.split())


def test_the_figure_is_saved(command, files):
    assert command(*files, "--figure", "f.png").code == 0
    with open("f.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"
    assert command(*files, "--figure", "f.txt").code == 2


def test_what_cannot_be_compared_gives_code_2(command, files):
    np.save("y.npy", np.zeros((2, 8, 8, 1)) + 0.5)
    result = command(*files[:-1], "y.npy")
    assert result.code == 2
    assert result.err.startswith("cnn2snn: error: inputs must be integers in 0..255, received 0.5")
