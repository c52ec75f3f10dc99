"""Quantized activations: multiples of a step."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from cnn2snn._keras import keras, register, tf
from cnn2snn.constraints import MinValueConstraint
from cnn2snn.errors import InvalidArgumentError

__all__ = ["ActivationDiscreteRelu", "QuantizedActivation", "QuantizedReLU", "largest_of_discrete_relu"]


class QuantizedActivation(keras.layers.Layer):
    """Base of quantized activations: multiples of a step, from 0 to 2^bitwidth - 1 steps.

        y = step * clip(ceil((x - step / 2) / step), 0, 2^bitwidth - 1)

    so that x is rounded to the nearest multiple, halves downwards. A subclass defines `step`, as a property.

    The gradient is straight-through, that of clip(x, 0, m) with m = step * (2^bitwidth - 1): 1 for x where 0 <= x <= m
    and 0 elsewhere; 1 for m where x > m and 0 elsewhere, which is what trains a step that is a variable (PACT, Choi et
    al. 2018, https://arxiv.org/abs/1805.06085).

    Args:
        bitwidth: number of bits of the output levels, 1 to 24, as float32 can tell no more levels apart.

    Raises:
        InvalidArgumentError: `bitwidth` is not an integer from 1 to 24.

    Example:
        >>> class Halves(cnn2snn.QuantizedActivation):
        ...     @property
        ...     def step(self):
        ...         return 0.5
        >>> [float(y) for y in Halves(2)(np.array([0.2, 0.3, 1.1, 9.0], np.float32))]
        [0.0, 0.5, 1.0, 1.5]
    """

    def __init__(self, bitwidth: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(bitwidth, bool) or not isinstance(bitwidth, Integral) or not 1 <= bitwidth <= 24:
            raise InvalidArgumentError(
                f'layer "{self.name}": bitwidth must be an integer of at least 1 and at most 24, received {bitwidth!r}',
                layer=self.name,
                kind="bitwidth",
                expected="1 to 24",
                received=bitwidth,
            )
        self._bitwidth = int(bitwidth)
        self.levels = float(2**self.bitwidth - 1)

    @property
    def bitwidth(self) -> int:
        """Number of bits of the output levels."""
        return self._bitwidth

    @property
    def step(self) -> tf.Tensor:
        """The spacing of the outputs, a float32 scalar greater than zero."""
        raise NotImplementedError(f"{type(self).__name__} must define the property step")

    @property
    def threshold(self) -> tf.Tensor:
        """What an input must exceed to give more than 0: half a step. Not to be overridden."""
        return self.step * 0.5

    def call(self, inputs: tf.Tensor, *args: Any, **kwargs: Any) -> tf.Tensor:
        """The quantized activation of the inputs. Other arguments mean nothing."""
        return self.quantized_activation(inputs)

    def quantized_activation(self, x: tf.Tensor) -> tf.Tensor:
        """The nearest multiples of the step, clipped, with the gradient of a straight line."""
        inputs = tf.convert_to_tensor(x)
        step = tf.cast(self.step, inputs.dtype)
        outputs = step * self.levels_of(inputs)
        line = tf.clip_by_value(inputs, 0.0, step * self.levels)
        # The second term is zero; it carries the gradient.
        return tf.stop_gradient(outputs) + (line - tf.stop_gradient(line))

    def levels_of(self, inputs: tf.Tensor) -> tf.Tensor:
        """The outputs in steps: whole numbers from 0 to 2^bitwidth - 1, in the type of the inputs; no gradient."""
        step = tf.cast(self.step, inputs.dtype)
        levels = tf.math.ceil((inputs - tf.cast(self.threshold, inputs.dtype)) / step)
        return tf.clip_by_value(levels, 0.0, self.levels)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "bitwidth": self.bitwidth}


def largest_of_discrete_relu(bitwidth: int) -> float:
    """The largest output of an `ActivationDiscreteRelu` of a width."""
    return min(2.0**bitwidth - 1, 6.0)


@register(package="cnn2snn")
class ActivationDiscreteRelu(QuantizedActivation):
    """A quantized ReLU whose largest output is 6, or 2^bitwidth - 1 where that is smaller.

    Args:
        bitwidth: number of bits of the output levels; 1, 2 or 4 can be converted.
    """

    def __init__(self, bitwidth: int = 1, **kwargs: Any) -> None:
        super().__init__(bitwidth, **kwargs)
        self._step = np.float32(largest_of_discrete_relu(self.bitwidth) / self.levels)

    @property
    def step(self) -> tf.Tensor:
        """min(2^bitwidth - 1, 6) / (2^bitwidth - 1)."""
        return tf.constant(self._step)


@register(package="cnn2snn")
class QuantizedReLU(QuantizedActivation):
    """A quantized ReLU with a largest output of one's choice.

    Args:
        bitwidth: number of bits of the output levels; 1, 2 or 4 can be converted.
        max_value: the largest output; 2^bitwidth - 1 by default, which makes the step 1.
        train_max_value: whether the largest output is a weight, which training changes and keeps at 0.01 or more;
            `max_value` is where it begins.

    Raises:
        InvalidArgumentError: `max_value` is not a finite number greater than zero.
    """

    def __init__(
        self, bitwidth: int = 1, max_value: float | None = None, *, train_max_value: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(bitwidth, **kwargs)
        self.train_max_value = bool(train_max_value)
        try:
            self._initial_max = np.float32(self.levels if max_value is None else max_value)
        except (TypeError, ValueError):
            self._initial_max = None
        self._max_weight = None
        if not (np.ndim(self._initial_max) == 0 and self._initial_max is not None and 0 < self._initial_max < np.inf):
            raise InvalidArgumentError(
                f'layer "{self.name}": max_value must be a finite number greater than zero, received {max_value!r}',
                layer=self.name,
                kind="max_value",
                expected="greater than zero",
                received=max_value,
            )

    def build(self, input_shape: Any) -> None:
        """Makes the weight of the largest output, if it is to be trained."""
        if self.train_max_value:
            self._max_weight = self.add_weight(
                name="max_value",
                shape=(),
                initializer=keras.initializers.Constant(float(self._initial_max)),
                constraint=MinValueConstraint(),
            )
        super().build(input_shape)

    @property
    def max_value(self) -> float:
        """The largest output."""
        return float(self._initial_max if self._max_weight is None else self._max_weight.numpy())

    @property
    def step(self) -> tf.Tensor:
        """max_value / (2^bitwidth - 1), in float32."""
        largest = self._initial_max if self._max_weight is None else self._max_weight
        return tf.convert_to_tensor(largest) / np.float32(self.levels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = {**super().get_config(), "max_value": self.max_value}
        # Left out where it says nothing, so that files are as those of the original toolkit.
        return {**config, "train_max_value": True} if self.train_max_value else config
