"""`Rescaling` layers with a scale per channel brought to one scale for all."""

from __future__ import annotations

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.graph import Graph, Node, build, read
from cnn2snn.transforms.channels import input_kernel, scale_inputs

__all__ = ["fold_rescaling", "fold_rescaling_graph"]


def fold_rescaling(model: keras.Model) -> keras.Model:
    """Brings a `Rescaling` with a scale or offset per channel to one scale and offset for all channels.

    A chip scales all channels of an image alike, and has one padding value. A `Rescaling` gives
    scale_c · (x - p_c) in channel c, with p_c = -offset_c / scale_c the input that stands for 0. It becomes
    s · (x - p), s the largest scale and p the mean of the p_c; the weights of the layers that read channel c are
    multiplied by scale_c / s, and what is missing, scale_c · (p - p_c), is added to their biases. The outputs stay
    equal up to float32 rounding.

    A `Rescaling` is left in place where this is not possible: a layer that is quantized already, or has no weights,
    reads it, scales are not one per channel, a scale is zero or scales differ in sign, or the p_c differ and a reader
    pads its input (padding "same"), as the border would have to differ per channel.

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
            _fold(node, graph.consumers(node.name))


def _fold(node: Node, readers: list[Node]) -> None:
    channels = node.output_shape[-1] if node.output_shape else None
    if any(np.size(node.config[key]) not in (1, channels) for key in ("scale", "offset")):
        # One value for each of another axis, or of no axis at all.
        return
    scale, offset = (
        np.broadcast_to(np.ravel(np.asarray(node.config[key], np.float64)), (channels,)) for key in ("scale", "offset")
    )
    if np.any(scale == 0) or np.any(np.sign(scale) != np.sign(scale[0])):
        return
    zeros = -offset / scale
    one_zero = np.allclose(zeros, zeros[0], rtol=1e-6, atol=1e-6)
    for reader in readers:
        plain = reader.is_exactly("Conv2D", "Dense") and reader.config.get("groups", 1) == 1
        pads = reader.config.get("padding") == "same" and tuple(reader.config["kernel_size"]) != (1, 1)
        if not plain or (pads and not one_zero):
            return
    common = scale[np.argmax(np.abs(scale))]
    zero = zeros.mean()
    for reader in readers:
        if not one_zero:
            _add_constant(reader, scale * (zero - zeros))
        scale_inputs(reader, scale / common)
    node.config = {**node.config, "scale": float(common), "offset": float(-common * zero)}


def _add_constant(reader: Node, constant: np.ndarray) -> None:
    """Adds to the bias what the layer makes of a constant input per channel."""
    kernel = reader.weights[input_kernel(reader)]
    sums = np.tensordot(constant, kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0, dtype=np.float64), axes=1)
    reader.weights["bias"] = (reader.weights.get("bias", 0) + sums).astype(kernel.dtype)
    reader.config["use_bias"] = True
