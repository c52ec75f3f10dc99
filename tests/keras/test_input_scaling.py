"""How inputs are scaled: what convert refuses, what it says instead, and borders that are no integers."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.conversion.scaling import check_inputs
from cnn2snn.quantization_layers import QuantizedConv2D, QuantizedDense, QuantizedReLU
from cnn2snn.quantization_ops import MaxPerAxisQuantizer

L = keras.layers
Q4 = MaxPerAxisQuantizer(4)


def image_model(*before, padding="same", channels=1):
    layers = [QuantizedConv2D(3, 3, Q4, padding=padding, name="conv"), QuantizedReLU(4)]
    return keras.Sequential([keras.Input((6, 5, channels)), *before, *layers])


@pytest.mark.parametrize(
    ("given", "meant"),
    [((1 / 255, 0), "(255, 0)"), ((1 / 128, -1), "(128, 128)"), ((2 / 255, -1), "(127.5, 127.5)")],
)
def test_the_arguments_of_rescaling_are_refused_and_those_meant_are_named(given, meant):
    with pytest.raises(ValueError, match=r"scale below 1") as error:
        cnn2snn.convert(image_model(), input_scaling=given)
    assert f"pass {meant} if" in str(error.value)
    assert f"begin it with Rescaling{meant}" in str(error.value)


def test_one_scaling_serves_all_channels():
    with pytest.raises(ValueError, match="one scale and one shift for all channels"):
        cnn2snn.convert(image_model(), input_scaling=((255, 255, 255), (0, 0, 0)))
    with pytest.raises(RuntimeError, match="one number each, not one per channel"):
        cnn2snn.convert(image_model(L.Rescaling([[[0.1, 0.2, 0.3]]]), channels=3))


@pytest.mark.parametrize("given", [(0, 0), (-255, 0), (255,), 255, (np.nan, 0), ("a", "b"), (255, 0, 0)])
def test_what_is_no_scale_and_shift_is_refused(given):
    with pytest.raises(ValueError, match=r"scale greater than zero and a shift, .*for example \(255, 0\)"):
        cnn2snn.convert(image_model(), input_scaling=given)


def test_inputs_that_are_not_images_are_not_shifted():
    model = keras.Sequential([keras.Input((7,)), QuantizedDense(2, Q4), QuantizedReLU(4)])
    with pytest.raises(ValueError, match=r"the shift must be 0, received 1; pass \(2.5, 0\)"):
        cnn2snn.convert(model, input_scaling=(2.5, 1), input_is_image=False)
    model = keras.Sequential([keras.Input((7,)), L.Rescaling(0.25, -1), QuantizedDense(2, Q4), QuantizedReLU(4)])
    with pytest.raises(ValueError, match=r"the shift must be 0, received 4; use Rescaling\(0.25\) without offset"):
        cnn2snn.convert(model, input_is_image=False)
    with pytest.raises(ValueError, match="leave it out"):
        cnn2snn.convert(model, input_is_image=False, padding_value=1)


@pytest.mark.parametrize("divisor", [49, 93, 127, 211, 255])
def test_a_border_that_rounding_moved_off_an_integer_is_that_integer(divisor):
    model = image_model(L.Rescaling(1 / divisor, -1))
    assert cnn2snn.convert(model).layers[0].parameters.padding_value == divisor
    shifted = cnn2snn.convert(image_model(), input_scaling=(divisor, divisor - 5e-7))
    assert shifted.layers[0].parameters.padding_value == divisor


@pytest.mark.parametrize("shift", [127.5, 128.00001, -1, 256])
def test_a_border_between_integers_needs_a_padding_value(shift):
    scaling = (128, shift)
    with pytest.raises(RuntimeError, match=r'"conv".*or give a padding_value, with which borders are inexact'):
        cnn2snn.convert(image_model(), input_scaling=scaling)
    converted = cnn2snn.convert(image_model(), input_scaling=scaling, padding_value=127)
    assert converted.layers[0].parameters.padding_value == 127
    assert cnn2snn.convert(image_model(padding="valid"), input_scaling=scaling).input_scaling == scaling


@pytest.mark.parametrize("value", [-1, 256, 1.5, True, "1"])
def test_a_padding_value_is_a_byte(value):
    with pytest.raises(ValueError, match=r"padding_value must be an integer in 0\.\.255"):
        cnn2snn.convert(image_model(), padding_value=value)


def test_integers_in_range_pass():
    check_inputs(np.arange(256, dtype=np.uint8), 8)
    check_inputs(np.array([0.0, 15.0]), 4)
    check_inputs(np.zeros((0, 3)), 8)


@pytest.mark.parametrize(
    ("values", "bits", "scaling", "text"),
    [
        (np.arange(256) / 255, 8, (1, 0), r"inputs \* 255 \+ 0, rounded; and convert with input_scaling=\(255, 0\)"),
        (np.arange(256) / 255, 8, (255, 0), r"inputs \* 255 \+ 0, rounded$"),
        (np.arange(256, dtype=np.float32) / 128 - 1, 8, (1, 0), r"input_scaling=\(128, 128\)"),
        (np.arange(256, dtype=np.float32) / 127.5 - 1, 8, (1, 0), r"input_scaling=\(127.5, 127.5\)"),
        (np.arange(16) / 15, 4, (1, 0), r"integers in 0\.\.15, .*input_scaling=\(15, 0\)"),
        (np.array([3, 16]), 4, (1, 0), r"0\.\.15, received 16"),
        (np.array([0.1234, np.nan]), 8, (1, 0), r"received 0\.1234; give what the Akida model takes"),
    ],
)
def test_other_inputs_are_refused_with_the_scaling_that_was_meant(values, bits, scaling, text):
    with pytest.raises(ValueError, match=text):
        check_inputs(values, bits, scaling)
