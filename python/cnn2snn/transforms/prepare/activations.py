"""Activations that become layers of their own, and `Activation` layers that become `ReLU` layers."""

from __future__ import annotations

from typing import Any

from cnn2snn._keras import keras
from cnn2snn.graph import FINAL_ACTIVATIONS, Applied, Graph, Node, applied
from cnn2snn.transforms.prepare.changes import Changes

__all__ = ["split_activations", "unify_activations"]

_LAYERS = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Dense")
_RELUS = {"relu": {}, "relu6": {"max_value": 6.0}}


def split_activations(graph: Graph, changes: Changes) -> None:
    """Splits off the activations of layers with weights, which quantized layers do not have.

    A ReLU becomes a `ReLU` layer, an activation that may come last, and does, an `Activation` layer. Others stay.
    """
    for node in graph:
        activation = applied(node)
        if not node.is_exactly(*_LAYERS) or activation.name == "linear":
            continue
        if activation.name not in _RELUS and not (activation.name in FINAL_ACTIVATIONS and _is_last(graph, node)):
            continue
        cls, arguments = _layer(activation)
        name = graph.free_name(f"{node.name}_{'relu' if cls is keras.layers.ReLU else activation.name}")
        config = {"name": name, **{key: node.config[key] for key in ("dtype",) if key in node.config}, **arguments}
        node.config = {**node.config, "activation": "linear"}
        graph.insert(node, Node(name, cls, config, {}, [], node.output_shape, None))
        changes.add(node.name, "fused_activation", f'its activation {activation.name} became the layer "{name}"')


def _is_last(graph: Graph, node: Node) -> bool:
    """Whether nothing is computed behind a layer."""
    readers = graph.consumers(node.name)
    return all(
        (reader.is_identity or reader.is_a("Flatten", "Reshape")) and _is_last(graph, reader) for reader in readers
    )


def unify_activations(graph: Graph, changes: Changes) -> None:
    """Makes `ReLU` layers of `Activation` layers that compute a ReLU, and takes out those that compute nothing."""
    for node in graph:
        if not node.is_exactly("Activation"):
            continue
        activation = applied(node)
        if activation.name == "linear" and len(graph.nodes) > 2:
            graph.remove(node.name)
            changes.add(node.name, "activation", "left out, as it computes nothing")
        elif activation.name in _RELUS:
            kept = {key: node.config[key] for key in ("name", "trainable", "dtype") if key in node.config}
            node.cls, arguments = _layer(activation)
            node.config, node.layer = {**kept, **arguments}, None
            changes.add(node.name, "activation", f"Activation({activation.name}) became a ReLU")


def _layer(activation: Applied) -> tuple[type, dict[str, Any]]:
    """The class of the layer that computes an activation, and its arguments."""
    if activation.name in _RELUS:
        return keras.layers.ReLU, {**_RELUS[activation.name], **activation.arguments}
    return keras.layers.Activation, {"activation": activation.name}
