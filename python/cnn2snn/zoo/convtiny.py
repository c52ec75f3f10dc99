"""Convtiny: small networks for the events of dynamic vision sensors.

Their inputs are counts of events, 0 to 15: convert with ``input_is_image=False``.
"""

from __future__ import annotations

from typing import Any

from cnn2snn._keras import keras
from cnn2snn.zoo._parts import conv, separable

__all__ = ["convtiny_dvs_gesture", "convtiny_dvs_handy"]


def convtiny_dvs_gesture(input_shape: tuple[int, int, int] = (64, 64, 10), classes: int = 10) -> keras.Model:
    """Convtiny for gestures in events; 139,040 parameters, usually 4/4/4 bits.

    Args:
        input_shape: (height, width, channels) of the events.
        classes: number of gestures.

    Returns:
        A float Keras model that ends in a softmax.
    """
    return _convtiny("convtiny_dvs_gesture", input_shape, classes, (16, 16, 32, 64, 128))


def convtiny_dvs_handy(input_shape: tuple[int, int, int] = (120, 160, 2), classes: int = 9) -> keras.Model:
    """Convtiny for the samples of a handheld sensor; 1,714,656 parameters, usually 4/4/4 bits.

    Args:
        input_shape: (height, width, channels) of the events.
        classes: number of classes.

    Returns:
        A float Keras model that ends in a softmax.
    """
    return _convtiny("convtiny_dvs_handy", input_shape, classes, (16, 32, 64, 128, 256, 512))


def _convtiny(name: str, input_shape: tuple[int, int, int], classes: int, widths: tuple[int, ...]) -> keras.Model:
    inputs = keras.Input(input_shape, name="input")
    x: Any = inputs
    for number, filters in enumerate(widths):
        last = number == len(widths) - 1
        x = conv(x, number, filters, pooling="global_avg" if last else "max")
    x = keras.layers.Reshape((1, 1, widths[-1]), name="reshape_1")(x)
    x = keras.layers.Dropout(1e-3, name="dropout")(x)
    x = separable(x, len(widths), 256)
    x = keras.layers.Dense(classes, use_bias=False, name="classifier")(x)
    x = keras.layers.Softmax(name="softmax")(x)
    x = keras.layers.Reshape((classes,), name="reshape_2")(x)
    return keras.Model(inputs, x, name=name)
