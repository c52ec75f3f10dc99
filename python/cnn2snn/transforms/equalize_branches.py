"""Activations that meet in a `Concatenate` brought to one bound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn2snn.graph import Graph, Node, applied, has_border
from cnn2snn.transforms.channels import add_inputs, scale_inputs, scale_outputs
from cnn2snn.transforms.readers import Obstacle, readers

__all__ = ["equalize_branches_graph", "joined_activations"]


def equalize_branches_graph(graph: Graph, unbounded: Callable[[str], float]) -> None:
    """Gives the `ReLU` layers that meet in `Concatenate` layers one `max_value`, in place.

    Their quantized outputs then have one step, which the chip needs where branches are joined. A branch with the bound
    m gets the largest bound M of those that it meets: the kernel and bias before its `ReLU` are multiplied by
    M / m, and the weights that read its channels by m / M, so that the model's function stays equal up to float32
    rounding. Branches whose weights are quantized, or that something else reads than layers with weights, stay as they
    are.

    Args:
        graph: the graph of a model whose activations are float.
        unbounded: gives the bound that a `ReLU` without `max_value` will get, by the name of the layer.
    """
    for group in joined_activations(graph, lambda node: node.is_exactly("ReLU")):
        bounds = {name: float(graph.nodes[name].config.get("max_value") or unbounded(name)) for name in group}
        largest = max(bounds.values())
        for name, bound in bounds.items():
            if bound != largest and _scale(graph, graph.nodes[name], largest / bound):
                graph.nodes[name].config = {**graph.nodes[name].config, "max_value": largest}


def joined_activations(graph: Graph, is_activation: Callable[[Node], bool]) -> list[set[str]]:
    """The names of the activations that meet in a `Concatenate`, directly or through others, by group."""
    groups: list[set[str]] = []
    for node in graph:
        if node.is_a("Concatenate"):
            group = {name for source in node.inbounds for name in _activations(graph, source, is_activation)}
            for other in [g for g in groups if g & group]:
                groups.remove(other)
                group |= other
            if group:
                groups.append(group)
    return groups


def _activations(graph: Graph, name: str, is_activation: Callable[[Node], bool]) -> set[str]:
    """The activations whose outputs reach layer `name` as they are."""
    node = graph.nodes[name]
    if is_activation(node):
        return {name}
    if node.is_a("Concatenate") or node.is_identity or node.is_max_pooling:
        return {found for source in node.inbounds for found in _activations(graph, source, is_activation)}
    return set()


def _scale(graph: Graph, activation: Node, factor: float) -> bool:
    """Multiplies the outputs of an activation and takes it back in the layers that read them; whether it could."""
    producer = graph.nodes[activation.inbounds[0]]
    while producer.is_identity or producer.is_max_pooling or producer.is_global_average:
        producer = graph.nodes[producer.inbounds[0]]
    sole = _reaches_only(graph, producer, activation)
    if not (sole and producer.is_exactly("Conv2D", "SeparableConv2D", "Dense")):
        return False
    channels = activation.output_shape[-1]
    found = readers(graph, activation.name, np.full(channels, 1 / factor))
    if isinstance(found, Obstacle) or applied(producer).name != "linear" or activation.config.get("threshold"):
        return False
    if any(np.any(r.shift) and has_border(r.node, graph.nodes[r.node.inbounds[0]].output_shape) for r in found):
        return False
    scale_outputs(producer, np.float64(factor))
    for reader in found:
        if np.any(reader.shift):
            add_inputs(reader.node, reader.shift)
        scale_inputs(reader.node, reader.scale)
    return True


def _reaches_only(graph: Graph, producer: Node, activation: Node) -> bool:
    reader = graph.only_consumer(producer.name)
    while reader is not None and reader is not activation:
        reader = graph.only_consumer(reader.name)
    return reader is activation
