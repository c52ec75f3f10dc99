"""Quantized Keras layers and activations.

A quantized layer computes what its Keras parent computes, with weights that its quantizer has put on a grid of
integers; the weights that are trained stay float. Biases are not quantized: conversion turns them into thresholds.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from numbers import Integral
from typing import Any

from cnn2snn import quantization_ops
from cnn2snn._keras import DEPTHWISE_KERNEL, keras, register, tf
from cnn2snn.errors import InvalidTypeError
from cnn2snn.quantization_activations import ActivationDiscreteRelu, QuantizedActivation, QuantizedReLU
from cnn2snn.quantization_ops import WeightQuantizer

__all__ = [
    "ActivationDiscreteRelu",
    "QuantizedActivation",
    "QuantizedConv2D",
    "QuantizedDense",
    "QuantizedDepthwiseConv2D",
    "QuantizedReLU",
    "QuantizedSeparableConv2D",
]


class _Quantized:
    """What quantized layers share: refused arguments, quantized kernels, configuration."""

    # Arguments of the Keras parent that have one possible value, and that value.
    unsupported_args: dict[str, Any] = {}
    # The attributes with a kernel that is quantized, in the order of `compute`, and those with its quantizer.
    quantized_kernels: dict[str, str] = {"kernel": "quantizer"}

    def build(self, input_shape: Any) -> None:
        """Makes the weights of the Keras parent, and those of the quantizers."""
        super().build(input_shape)
        for kernel, quantizer in self.quantized_kernels.items():
            quantization_ops.build_for(getattr(self, quantizer), getattr(self, kernel).shape)

    def call(self, inputs: tf.Tensor, *args: Any, **kwargs: Any) -> tf.Tensor:
        """What the Keras parent computes, with quantized kernels. Other arguments mean nothing."""
        kernels = (
            getattr(self, quantizer).quantize(getattr(self, kernel))
            for kernel, quantizer in self.quantized_kernels.items()
        )
        return self.compute(inputs, *kernels)

    def _refuse(self, kwargs: dict[str, Any]) -> None:
        """Takes out arguments at their only value, which old files carry; any other value is refused."""
        for name, value in self.unsupported_args.items():
            received = kwargs.pop(name, value)
            if isinstance(received, (list, tuple)):
                received = tuple(received)
            elif isinstance(value, tuple) and isinstance(received, Integral):
                received = (int(received),) * len(value)
            if received != value and not (name == "activation" and received is None):
                layer = f'layer "{kwargs["name"]}"' if kwargs.get("name") else type(self).__name__
                remedy = "put the activation into a layer of its own" if name == "activation" else None
                raise InvalidTypeError(
                    f"{layer}: {name} is always {value!r}, received {received!r}",
                    layer=kwargs.get("name"),
                    kind=name,
                    expected=value,
                    received=received,
                    remedy=remedy,
                )

    def _config(self, config: dict[str, Any], **quantizers: WeightQuantizer) -> dict[str, Any]:
        for name in self.unsupported_args:
            config.pop(name, None)
        for name, quantizer in quantizers.items():
            config[name] = keras.utils.serialize_keras_object(quantizer)
        return config


_CONV_ARGS = {
    "data_format": "channels_last",
    "activation": "linear",
    "dilation_rate": (1, 1),
}


def _without_base_args(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what Keras 2 writes of its convolution base and depthwise layers do not use."""
    unused = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
    return {name: value for name, value in config.items() if name not in unused}


