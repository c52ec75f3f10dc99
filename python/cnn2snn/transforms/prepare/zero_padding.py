"""`ZeroPadding2D` that becomes padding "same" of the layer behind it."""

from __future__ import annotations

from cnn2snn.graph import Graph, Node, same_padding_of, zeros_of
from cnn2snn.transforms.prepare.changes import Changes

__all__ = ["fold_zero_padding"]


def fold_zero_padding(graph: Graph, changes: Changes) -> None:
    """Takes out each `ZeroPadding2D` whose zeros are those of padding "same" in all layers that read it.

    They are so for zeros ((1, 1), (1, 1)) before a kernel of 3 and stride 1, and ((0, 1), (0, 1)) at stride 2 on an
    even size. Others stay, as "same" would compute another network.
    """
    for node in graph:
        if not node.is_exactly("ZeroPadding2D"):
            continue
        between: list[Node] = []
        readers = _readers(graph, node, between)
        if not readers or any(same_padding_of(graph, node, reader) != zeros_of(node) for reader in readers):
            continue
        for reader in readers:
            reader.config = {**reader.config, "padding": "same"}
        for layer in between:
            layer.output_shape = graph.nodes[node.inbounds[0]].output_shape
        graph.remove(node.name)
        names = ", ".join(f'"{reader.name}"' for reader in readers)
        changes.add(node.name, "zero_padding", f'became padding="same" of {names}')


def _readers(graph: Graph, node: Node, between: list[Node]) -> list[Node]:
    """The layers that read a layer, past those that compute nothing at inference, which `between` receives."""
    found = []
    for reader in graph.consumers(node.name):
        if reader.is_identity:
            between.append(reader)
            found += _readers(graph, reader, between)
        else:
            found.append(reader)
    return found
