"""MobileNet v1 in the order of layers that Akida 1.0 has."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.zoo._parts import classifier, conv, input_layer, separable, width

__all__ = ["mobilenet_imagenet"]

# Filters and stride of each separable layer.
_LAYERS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)


def mobilenet_imagenet(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    alpha: float = 1.0,
    include_top: bool = True,
    classes: int = 1000,
    input_scaling: tuple[float, float] | None = (128, -1),
) -> keras.Model:
    """MobileNet for ImageNet; 4,233,024 parameters (1,331,616 at alpha 0.5, 469,584 at 0.25), usually 8/4/4 bits.

    Args:
        input_shape: (height, width, channels) of the images.
        alpha: factor of the number of filters.
        include_top: whether global average pooling and the last layer are there.
        classes: number of classes.
        input_scaling: (scale, offset) of a leading Rescaling(1 / scale, offset); None for none.

    Returns:
        A float Keras model that gives potentials, not probabilities.
    """
    inputs, x = input_layer(input_shape, input_scaling)
    x = conv(x, 0, width(32, alpha), strides=2)
    for number, (filters, strides) in enumerate(_LAYERS, start=1):
        average = include_top and number == len(_LAYERS)
        x = separable(x, number, width(filters, alpha), strides=strides, pooling="global_avg" if average else None)
    if include_top:
        x = classifier(x, classes, use_bias=False)
    return keras.Model(inputs, x, name=f"mobilenet_{alpha:.2f}_{input_shape[0]}")
