"""Weight quantizers: from float weights to a grid of integers divided by a scale factor.

A quantizer has two methods. ``scale_factor(w)`` gives the scale k, a scalar or one value per output channel (the last
axis of ``w``); ``quantize(w)`` gives the quantized weights, floats such that ``quantize(w) * scale_factor(w)`` are
integers in -kmax .. kmax with kmax = 2^(bitwidth - 1) - 1. Linear quantizers round half to even:

    quantize(w) = clip(round(w * k), -kmax, kmax) / k

Scale factors are limited to 0 .. 1000, as the published toolkit does: the limit keeps thresholds and steps of the
converted layer inside the chip's widths, and gives all-zero weights a finite scale.

Gradients are straight-through: that of ``quantize`` with respect to ``w`` is 1 everywhere and never NaN.

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
    "get",
]

MAX_SCALE_FACTOR = 1000.0


def _other_axes(w: tf.Tensor) -> list[int]:
    """All axes but the last, which holds the output channels."""
    return list(range(len(w.shape) - 1))


def _clip_scale(scale: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(scale, 0.0, MAX_SCALE_FACTOR)


class WeightQuantizer:
    """Base of all weight quantizers.

    Args:
        bitwidth: number of bits of the integer weights, 2 to 8.
        **kwargs: `name`, kept in the configuration; `trainable` and `dtype` are accepted, as old configurations carry
            them, and have no effect.

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
        self.name = kwargs.get("name")
        self.bitwidth_ = int(bitwidth)
        self.kmax_ = float(2 ** (bitwidth - 1) - 1)

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
        return {"name": self.name, "bitwidth": self.bitwidth}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightQuantizer:
        """The quantizer of a configuration."""
        return cls(**config)


class LinearWeightQuantizer(WeightQuantizer):
    """Base of quantizers with evenly spaced values; a subclass defines `scale_factor`."""

    def quantize(self, w: tf.Tensor) -> tf.Tensor:
        """clip(round(w · k), -kmax, kmax) / k, rounding half to even."""
        w = tf.convert_to_tensor(w)
        scale = tf.cast(tf.stop_gradient(self.scale_factor(w)), w.dtype)
        # Zeros stay zero for an infinite scale, which a custom quantizer may give where all weights are zero.
        levels = tf.clip_by_value(tf.round(tf.math.multiply_no_nan(scale, w)), -self.kmax_, self.kmax_)
        # A scale of zero quantizes everything to zero. The second term is zero; it carries the gradient.
        return tf.stop_gradient(tf.math.divide_no_nan(levels, scale)) + (w - tf.stop_gradient(w))


@register(package="cnn2snn")
class MaxQuantizer(LinearWeightQuantizer):
    """One scale for all weights: k = kmax / max |w|.

    Args:
        bitwidth: number of bits, 2 to 8.
    """

    def __init__(self, bitwidth: int = 4, **kwargs: Any) -> None:
        super().__init__(bitwidth, **kwargs)

    def max_range_(self, w: tf.Tensor) -> tf.Tensor:
        """The magnitude that becomes kmax."""
        return tf.reduce_max(tf.abs(w))

    def scale_factor(self, w: tf.Tensor) -> tf.Tensor:
        """Kmax / max_range_(w), at most 1000."""
        return _clip_scale(self.kmax_ / self.max_range_(w))


@register(package="cnn2snn")
class MaxPerAxisQuantizer(MaxQuantizer):
    """One scale per output channel: k = kmax / max |w| over all axes but the last.

    Args:
        bitwidth: number of bits, 2 to 8.
    """

    def max_range_(self, w: tf.Tensor) -> tf.Tensor:
        """The magnitude that becomes kmax, per output channel."""
        return tf.reduce_max(tf.abs(w), axis=_other_axes(w))


@register(package="cnn2snn")
class StdWeightQuantizer(LinearWeightQuantizer):
    """One scale for all weights: k = kmax / (threshold · standard deviation).

    Args:
        threshold: number of standard deviations that become kmax.
        bitwidth: number of bits, 2 to 8.
    """

    def __init__(self, threshold: float = 3, bitwidth: int = 4, **kwargs: Any) -> None:
        super().__init__(bitwidth, **kwargs)
        if isinstance(threshold, bool) or not isinstance(threshold, Real):
            raise InvalidTypeError(
                f"{type(self).__name__}: threshold must be a number, received {threshold!r}",
                kind="threshold",
                expected="greater than zero",
                received=threshold,
            )
        self.threshold_ = float(threshold)
        if not 0 < self.threshold_ < float("inf"):
            raise InvalidArgumentError(
                f"{type(self).__name__}: threshold must be finite and greater than zero, received {threshold}",
                kind="threshold",
                expected="greater than zero",
                received=threshold,
            )

    @property
    def threshold(self) -> float:
        """Number of standard deviations that become kmax."""
        return self.threshold_

    def sigma_(self, w: tf.Tensor) -> tf.Tensor:
        """The standard deviation (of the population)."""
        return tf.math.reduce_std(w)

    def scale_factor(self, w: tf.Tensor) -> tf.Tensor:
        """Kmax / (threshold · sigma_(w)), at most 1000."""
        return _clip_scale(self.kmax_ / (self.threshold_ * self.sigma_(w)))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "threshold": self.threshold_}


@register(package="cnn2snn")
class StdPerAxisQuantizer(StdWeightQuantizer):
    """One scale per output channel: k = kmax / (threshold · standard deviation over all axes but the last).

    Args:
        threshold: number of standard deviations that become kmax.
        bitwidth: number of bits, 2 to 8.
    """

    def sigma_(self, w: tf.Tensor) -> tf.Tensor:
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
