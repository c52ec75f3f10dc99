"""Pooling moved behind the batch normalization that follows it."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node, affine, build, read

__all__ = ["invert_batchnorm_pooling", "invert_graph"]


def invert_batchnorm_pooling(model: keras.Model) -> keras.Model:
    """Exchanges every pooling and the batch normalization right after it.

    Max pooling and global average pooling, directly followed by a batch normalization that reads nothing else, come
    after it in the result, so that the normalization can be folded. Outputs at inference stay equal up to float32
    rounding.

    Args:
        model: the Keras model; it is not changed.

    Returns:
        A new model of the same kind and name.

    Raises:
        UnsupportedModelError: a normalization after max pooling with a negative factor (gamma), which would make a
            maximum a minimum.
    """
    graph = read(model)
    invert_graph(graph)
    return build(graph)


def invert_graph(graph: Graph, problems: Problems | None = None) -> None:
    """`invert_batchnorm_pooling` on a graph, in place.

    Args:
        graph: the graph.
        problems: receives what is refused; by default the first error is raised.
    """
    problems = problems or Problems()
    for pool in graph:
        with problems.catch():
            _invert(graph, pool)


def _invert(graph: Graph, pool: Node) -> None:
    """Exchanges a pooling and the batch normalization right after it."""
    if not (pool.is_max_pooling or pool.is_global_average):
        return
    norm = graph.only_consumer(pool.name)
    if norm is None or not norm.is_a("BatchNormalization"):
        return
    factor, _ = affine(norm)
    if pool.is_max_pooling and np.any(factor < 0):
        channel = int(np.argmax(factor < 0))
        raise UnsupportedModelError(
            f'layer "{norm.name}": gamma / sqrt(variance + epsilon) must not be negative after max '
            f"pooling, received {factor[channel]:g} "
            f"for channel {channel}",
            layer=norm.name,
            kind="gamma",
            expected="at least zero",
            received=float(factor[channel]),
            remedy=(
                "constrain gamma (cnn2snn.gamma_constraint) or put the normalization before the pooling, then train"
            ),
        )
    (source,) = pool.inbounds
    norm.config["axis"] = -1
    norm.output_shape = graph.nodes[source].output_shape
    graph.swap(pool, norm)
