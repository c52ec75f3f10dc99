"""`reshape`: the same weights for images of another size."""

import numpy as np
import pytest

from cnn2snn._keras import keras
from cnn2snn.transforms import reshape
from tests.keras.models import outputs

L = keras.layers


def network(*top):
    x = keras.Input((8, 6, 2), name="image")
    y = L.MaxPooling2D(2, name="pool")(L.Conv2D(3, 3, padding="same", name="conv")(x))
    for layer in top:
        y = layer(y)
    return keras.Model(x, y, name="net")


def test_the_first_size_is_the_height():
    model = network(L.GlobalAveragePooling2D(), L.Dense(2, name="classes"))
    large = reshape(model, 16, 20)
    assert large.name == "net"
    assert tuple(large.inputs[0].shape) == (None, 16, 20, 2)
    assert tuple(large.get_layer("conv").output.shape) == (None, 16, 20, 3)
    for a, b in zip(model.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    tile = np.random.default_rng(1).normal(size=(1, 8, 6, 2))
    assert outputs(large, np.tile(tile, (1, 2, 1, 1))[:, :16].repeat(4, axis=2)[:, :, :20]).shape == (1, 2)
    back = reshape(large, 8, 6)
    np.testing.assert_array_equal(outputs(back, tile), outputs(model, tile))


def test_weights_that_depend_on_the_size_are_refused():
    model = network(L.Flatten(), L.Dense(2, name="classes"))
    with pytest.raises(
        ValueError, match=r'layer "classes": .*shape \(240, 2\), it has \(36, 2\).*use GlobalAveragePooling2D'
    ):
        reshape(model, 16, 20)


def test_sizes_that_are_too_small_are_refused():
    model = network(L.Conv2D(2, 3, name="late"), L.GlobalAveragePooling2D())
    with pytest.raises(ValueError, match=r'model "net" cannot be made for images of 2 x 2'):
        reshape(model, 2, 2)
    for size in (0, -1, 2.5, True, "8"):
        with pytest.raises(ValueError, match="input_y must be a positive integer"):
            reshape(model, 8, size)


def test_inputs_that_are_not_images_are_refused():
    with pytest.raises(RuntimeError, match=r"must have the shape \(height, width, channels\), received \(4,\)"):
        reshape(keras.Sequential([keras.Input((4,)), L.Dense(2)]), 8, 8)
