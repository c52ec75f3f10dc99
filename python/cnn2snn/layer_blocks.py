"""Blocks of Keras layers in the order that Akida 1.0 computes: neural layer, pooling, normalization, activation.

Each takes a Keras tensor and gives one. The layers of a block are named after its neural layer: `<name>_maxpool`,
`<name>_global_avg`, `<name>_BN` and `<name>_relu`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnn2snn._keras import keras
from cnn2snn.errors import InvalidArgumentError

__all__ = ["conv_block", "dense_block", "separable_conv_block"]

# 6 is what the published reference networks clip at.
MAX_VALUE = 6.0


def conv_block(
    inputs: Any,
    filters: int,
    kernel_size: int | Sequence[int],
    pooling: str | None = None,
    post_relu_gap: bool = False,
    pool_size: int | Sequence[int] = (2, 2),
    add_batchnorm: bool = False,
    add_activation: bool = True,
    **kwargs: Any,
) -> Any:
    """`Conv2D`, then pooling, `BatchNormalization` and `ReLU(6)` as asked for.

    Args:
        inputs: Keras tensor (batch, height, width, channels).
        filters: number of output channels.
        kernel_size: height and width of the kernel.
        pooling: None, "max" (`MaxPool2D`, padded like the convolution) or "global_avg" (`GlobalAveragePooling2D`).
        post_relu_gap: whether global average pooling comes last, as Akida 2.0 has it, instead of before the
            normalization, which Akida 1.0 needs.
        pool_size: height and width of the window of max pooling, and of its step.
        add_batchnorm: whether a batch normalization is added.
        add_activation: whether a ReLU is added.
        **kwargs: further arguments of `Conv2D`, such as `strides`, `padding`, `use_bias` and `name`.

    Returns:
        Keras tensor: (batch, height, width, filters), or (batch, filters) after global average pooling.

    Raises:
        InvalidArgumentError: another pooling, an `activation` or a `dilation_rate`.

    Example:
        >>> x = conv_block(x, 32, 3, "max", add_batchnorm=True, padding="same", name="conv_0")  # doctest: +SKIP
    """
    _check(kwargs, pooling)
    layer = keras.layers.Conv2D(filters, kernel_size, **kwargs)
    return _finish(layer, layer(inputs), pooling, post_relu_gap, pool_size, add_batchnorm, add_activation)


def separable_conv_block(
    inputs: Any,
    filters: int,
    kernel_size: int | Sequence[int],
    strides: int | Sequence[int] = 1,
    padding: str = "same",
    use_bias: bool = True,
    pooling: str | None = None,
    post_relu_gap: bool = False,
    pool_size: int | Sequence[int] = (2, 2),
    add_batchnorm: bool = False,
    add_activation: bool = True,
    fused: bool = True,
    name: str | None = None,
    kernel_initializer: Any = "glorot_uniform",
    pointwise_regularizer: Any = None,
) -> Any:
    """`SeparableConv2D`, then pooling, `BatchNormalization` and `ReLU(6)` as asked for.

    Args:
        inputs: Keras tensor (batch, height, width, channels).
        filters: number of output channels.
        kernel_size: height and width of the depthwise kernel.
        strides: along height and width, equal.
        padding: "valid" or "same".
        use_bias: whether the pointwise convolution has a bias.
        pooling: as for `conv_block`.
        post_relu_gap: as for `conv_block`.
        pool_size: as for `conv_block`.
        add_batchnorm: whether a batch normalization is added.
        add_activation: whether a ReLU is added.
        fused: True for one `SeparableConv2D`, which Akida 1.0 has; False for a `DepthwiseConv2D` called `dw_<name>` and
            a `Conv2D` of 1x1 called `pw_<name>`.
        name: name of the layer; required when `fused` is False.
        kernel_initializer: of both kernels.
        pointwise_regularizer: of the pointwise kernel.

    Returns:
        Keras tensor: (batch, height, width, filters), or (batch, filters) after global average pooling.

    Raises:
        InvalidArgumentError: another pooling, or no name where one is needed.
    """
    _check({}, pooling)
    if fused:
        layer = keras.layers.SeparableConv2D(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=use_bias,
            depthwise_initializer=kernel_initializer,
            pointwise_initializer=kernel_initializer,
            pointwise_regularizer=pointwise_regularizer,
            name=name,
        )
        x = layer(inputs)
    else:
        if not name:
            raise InvalidArgumentError(
                "separable_conv_block: two layers need a name to be called after",
                kind="name",
                received=name,
                remedy="give name, or fused=True",
            )
        x = keras.layers.DepthwiseConv2D(
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=False,
            depthwise_initializer=kernel_initializer,
            name=f"dw_{name}",
        )(inputs)
        layer = keras.layers.Conv2D(
            filters,
            1,
            padding=padding,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=pointwise_regularizer,
            name=f"pw_{name}",
        )
        x = layer(x)
    return _finish(layer, x, pooling, post_relu_gap, pool_size, add_batchnorm, add_activation)


def dense_block(
    inputs: Any,
    units: int,
    add_batchnorm: bool = False,
    add_activation: bool = True,
    **kwargs: Any,
) -> Any:
    """`Dense`, then `BatchNormalization` and `ReLU(6)` as asked for.

    Args:
        inputs: Keras tensor (batch, …, features).
        units: number of outputs.
        add_batchnorm: whether a batch normalization is added.
        add_activation: whether a ReLU is added.
        **kwargs: further arguments of `Dense`, such as `use_bias` and `name`.

    Returns:
        Keras tensor (batch, …, units).

    Raises:
        InvalidArgumentError: an `activation` is given.
    """
    _check(kwargs, None)
    layer = keras.layers.Dense(units, **kwargs)
    return _finish(layer, layer(inputs), None, False, (2, 2), add_batchnorm, add_activation)


def _check(kwargs: dict[str, Any], pooling: str | None) -> None:
    """Refuses what no block has."""
    name = kwargs.get("name") or "the block"
    if kwargs.get("activation") not in (None, "linear"):
        raise InvalidArgumentError(
            f"{name}: activation is a layer of its own, received {kwargs['activation']!r}",
            layer=kwargs.get("name"),
            kind="activation",
            received=kwargs["activation"],
            remedy="use add_activation",
        )
    if kwargs.get("dilation_rate", 1) not in (1, (1, 1), [1, 1]):
        raise InvalidArgumentError(
            f"{name}: dilation_rate must be 1, received {kwargs['dilation_rate']!r}",
            layer=kwargs.get("name"),
            kind="dilation_rate",
            expected=1,
            received=kwargs["dilation_rate"],
        )
    if pooling not in (None, "max", "global_avg"):
        raise InvalidArgumentError(
            f'{name}: pooling must be None, "max" or "global_avg", received {pooling!r}',
            layer=kwargs.get("name"),
            kind="pooling",
            expected=(None, "max", "global_avg"),
            received=pooling,
        )


def _finish(
    layer: keras.layers.Layer,
    x: Any,
    pooling: str | None,
    post_relu_gap: bool,
    pool_size: int | Sequence[int],
    add_batchnorm: bool,
    add_activation: bool,
) -> Any:
    """What follows a neural layer."""
    layers = keras.layers
    average_last = pooling == "global_avg" and post_relu_gap
    if pooling == "max":
        x = layers.MaxPool2D(pool_size, padding=layer.padding, name=f"{layer.name}_maxpool")(x)
    elif pooling == "global_avg" and not average_last:
        x = layers.GlobalAveragePooling2D(name=f"{layer.name}_global_avg")(x)
    if add_batchnorm:
        x = layers.BatchNormalization(name=f"{layer.name}_BN")(x)
    if add_activation:
        x = layers.ReLU(MAX_VALUE, name=f"{layer.name}_relu")(x)
    if average_last:
        x = layers.GlobalAveragePooling2D(name=f"{layer.name}_global_avg")(x)
    return x
