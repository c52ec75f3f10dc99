"""The zeros that convolutions and poolings add to a map, and what a `ZeroPadding2D` before them adds."""

from __future__ import annotations

from cnn2snn._windows import same_padding, same_size, valid_size
from cnn2snn.graph.graph import Graph, Node

__all__ = ["Padding", "has_border", "same_padding_of", "zeros_of"]

# Zeros (before, behind) the rows, and those of the columns.
Padding = tuple[tuple[int, int], tuple[int, int]]

_CONVOLUTIONS = (
    "Conv2D",
    "SeparableConv2D",
    "DepthwiseConv2D",
    "QuantizedConv2D",
    "QuantizedSeparableConv2D",
    "QuantizedDepthwiseConv2D",
)


def _window(node: Node) -> list[tuple[int, int]]:
    """(cells, stride) of a window along the rows and along the columns."""
    if node.is_max_pooling:
        sizes = node.config["pool_size"]
    else:
        dilation = node.config.get("dilation_rate", 1)
        dilations = dilation if isinstance(dilation, (list, tuple)) else (dilation, dilation)
        sizes = [(k - 1) * d + 1 for k, d in zip(node.config["kernel_size"], dilations, strict=True)]
    strides = node.config["strides"] or sizes
    return [(int(size), int(stride)) for size, stride in zip(sizes, strides, strict=True)]


def has_border(node: Node, shape: tuple[int | None, ...]) -> bool:
    """Whether a convolution with padding "same" reaches beyond a map of this shape; True where that is not known."""
    if node.is_a("Dense") or node.config["padding"] != "same":
        return False
    paddings = (same_padding(n, *window) for n, window in zip(shape[:2], _window(node), strict=True))
    return any(padding != (0, 0) for padding in paddings)


def zeros_of(node: Node) -> Padding:
    """The zeros that a `ZeroPadding2D` adds."""
    top_bottom, left_right = node.config["padding"]
    return tuple(top_bottom), tuple(left_right)


def same_padding_of(graph: Graph, zeros: Node, reader: Node) -> Padding | None:
    """What padding "same" in a layer adds to the map before the `ZeroPadding2D` that the layer reads.

    The zeros themselves are given where the layer computes the same with them: its windows begin at the same cells, and
    there are as many. What the last window does not reach is not computed with.

    Args:
        graph: the graph.
        zeros: the `ZeroPadding2D`.
        reader: a layer that reads it.

    Returns:
        The padding; None where the layer is no convolution or max pooling with padding "valid", or it is not known.
    """
    is_pooling = reader.is_max_pooling and _is_positive(graph, zeros.inbounds[0])
    if not (is_pooling or reader.is_exactly(*_CONVOLUTIONS)) or reader.config["padding"] != "valid":
        return None
    found = []
    shape = graph.nodes[zeros.inbounds[0]].output_shape[:2]
    for size, (window, stride), given in zip(shape, _window(reader), zeros_of(zeros), strict=True):
        same = same_padding(size, window, stride)
        if same is None:
            return None
        alike = given[0] == same[0] and (
            valid_size(size + sum(given), window, stride) == same_size(size, stride)
            if size is not None
            else given == same
        )
        found.append(given if alike else same)
    return found[0], found[1]


def _is_positive(graph: Graph, name: str) -> bool:
    """Whether no output of a layer is below zero, so that a zero beyond the map is never the only maximum."""
    node = graph.nodes[name]
    while node.is_identity or node.is_max_pooling:
        node = graph.nodes[node.inbounds[0]]
    return node.is_a("QuantizedActivation") or (node.is_exactly("ReLU") and not node.config.get("negative_slope"))
