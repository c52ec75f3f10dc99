"""`ZeroPadding2D` that becomes padding "same" of the layer behind it."""

from __future__ import annotations

from cnn2snn.graph import Graph, same_padding_of, zeros_of
from cnn2snn.transforms.prepare.changes import Changes

__all__ = ["fold_zero_padding"]


def fold_zero_padding(graph: Graph, changes: Changes) -> None:
    """Takes out each `ZeroPadding2D` whose zeros are those of padding "same" in all layers that read it.

    They are so for zeros ((1, 1), (1, 1)) before a kernel of 3 and stride 1, and ((0, 1), (0, 1)) at stride 2 on an
    even size. Others stay, as "same" would compute another network.
    """
    for node in graph:
        readers = graph.consumers(node.name)
        if not node.is_exactly("ZeroPadding2D") or not readers:
            continue
        if any(same_padding_of(graph, node, reader) != zeros_of(node) for reader in readers):
            continue
        for reader in readers:
            reader.config = {**reader.config, "padding": "same"}
        graph.remove(node.name)
        names = ", ".join(f'"{reader.name}"' for reader in readers)
        changes.add(node.name, "zero_padding", f'became padding="same" of {names}')
