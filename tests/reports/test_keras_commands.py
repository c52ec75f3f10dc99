"""The reports of commands that read Keras models, compared with what the commands print."""

from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.reports.calibrate import CalibrateReport
from cnn2snn.reports.convert import ConvertReport
from cnn2snn.reports.prepare import PrepareReport
from cnn2snn.reports.quantize import LayerBits, QuantizeReport
from cnn2snn.reports.reshape import ReshapeReport
from tests.reports.shown import foreign


@pytest.fixture
def float_network():
    """`net.h5`."""
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", name="conv"),
            layers.ReLU(6.0, name="relu"),
            layers.SeparableConv2D(5, 3, use_bias=False, name="separable"),
            layers.GlobalAveragePooling2D(name="gap"),
            layers.ReLU(6.0, name="relu_2"),
            layers.Dense(3, name="dense"),
        ]
    )
    model.save("net.h5")
    return model


def ordinary():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Dropout(0.2, name="drop"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, name="dense"),
        ]
    )


@pytest.fixture
def quantized(float_network):
    """`q.h5`."""
    model = cnn2snn.quantize(float_network, 4, 2, 8)
    model.save("q.h5")
    return model


def test_quantize(told, float_network):
    report = told("quantize", "-m", "net.h5", "-iq", 8, "-aq", 2, "-o", "q.h5")
    assert report == QuantizeReport.of(Path("net.h5"), Path("q.h5"), cnn2snn.load_quantized_model("q.h5"))
    assert report.layers[:2] == [
        LayerBits("conv", "QuantizedConv2D", weights_bits=8),
        LayerBits("relu", "QuantizedReLU", act_bits=2),
    ]
    assert all(len(layer) == 3 for layer in report.to_dict()["layers"])


def test_quantize_tells_what_was_rewritten_before(told, printed):
    ordinary().save("net.keras")
    report = told("quantize", "-m", "net.keras", "-iq", 8, "-o", "q.keras")
    assert [(change["layer"], change["rule"]) for change in report.changes] == [("conv", "fused_activation")]
    lines = printed("quantize", "-m", "net.keras", "-iq", 8, "-o", "q.keras").splitlines()
    assert lines == [
        "Model quantized and saved to q.keras",
        "Rewritten before, with equal outputs:",
        '  conv: its activation relu became the layer "conv_relu"',
    ]


def test_prepare(told, printed):
    ordinary().save("net.keras")
    report = told("prepare", "-m", "net.keras")
    assert (report.file, report.output) == ("net.keras", "net_prepared.keras")
    assert [(change["layer"], change["rule"]) for change in report.changes] == [
        ("conv", "fused_activation"),
        ("drop", "training_layer"),
    ]
    assert type(report) is PrepareReport
    out = printed("prepare", "-m", "net.keras")
    assert out.splitlines()[0] == "Model prepared and saved to net_prepared.keras"
    assert "  drop: left out, as a Dropout computes nothing at inference" in out
    assert max(map(len, printed("prepare", "-m", "net.keras", width=50).splitlines())) <= 50
    again = printed("prepare", "-m", "net_prepared.keras")
    assert again == "Nothing to prepare; saved to net_prepared_prepared.keras\n"
    assert "Rewritten" not in printed("quantize", "-m", "net_prepared.keras")


def test_reshape(told, quantized):
    report = told("reshape", "-m", "q.h5", "-iw", 16, "-ih", 12, "-o", "large.h5")
    assert report == ReshapeReport("q.h5", "large.h5", [12, 16, 1], [3])
    assert report == ReshapeReport.of(Path("q.h5"), Path("large.h5"), cnn2snn.load_quantized_model("large.h5"))


@pytest.mark.parametrize("method", ["auto", "bc", "adaround"])
def test_calibrate(told, quantized, method):
    np.save("x.npy", np.random.default_rng(1).random((1234, 8, 8, 1), np.float32))
    options = {"auto": ("-e", 0), "bc": (), "adaround": ("-e", 1, "-bs", 617)}[method]
    report = told("calibrate", method, "-m", "q.h5", "-sa", "x.npy", "-o", "better.h5", *options)
    assert isinstance(report, CalibrateReport)
    assert (report.file, report.output, report.method, report.samples) == ("q.h5", "better.h5", method, 1234)
    assert ("Rounded anew" in report.text()) == (method == "adaround")
    assert ("Kept" in report.text()) == (method != "adaround")
    layers = [(e.before, e.after, e.network_before, e.network_after) for e in report.layers]
    errors = [error for row in (*layers, (report.network_before, report.network_after)) for error in row if error]
    assert foreign(report.text(200), report.to_dict(), *(-10 * np.log10(error) for error in errors)) == set()


def test_convert(told, quantized):
    report = told("convert", "-m", "q.h5", "-o", "q.fbz", "-sc", 255, "-sh", 0)
    assert isinstance(report, ConvertReport)
    assert report.input_scaling == (255, 0)
    assert [layer.name for layer in report.layers] == [layer.name for layer in cnn2snn.akida.Model("q.fbz").layers]
    # Whether it is text or JSON, what is proved goes to a file of its own.
    proved = told("convert", "-m", "q.h5", "-o", "q.fbz", "-sc", 255, "-sh", 0, "--report", "report.json")
    assert proved.to_dict() == report.to_dict()
    assert proved.certificate.report.text(80) in proved.text(80)


def test_check(told, float_network):
    report = told("check", "-m", "net.h5", "-d", "AKD1000", files={"file": "net.h5"})
    assert report == cnn2snn.check_model_compatibility(cnn2snn.load_quantized_model("net.h5"), device="AKD1000")


def test_compare(told, quantized):
    cnn2snn.convert(quantized, "q.fbz", input_scaling=(255, 0))
    model = cnn2snn.akida.Model("q.fbz")
    np.save("x.npy", np.random.default_rng(1).integers(0, 256, (6, 8, 8, 1), np.uint8))
    files = {"file": "q.h5", "converted": "q.fbz", "samples_file": "x.npy"}
    arguments = ("compare", "-m", "q.h5", "q.fbz", "x.npy")
    assert told(*arguments, files=files) == cnn2snn.analysis.compare(quantized, model, np.load("x.npy"))
    layer = model.get_layer("conv")
    layer.set_variable("weights", np.ascontiguousarray(layer.get_variable("weights")[..., ::-1]))
    model.save("q.fbz")
    report = told(*arguments, files=files)
    assert not report
    table = report.text(200).partition("\n\n")[0]
    assert foreign(table, report.to_dict()) == set()
