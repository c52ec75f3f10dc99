"""compare_activations attributes every difference, and calls a defect a defect."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.analysis import compare_activations
from cnn2snn.quantization_layers import QuantizedConv2D, QuantizedReLU
from cnn2snn.quantization_ops import MaxPerAxisQuantizer


@pytest.fixture
def pair(float_model):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    return quantized, cnn2snn.convert(quantized)


def test_every_activation_is_counted(pair, images):
    report = compare_activations(*pair, images)
    assert [layer.layer for layer in report.layers] == ["conv", "separable", "last_conv"]
    assert [layer.total for layer in report.layers] == [16 * 64 * 4, 16 * 16 * 6, 16 * 5]
    for layer in report.layers:
        causes = layer.propagated + layer.format + layer.float_rounding + layer.unexplained
        assert causes == layer.differing
    assert report.totals.total == sum(layer.total for layer in report.layers)


def test_samples_may_be_none_or_more_than_a_batch(pair, images):
    assert compare_activations(*pair, images[:0]).totals.total == 0
    many = np.tile(images, (9, 1, 1, 1))
    report, once = compare_activations(*pair, many), compare_activations(*pair, images)
    assert report.totals.differing == 9 * once.totals.differing


def test_an_engine_that_contradicts_its_variables_is_unexplained(pair, images, monkeypatch):
    """One level of the second layer is wrong; the layers after it follow from what Keras and the engine had."""
    quantized, converted = pair
    taps = converted.forward_taps(images)
    expected = compare_activations(quantized, converted, images)
    taps[1] = taps[1].copy()
    keras_level = int(taps[1][3, 1, 2, 4])
    taps[1][3, 1, 2, 4] = keras_level + 1 if keras_level < 15 else 0
    monkeypatch.setattr(type(converted), "forward_taps", lambda self, inputs: taps)
    report = compare_activations(quantized, converted, images)
    assert (expected.totals.unexplained, report.layers[1].unexplained) == (0, 1)


def test_float32_rounding_in_keras_is_recognised():
    """Every potential lies on a boundary, but for the rounding of the step and of Keras' sums."""
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            keras.layers.Rescaling(1 / 255),
            QuantizedConv2D(1, 1, MaxPerAxisQuantizer(4), use_bias=False, name="conv"),
            QuantizedReLU(4, max_value=float(np.float32(15 * 14 / 2550))),
        ]
    )
    model.get_layer("conv").set_weights([np.full((1, 1, 1, 1), 0.7, np.float32)])
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    report = compare_activations(model, cnn2snn.convert(model), ramp)
    assert report.totals.float_rounding > 0
    assert report.totals.unexplained == 0


def test_an_input_scaling_may_be_an_array(images):
    """As for convert; a shift that pads the border with another value than 0."""
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), QuantizedConv2D(4, 3, MaxPerAxisQuantizer(4), padding="same"), QuantizedReLU(4)]
    )
    scaling = np.array([64.0, 100.0])
    report = compare_activations(model, cnn2snn.convert(model, input_scaling=scaling), images, scaling)
    assert report.totals.unexplained == 0


def test_another_model_is_refused(pair, images, float_model):
    other = cnn2snn.convert(cnn2snn.quantize(float_model, 2, 4, 8))
    with pytest.raises(ValueError, match="convert it again"):
        compare_activations(pair[0], other, images)


@pytest.mark.parametrize("inputs", [np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8, 1)), [[1]]])
def test_inputs_of_another_shape_or_type_are_refused(pair, inputs):
    with pytest.raises(ValueError, match=r"uint8 array of shape \(n, 8, 8, 1\), received"):
        compare_activations(*pair, inputs)


def test_the_report_prints_as_a_table(pair, images):
    lines = str(compare_activations(*pair, images)).splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert lines[-1].startswith("all layers")
