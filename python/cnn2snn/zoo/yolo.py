"""YOLO v2 on AkidaNet: the network that finds boxes, without the decoding of its output."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.layer_blocks import separable_conv_block
from cnn2snn.zoo._parts import separable
from cnn2snn.zoo.akidanet import akidanet_imagenet

__all__ = ["yolo_base"]


def yolo_base(
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1,
    nb_box: int = 5,
    alpha: float = 1.0,
    input_scaling: tuple[float, float] | None = (128, -1),
) -> keras.Model:
    """YOLO v2 on AkidaNet; 6,645,630 parameters, usually 8/4/4 bits.

    Args:
        input_shape: (height, width, channels) of the images.
        classes: number of classes.
        nb_box: boxes per cell.
        alpha: factor of the number of filters of AkidaNet.
        input_scaling: (scale, offset) of a leading Rescaling(1 / scale, offset); None for none. Published networks have
            (127.5, -1), in which the borders of the first layer stand for 127.5, which is no input of a chip.

    Returns:
        A float Keras model that gives (height / 32, width / 32, nb_box · (5 + classes)).
    """
    base = akidanet_imagenet(input_shape, alpha, include_top=False, input_scaling=input_scaling)
    x = base.output
    for number in range(14, 17):
        x = separable(x, number, 1024)
    x = separable_conv_block(x, nb_box * (5 + classes), 3, add_activation=False, name="detection")
    return keras.Model(base.input, x, name="yolo_base")
