"""Ranges of weights evened out between layers."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.graph import Graph, Node, applied, build, read
from cnn2snn.transforms.channels import input_ranges, output_ranges, scale_inputs, scale_outputs

__all__ = ["cross_layer_scaling"]


def cross_layer_scaling(model: keras.Model) -> keras.Model:
    """Evens out the ranges of the weights of consecutive layers.

    Where a layer with weights is followed by another with nothing between them that bounds values (max pooling, global
    average pooling, `Flatten`, `Dropout`, `ReLU` without `max_value`), each channel between them is divided by

        r = sqrt(m / m')

    at its source (kernel and bias) and multiplied by it at its destination, m and m' being the largest
    magnitudes of the weights that give and that read the channel. A channel that all-zero weights give or read stays as
    it is. Inside a separable layer the same is done between the depthwise and the pointwise kernel. Layers are taken in
    their order, once.

    The outputs of a float model stay equal up to float32 rounding; the weights quantize with less error. Do it before
    `quantize`: in a quantized layer it changes the integer weights. A `ReLU` with `max_value` stops it, as the bound
    would have to differ per channel: train with ``ReLU()``, and choose bounds with
    `cnn2snn.calibration.activation_ranges` after quantization.

    Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019 (arXiv
    1906.04721), section 4.1, equation 11.

    Args:
        model: the Keras model, its batch normalizations folded; it is not changed.

    Returns:
        A new model of the same kind and name.
    """
    graph = read(model)
    for node in graph:
        if not node.is_neural:
            continue
        if "depthwise_kernel" in node.weights:
            _within_separable(node)
        destination = _destination(graph, node)
        if destination is not None:
            given = output_ranges(node)
            ratio = _ratio(given, input_ranges(destination, len(given)))
            scale_outputs(node, 1 / ratio)
            scale_inputs(destination, ratio)
    return build(graph)


def _ratio(given: np.ndarray, read: np.ndarray) -> np.ndarray:
    """The ratio r of each channel, float64."""
    given, read = given.astype(np.float64), read.astype(np.float64)
    used = (given > 0) & (read > 0)
    return np.sqrt(np.where(used, given, 1) / np.where(used, read, 1))


def _within_separable(node: Node) -> None:
    depthwise, pointwise = node.weights["depthwise_kernel"], node.weights["pointwise_kernel"]
    given = np.abs(depthwise).max(axis=(0, 1))  # (channels, multiplier)
    ratio = _ratio(given, np.abs(pointwise).max(axis=(0, 1, 3)).reshape(given.shape))
    node.weights["depthwise_kernel"] = (depthwise / ratio).astype(depthwise.dtype)
    node.weights["pointwise_kernel"] = (pointwise * ratio.reshape(-1, 1)).astype(pointwise.dtype)


def _destination(graph: Graph, node: Node) -> Node | None:
    """The layer with weights that alone reads the channels of `node`, unbounded, or None."""
    activation = applied(node)
    if activation.name not in ("linear", "relu") or any(activation.arguments.values()):
        return None
    reader = graph.only_consumer(node.name)
    while reader is not None and not reader.is_neural:
        if not _keeps_ratios(reader):
            return None
        reader = graph.only_consumer(reader.name)
    return reader if reader is not None and reader.config.get("groups", 1) == 1 else None


def _keeps_ratios(node: Node) -> bool:
    """Whether scaling a channel before this layer by a positive number is scaling it after."""
    if node.is_exactly("ReLU"):
        return node.config.get("max_value") is None and not node.config.get("threshold")
    return node.is_identity or node.is_max_pooling or node.is_global_average or node.is_a("Flatten")
