"""Weights of a batch normalization that cannot be folded are blamed themselves."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.transforms import sequentialize
from tests.keras.models import assert_refused

L = keras.layers

WRONG = [
    ("moving_variance", -1.0, r"moving_variance must be greater than -0.001, received -1 in channel 1"),
    ("moving_variance", -0.001, r"moving_variance must be greater than -0.001, received -0.001 in channel 1"),
    ("moving_variance", np.nan, r"moving_variance must be finite, received nan in channel 1"),
    ("moving_variance", np.inf, r"moving_variance must be finite, received inf in channel 1"),
    ("moving_mean", np.nan, r"moving_mean must be finite, received nan in channel 1"),
    ("gamma", np.inf, r"gamma must be finite, received inf in channel 1"),
    ("beta", np.nan, r"beta must be finite, received nan in channel 1"),
]


def network(pooling, role, value):
    """A quantized network with a normalization that has a wrong weight in channel 1."""
    layers = [
        keras.Input((6, 6, 1), name="image"),
        cnn2snn.QuantizedConv2D(3, 3, quantizer=quantizer(), use_bias=False),
    ]
    layers += [L.MaxPooling2D(2)] if pooling else []
    layers += [L.BatchNormalization(name="bn"), cnn2snn.QuantizedReLU(4), L.Flatten()]
    layers += [cnn2snn.QuantizedDense(2, quantizer=quantizer())]
    model = keras.Sequential(layers)
    weight = getattr(model.get_layer("bn"), role)
    values = np.asarray(weight).copy()
    values[1] = value
    weight.assign(values)
    return model


def quantizer():
    return cnn2snn.quantization_ops.MaxPerAxisQuantizer(4)


@pytest.mark.parametrize("pooling", [False, True])
@pytest.mark.parametrize(("role", "value", "text"), WRONG)
def test_a_wrong_weight_is_named(pooling, role, value, text):
    # NumPy's warnings are errors in these tests.
    assert_refused(UnsupportedModelError, f'layer "bn": {text}', network(pooling, role, value))


def test_the_remedy_helps():
    model = network(False, "moving_variance", np.nan)
    weight = model.get_layer("bn").moving_variance
    values = np.asarray(weight).copy()
    values[1] = 1
    weight.assign(values)
    assert len(cnn2snn.convert(model).layers) == 2


def test_a_variance_that_epsilon_makes_positive_is_folded():
    cnn2snn.convert(network(False, "moving_variance", -0.0009))


@pytest.mark.parametrize(("role", "value", "text"), WRONG)
def test_float_models_name_it_when_they_are_quantized(role, value, text):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            L.Conv2D(3, 3, name="conv"),
            L.BatchNormalization(name="bn"),
            L.ReLU(6.0),
            L.Flatten(),
            L.Dense(2),
        ]
    )
    weight = getattr(model.get_layer("bn"), role)
    values = np.asarray(weight).copy()
    values[1] = value
    weight.assign(values)
    with pytest.raises(UnsupportedModelError, match=f'layer "bn": {text}'):
        cnn2snn.quantize(sequentialize(model), 4, 4, 8)
