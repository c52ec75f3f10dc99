"""`cnn2snn compare` on files of QuantizeML."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import AkidaVersion, akida, set_akida_version
from tests.conversion.quantizeml.files import FIXTURES, recorded
from tests.fresh_interpreter import run_without_keras


def files(name, version="v2"):
    """A fixture, the model made of it and samples, in the working folder, as arguments of the command."""
    shutil.copyfile(FIXTURES / name, name)
    with set_akida_version(AkidaVersion(version)):
        model = cnn2snn.convert(name, "m.fbz")
    meta, arrays = recorded(Path(name).stem)
    samples = arrays["x"].reshape(*arrays["x"].shape[: 2 if meta.get("calls") else 1], *model.input_shape)
    np.save("x.npy", samples)
    return "compare", "-m", name, "m.fbz", "x.npy"


@pytest.mark.parametrize("name", ["digits_trained.h5", "temporal_i8_w8_a8.h5", "onnx_add.onnx"])
def test_models_that_agree(command, report, name):
    arguments = files(name)
    result = command(*arguments)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].split() == ["layer", "values", "differ", "by"]
    assert lines[-1].startswith("No value differs on ")
    assert max(map(len, lines)) <= 80
    values = report(*arguments)
    assert (values["file"], values["converted"], values["reference"]) == (name, "m.fbz", "QuantizeML")
    assert values["first"] is None


def test_rounding_of_quantizeml_is_no_fault(command):
    result = command(*files("pico_int16.h5"))
    assert (result.code, result.err) == (0, "")
    text = " ".join(result.out.split())
    assert 'First: layer "b1_out", step' in text
    assert "float32 rounding in QuantizeML" in text


def test_a_fault_is_told_and_gives_code_1(command):
    arguments = files("digits_trained.h5")
    model = akida.Model("m.fbz")
    layer = model.get_layer("conv2d_2")
    layer.set_variable("output_shift", layer.get_variable("output_shift") + np.int8(1))
    model.save("m.fbz")
    result = command(*arguments)
    assert (result.code, result.err) == (1, "")
    assert 'First: layer "conv2d_2", sample 0' in result.out
    assert "values of output_shift are not those of conversion" in " ".join(result.out.split())
    assert max(map(len, result.out.splitlines())) <= 80
    assert '"cause": "output_shift"' in command(*arguments, "--json").out


def test_akida_1_is_compared_whatever_the_version_in_force(command):
    result = command(*files("mixed_v1_i8_w4_a4.h5", "v1"))
    assert (result.code, result.err) == (0, "")
    assert "format" in result.out.splitlines()[0].split()
    assert "First: layer" in result.out


def test_what_cannot_be_compared_gives_code_2(command):
    arguments = files("digits_trained.h5")
    for wrong, message in [
        ((*arguments, "-sc", 255, "-sh", 0), "has no input_scaling"),
        (("compare", "-m", "none.h5", *arguments[3:]), "none.h5"),
        (("compare", "-m", "x.npy", *arguments[3:]), ".onnx"),
    ]:
        result = command(*wrong)
        assert result.code == 2
        assert message in result.err
        assert result.err.count("\n") == 1


def test_the_figure_is_saved(command):
    assert command(*files("digits_trained.h5"), "--figure", "f.png").code == 0
    assert Path("f.png").read_bytes()[:4] == b"\x89PNG"


def test_the_command_works_without_tensorflow():
    arguments = list(files("digits_trained.h5"))
    code = f"""
    from cnn2snn.cli import main
    sys.exit(main({arguments!r}))
    """
    result = run_without_keras(code, Path.cwd())
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "No value differs on 6 samples."
