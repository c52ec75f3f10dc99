"""`cnn2snn quantize` and `cnn2snn convert` on files that Keras wrote."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida
from cnn2snn._keras import LEGACY, keras
from cnn2snn.cli.quantize import output_name


def make_network(rescaling=False):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            *([layers.Rescaling(1 / 255)] if rescaling else []),
            layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(6.0, name="relu"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, name="dense"),
        ]
    )
    network.compile("adam", "mse")
    return network


@pytest.fixture(params=[".h5", ".keras"])
def network_file(request):
    path = Path(f"my net-v1.2{request.param}")
    make_network().save(path)
    return path


def test_model_is_quantized_converted_and_run(command, report, network_file):
    quantized = Path(f"my net-v1.2_iq8_wq4_aq2{network_file.suffix}")
    result = command("quantize", "-m", network_file, "-wq", 4, "-aq", 2, "-iq", 8)
    assert (result.code, result.err) == (0, "")
    assert result.out == f"Model quantized and saved to {quantized}\n"

    result = command("convert", "-m", quantized)
    assert (result.code, result.err) == (0, "")
    converted = quantized.with_suffix(".fbz")
    assert result.out.startswith(f"Model converted and saved to {converted}\n")
    layers = akida.Model(converted).layers
    assert [layer.name for layer in layers] == ["conv", "dense"]
    assert [layer.parameters.weights_bits for layer in layers] == [8, 4]
    assert layers[0].output_bits == 2

    expected = cnn2snn.convert(cnn2snn.load_quantized_model(quantized))
    assert converted.read_bytes() == expected.to_buffer()
    inputs = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
    np.save("x.npy", inputs)
    assert command("run", converted, "x.npy", "-o", "y.npy").code == 0
    np.testing.assert_array_equal(np.load("y.npy"), expected.forward(inputs))
    assert report("info", converted)["layers"][1]["weights"] == 8 * 8 * 4 * 3


def test_defaults_are_four_bits(command):
    make_network().save("net.keras")
    assert command("quantize", "-m", "net.keras").out.endswith(" net_iq4_wq4_aq4.keras\n")
    assert command("quantize", "-m", "net.keras", "-wq", "2").out.endswith("_iq2_wq2_aq4.keras\n")


def test_quantized_model_is_saved_without_optimizer(command):
    make_network().save("net.keras")
    assert command("quantize", "-m", "net.keras").code == 0
    model = cnn2snn.load_quantized_model("net_iq4_wq4_aq4.keras", compile_model=True)
    assert getattr(model, "optimizer", None) is None


def test_batch_normalization_is_kept_on_demand(command):
    make_network().save("net.keras")
    folded, kept = (["-o", "a.keras"], ["--no-fold-BN", "-o", "b.keras"])
    names = []
    for options in (folded, kept):
        assert command("quantize", "-m", "net.keras", *options).code == 0
        names.append([layer.name for layer in cnn2snn.load_quantized_model(options[-1]).layers])
    assert "norm" not in names[0]
    assert "norm" in names[1]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("net.h5", "net_iq8_wq4_aq2.h5"),
        ("net_iq4_wq4_aq4.keras", "net_iq8_wq4_aq2.keras"),
        ("a-b/my net v1.2_iq16_wq4_aq4.h5", "a-b/my net v1.2_iq8_wq4_aq2.h5"),
        ("d_iq4_wq4_aq4/net.h5", "d_iq4_wq4_aq4/net_iq8_wq4_aq2.h5"),
        ("net_iq4_wq4_aq4_best.h5", "net_iq4_wq4_aq4_best_iq8_wq4_aq2.h5"),
        ("net_wq4.h5", "net_wq4_iq8_wq4_aq2.h5"),
    ],
)
def test_numbers_of_bits_in_the_name_are_replaced(model, expected):
    assert output_name(Path(model), 8, 4, 2) == Path(expected).stem


def test_quantized_model_is_quantized_again(command):
    make_network().save("net.keras")
    assert command("quantize", "-m", "net.keras").code == 0
    result = command("quantize", "-m", "net_iq4_wq4_aq4.keras", "-wq", "2", "-iq", "4")
    assert result.out == "Model quantized and saved to net_iq4_wq2_aq4.keras\n"


def test_model_is_not_replaced_by_its_quantized_self(command):
    make_network().save("net_iq4_wq4_aq4.keras")
    before = Path("net_iq4_wq4_aq4.keras").read_bytes()
    result = command("quantize", "-m", "net_iq4_wq4_aq4.keras")
    assert result.code == 1
    assert "would replace the model itself; name another file with -o" in result.err
    assert Path("net_iq4_wq4_aq4.keras").read_bytes() == before


def test_all_problems_that_quantize_refuses_have_a_line(command):
    layers = keras.layers
    pooling, enlarging = layers.AveragePooling2D(2, name="a"), layers.UpSampling2D(name="b")
    model = keras.Sequential([keras.Input((8, 8, 1)), pooling, enlarging])
    model.add(layers.Conv2D(2, 3))
    model.save("net.keras")
    result = command("quantize", "-m", "net.keras")
    assert (result.code, result.out) == (1, "")
    first, *lines = result.err.splitlines()
    assert first == "cnn2snn: error: 2 problems"
    assert [line[:11] for line in lines] == ['  layer "a"', '  layer "b"']
    assert not Path("net_iq4_wq4_aq4.keras").exists()


def quantized(name="q.keras", rescaling=False):
    network = make_network(rescaling)
    cnn2snn.quantize(network, 4, 4, 8).save(name)


def test_scale_and_shift_are_used(command):
    quantized()
    result = command("convert", "-m", "q.keras", "-sc", "255", "-sh", "3", "-o", "out.fbz")
    assert result.code == 0, result.err
    model = cnn2snn.load_quantized_model("q.keras")
    expected = cnn2snn.convert(model, input_scaling=(255, 3))
    assert Path("out.fbz").read_bytes() == expected.to_buffer()
    assert akida.Model("out.fbz").layers[0].parameters.padding_value == 3
    assert command("convert", "-m", "q.keras", "-sc", "127.5", "-sh", "0.0").code == 0


@pytest.mark.parametrize(("option", "advice"), [(["-sc", "255"], "add -sh 0"), (["-sh", "3"], "add -sc 1")])
def test_scale_and_shift_go_together(command, option, advice):
    quantized()
    result = command("convert", "-m", "q.keras", *option)
    assert result.code == 1
    assert advice in result.err


@pytest.mark.parametrize("value", ["nan", "inf", "x"])
def test_scale_is_a_number(command, value):
    assert command("convert", "-m", "q.keras", "-sc", value, "-sh", "0").code == 2


def test_scale_beside_a_rescaling_layer_is_refused(command):
    quantized(rescaling=True)
    assert command("convert", "-m", "q.keras").code == 0
    assert command("convert", "-m", "q.keras", "-sc", "255", "-sh", "0").code == 1


def test_input_that_is_no_image(command):
    quantized()
    result = command("convert", "-m", "q.keras", "--no-image-input")
    # 8-bit weights fit here too; the inputs have four bits then.
    assert result.code == 0, result.err
    assert akida.Model("q.fbz").layers[0].parameters.layer_type.name == "InputData"


@pytest.mark.parametrize(("options", "events"), [(["-sp"], True), (["-sp", "True"], True), (["-sp", "0"], False)])
def test_older_form_of_inputs_that_are_no_images(command, options, events):
    quantized()
    assert command("convert", "-m", "q.keras", *options).code == 0
    assert (akida.Model("q.fbz").layers[0].parameters.layer_type.name == "InputData") == events
    assert command("convert", "-m", "q.keras", "-sp", "maybe").code == 2


def test_reports_are_json_on_demand(report):
    make_network().save("net.keras")
    quantization = report("quantize", "-m", "net.keras", "-iq", "8")
    assert quantization["output"] == "net_iq8_wq4_aq4.keras"
    assert quantization["layers"][0] == {"name": "conv", "type": "QuantizedConv2D", "weights_bits": 8}
    conversion = report("convert", "-m", "net_iq8_wq4_aq4.keras")
    assert conversion["output"] == "net_iq8_wq4_aq4.fbz"
    assert conversion["layers"][0]["name"] == "conv"
    assert conversion["layers"][0]["boundaries"] == 60


def test_path_with_dots_and_spaces_gives_its_own_name(command):
    Path("my net.v1").mkdir()
    make_network().save("my net.v1/a.b-c.h5")
    result = command("quantize", "-m", "my net.v1/a.b-c.h5")
    assert result.out == "Model quantized and saved to my net.v1/a.b-c_iq4_wq4_aq4.h5\n"
    result = command("convert", "-m", "my net.v1/a.b-c_iq4_wq4_aq4.h5")
    assert result.out.splitlines()[0] == "Model converted and saved to my net.v1/a.b-c_iq4_wq4_aq4.fbz"


def test_folder_is_a_saved_model_or_refused(command):
    Path("model").mkdir()
    result = command("quantize", "-m", "model")
    assert result.code == 1
    assert result.err.count("\n") == 1
    Path("model/saved_model.pb").write_bytes(b"")
    result = command("quantize", "-m", "model")
    assert result.code == 1
    if not LEGACY:
        assert "SavedModel folder, which Keras 3 cannot read" in result.err


@pytest.mark.skipif(not LEGACY, reason="Keras 3 has no SavedModel folders")
def test_saved_model_folder_gives_an_h5_file_under_keras_2(command):
    make_network().save("net.v1", save_format="tf")
    result = command("quantize", "-m", "net.v1")
    assert result.out == "Model quantized and saved to net.v1_iq4_wq4_aq4.h5\n", result.err


def test_shifted_boundaries_are_counted(command):
    quantized()
    out = command("convert", "-m", "q.keras").out.splitlines()
    assert len(out) >= 2
    if not out[1].startswith("All "):
        assert out[2].split() == ["Layer", "Boundaries", "Shifted", "Channels"]
        assert out[4].split()[:2] == ["conv", "60"]


def test_failed_conversion_leaves_the_old_file(command):
    make_network().save("net.keras")
    Path("net.fbz").write_bytes(b"old")
    result = command("convert", "-m", "net.keras")
    assert result.code == 1
    assert 'layer "conv"' in result.err
    assert result.err.count("\n") == 1
    assert Path("net.fbz").read_bytes() == b"old"
    assert sorted(os.listdir()) == ["net.fbz", "net.keras"]


@pytest.mark.parametrize("command_name", ["quantize", "convert"])
@pytest.mark.parametrize("name", ["bad.h5", "bad.keras"])
def test_file_that_is_no_keras_model_is_told_in_one_line(command, command_name, name):
    Path(name).write_bytes(b"text")
    result = command(command_name, "-m", name)
    assert result.code == 1
    message = f"cnn2snn: error: {name}: it is not a Keras model that can be loaded: "
    assert result.err.startswith(message)
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quantize", "-m", "net.npy"], "must end in .h5 or .hdf5 or .keras, received 'net.npy'"),
        (["quantize", "-m", "net.keras", "-o", "q.npy"], "must end in .h5 or .hdf5 or .keras"),
        (["quantize", "-m", "net.keras", "-o", "no/q.h5"], os.strerror(2)),
        (["convert", "-m", "net.keras", "-o", "q.h5"], "must end in .fbz, received q.h5"),
        (["convert", "-m", "net.keras", "-o", "no/q.fbz"], os.strerror(2)),
        (["quantize", "-m", "net.keras", "-wq", "1"], "bitwidth must be in 2..8, received 1"),
    ],
)
def test_refused_arguments(command, arguments, message):
    Path("net.npy").write_bytes(b"")
    make_network().save("net.keras")
    result = command(*arguments)
    assert result.code == 1
    assert message in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(("ending", "level"), [(".h5", None), (".keras", "3")])
def test_notes_of_tensorflow_are_not_shown(ending, level):
    make_network().save(f"net{ending}")
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    if level is not None:
        environment["TF_CPP_MIN_LOG_LEVEL"] = level
    for code, out, err in [
        (0, f"Model quantized and saved to net_iq4_wq4_aq4{ending}\n", ""),
        (1, "", f"cnn2snn: error: net{ending}: it is not a Keras model that can be loaded: "),
    ]:
        result = subprocess.run(
            [sys.executable, "-m", "cnn2snn", "quantize", "-m", f"net{ending}"],
            capture_output=True,
            text=True,
            env=environment,
        )
        assert (result.returncode, result.stdout) == (code, out)
        assert result.stderr.startswith(err)
        assert result.stderr.count("\n") == code
        Path(f"net{ending}").write_bytes(b"text")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals of this kind")
def test_a_terminal_is_told_what_the_wait_is_for():
    import pty

    make_network().save("net.keras")
    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "cnn2snn", "quantize", "-m", "net.keras"]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    assert process.returncode == 0
    assert os.read(ours, 10_000) == b"loading TensorFlow ...\r\x1b[K"
    os.close(ours)


def test_report_is_written_and_shown(command):
    quantized(rescaling=True)
    result = command("convert", "-m", "q.keras", "--report", "report.json")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:2] == ["Model converted and saved to q.fbz", "Report saved to report.json"]
    assert max(map(len, lines)) <= 80
    saved = json.loads(Path("report.json").read_text())
    assert saved == cnn2snn.conversion_report(cnn2snn.load_quantized_model("q.keras")).to_dict()
    assert command("convert", "-m", "q.keras", "--report", "report.txt").code == 1


def test_thresholds_are_floored_on_demand(command):
    quantized(rescaling=True)
    assert command("convert", "-m", "q.keras", "--thresholds", "floor").code == 0
    expected = cnn2snn.convert(cnn2snn.load_quantized_model("q.keras"), thresholds="floor")
    assert Path("q.fbz").read_bytes() == expected.to_buffer()


def test_padding_value_is_for_shifts_between_integers(command):
    quantized()
    arguments = ("convert", "-m", "q.keras", "-sc", "127.5", "-sh", "127.5")
    result = command(*arguments)
    assert result.code == 1
    assert "padding_value" in result.err
    assert command(*arguments, "--padding-value", "128").code == 0
    assert akida.Model("q.fbz").layers[0].parameters.padding_value == 128


def test_what_integers_stand_for_is_said_and_doubted(command, report):
    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="conv"), layers.ReLU(6.0, name="relu")])
    # As after training on 0 to 1: outputs of about 1, and biases that are not zero.
    model.get_layer("conv").kernel.assign(np.full((3, 3, 1, 4), 0.3, np.float32))
    model.get_layer("conv").bias.assign(np.full(4, -0.2, np.float32))
    cnn2snn.quantize(model, 4, 4, 8).save("q.keras")
    result = command("convert", "-m", "q.keras")
    assert result.out.splitlines()[-1] == "Integers 0..255 stand for Keras values 0 to 255."
    assert result.err.startswith("cnn2snn: warning: integers 0..255 stand for Keras values 0 to 255, and the model ")
    assert "input_scaling=(255, 0)" in result.err
    right = ("convert", "-m", "q.keras", "-sc", 255, "-sh", 0)
    assert command(*right).out.splitlines()[-1] == "Integers 0..255 stand for Keras values 0 to 1."
    assert report(*right)["inputs"] == "integers 0..255 stand for Keras values 0 to 1"
