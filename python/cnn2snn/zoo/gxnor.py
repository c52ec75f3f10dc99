"""GXNOR: a network with weights of 2 bits and activations of 1 bit for handwritten digits."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.layer_blocks import dense_block
from cnn2snn.zoo._parts import conv, input_layer

__all__ = ["gxnor_mnist"]


def gxnor_mnist(
    input_shape: tuple[int, int, int] = (28, 28, 1),
    classes: int = 10,
    input_scaling: tuple[float, float] | None = (255, 0),
) -> keras.Model:
    """GXNOR for MNIST; 1,633,074 parameters, usually 2/2/1 bits.

    Args:
        input_shape: (height, width, channels) of the images.
        classes: number of classes.
        input_scaling: (scale, offset) of a leading Rescaling(1 / scale, offset); None for none.

    Returns:
        A float Keras model that gives potentials, not probabilities.
    """
    inputs, x = input_layer(input_shape, input_scaling)
    x = conv(x, 0, 32, 5, pooling="max", use_bias=True)
    x = conv(x, 1, 64, strides=2, use_bias=True)
    x = keras.layers.Flatten(name="flatten")(x)
    x = dense_block(x, 512, add_batchnorm=True, name="dense_2")
    x = dense_block(x, classes, add_batchnorm=True, add_activation=False, name="dense_3")
    return keras.Model(inputs, x, name="gxnor_mnist")
