"""What became of every Keras layer that is no block by itself."""

from __future__ import annotations

from cnn2snn.conversion.block import Blocks, Folded
from cnn2snn.graph import Graph, Node

__all__ = ["folded_layers"]


def folded_layers(graph: Graph, found: Blocks) -> list[Folded]:
    """The layers of a graph that are no blocks, in order, then those that were joined with others beforehand."""
    folded = []
    # The block that each layer ended up in; "" before the first.
    owners: dict[str, str] = {}
    for node in graph:
        if node.name in found.blocks:
            owners[node.name] = node.name
            continue
        owners[node.name] = owners[node.inbounds[0]] if node.inbounds else ""
        became = _became(node)
        if not owners[node.name] and node.is_a("Flatten", "Reshape"):
            became = "left out: inputs have its shape"
        folded.append(Folded(node.name, node.cls.__name__, became, owners[node.name] or None))
    for name, (cls, owner) in graph.joined.items():
        became = f'joined with the pointwise convolution "{owner}" in one layer'
        folded.append(Folded(name, cls.__name__, became, owner))
    return folded


def _became(node: Node) -> str:
    if node.is_exactly("InputLayer"):
        return "the input"
    if node.is_a("BatchNormalization"):
        return "merged into weights, thresholds and steps"
    if node.is_a("QuantizedActivation"):
        return "thresholds and steps"
    if node.is_max_pooling or node.is_global_average:
        return "pooling of its layer"
    if node.is_a("Rescaling"):
        return "input scaling, merged into thresholds and steps"
    if node.is_identity:
        return "left out: computes nothing at inference"
    if node.is_a("Flatten", "Reshape"):
        return "left out: the order of the weights stands for it"
    return "left out: the order of the outputs is the same"
