"""Depthwise kernels brought to one range."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.graph import build, read

__all__ = ["normalize_separable_layer", "normalize_separable_model"]


def normalize_separable_layer(layer: keras.layers.Layer) -> None:
    """Brings the depthwise kernel of a separable layer to the range 1 in each channel, in place.

    With d the largest magnitude of a channel of the depthwise kernel, this channel is divided by d and that of the
    pointwise kernel multiplied by it; a channel of zeros stays as it is. The layer's float function stays equal up to
    float32 rounding, and one scale serves all channels of the depthwise kernel, as the chip needs it.

    Args:
        layer: a built `SeparableConv2D` or `QuantizedSeparableConv2D`; **it is changed**.

    Raises:
        InvalidArgumentError: (ValueError) another layer, or one that has no weights yet.
    """
    is_separable = any(base.__name__ == "SeparableConv2D" for base in type(layer).__mro__)
    if not is_separable or not layer.built:
        received = type(layer).__name__ if not is_separable else "a layer that is not built"
        raise InvalidArgumentError(
            f"layer {getattr(layer, 'name', layer)!r}: a built SeparableConv2D is needed, received {received}",
            layer=getattr(layer, "name", None),
            kind="layer",
            expected="SeparableConv2D",
            received=received,
        )
    kernels = _normalized(np.asarray(layer.depthwise_kernel), np.asarray(layer.pointwise_kernel))
    layer.depthwise_kernel.assign(kernels[0])
    layer.pointwise_kernel.assign(kernels[1])


def normalize_separable_model(model: keras.Model) -> keras.Model:
    """`normalize_separable_layer` for all separable layers of a model.

    Args:
        model: the Keras model; it is not changed.

    Returns:
        A new model of the same kind and name.
    """
    graph = read(model)
    for node in graph:
        if "depthwise_kernel" in node.weights and "pointwise_kernel" in node.weights:
            node.weights["depthwise_kernel"], node.weights["pointwise_kernel"] = _normalized(
                node.weights["depthwise_kernel"], node.weights["pointwise_kernel"]
            )
    return build(graph)


def _normalized(depthwise: np.ndarray, pointwise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both kernels, (height, width, channels, multiplier) and (1, 1, channels · multiplier, filters)."""
    ranges = np.abs(depthwise).max(axis=(0, 1))
    ranges = np.where(ranges > 0, ranges, 1)
    return depthwise / ranges, pointwise * ranges.reshape(-1, 1)
