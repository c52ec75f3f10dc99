"""The layers with float weights that read a layer, past the layers between that leave channels what they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnn2snn.graph import Graph, Node, applied, has_border

__all__ = ["Obstacle", "Reader", "readers"]


class Reader(NamedTuple):
    """A layer with float weights.

    Attributes:
        node: the layer.
        scale, shift: what its input channels are multiplied by, then what is added to them; float64.
        path: the layers between, in order.
    """

    node: Node
    scale: np.ndarray
    shift: np.ndarray
    path: tuple[Node, ...]


class Obstacle(NamedTuple):
    """A layer through which factors and offsets of channels do not pass.

    Attributes:
        layer: its name.
        reason: why, in words that follow its name.
    """

    layer: str
    reason: str


def readers(
    graph: Graph, name: str, scale: np.ndarray, shift: np.ndarray | None = None, path: tuple[Node, ...] = ()
) -> list[Reader] | Obstacle:
    """The layers with float weights that read `name`, where its channels are to be multiplied and shifted.

    Args:
        graph: the graph.
        name: the layer.
        scale: the factor of each of its channels.
        shift: what is added to each of them; 0 by default.
        path: the layers before.

    Returns:
        The layers with what arrives at each, or what is in the way.
    """
    shift = np.zeros(len(scale)) if shift is None else shift
    if name == graph.output:
        return Obstacle(name, "gives the outputs of the model")
    found: list[Reader] = []
    for node in graph.consumers(name):
        if node.is_exactly("Conv2D", "SeparableConv2D", "Dense") and node.config.get("groups", 1) == 1:
            found.append(Reader(node, scale, shift, path))
            continue
        passed = _pass(graph, name, node, scale, shift)
        further = passed if isinstance(passed, Obstacle) else readers(graph, node.name, *passed, (*path, node))
        if isinstance(further, Obstacle):
            return further
        found += further
    return found


def _pass(
    graph: Graph, name: str, node: Node, scale: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | Obstacle:
    """Factors and offsets behind a layer that reads `name`."""
    if node.is_identity or node.is_global_average:
        return scale, shift
    if node.is_max_pooling:
        return (
            (scale, shift)
            if np.all(scale >= 0)
            else Obstacle(node.name, "is a maximum, which no factor below 0 passes")
        )
    if node.is_exactly("ZeroPadding2D") and not np.any(shift):
        return scale, shift
    shape = graph.nodes[name].output_shape
    if len(node.inbounds) > 1 and not node.is_a("Concatenate"):
        return Obstacle(node.name, f"has {len(node.inbounds)} inputs")
    if node.is_a("Flatten", "Reshape") and len(node.output_shape) in (1, 3) and None not in shape:
        tiles, rest = divmod(node.output_shape[-1], len(scale))
        if node.config.get("data_format", "channels_last") != "channels_first" and rest == 0:
            return np.tile(scale, tiles), np.tile(shift, tiles)
    if node.is_a("Concatenate") and node.config.get("axis", -1) in (-1, len(node.output_shape)):
        others = {other: graph.nodes[other].output_shape[-1] for other in node.inbounds}
        scales = [scale if other == name else np.ones(channels) for other, channels in others.items()]
        shifts = [shift if other == name else np.zeros(channels) for other, channels in others.items()]
        if len(others) == len(node.inbounds):
            return np.concatenate(scales), np.concatenate(shifts)
    if (
        node.is_exactly("DepthwiseConv2D")
        and node.config.get("depth_multiplier", 1) == 1
        and applied(node).name == "linear"
    ):
        if np.any(shift) and has_border(node, shape):
            return Obstacle(node.name, 'pads its input with zeros (padding="same")')
        sums = node.weights["depthwise_kernel"].sum(axis=(0, 1), dtype=np.float64)[:, 0]
        return scale, shift * sums + node.weights.get("bias", 0) * (1 - scale)
    return Obstacle(node.name, f"is a {node.cls.__name__}")
