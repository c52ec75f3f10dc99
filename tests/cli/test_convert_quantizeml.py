"""`cnn2snn convert` on files of QuantizeML."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import AkidaVersion, akida
from tests.conversion.quantizeml.files import FIXTURES, recorded
from tests.fresh_interpreter import run_without_keras

VARIABLE = "CNN2SNN_TARGET_AKIDA_VERSION"
EXACT = "Every layer of Akida 2.0 gives the integers of the quantized network."


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def fixture_file():
    """Copies a fixture into the working folder."""

    def copy(name):
        shutil.copyfile(FIXTURES / name, name)
        return name

    return copy


def converted(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cnn2snn.convert(name)


@pytest.mark.parametrize("name", ["ds_cnn_kws_i8_w8_a8.h5", "onnx_add.onnx"])
def test_the_result_lies_beside_the_file_under_its_name(command, fixture_file, name):
    result = command("convert", "-m", fixture_file(name))
    assert result.code == 0
    softmax = "cnn2snn: warning: layers behind the Dequantizer are not converted: act_softmax\n"
    assert result.err == (softmax if name.endswith(".h5") else "")
    target = Path(name).with_suffix(".fbz")
    assert result.out.splitlines() == [f"Model converted and saved to {target}", EXACT]
    assert akida.Model(target).to_dict() == converted(name).to_dict()


def test_the_converted_model_runs_and_classifies(command, report, fixture_file):
    _, arrays = recorded("digits_trained")
    np.save("images.npy", arrays["images"])
    values = report("convert", "-m", fixture_file("digits_trained.h5"), "-o", "digits.fbz")
    assert (values["ip_version"], values["input_scaling"], values["layers"]) == ("v2", [1, 0], [])
    assert command("run", "digits.fbz", "images.npy", "-o", "outputs.npy").code == 0
    classes = np.load("outputs.npy").reshape(len(arrays["labels"]), -1).argmax(axis=1)
    right = int(np.sum(classes == arrays["labels"]))
    assert right == round(float(arrays["accuracy"][1]) * len(arrays["labels"]))


@pytest.mark.parametrize("options", [("-sc", "255", "-sh", "0"), ("-sc", "255"), ("-sh", "0")])
def test_options_without_effect_are_warned_of(command, fixture_file, options):
    name = fixture_file("cnn_i8_w8_a8.h5")
    result = command("convert", "-m", name, *options)
    assert result.code == 0
    assert result.err.splitlines() == [
        "cnn2snn: warning: input_scaling: no effect on a QuantizeML model, which holds its own scales",
        "cnn2snn: warning: layers behind the Dequantizer are not converted: softmax",
    ]
    assert akida.Model("cnn_i8_w8_a8.fbz").to_dict() == converted(name).to_dict()


def test_the_option_asks_for_akida_1(command, fixture_file, monkeypatch):
    name = fixture_file("mixed_v1_i8_w4_a4.h5")
    # The option is asked before the environment.
    monkeypatch.setenv(VARIABLE, "v2")
    result = command("convert", "-m", name, "--akida", "v1")
    assert result.code == 0
    assert akida.Model("mixed_v1_i8_w4_a4.fbz").ip_version is akida.IpVersion.v1
    assert command("convert", "-m", name, "--akida", "v3").code == 2


def test_the_environment_asks_for_akida_1(command, fixture_file, monkeypatch):
    name = fixture_file("mixed_v1_i8_w4_a4.h5")
    monkeypatch.setenv(VARIABLE, "v1")
    result = command("convert", "-m", name, "--report", "report.json")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Model converted and saved to mixed_v1_i8_w4_a4.fbz\nReport saved to report.json\n")
    assert json.loads(Path("report.json").read_text())["model"]
    assert akida.Model("mixed_v1_i8_w4_a4.fbz").ip_version is akida.IpVersion.v1
    monkeypatch.setenv(VARIABLE, "v3")
    result = command("convert", "-m", name)
    assert result.code == 1
    assert "must be v1 or v2, received 'v3'" in result.err


def test_refusals_are_told_in_one_line_and_leave_the_old_file(command, fixture_file, monkeypatch):
    name = fixture_file("flat_int8_axis.h5")
    Path("flat_int8_axis.fbz").write_bytes(b"old")
    result = command("convert", "-m", name, "--report", "report.json")
    assert result.code == 1
    assert 'layer "flatten"' in result.err
    assert result.err.count("\n") == 1
    assert not Path("report.json").exists()
    monkeypatch.setenv(VARIABLE, "v1")
    result = command("convert", "-m", fixture_file("onnx_add.onnx"), "-o", "flat_int8_axis.fbz")
    assert (result.code, "Akida 2.0 only" in result.err) == (1, True)
    assert Path("flat_int8_axis.fbz").read_bytes() == b"old"


def test_every_problem_has_a_line(command, fixture_file):
    result = command("convert", "-m", fixture_file("digits_trained.h5"), "--akida", "v1")
    head, *lines = result.err.splitlines()
    assert (result.code, head) == (1, f"cnn2snn: error: {len(lines)} problems")
    with pytest.raises(cnn2snn.errors.UnsupportedModelError) as caught, cnn2snn.set_akida_version(AkidaVersion.v1):
        cnn2snn.convert("digits_trained.h5")
    assert lines == [f"  {problem}" for problem in str(caught.value).splitlines()]
    assert len(lines) > 1


@pytest.mark.parametrize("name", ["digits_trained.h5", "onnx_add.onnx"])
def test_the_report_of_akida_2_is_saved_and_shown(command, fixture_file, name):
    result = command("convert", "-m", fixture_file(name), "--report", "report.json")
    assert (result.code, result.err) == (0, "")
    proved = cnn2snn.conversion_report(name)
    assert json.loads(Path("report.json").read_text()) == proved.to_dict()
    target = Path(name).with_suffix(".fbz")
    head = f"Model converted and saved to {target}\nReport saved to report.json\n\n"
    assert result.out == f"{head}{proved.text(80)}\n"


def test_a_file_that_is_no_onnx_model_is_told_in_one_line(command):
    Path("bad.onnx").write_bytes(b"text")
    result = command("convert", "-m", "bad.onnx")
    assert (result.code, result.err.count("\n")) == (1, 1)


@pytest.mark.parametrize(("name", "version"), [("mixed_v1_i8_w4_a4.h5", "v1"), ("onnx_add.onnx", "v2")])
def test_the_command_works_without_tensorflow(fixture_file, name, version):
    fixture_file(name)
    code = f"""
    import os
    os.environ[{VARIABLE!r}] = {version!r}
    from cnn2snn.cli import main
    sys.exit(main(["convert", "-m", {name!r}]))
    """
    result = run_without_keras(code, Path.cwd())
    assert result.returncode == 0, result.stderr
    assert Path(name).with_suffix(".fbz").exists()
