"""A lower bound for the scales of batch normalizations while a model is trained.

Folding divides a layer's thresholds and steps by gamma / sqrt(variance + epsilon): a tiny gamma gives values that do
not fit a chip, a negative one keeps a max pooling from trading places with its normalization.
"""

from __future__ import annotations

import warnings
from typing import Any

from cnn2snn._keras import keras, register, tf
from cnn2snn.conversion.graph import build, read
from cnn2snn.errors import InvalidArgumentError

__all__ = ["MinValueConstraint", "add_gamma_constraint"]


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


def add_gamma_constraint(model: keras.Model) -> keras.Model:
    """Gives every batch normalization of a model a gamma of at least 0.01.

    The constraint acts when the model is trained: the weights of the result are those of `model`, and a gamma below the
    bound moves to it with the first step of training.

    Args:
        model: a built Sequential or functional model; it is not changed.

    Returns:
        A new model of the same kind, with the same names and weights.

    Raises:
        InvalidTypeError, UnsupportedModelError: not a model that this package can read; see `cnn2snn.quantize`.

    Warns:
        UserWarning: a normalization has a constraint of its own, which is replaced.

    Example:
        >>> model = cnn2snn.gamma_constraint.add_gamma_constraint(model)  # doctest: +SKIP
    """
    graph = read(model)
    for node in graph:
        # Without scale there is no gamma: it counts as 1.
        if not node.is_a("BatchNormalization") or not node.config.get("scale", True):
            continue
        if node.config.get("gamma_constraint") is not None:
            warnings.warn(f'layer "{node.name}": its gamma_constraint is replaced by MinValueConstraint', stacklevel=2)
        node.config = {**node.config, "gamma_constraint": MinValueConstraint()}
    return build(graph)
