"""`Rescaling` layers with a scale per channel brought to one scale for all."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.graph import Graph, Node, build, has_border, read
from cnn2snn.transforms.channels import add_inputs, scale_inputs
from cnn2snn.transforms.readers import Obstacle, readers

__all__ = ["fold_rescaling", "fold_rescaling_graph"]


def fold_rescaling(model: keras.Model) -> keras.Model:
    """Brings a `Rescaling` with a scale or offset per channel to one scale and offset for all channels.

    A chip scales all channels of an image alike, and has one padding value. A `Rescaling` gives
    scale_c · (x - p_c) in channel c, with p_c = -offset_c / scale_c the input that stands for 0. It becomes
    s · (x - p), s the largest magnitude of a scale and p the mean of the p_c; the weights of the layers that read
    channel c are multiplied by scale_c / s, and what is missing, scale_c · (p - p_c), is added to their biases. The
    outputs stay equal up to float32 rounding.

    A `Rescaling` is left in place where this is not possible: a layer that is quantized already, or has no weights,
    reads it, scales are not one per channel, a scale is zero, or the p_c differ and a reader pads its input (padding
    "same"), as the border would have to differ per channel.

    Args:
        model: the Keras model; it is not changed.

    Returns:
        A new model of the same kind and name.
    """
    graph = read(model)
    fold_rescaling_graph(graph)
    return build(graph)


def fold_rescaling_graph(graph: Graph) -> None:
    """`fold_rescaling` on a graph, in place."""
    for node in graph:
        if node.is_a("Rescaling") and np.size(node.config["scale"]) + np.size(node.config["offset"]) > 2:
            _fold(graph, node)


def _fold(graph: Graph, node: Node) -> None:
    channels = node.output_shape[-1] if node.output_shape else None
    if any(np.size(node.config[key]) not in (1, channels) for key in ("scale", "offset")):
        # One value for each of another axis, or of no axis at all.
        return
    scale, offset = (
        np.broadcast_to(np.ravel(np.asarray(node.config[key], np.float64)), (channels,)) for key in ("scale", "offset")
    )
    if np.any(scale == 0):
        return
    zeros = -offset / scale
    common, zero = np.abs(scale).max(), zeros.mean()
    one_zero = np.allclose(zeros, zeros[0], rtol=1e-6, atol=1e-6)
    missing = np.zeros(channels) if one_zero else scale * (zero - zeros)
    found = readers(graph, node.name, scale / common, missing)
    if isinstance(found, Obstacle):
        return
    if any(np.any(r.shift) and has_border(r.node, graph.nodes[r.node.inbounds[0]].output_shape) for r in found):
        return
    for reader in found:
        if np.any(reader.shift):
            add_inputs(reader.node, reader.shift)
        scale_inputs(reader.node, reader.scale)
    node.config = {**node.config, "scale": float(common), "offset": float(-common * zero)}
