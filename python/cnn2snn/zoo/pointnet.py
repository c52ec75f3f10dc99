"""PointNet++ for clouds of points, as convolutions over groups of neighbours."""

from __future__ import annotations

from typing import Any

from cnn2snn._keras import keras
from cnn2snn.layer_blocks import dense_block
from cnn2snn.zoo._parts import conv

__all__ = ["pointnet_plus_modelnet40"]


# Filters of the convolutions between poolings.
_STAGES = ((32, 32), (64, 64), (128, 128))


def pointnet_plus_modelnet40(input_shape: tuple[int, int, int] = (1024, 8, 3), classes: int = 40) -> keras.Model:
    """PointNet++ for ModelNet40; 609,864 parameters, usually 8/4/4 bits.

    Args:
        input_shape: (height, width, features): groups of neighbouring points, laid out as a map.
        classes: number of classes.

    Returns:
        A float Keras model that ends in a softmax.
    """
    inputs = keras.Input(input_shape, name="input")
    x: Any = inputs
    number = 0
    for stage in _STAGES:
        for filters in stage:
            x = conv(x, number, filters, 3 if number == 0 else 1, use_bias=True)
            number += 1
        # The published network pools activations, which is the same as pooling before them.
        x = keras.layers.MaxPool2D(2, padding="same", name=f"conv_{number - 1}_maxpool")(x)
    x = conv(x, number, 256, 1, use_bias=True)
    x = conv(x, number + 1, 512, 1, use_bias=True, pooling="global_avg")
    x = dense_block(x, 512, add_batchnorm=True, name="dense_1")
    x = dense_block(x, 256, add_batchnorm=True, name="dense_2")
    x = keras.layers.Dense(classes, name="classifier")(x)
    x = keras.layers.Softmax(name="softmax")(x)
    return keras.Model(inputs, x, name="pointnet_plus_modelnet40")
