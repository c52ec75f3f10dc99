"""Weight quantizers: from float weights to a grid of integers divided by a scale factor.

A quantizer has two methods. ``scale_factor(w)`` gives the scale k, a scalar or one value per output channel (the last
axis of ``w``); ``quantize(w)`` gives the quantized weights, floats such that ``quantize(w) * scale_factor(w)`` are
integers in -kmax .. kmax with kmax = 2^(bitwidth - 1) - 1. Linear quantizers round half to even:

    quantize(w) = clip(round(w * k), -kmax, kmax) / k

The scale of the quantizers here is k = kmax / range, with a range that their class defines. Files of the original
toolkit limit it to 1000: quantizers of a configuration that does not say otherwise do so too, and keep the limit.

Gradients are straight-through: that of ``quantize`` with respect to ``w`` is 1 everywhere and never NaN.

A quantizer is a Keras layer, which is called by nobody. Weights that one of its own adds with ``add_weight``, in its
constructor or in ``build(kernel_shape)``, are trained and saved with the layer that has it.

A quantizer of one's own overrides ``scale_factor``, or ``sigma_`` / ``max_range_`` of a given class:

    >>> import cnn2snn, tensorflow as tf
    >>> class HalfMaxQuantizer(cnn2snn.quantization_ops.LinearWeightQuantizer):
    ...     def scale_factor(self, w):
    ...         return self.kmax_ / (0.5 * tf.math.reduce_max(tf.math.abs(w)))
    >>> HalfMaxQuantizer(bitwidth=4).kmax_
    7.0
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from cnn2snn._keras import keras, register, tf
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError

__all__ = [
    "LinearWeightQuantizer",
    "MaxPerAxisQuantizer",
    "MaxQuantizer",
    "StdPerAxisQuantizer",
    "StdWeightQuantizer",
    "WeightQuantizer",
    "copied",
    "get",
]

# What the original toolkit limits scale factors to, which its files do not say.
_LIMIT_OF_OLDER_FILES = 1000.0
# Weights of a range whose scale is beyond this count as zeros: float32 would lose their products.
_LARGEST_SCALE = 2.0**96


def _other_axes(w: tf.Tensor) -> list[int]:
    """All axes but the last, which holds the output channels."""
    return list(range(len(w.shape) - 1))


class WeightQuantizer(keras.layers.Layer):
    """Base of all weight quantizers.

    Args:
        bitwidth: number of bits of the integer weights, 2 to 8.
        **kwargs: arguments of a Keras layer: `name`, `trainable` and `dtype`.

    Raises:
        InvalidArgumentError: `bitwidth` is outside 2 to 8.
        InvalidTypeError: `bitwidth` is not an integer, or an argument is unknown.
    """

    def __init__(self, bitwidth: int, **kwargs: Any) -> None:
        unknown = sorted(set(kwargs) - {"name", "trainable", "dtype"})
        if unknown:
            raise InvalidTypeError(f"{type(self).__name__} has no argument {unknown[0]!r}")
        if isinstance(bitwidth, bool) or not isinstance(bitwidth, Integral):
            raise InvalidTypeError(
                f"{type(self).__name__}: bitwidth must be an integer, received {bitwidth!r}",
                kind="bitwidth",
                expected="2 to 8",
                received=bitwidth,
            )
        if not 2 <= bitwidth <= 8:
            raise InvalidArgumentError(
                f"{type(self).__name__}: bitwidth must be in 2..8, received {bitwidth}",
                kind="bitwidth",
                expected="2 to 8",
                received=bitwidth,
            )
        super().__init__(**kwargs)
        # A method of Keras 3 layers has this name, and wrapping it would ask for other arguments.
        vars(self).pop("quantize", None)
        self.bitwidth_ = int(bitwidth)
        self.kmax_ = float(2 ** (bitwidth - 1) - 1)

    def add_weight(self, *args: Any, **kwargs: Any) -> Any:
        """Adds a weight, as of any Keras layer."""
        # Keras 2 tells the weights of two quantizers apart by this scope alone.
        with tf.name_scope(self.name):
            return super().add_weight(*args, **kwargs)

    @property
    def bitwidth(self) -> int:
        """Number of bits of the integer weights."""
        return self.bitwidth_

    def scale_factor(self, w: tf.Tensor) -> tf.Tensor:
        """The scale k of the weights `w`: a scalar, or one value per output channel."""
        raise NotImplementedError(f"{type(self).__name__} must define scale_factor(w)")

    def quantize(self, w: tf.Tensor) -> tf.Tensor:
        """The quantized weights, of the shape of `w`, floats on the grid of integers / scale."""
        raise NotImplementedError(f"{type(self).__name__} must define quantize(w)")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "bitwidth": self.bitwidth}


class LinearWeightQuantizer(WeightQuantizer):
    """Base of quantizers with evenly spaced values; a subclass defines `scale_factor`."""

    def quantize(self, w: tf.Tensor) -> tf.Tensor:
        """clip(round(w · k), -kmax, kmax) / k, rounding half to even.

        The gradient with respect to weights of the quantizer is that of this formula with round(x) taken as x.
        """
        w = tf.convert_to_tensor(w)
        fixed = tf.stop_gradient(w)
        scale = tf.cast(self.scale_factor(fixed), w.dtype)
        # Zeros stay zero for an infinite scale, which a custom quantizer may give where all weights are zero.
        levels = tf.clip_by_value(tf.math.multiply_no_nan(scale, fixed), -self.kmax_, self.kmax_)
        # A scale of zero quantizes everything to zero.
        quantized = tf.stop_gradient(tf.math.divide_no_nan(tf.round(levels), scale))
        # What is added is zero; it carries gradients.
        if self.trainable_weights:
            rounded = levels + tf.stop_gradient(tf.round(levels) - levels)
            line = tf.math.divide_no_nan(rounded, scale)
            quantized += line - tf.stop_gradient(line)
        return quantized + (w - fixed)


class _RangeQuantizer(LinearWeightQuantizer):
    """Base of quantizers whose scale is kmax / range.

    Args:
        bitwidth: number of bits, 2 to 8.
        max_scale_factor: the largest scale; None for no limit.
        **kwargs: `name`, `trainable` and `dtype`.
    """

    def __init__(self, bitwidth: int, max_scale_factor: float | None = None, **kwargs: Any) -> None:
        super().__init__(bitwidth, **kwargs)
        self.max_scale_factor = self._limit(max_scale_factor)

    def _limit(self, value: Any) -> float | None:
        return None if value is None else self._positive("max_scale_factor", value)

    def _positive(self, argument: str, value: Any) -> float:
        refused = None
        if isinstance(value, bool) or not isinstance(value, Real):
            refused = InvalidTypeError, "a number"
        elif not 0 < value < float("inf"):
            refused = InvalidArgumentError, "finite and greater than zero"
        if refused is not None:
            error, expected = refused
            raise error(
                f"{type(self).__name__}: {argument} must be {expected}, received {value!r}",
                kind=argument,
                expected="greater than zero",
                received=value,
            )
        return float(value)

    def _range(self, w: tf.Tensor) -> tf.Tensor:
        """The magnitude that becomes kmax: a scalar, or one value per output channel."""
        raise NotImplementedError

    def scale_factor(self, w: tf.Tensor) -> tf.Tensor:
        """Kmax / range of `w`, at most `max_scale_factor`; kmax where the range is next to nothing."""
        scale = self.kmax_ / self._range(w)
        if self.max_scale_factor is not None:
            return tf.clip_by_value(scale, 0.0, self.max_scale_factor)
        return tf.where(scale > _LARGEST_SCALE, tf.cast(self.kmax_, scale.dtype), scale)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "max_scale_factor": self.max_scale_factor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> _RangeQuantizer:
        """The quantizer of a configuration. Without `max_scale_factor` its limit is 1000, as originally."""
        arguments = dict(config)
        limit = arguments.pop("max_scale_factor", _LIMIT_OF_OLDER_FILES)
        # Not an argument, as constructors of one's own need not have it.
        quantizer = cls(**arguments)
        quantizer.max_scale_factor = quantizer._limit(limit)
        return quantizer


@register(package="cnn2snn")
class MaxQuantizer(_RangeQuantizer):
    """One scale for all weights: k = kmax / max |w|.

    Args:
        bitwidth: number of bits, 2 to 8.
        **kwargs: `max_scale_factor`, the largest scale (None, the default, for no limit), and `name`.
    """

    def __init__(self, bitwidth: int = 4, **kwargs: Any) -> None:
        super().__init__(bitwidth, **kwargs)

    @staticmethod
    def max_range_(w: tf.Tensor) -> tf.Tensor:
        """The magnitude that becomes kmax."""
        return tf.reduce_max(tf.abs(w))

    def _range(self, w: tf.Tensor) -> tf.Tensor:
        return self.max_range_(w)


@register(package="cnn2snn")
class MaxPerAxisQuantizer(MaxQuantizer):
    """One scale per output channel: k = kmax / max |w| over all axes but the last.

    Args:
        bitwidth: number of bits, 2 to 8.
        **kwargs: `max_scale_factor`, the largest scale (None, the default, for no limit), and `name`.
    """

    @staticmethod
    def max_range_(w: tf.Tensor) -> tf.Tensor:
        """The magnitude that becomes kmax, per output channel."""
        return tf.reduce_max(tf.abs(w), axis=_other_axes(w))


@register(package="cnn2snn")
class StdWeightQuantizer(_RangeQuantizer):
    """One scale for all weights: k = kmax / (threshold · standard deviation).

    Args:
        threshold: number of standard deviations that become kmax.
        bitwidth: number of bits, 2 to 8.
        **kwargs: `max_scale_factor`, the largest scale (None, the default, for no limit), and `name`.
    """

    def __init__(self, threshold: float = 3, bitwidth: int = 4, **kwargs: Any) -> None:
        super().__init__(bitwidth, **kwargs)
        self.threshold_ = self._positive("threshold", threshold)

    @property
    def threshold(self) -> float:
        """Number of standard deviations that become kmax."""
        return self.threshold_

    @staticmethod
    def sigma_(w: tf.Tensor) -> tf.Tensor:
        """The standard deviation (of the population)."""
        return tf.math.reduce_std(w)

    def _range(self, w: tf.Tensor) -> tf.Tensor:
        return self.threshold_ * self.sigma_(w)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "threshold": self.threshold_}


@register(package="cnn2snn")
class StdPerAxisQuantizer(StdWeightQuantizer):
    """One scale per output channel: k = kmax / (threshold · standard deviation over all axes but the last).

    Args:
        threshold: number of standard deviations that become kmax.
        bitwidth: number of bits, 2 to 8.
        **kwargs: `max_scale_factor`, the largest scale (None, the default, for no limit), and `name`.
    """

    @staticmethod
    def sigma_(w: tf.Tensor) -> tf.Tensor:
        """The standard deviation (of the population), per output channel."""
        return tf.math.reduce_std(w, axis=_other_axes(w))


_BUILT_IN = {cls.__name__: cls for cls in (MaxQuantizer, MaxPerAxisQuantizer, StdWeightQuantizer, StdPerAxisQuantizer)}


def get(identifier: WeightQuantizer | dict[str, Any]) -> WeightQuantizer:
    """A quantizer from an instance or from a serialized ``{"class_name": ..., "config": ...}``.

    Raises:
        InvalidArgumentError: anything else, or the name of a class that is not registered.
    """
    if isinstance(identifier, WeightQuantizer):
        return identifier
    if not isinstance(identifier, dict) or "class_name" not in identifier:
        raise InvalidArgumentError(
            f"a quantizer must be an instance of WeightQuantizer, or its serialized form, received {identifier!r}",
            kind="quantizer",
            received=identifier,
            remedy="for example MaxPerAxisQuantizer(bitwidth=4)",
        )
    config = identifier.get("config", {})
    name = identifier["class_name"].rpartition(">")[2]
    registered = identifier.get("registered_name") or identifier["class_name"]
    cls = (
        keras.utils.get_registered_object(registered) or keras.utils.get_registered_object(name) or _BUILT_IN.get(name)
    )
    if cls is None:
        raise InvalidArgumentError(
            f"the quantizer class {name!r} is not known",
            kind="quantizer",
            received=name,
            remedy="pass it in custom_objects, or register it with keras.utils.register_keras_serializable",
        )
    return cls.from_config(config)


def build_for(quantizer: WeightQuantizer, kernel_shape: tuple[int, ...]) -> None:
    """Builds a quantizer for a kernel, unless it is built: for the kernel of the first layer where several share it."""
    if not quantizer.built:
        quantizer.kernel_shape_ = tuple(kernel_shape)
        quantizer.build(quantizer.kernel_shape_)


def copied(quantizer: WeightQuantizer, bitwidth: int | None = None) -> WeightQuantizer:
    """A quantizer with the configuration and the weights of another.

    Args:
        quantizer: the other one.
        bitwidth: a width of its own, 2 to 8; None for that of `quantizer`.

    Raises:
        InvalidArgumentError: `bitwidth` is outside 2 to 8.
        InvalidTypeError: the constructor of the class does not take what its `get_config` gives.
    """
    config = quantizer.get_config()
    if bitwidth is not None:
        config["bitwidth"] = bitwidth
    try:
        new = type(quantizer).from_config(config)
    except TypeError as error:
        raise InvalidTypeError(
            f"{type(quantizer).__name__} cannot be made from its configuration: {error}",
            kind="quantizer",
            received=config,
            remedy="let its get_config give the arguments of its constructor",
        ) from error
    if isinstance(quantizer, _RangeQuantizer):
        # A get_config of one's own may leave it out.
        new.max_scale_factor = quantizer.max_scale_factor
    if quantizer.built:
        build_for(new, quantizer.kernel_shape_)
    new.set_weights(quantizer.get_weights())
    return new
