"""Models and inputs of the tests of the simulator's face."""

from __future__ import annotations

import numpy as np
import pytest

from cnn2snn import akida


def fill(model, seed=0):
    """Gives every weight a random value, and steps that spread the levels."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        for name, values in layer.variables.items():
            if values.dtype == np.int8:
                bits = layer.parameters.weights_bits
                low, high = (0, 1) if bits == 1 else (1 - 2 ** (bits - 1), 2 ** (bits - 1) - 1)
                layer.variables[name] = rng.integers(low, high + 1, values.shape, np.int8)
            elif name == "threshold":
                layer.variables[name] = rng.integers(-50, 50, values.shape, np.int32)
            else:
                layer.variables[name] = rng.uniform(1, 60, values.shape).astype(np.float32)


def make_model():
    """A model of every layer type but InputData and Concat, without activation at its end."""
    model = akida.Model(
        layers=[
            akida.InputConvolutional((8, 6, 3), (3, 3), 4, "image", weights_bits=8, act_bits=4, padding_value=7),
            akida.SeparableConvolutional(
                (3, 3),
                5,
                "separable",
                weights_bits=4,
                act_bits=2,
                pool_type=akida.PoolType.Max,
                pool_size=(2, 2),
            ),
            akida.Convolutional((3, 1), 6, "conv", weights_bits=2, act_bits=4),
            akida.FullyConnected(10, "classes", weights_bits=4, activation=False),
        ]
    )
    fill(model)
    model.input_scaling = (127.5, 127.5)
    return model


@pytest.fixture
def model():
    return make_model()


@pytest.fixture
def inputs():
    return np.random.default_rng(1).integers(0, 256, (11, 8, 6, 3), np.uint8)


@pytest.fixture
def events():
    """A complete model of one layer: 4-bit maps of shape (2, 3, 2), passed on."""
    return akida.Model(layers=[akida.InputData((2, 3, 2), name="events")])
