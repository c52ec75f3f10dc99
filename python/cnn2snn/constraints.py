"""Constraints of weights."""

from __future__ import annotations

from typing import Any

from cnn2snn._keras import keras, register, tf
from cnn2snn.errors import InvalidArgumentError

__all__ = ["MinValueConstraint"]


@register(package="cnn2snn")
class MinValueConstraint(keras.constraints.Constraint):
    """A constraint of weights: none is below a value.

    Args:
        min_value: the smallest value, finite.

    Raises:
        InvalidArgumentError: `min_value` is not a finite number.
    """

    def __init__(self, min_value: float = 1e-2) -> None:
        try:
            self.min_value = float(min_value)
        except (TypeError, ValueError):
            self.min_value = float("nan")
        if not abs(self.min_value) < float("inf"):
            raise InvalidArgumentError(
                f"MinValueConstraint: min_value must be a finite number, received {min_value!r}",
                kind="min_value",
                expected="a finite number",
                received=min_value,
            )

    def __call__(self, w: tf.Tensor) -> tf.Tensor:
        """The weights, those below `min_value` raised to it."""
        return tf.maximum(w, tf.cast(self.min_value, w.dtype))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"min_value": self.min_value}


# Keras 2 looks for the name without its package when it reads HDF5 files.
keras.utils.get_custom_objects()["MinValueConstraint"] = MinValueConstraint
