"""What the builders share."""

from __future__ import annotations

from typing import Any

from cnn2snn._keras import keras
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.layer_blocks import conv_block, separable_conv_block

# Arguments of most blocks of the published networks.
COMMON = {"padding": "same", "use_bias": False, "add_batchnorm": True}


def input_layer(input_shape: tuple[int, int, int], input_scaling: tuple[float, float] | None) -> tuple[Any, Any]:
    """The input, and the input after Rescaling(1 / scale, offset) for `input_scaling` = (scale, offset)."""
    inputs = keras.Input(input_shape, name="input")
    if input_scaling is None:
        return inputs, inputs
    scale, offset = input_scaling
    if not scale > 0:
        raise InvalidArgumentError(
            f"input_scaling must be (scale, offset) with a scale greater than zero, received {input_scaling!r}",
            kind="input_scaling",
            expected="scale > 0",
            received=input_scaling,
        )
    return inputs, keras.layers.Rescaling(1 / scale, offset, name="rescaling")(inputs)


def width(filters: int, alpha: float) -> int:
    """The filters of a layer of a network that is `alpha` times as wide."""
    scaled = int(filters * alpha)
    if scaled < 1:
        raise InvalidArgumentError(
            f"alpha must leave at least one of {filters} filters, received {alpha}",
            kind="alpha",
            expected=f"at least 1 / {filters}",
            received=alpha,
        )
    return scaled


def conv(x: Any, number: int, filters: int, kernel_size: int = 3, **kwargs: Any) -> Any:
    """Layer `number` of a network: a 'same' convolution without bias, normalized, with ReLU."""
    return conv_block(x, filters, kernel_size, name=f"conv_{number}", **{**COMMON, **kwargs})


def separable(x: Any, number: int, filters: int, kernel_size: int = 3, **kwargs: Any) -> Any:
    """Layer `number` of a network: a 'same' separable convolution without bias, normalized, with ReLU."""
    return separable_conv_block(x, filters, kernel_size, name=f"separable_{number}", **{**COMMON, **kwargs})


def classifier(x: Any, classes: int, use_bias: bool) -> Any:
    """A dropout and the last layer of the networks for ImageNet, which give potentials, not probabilities."""
    x = keras.layers.Dropout(1e-3, name="dropout")(x)
    return keras.layers.Dense(classes, use_bias=use_bias, name="classifier")(x)
