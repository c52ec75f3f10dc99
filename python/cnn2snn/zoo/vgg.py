"""A small VGG-like network that estimates the age of faces."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.layer_blocks import dense_block
from cnn2snn.zoo._parts import conv, input_layer

__all__ = ["vgg_utk_face"]


def vgg_utk_face(
    input_shape: tuple[int, int, int] = (32, 32, 3),
    input_scaling: tuple[float, float] | None = (127, -1),
) -> keras.Model:
    """VGG-like network for UTKFace, one output; 459,249 parameters, usually 8/2/2 bits.

    Args:
        input_shape: (height, width, channels) of the images.
        input_scaling: (scale, offset) of a leading Rescaling(1 / scale, offset); None for none.

    Returns:
        A float Keras model.
    """
    inputs, x = input_layer(input_shape, input_scaling)
    x = conv(x, 0, 32, padding="valid")
    x = conv(x, 1, 32, pooling="max")
    x = keras.layers.Dropout(0.3, name="dropout_1")(x)
    x = conv(x, 2, 64)
    x = conv(x, 3, 64, pooling="max")
    x = keras.layers.Dropout(0.3, name="dropout_2")(x)
    x = conv(x, 4, 84)
    x = keras.layers.Dropout(0.3, name="dropout_3")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = dense_block(x, 64, add_batchnorm=True, use_bias=False, name="dense_1")
    x = keras.layers.Dense(1, name="dense_2")(x)
    return keras.Model(inputs, x, name="vgg_utk_face")
