"""A lower bound for the scales of batch normalizations while a model is trained.

Folding divides a layer's thresholds and steps by gamma / sqrt(variance + epsilon): a tiny gamma gives values that do
not fit a chip, a negative one keeps a max pooling from trading places with its normalization.
"""

from __future__ import annotations

import warnings

from cnn2snn._keras import keras
from cnn2snn.constraints import MinValueConstraint
from cnn2snn.graph import build, read

__all__ = ["MinValueConstraint", "add_gamma_constraint"]


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
