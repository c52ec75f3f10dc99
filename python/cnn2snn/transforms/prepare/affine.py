"""Layers that multiply and shift each channel: `BatchNormalization`, `Normalization` and `Rescaling`, as numbers."""

from __future__ import annotations

import numpy as np

from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Node, affine

__all__ = ["affine_of", "is_affine"]

# The least standard deviation that Keras divides by.
_EPSILON = 1e-7


def is_affine(node: Node) -> bool:
    """Whether a layer multiplies and shifts each channel of its input."""
    return node.is_a("BatchNormalization") or node.is_exactly("Normalization", "Rescaling")


def affine_of(node: Node) -> tuple[np.ndarray, np.ndarray] | None:
    """The factors and offsets of a layer, float64, one per channel; None where they are not so, or have no use."""
    if node.is_a("BatchNormalization"):
        try:
            return affine(node)
        except UnsupportedModelError:
            return None
    channels = node.output_shape[-1] if node.output_shape else None
    if channels is None:
        return None
    if node.is_exactly("Rescaling"):
        found = [np.ravel(np.asarray(node.config[key], np.float64)) for key in ("scale", "offset")]
    else:
        mean, variance = (np.asarray(getattr(node.layer, key, None), np.float64) for key in ("mean", "variance"))
        # Other axes than the last: one number for each place.
        if mean.shape[:-1] != (1,) * (mean.ndim - 1):
            return None
        deviation = np.maximum(np.sqrt(np.ravel(variance)), _EPSILON)
        mean = np.ravel(mean)
        found = [deviation, mean] if node.config.get("invert") else [1 / deviation, -mean / deviation]
    if any(values.size not in (1, channels) or not np.all(np.isfinite(values)) for values in found):
        return None
    scale, shift = (np.broadcast_to(values, (channels,)) for values in found)
    return scale, shift
