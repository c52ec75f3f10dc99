"""Small quantized models, and silence for what Keras prints."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np
import pytest

from cnn2snn._keras import keras
from tests.keras.models import randomize


@pytest.fixture(autouse=True)
def fixed_seed():
    keras.utils.set_random_seed(7)


@pytest.fixture
def float_model():
    """A convolution, a separable one with max pooling, one with global average pooling, a dense layer."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 255, name="rescaling"),
            layers.Conv2D(4, 3, padding="same", use_bias=False, name="conv"),
            layers.BatchNormalization(name="conv_bn"),
            layers.ReLU(6.0, name="conv_relu"),
            layers.SeparableConv2D(6, 3, padding="same", name="separable"),
            layers.MaxPooling2D(2, name="separable_pool"),
            layers.BatchNormalization(name="separable_bn"),
            layers.ReLU(6.0, name="separable_relu"),
            layers.Dropout(0.2, name="dropout"),
            layers.Conv2D(5, 3, padding="same", name="last_conv"),
            layers.GlobalAveragePooling2D(name="gap"),
            layers.ReLU(name="gap_relu"),
            layers.Dense(3, name="classes"),
            layers.Softmax(name="softmax"),
        ],
        name="small",
    )
    randomize(model)
    return model


@pytest.fixture
def images():
    return np.random.default_rng(5).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)
