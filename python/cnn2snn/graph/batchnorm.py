"""What a batch normalization computes: z' = c · z + d per channel."""

from __future__ import annotations

import numpy as np

from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph.graph import Node
from cnn2snn.graph.values import check_values

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
    check_values(node)
    weights = {role: np.asarray(w, np.float64) for role, w in node.weights.items()}
    variance = weights["moving_variance"] + float(node.config["epsilon"])
    factor = weights.get("gamma", np.ones_like(variance)) / np.sqrt(variance)
    offset = weights.get("beta", np.zeros_like(variance)) - weights["moving_mean"] * factor
    return factor, offset