@register(package="cnn2snn")
class QuantizedConv2D(_Quantized, keras.layers.Conv2D):
    """`Conv2D` with quantized weights.

    Args:
        filters: number of output channels.
        kernel_size: height and width of the kernel.
        quantizer: quantizer of the kernel, shape (height, width, channels, filters).
        strides: along height and width.
        padding: "valid" or "same".
        use_bias: whether a (float) bias is added.
        kernel_initializer, bias_initializer: as in Keras.
        **kwargs: regularizers, constraints and `name`, as in Keras.

    Raises:
        TypeError: `data_format`, `activation`, `dilation_rate` or `groups` has another value than Keras' default.
    """

    unsupported_args = {**_CONV_ARGS, "groups": 1}

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        quantizer: WeightQuantizer,
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        self._refuse(kwargs)
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            **kwargs,
        )
        self.quantizer = quantization_ops.get(quantizer)

    def compute(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution with `kernel`, plus the bias."""
        outputs = self.convolution_op(inputs, kernel)
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return self._config(super().get_config(), quantizer=self.quantizer)


@register(package="cnn2snn")
class QuantizedSeparableConv2D(_Quantized, keras.layers.SeparableConv2D):
    """`SeparableConv2D` with quantized weights.

    Args:
        filters: number of output channels.
        kernel_size: height and width of the depthwise kernel.
        quantizer: quantizer of the pointwise kernel, shape (1, 1, channels, filters).
        quantizer_dw: quantizer of the depthwise kernel, shape (height, width, channels, 1); by default one
            like `quantizer`. It must give one scale for the whole kernel, which per-axis quantizers do here.
        strides: along height and width, equal.
        padding: "valid" or "same".
        use_bias: whether a (float) bias is added.
        **kwargs: initializers, regularizers, constraints and `name`, as in Keras.

    Raises:
        TypeError: `data_format`, `activation`, `dilation_rate` or `depth_multiplier` has another value than
            Keras' default.
    """

    unsupported_args = {**_CONV_ARGS, "depth_multiplier": 1}
    quantized_kernels = {"depthwise_kernel": "quantizer_dw", "pointwise_kernel": "quantizer"}

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        quantizer: WeightQuantizer,
        quantizer_dw: WeightQuantizer | None = None,
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        self._refuse(kwargs)
        super().__init__(filters, kernel_size, strides=strides, padding=padding, use_bias=use_bias, **kwargs)
        self.quantizer = quantization_ops.get(quantizer)
        if quantizer_dw is None:
            # Its own name keeps its weights apart in files.
            config = {key: value for key, value in self.quantizer.get_config().items() if key != "name"}
            quantizer_dw = type(self.quantizer).from_config(config)
        self.quantizer_dw = quantization_ops.get(quantizer_dw)

    def compute(self, inputs: tf.Tensor, depthwise: tf.Tensor, pointwise: tf.Tensor) -> tf.Tensor:
        """The depthwise then the pointwise convolution with these kernels, plus the bias."""
        outputs = tf.nn.separable_conv2d(
            inputs,
            depthwise,
            pointwise,
            strides=(1, *self.strides, 1),
            padding=self.padding.upper(),
        )
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        return self._config(config, quantizer=self.quantizer, quantizer_dw=self.quantizer_dw)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> QuantizedSeparableConv2D:
        """The layer of a configuration."""
        return cls(**_without_base_args(config))


def _quantizer_may_come_first(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor of (units, use_bias, quantizer), as documented, that takes (units, quantizer, use_bias) too."""

    @functools.wraps(init)
    def either(self: Any, units: int, *args: Any, **kwargs: Any) -> None:
        if args and isinstance(args[0], (WeightQuantizer, dict)):
            quantizer, *others = args
            if not others:
                init(self, units, quantizer=quantizer, **kwargs)
                return
            args = (others[0], quantizer, *others[1:])
        init(self, units, *args, **kwargs)

    # Keras reads the signature and the names of arguments, each in its own way.
    either.__signature__ = inspect.signature(init)
    return either


@register(package="cnn2snn")
class QuantizedDense(_Quantized, keras.layers.Dense):
    """`Dense` with quantized weights.

    Args:
        units: number of outputs.
        use_bias: whether a (float) bias is added.
        quantizer: quantizer of the kernel, shape (inputs, units). It may also come before `use_bias`.
        kernel_initializer, bias_initializer: as in Keras.
        **kwargs: regularizers, constraints and `name`, as in Keras.

    Raises:
        TypeError: `activation` is not linear, or there is no quantizer.
    """

    unsupported_args = {"activation": "linear"}

    @_quantizer_may_come_first
    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        quantizer: WeightQuantizer | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        self._refuse(kwargs)
        if quantizer is None:
            raise InvalidTypeError(
                "QuantizedDense needs a quantizer",
                layer=kwargs.get("name"),
                kind="quantizer",
                remedy="for example QuantizedDense(units, quantizer=MaxPerAxisQuantizer(bitwidth=4))",
            )
        super().__init__(
            units,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            **kwargs,
        )
        self.quantizer = quantization_ops.get(quantizer)

    def compute(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The product with `kernel`, plus the bias."""
        outputs = tf.tensordot(inputs, kernel, axes=1)
        outputs.set_shape((*inputs.shape[:-1], self.units))
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = self._config(super().get_config(), quantizer=self.quantizer)
        # Written by some Keras versions; it belongs to Keras' own quantization.
        config.pop("quantization_config", None)
        return config


@register(package="cnn2snn")
class QuantizedDepthwiseConv2D(_Quantized, keras.layers.DepthwiseConv2D):
    """`DepthwiseConv2D` with quantized weights.

    It can be converted together with a `QuantizedConv2D` of kernel size 1 that directly follows it.

    Args:
        kernel_size: height and width of the kernel.
        quantizer: quantizer of the kernel, shape (height, width, channels, 1). It must give one scale for the whole
            kernel, which per-axis quantizers do here.
        strides: along height and width, equal.
        padding: "valid" or "same".
        use_bias: whether a (float) bias is added.
        **kwargs: initializers, regularizers, constraints and `name`, as in Keras.

    Raises:
        TypeError: `data_format`, `activation`, `dilation_rate` or `depth_multiplier` has another value than
            Keras' default.
    """

    unsupported_args = {**_CONV_ARGS, "depth_multiplier": 1}
    quantized_kernels = {DEPTHWISE_KERNEL: "quantizer"}

    def __init__(
        self,
        kernel_size: int | tuple[int, int],
        quantizer: WeightQuantizer,
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        self._refuse(kwargs)
        super().__init__(kernel_size, strides=strides, padding=padding, use_bias=use_bias, **kwargs)
        self.quantizer = quantization_ops.get(quantizer)

    def compute(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The depthwise convolution with `kernel`, plus the bias."""
        outputs = tf.nn.depthwise_conv2d(inputs, kernel, strides=(1, *self.strides, 1), padding=self.padding.upper())
        return outputs + self.bias if self.use_bias else outputs

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return self._config(super().get_config(), quantizer=self.quantizer)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> QuantizedDepthwiseConv2D:
        """The layer of a configuration."""
        return cls(**_without_base_args(config))
