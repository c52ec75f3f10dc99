"""What a batch normalization computes: z' = c · z + d per channel."""

from __future__ import annotations

import numpy as np

from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph.graph import Node

__all__ = ["affine"]


def affine(node: Node) -> tuple[np.ndarray, np.ndarray]:
    """The factors c and offsets d of a `BatchNormalization`, float64, one per channel.

    c = gamma / sqrt(variance + epsilon), d = beta - mean · c; gamma is 1 without scale, beta 0 without center.

    Raises:
        UnsupportedModelError: it does not normalize the last axis, its variance has no root, or a weight is not finite.
    """
    axis = node.config.get("axis", -1)
    axis = axis[0] if isinstance(axis, (list, tuple)) else axis
    if axis not in (-1, len(node.output_shape)):
        raise UnsupportedModelError(
            f'layer "{node.name}": batch normalization must be on the last axis, received {axis}',
            layer=node.name,
            kind="axis",
            expected=-1,
            received=axis,
            remedy="normalize the last axis (axis=-1) and train again",
        )
    weights = {role: np.asarray(w, np.float64) for role, w in node.weights.items()}
    for role, values in weights.items():
        _check(node.name, role, values, np.isfinite(values), "finite")
    epsilon = float(node.config["epsilon"])
    variance = weights["moving_variance"] + epsilon
    _check(node.name, "moving_variance", weights["moving_variance"], variance > 0, f"greater than {-epsilon:g}")
    factor = weights.get("gamma", np.ones_like(variance)) / np.sqrt(variance)
    offset = weights.get("beta", np.zeros_like(variance)) - weights["moving_mean"] * factor
    return factor, offset


def _check(name: str, role: str, values: np.ndarray, right: np.ndarray, expected: str) -> None:
    if np.all(right):
        return
    channel = int(np.flatnonzero(~right)[0])
    received = float(values[channel])
    raise UnsupportedModelError(
        f'layer "{name}": {role} must be {expected}, received {received:g} in channel {channel}',
        layer=name,
        kind=role,
        expected=expected,
        received=received,
        remedy="train the model anew, or assign other values to the weight",
    )
