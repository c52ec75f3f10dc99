"""Rules for batch normalization."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.block import Normalization
from cnn2snn.conversion.keras.reading import Reading, Tail, refuse
from cnn2snn.graph import Node, affine

__all__ = ["take_normalization"]


def take_normalization(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Adds a batch normalization to a block."""
    if tail.state == "closed":
        name = reading.found.blocks[tail.block].output
        raise refuse(
            node, f'batch normalization must come before the activation "{name}"', remedy="swap the two and train again"
        )
    block = reading.open_block(node, tail, "batch normalization")
    channels = block.output_shape[-1]
    if node.output_shape[-1] != channels:
        return tail  # a layer before it has been refused, which gave it the shape
    scale, offset = affine(node)
    if block.max_pooling is not None and np.any(scale <= 0):
        channel = int(np.argmax(scale <= 0))
        raise refuse(
            node,
            f"gamma / sqrt(variance + epsilon) must be greater than zero after max pooling, received "
            f"{scale[channel]:g} for channel {channel}",
            kind="gamma",
            remedy=(
                "constrain gamma (cnn2snn.gamma_constraint) or put the normalization before the pooling, then train"
            ),
        )
    mean = np.asarray(node.weights["moving_mean"], np.float64)
    block.normalizations.append(Normalization(node.name, scale, offset, mean))
    block.output = node.name
    return tail
