"""How alike the ranges of a layer's filters are."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.graph import read
from cnn2snn.transforms.channels import output_ranges

__all__ = ["weights_homogeneity"]


def weights_homogeneity(model: keras.Model) -> dict[str, float]:
    """Measures how alike the ranges of the filters of each layer are.

    With m_f the largest magnitude of the weights of filter f (of the pointwise kernel of a separable layer), the rate
    of a layer is the mean over f of m_f / max m: 1 where all filters have the same range, which a quantizer with one
    scale for the whole kernel serves best, near 0 where a few filters are far larger than the rest.

    Args:
        model: the Keras model; it is not changed.

    Returns:
        The rate of each `Conv2D`, `SeparableConv2D` and `Dense`, float or quantized, by name; 1 for a kernel of zeros.
    """
    rates = {}
    for node in read(model):
        if node.is_neural:
            ranges = output_ranges(node)
            rates[node.name] = float(np.mean(ranges / ranges.max())) if ranges.max() > 0 else 1.0
    return rates
