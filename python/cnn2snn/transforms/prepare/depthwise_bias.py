"""Biases of depthwise convolutions, which the chip's separable layers do not have."""

from __future__ import annotations

import numpy as np

from cnn2snn.graph import Graph, applied
from cnn2snn.transforms.channels import add_inputs
from cnn2snn.transforms.prepare.changes import Changes

__all__ = ["move_depthwise_biases"]


def move_depthwise_biases(graph: Graph, changes: Changes) -> None:
    """Moves the bias of a depthwise convolution into that of the 1x1 convolution that alone reads it."""
    for node in graph:
        if not node.is_exactly("DepthwiseConv2D") or "bias" not in node.weights or applied(node).name != "linear":
            continue
        reader = graph.only_consumer(node.name)
        pointwise = reader is not None and reader.is_exactly("Conv2D") and reader.config.get("groups", 1) == 1
        if pointwise and tuple(reader.config["kernel_size"]) == (1, 1):
            add_inputs(reader, np.asarray(node.weights.pop("bias"), np.float64))
            node.config = {**node.config, "use_bias": False}
            changes.add(node.name, "depthwise_bias", f'its bias moved into "{reader.name}"')
