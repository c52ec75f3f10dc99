"""Whether the weights of a layer are numbers that something can be computed with."""

from __future__ import annotations

import numpy as np

from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph.graph import Node

__all__ = ["check_values"]


def check_values(node: Node) -> None:
    """Refuses a layer with a weight that is not finite, or a normalization whose variance has no root.

    Raises:
        UnsupportedModelError: the first weight that is so.
    """
    for role, values in node.weights.items():
        _check(node, role, values, np.isfinite(values), "finite")
    if node.is_a("BatchNormalization"):
        epsilon, variance = float(node.config["epsilon"]), np.asarray(node.weights["moving_variance"], np.float64)
        _check(node, "moving_variance", variance, variance + epsilon > 0, f"greater than {-epsilon:g}")


def _check(node: Node, role: str, values: np.ndarray, right: np.ndarray, expected: str) -> None:
    if np.all(right):
        return
    received = float(values[~right][0])
    shown = f"weight {role}" if role.isdecimal() else role
    channel = f" in channel {int(np.flatnonzero(~right)[0])}" if np.ndim(values) == 1 else ""
    raise UnsupportedModelError(
        f'layer "{node.name}": {shown} must be {expected}, received {received:g}{channel}',
        layer=node.name,
        kind=role,
        expected=expected,
        received=received,
        remedy="train the model anew, or assign other values to the weight",
    )
