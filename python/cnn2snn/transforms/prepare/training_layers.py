"""Layers that compute nothing at inference: they are left out, or at least out of the way of what is folded."""

from __future__ import annotations

from cnn2snn.graph import Graph
from cnn2snn.transforms.prepare.changes import Changes

__all__ = ["drop_resizing", "drop_training_layers", "move_training_layers"]

# They change nothing where the size stays.
_RESIZING = ("CenterCrop", "RandomCrop", "Resizing")


def drop_training_layers(graph: Graph, changes: Changes) -> None:
    """Takes out `Dropout`, noise, augmentation and all else that computes nothing at inference."""
    for node in graph:
        if node.is_identity:
            graph.remove(node.name)
            changes.add(
                node.name, "training_layer", f"left out, as a {node.cls.__name__} computes nothing at inference"
            )


def move_training_layers(graph: Graph, changes: Changes) -> None:
    """Puts layers that compute nothing at inference behind the batch normalization that follows them."""
    for node in graph:
        while node.is_identity and (norm := graph.only_consumer(node.name)) is not None:
            if not norm.is_a("BatchNormalization"):
                break
            graph.swap(node, norm)
            changes.add(node.name, "training_layer", f'moved behind "{norm.name}"')


def drop_resizing(graph: Graph, changes: Changes) -> None:
    """Takes out croppings and resizings to the size that is there."""
    for node in graph:
        if node.is_a(*_RESIZING) and node.output_shape == graph.nodes[node.inbounds[0]].output_shape:
            graph.remove(node.name)
            changes.add(node.name, "resizing", f"left out, as its input has the size {node.output_shape[:2]} already")
