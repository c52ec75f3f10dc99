"""DS-CNN: a separable network for the spotting of keywords."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.zoo._parts import conv, input_layer, separable

__all__ = ["ds_cnn_kws"]


def ds_cnn_kws(
    input_shape: tuple[int, int, int] = (49, 10, 1),
    classes: int = 33,
    input_scaling: tuple[float, float] | None = (255, 0),
) -> keras.Model:
    """DS-CNN for keywords in spectrograms; 23,713 parameters, usually 8/4/4 bits.

    Args:
        input_shape: (height, width, channels) of the spectrograms.
        classes: number of keywords.
        input_scaling: (scale, offset) of a leading Rescaling(1 / scale, offset); None for none.

    Returns:
        A float Keras model that ends in a softmax.
    """
    inputs, x = input_layer(input_shape, input_scaling)
    x = conv(x, 0, 64, 5, strides=2)
    for number in range(1, 5):
        x = separable(x, number, 64, pooling="global_avg" if number == 4 else None)
    x = keras.layers.Reshape((1, 1, 64), name="reshape")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(classes, name="classifier")(x)
    x = keras.layers.Softmax(name="softmax")(x)
    return keras.Model(inputs, x, name="ds_cnn_kws")
