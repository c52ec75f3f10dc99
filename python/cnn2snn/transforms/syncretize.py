"""All transforms that prepare a model for conversion, in one."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.graph import Graph, Node, read
from cnn2snn.quantization_layers import QuantizedActivation
from cnn2snn.transforms.fold_batchnorm import fold_graph
from cnn2snn.transforms.invert_batchnorm_pooling import invert_graph
from cnn2snn.transforms.sequentialize import build_submodels, check_structure

__all__ = ["syncretize"]


def syncretize(model: keras.Model) -> keras.Model:
    """Brings a model into the one form that models with the same function share.

    Layers that compute nothing at inference (`Dropout` and the like) are left out, max pooling comes before the
    activation, poolings come after the batch normalization that follows them, and normalizations are folded into the
    layer before them. Outputs at inference stay equal up to float32 rounding; the first two changes are exact.
    A normalization that would change the integer weights of a quantized layer stays in place: `convert` merges it
    exactly.

    Args:
        model: a built Keras model, `Sequential` or functional with branches; it is not changed.

    Returns:
        A new model in the form that `sequentialize` gives, of the same name.

    Raises:
        UnsupportedModelError: (RuntimeError) as for `sequentialize`, `invert_batchnorm_pooling` and `fold_batchnorm`.
    """
    graph = read(model)
    check_structure(graph)
    for node in graph:
        if node.is_identity:
            graph.remove(node.name)
    _pool_first(graph)
    invert_graph(graph)
    fold_graph(graph, keep_inexact=True)
    return build_submodels(graph)


def _pool_first(graph: Graph) -> None:
    """Exchanges activations and the max poolings right after them."""
    for node in graph:
        if not _is_monotone(node):
            continue
        while (pool := graph.only_consumer(node.name)) is not None and pool.is_max_pooling:
            node.output_shape = pool.output_shape
            graph.swap(node, pool)


def _is_monotone(node: Node) -> bool:
    """Whether this is an activation that never falls, so that it may follow a maximum."""
    if node.is_a("QuantizedActivation"):
        return node.cls.call is QuantizedActivation.call
    config = node.config
    return node.is_exactly("ReLU") and min(config.get("threshold") or 0, config.get("negative_slope") or 0) >= 0
