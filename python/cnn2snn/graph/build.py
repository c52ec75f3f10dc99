"""From a graph to a new Keras model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from cnn2snn._keras import keras
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, UnsupportedModelError
from cnn2snn.graph.graph import Graph, Node
from cnn2snn.graph.roles import attribute

__all__ = ["assign_weights", "build", "build_chain", "make_layer"]


def build(graph: Graph) -> keras.Model:
    """A new Keras model of the graph, of the same kind and name, with its weights.

    Raises:
        InvalidArgumentError: weights do not have the shape that a layer asks for.
    """
    source, *nodes = graph
    if graph.sequential:
        return build_chain(graph.name, source.output_shape, nodes, source.config)
    tensors = {source.name: keras.Input(source.output_shape, **source.config)}
    for node in nodes:
        layer = make_layer(node)
        sources = [tensors[name] for name in node.inbounds]
        with _without_initial_values(layer):
            tensors[node.name] = layer(sources[0] if len(sources) == 1 else sources, **node.call)
        assign_weights(layer, node)
    return keras.Model(tensors[source.name], tensors[graph.output], name=graph.name)


def build_chain(
    name: str, input_shape: tuple[int | None, ...], nodes: Iterable[Node], config: dict[str, Any] | None = None
) -> keras.Sequential:
    """A new Sequential model of nodes, each of which reads the one before it, with their weights.

    Args:
        name: the name of the model.
        input_shape: the shape of its input, without the batch.
        nodes: its layers.
        config: name, dtype and batch size of its input.

    Raises:
        UnsupportedModelError: a layer that is called with arguments, for which a Sequential model has no place.
    """
    layers = []
    for node in nodes:
        if node.call:
            raise UnsupportedModelError(
                f'layer "{node.name}": it is called with {node.call}, which a Sequential model cannot do',
                layer=node.name,
                kind="call",
                received=node.call,
                remedy="leave that out of the call",
            )
        layers.append((make_layer(node), node))
    source = keras.Input(input_shape, **(config or {}))
    with _without_initial_values(*(layer for layer, _ in layers)):
        model = keras.Sequential([source, *(layer for layer, _ in layers)], name=name)
    for layer, node in layers:
        assign_weights(layer, node)
    return model


@contextmanager
def _without_initial_values(*layers: keras.layers.Layer) -> Iterator[None]:
    """Layers built in the block begin with zeros: drawing values that are replaced takes longer than all else."""
    zeros = keras.initializers.Zeros()
    found = [(layer, k, v) for layer in layers for k, v in vars(layer).items() if k.endswith("_initializer")]
    for layer, name, _ in found:
        setattr(layer, name, zeros)
    try:
        yield
    finally:
        for layer, name, initializer in found:
            setattr(layer, name, initializer)


def make_layer(node: Node) -> keras.layers.Layer:
    """A new layer of the node's class and configuration."""
    try:
        return node.cls.from_config(node.config)
    except TypeError as error:
        # Keras hides what the constructor of a layer says in an error of its own.
        if isinstance(error.__context__, Cnn2SnnError):
            raise error.__context__ from None
        raise


def assign_weights(layer: keras.layers.Layer, node: Node) -> None:
    """Gives a layer the weights of a node.

    Raises:
        InvalidArgumentError: their shapes differ.
    """
    named = all(not role.isdigit() for role in node.weights)
    targets = [getattr(layer, attribute(node.cls, role)) for role in node.weights] if named else layer.weights
    for target, value in zip(targets, node.weights.values(), strict=True):
        if tuple(target.shape) != value.shape:
            raise InvalidArgumentError(
                f'layer "{node.name}": for its input it needs weights of shape {tuple(target.shape)}, it has '
                f"{value.shape}",
                layer=node.name,
                kind="weights_shape",
                expected=tuple(target.shape),
                received=value.shape,
            )
        target.assign(value)
