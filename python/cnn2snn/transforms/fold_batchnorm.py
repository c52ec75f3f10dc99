"""Batch normalization folded into the layer before it."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node, affine, applied, build, read
from cnn2snn.quantization_ops import WeightQuantizer
from cnn2snn.transforms.channels import output_kernel

__all__ = ["fold_batchnorm", "fold_graph", "fold_node"]


def fold_batchnorm(model: keras.Model) -> keras.Model:
    """Folds every batch normalization that directly follows a convolution or dense layer into it.

    With z' = c · z + d the kernel (of a separable layer the pointwise kernel) becomes kernel · c and the bias
    bias · c + d; a missing bias is added. Outputs at inference stay equal up to float32 rounding. A quantized
    layer keeps its integer weights (with their sign changed where c < 0) when its quantizer's scale follows each
    filter. Normalizations elsewhere, also behind a layer with an activation of its own, are left in place.

    Args:
        model: the Keras model; it is not changed.

    Returns:
        A new model of the same kind and name.

    Raises:
        UnsupportedModelError: a normalization on another axis than the last, or after a quantized layer whose integer
            weights would change.
    """
    graph = read(model)
    fold_graph(graph)
    return build(graph)


def fold_graph(graph: Graph, *, keep_inexact: bool = False, problems: Problems | None = None) -> None:
    """`fold_batchnorm` on a graph, in place.

    Args:
        graph: the graph.
        keep_inexact: whether normalizations that would change integer weights stay in place instead of being refused.
        problems: receives what is refused; by default the first error is raised.
    """
    problems = problems or Problems()
    for node in graph:
        if not node.is_neural or applied(node).name != "linear":
            continue
        while (norm := graph.only_consumer(node.name)) is not None and norm.is_a("BatchNormalization"):
            folded = False
            with problems.catch():
                folded = fold_node(node, norm, keep_inexact)
            if not folded:
                break
            graph.remove(norm.name)


def fold_node(node: Node, norm: Node, keep_inexact: bool) -> bool:
    """Folds the normalization `norm` into `node`, which it follows; the caller removes it from the graph.

    Returns:
        Whether it was folded; False only with `keep_inexact`, where integer weights would change.

    Raises:
        UnsupportedModelError: integer weights would change.
    """
    factor, offset = affine(norm)
    role = output_kernel(node)
    kernel = node.weights[role]
    folded = (kernel * factor).astype(kernel.dtype)
    quantizer = node.config.get("quantizer")
    if quantizer is not None and _changes(quantizer, kernel, folded, factor):
        if keep_inexact:
            return False
        raise UnsupportedModelError(
            f'layer "{node.name}": folding its batch normalization would change its quantized weights, as the scale of '
            f"{type(quantizer).__name__} does not follow each filter",
            layer=node.name,
            kind="quantizer",
            expected="a per-axis quantizer",
            received=type(quantizer).__name__,
            remedy=(
                "use a per-axis quantizer, or leave the normalization in place (fold_BN=False): convert merges it "
                "exactly"
            ),
        )
    node.weights[role] = folded
    bias = node.weights.get("bias", np.zeros(kernel.shape[-1], kernel.dtype))
    node.weights["bias"] = (bias * factor + offset).astype(kernel.dtype)
    node.config["use_bias"] = True
    return True


def _changes(quantizer: WeightQuantizer, kernel: np.ndarray, folded: np.ndarray, factor: np.ndarray) -> bool:
    """Whether folding changes integer weights, ties that float32 rounding turns left out, or scales by more than c."""
    before, after = (np.asarray(quantizer.scale_factor(w), np.float64) for w in (kernel, folded))
    if not np.allclose(after * np.abs(factor), before, rtol=1e-4):
        return True
    old, new = (np.rint(np.asarray(quantizer.quantize(w)) * k) for w, k in ((kernel, before), (folded, after)))
    scaled = kernel * before
    tie = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-3
    return bool(np.any((new != old * np.sign(factor)) & ~tie))
