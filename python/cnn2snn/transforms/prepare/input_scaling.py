"""Normalizations at the input that become one `Rescaling`."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.graph import Graph, Node
from cnn2snn.transforms.fold_rescaling import fold_rescaling_graph
from cnn2snn.transforms.prepare.affine import affine_of, is_affine
from cnn2snn.transforms.prepare.changes import Changes

__all__ = ["fold_channels", "merge_input_scaling"]


def merge_input_scaling(graph: Graph, changes: Changes) -> None:
    """Makes one `Rescaling` of the `Normalization`, `BatchNormalization` and `Rescaling` layers that begin a model."""
    for node in graph:
        if not is_affine(node) or not _begins(graph, node.inbounds[0]):
            continue
        numbers = affine_of(node)
        if numbers is None:
            continue
        scale, shift = numbers
        before, alone = _before(graph, node)
        if before.is_exactly("Rescaling") and alone:
            first_scale, first_shift = affine_of(before) or (1.0, 0.0)
            _set(before, first_scale * scale, first_shift * scale + shift)
            graph.remove(node.name)
            changes.add(node.name, "input_scaling", f'merged into the Rescaling "{before.name}"')
        elif not node.is_exactly("Rescaling") and alone:
            became = f"the {node.cls.__name__} became a Rescaling"
            kept = {key: node.config[key] for key in ("name", "dtype") if key in node.config}
            node.cls, node.config, node.weights, node.layer = keras.layers.Rescaling, kept, {}, None
            _set(node, scale, shift)
            changes.add(node.name, "input_scaling", became)


def fold_channels(graph: Graph, changes: Changes) -> None:
    """Brings a `Rescaling` with numbers per channel to one scale and offset, where weights can take the rest."""
    before = {node.name: node.config for node in graph if node.is_a("Rescaling")}
    fold_rescaling_graph(graph)
    for name, config in before.items():
        if graph.nodes[name].config is not config:
            changes.add(name, "input_scaling", "scales per channel moved into the weights behind it")


def _begins(graph: Graph, name: str) -> bool:
    """Whether what a layer gives is the input, rescaled at most."""
    node = graph.nodes[name]
    while node.is_identity or node.is_a("Rescaling", "Reshape"):
        node = graph.nodes[node.inbounds[0]]
    return node.is_exactly("InputLayer")


def _before(graph: Graph, node: Node) -> tuple[Node, bool]:
    """The layer before, past those that compute nothing at inference, and whether nothing else reads it."""
    alone = True
    while True:
        before = graph.nodes[node.inbounds[0]]
        alone = alone and graph.only_consumer(before.name) is node
        if not before.is_identity:
            return before, alone
        node = before


def _set(node: Node, scale: np.ndarray, shift: np.ndarray) -> None:
    """Gives a `Rescaling` its numbers, one for all channels where they are equal."""
    values = {"scale": np.ravel(scale), "offset": np.ravel(shift)}
    alike = all(np.all(v == v[0]) for v in values.values())
    node.config = {**node.config, **{key: float(v[0]) if alike else v.tolist() for key, v in values.items()}}
