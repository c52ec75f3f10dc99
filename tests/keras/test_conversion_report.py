"""conversion_report: as an object, as text, as JSON; widths with their cause, stuck filters, what was folded."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.conversion.report import ConversionReport, number
from cnn2snn.quantization_layers import QuantizedConv2D, QuantizedDense, QuantizedDepthwiseConv2D, QuantizedReLU
from cnn2snn.quantization_ops import MaxPerAxisQuantizer, MaxQuantizer
from tests.keras.models import randomize

L = keras.layers
Q4 = MaxPerAxisQuantizer(4)
FIXTURES = Path(__file__).parent.parent / "fixtures" / "keras2-quantized"


@pytest.fixture
def quantized(float_model):
    return cnn2snn.quantize(float_model, 4, 4, 8, fold_BN=False)


def test_the_report_is_about_the_converted_model(quantized):
    report = cnn2snn.conversion_report(quantized)
    converted = cnn2snn.convert(quantized)
    assert [layer.name for layer in report.layers] == [layer.name for layer in converted.layers]
    assert report.model == quantized.name
    differing = sum(len(layer.differences) for layer in report.layers)
    assert report.equal == (differing == 0)
    for layer, engine in zip(report.layers, converted.layers, strict=True):
        low, high = engine.reach()
        np.testing.assert_array_equal(layer.lowest, low)
        np.testing.assert_array_equal(layer.highest, high)
        assert layer.boundaries == layer.filters * (2**layer.act_bits - 1 if layer.act_bits else 0)
        assert layer.float32.shape == layer.margins.shape == (layer.filters,)
        assert np.all(layer.margins >= 0)
        assert np.all(layer.float32 > 0)
    assert report.layers[-1].output_error.shape == (3,)


def test_everything_folded_or_dropped_is_named(quantized):
    report = cnn2snn.conversion_report(quantized)
    found = {place.name: (place.became, place.layer) for place in report.folded}
    assert found["rescaling"] == ("input scaling, merged into thresholds and steps", None)
    assert found["conv_bn"] == ("merged into weights, thresholds and steps", "conv")
    assert found["separable_pool"] == ("pooling of its layer", "separable")
    assert found["dropout"] == ("left out: computes nothing at inference", "separable")
    assert found["softmax"] == ("left out: the order of the outputs is the same", "classes")
    layers = {layer.name for layer in quantized.layers} | {"image"}
    assert found.keys() | {layer.name for layer in report.layers} == layers
    assert "conv_bn" in str(report)


def test_a_depthwise_convolution_is_named_where_it_went():
    model = keras.Sequential(
        [
            L.Input((4, 4, 2)),
            QuantizedDepthwiseConv2D(3, quantizer=Q4, use_bias=False, name="depthwise"),
            QuantizedConv2D(3, 1, quantizer=Q4, name="pointwise"),
            L.BatchNormalization(name="norm"),
            QuantizedReLU(4, name="activation"),
        ]
    )
    report = cnn2snn.conversion_report(model, input_scaling=(15.0, 0), input_is_image=False)
    found = {place.name: (place.type, place.layer) for place in report.folded}
    assert found["depthwise"] == ("QuantizedDepthwiseConv2D", "pointwise")
    assert found["norm"] == ("BatchNormalization", "pointwise")
    assert 'depthwise: joined with the pointwise convolution "pointwise"' in report.text(200)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0421, "0.042"),
        (4.66, "4.7"),
        (99.9, "100"),
        (166.2, "170"),
        (16640, "17,000"),
        (7.63e-6, "7.6e-06"),
    ],
)
def test_numbers_are_rounded_without_needless_exponents(value, text):
    assert number(value) == text


def test_convert_gives_its_report_to_a_file_or_a_function(quantized, tmp_path):
    kept: list[ConversionReport] = []
    cnn2snn.convert(quantized, report=kept.append)
    (report,) = kept
    cnn2snn.convert(quantized, report=tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved == report.to_dict() == cnn2snn.conversion_report(quantized).to_dict()
    assert saved["layers"][0]["lowest"] == report.layers[0].lowest.tolist()
    assert os.listdir(tmp_path) == ["report.json"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.h5")), ids=lambda p: p.stem)
def test_the_text_fits_its_width(path, width):
    meta = json.loads(str(np.load(path.with_suffix(".npz"))["meta"]))
    model = cnn2snn.load_quantized_model(path, compile_model=False)
    report = cnn2snn.conversion_report(model, meta["scaling"], meta["layers"][0]["type"] != "InputData")
    lines = report.text(width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith(f'"{model.name}": ')
    assert sum("differ" in line for line in lines[:3]) or report.equal


def test_values_beyond_the_chip_are_reported_with_layer_and_filter_and_cause():
    """The known case: global average pooling sums 125 positions."""
    model = cnn2snn.load_quantized_model(FIXTURES / "ds_cnn_kws_iq8_wq4_aq4.h5", compile_model=False)
    report = cnn2snn.conversion_report(model)
    beyond = {layer.name: layer.exceeding for layer in report.layers if layer.exceeding}
    assert list(beyond) == ["separable_4"]
    assert len(beyond["separable_4"]) == 64
    assert {e.cause for e in beyond["separable_4"]} == {"huge scale"}
    assert all(e.moved_if_clipped > 0 for e in beyond["separable_4"])
    layer = report.layers[4]
    assert layer.step_room < 0
    text = " ".join(report.text(80).split())
    assert "separable_4, filters 0..63: thresholds up to 1,106,739 (allowed -524,288..524,287), steps up to" in text
    assert "clipping would move" in text
    assert "125 positions summed" in text


def dense_after_conv(*after_conv):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            L.Rescaling(1 / 255),
            QuantizedConv2D(4, 3, Q4, name="conv"),
            QuantizedReLU(4),
            QuantizedConv2D(4, 3, MaxQuantizer(4), name="second"),
            *after_conv,
            QuantizedReLU(4, 6),
            L.Flatten(),
            QuantizedDense(3, Q4, name="dense"),
        ]
    )
    randomize(model)
    return model


def test_a_tiny_gamma_is_the_cause_unless_the_filter_is_stuck():
    model = dense_after_conv(L.BatchNormalization(name="bn"))
    bn = model.get_layer("bn")
    bn.gamma.assign([1e-3, 1, 1e-3, 1])
    bn.moving_variance.assign(np.ones(4) * 1e-2)
    # The first stays between its boundaries whatever the input, the third crosses none.
    bn.beta.assign([0.0, 0, -30, 0])
    report = cnn2snn.conversion_report(model)
    layer = report.layers[1]
    assert 2 in layer.dead
    assert 2 not in [e.filter for e in layer.exceeding]
    held = cnn2snn.convert(model).layers[1]
    assert held.get_variable("act_step")[2] <= layer.allowed_step
    assert layer.allowed_threshold[0] <= held.get_variable("threshold")[2] <= layer.allowed_threshold[1]


def test_dead_and_saturated_filters_are_found():
    model = dense_after_conv()
    conv = model.get_layer("second")
    kernel, bias = conv.get_weights()
    kernel[..., 0], kernel[..., 1] = 0, 0
    bias[:2] = 100, -100
    conv.set_weights([kernel, bias])
    layer = cnn2snn.conversion_report(model).layers[1]
    assert (layer.saturated, layer.dead) == ([0], [1])
    assert "second, always level 0: filter 1" in cnn2snn.conversion_report(model).text(80)


def test_borders_between_integers_are_marked_inexact():
    model = keras.Sequential([keras.Input((6, 6, 1)), QuantizedConv2D(4, 3, Q4, padding="same"), QuantizedReLU(4)])
    randomize(model)
    exact = cnn2snn.conversion_report(model, (127.5, 127), padding_value=127)
    assert exact.inputs.borders_exact
    report = cnn2snn.conversion_report(model, (127.5, 127.5), padding_value=127)
    assert not report.inputs.borders_exact
    assert not report.equal
    assert np.all(report.layers[0].border_error > 0)
    assert "Borders of the first layer are inexact." in " ".join(report.text(80).split())
    assert report.inputs.keras_range == (-1.0, 1.0)
    # A border of 127 instead of 127.5 moves potentials by at most half the weights' sum.
    weights = np.abs(cnn2snn.convert(model, input_scaling=(1, 0)).layers[0].get_variable("weights").astype(int))
    np.testing.assert_array_equal(report.layers[0].border_error, weights.sum(axis=(0, 1, 2)) / 2)


def test_one_bit_activations_are_always_equal(images):
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), L.Rescaling(1 / 255), QuantizedConv2D(4, 3, Q4), QuantizedReLU(1)]
    )
    randomize(model)
    report = cnn2snn.conversion_report(model)
    assert report.equal
    assert "every activation level is that of the quantized network" in " ".join(report.text(80).split())
