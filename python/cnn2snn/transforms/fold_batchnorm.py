"""Batch normalization folded into the layer before it."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.conversion.graph import Graph, Node, build, read
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.transforms.batchnorm import affine

__all__ = ["fold_batchnorm", "fold_graph"]


def fold_batchnorm(model: keras.Model) -> keras.Model:
    """Folds every batch normalization that directly follows a convolution or dense layer into it.

    With z' = c · z + d the kernel (of a separable layer the pointwise kernel) becomes kernel · c and the bias
    bias · c + d; a missing bias is added. Outputs at inference stay equal up to float32 rounding. A quantized
    layer keeps its integer weights (with their sign changed where c < 0) when its quantizer's scale follows each
    filter. Normalizations elsewhere are left in place.

    Args:
        model: the Keras model; it is not changed.

    Returns:
        A new model of the same kind and name.

    Raises:
        UnsupportedModelError: a normalization on another axis than the last, or after a quantized layer with one scale
            for all filters.
    """
    graph = read(model)
    fold_graph(graph)
    return build(graph)


def fold_graph(graph: Graph) -> None:
    """`fold_batchnorm` on a graph, in place."""
    for node in graph:
        if not node.is_neural:
            continue
        norm = graph.only_consumer(node.name)
        if norm is not None and norm.is_a("BatchNormalization"):
            _fold(node, norm)
            graph.remove(norm.name)


def _fold(node: Node, norm: Node) -> None:
    factor, offset = affine(norm)
    role = "pointwise_kernel" if "pointwise_kernel" in node.weights else "kernel"
    kernel = node.weights[role]
    if node.layer is not None and hasattr(node.layer, "quantizer"):
        scale = np.asarray(node.layer.quantizer.scale_factor(kernel))
        if scale.shape != (kernel.shape[-1],):
            raise UnsupportedModelError(
                f'layer "{node.name}": batch normalization cannot be folded into weights quantized with one scale '
                "for all filters; use a per-axis quantizer, or convert the model as it is, which folds exactly",
                layer=node.name,
                kind="quantizer",
                expected="a per-axis quantizer",
                received=type(node.layer.quantizer).__name__,
            )
    node.weights[role] = (kernel * factor).astype(kernel.dtype)
    bias = node.weights.get("bias", np.zeros(kernel.shape[-1], kernel.dtype))
    node.weights["bias"] = (bias * factor + offset).astype(kernel.dtype)
    node.config["use_bias"] = True
