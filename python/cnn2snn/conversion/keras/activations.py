"""Rules for activations: the quantized activation that closes a block, and the final one that is left out."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.block import Activation
from cnn2snn.conversion.keras.reading import Reading, Tail, refuse
from cnn2snn.graph import Node
from cnn2snn.quantization_layers import QuantizedActivation

__all__ = ["take_activation", "take_final"]

# What conversion relies on: the rounding, and the threshold of half a step.
_FIXED = ("call", "quantized_activation", "threshold")


def take_activation(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Closes a block with a quantized activation."""
    if tail.is_input:
        raise refuse(node, "an activation cannot be the first layer", remedy="put a convolution before it")
    if tail.state == "closed":
        raise refuse(
            node, f'"{tail.block}" has an activation already', remedy="two cannot follow each other, remove one"
        )
    block = reading.open_block(node, tail, "an activation")
    if any(getattr(node.cls, name) is not getattr(QuantizedActivation, name) for name in _FIXED):
        raise refuse(
            node,
            "an activation of one's own may define the step alone",
            kind="activation",
            remedy="its call, quantized_activation and threshold must be those of QuantizedActivation",
        )
    step = float(np.float32(node.layer.step))
    block.activation = Activation(node.name, node.config["bitwidth"], step)
    block.output = node.name
    return Tail(tail.block, "closed")


def take_final(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Leaves out a final activation: the order of the outputs is the same without it."""
    if not node.is_increasing:
        raise refuse(
            node,
            f"a final activation must keep the order of its inputs, as softmax, sigmoid and tanh do, received "
            f"{node.fused_activation!r}",
            kind="activation",
            expected="an increasing function",
            received=node.fused_activation,
            remedy="use QuantizedReLU, or compute it outside of the model",
        )
    if node.is_a("Activation") and node.fused_activation == "linear":
        return tail
    if reading.followers(node):
        raise refuse(node, "is possible only at the end", kind="activation", remedy="use QuantizedReLU between layers")
    if tail.is_input:
        raise refuse(node, "an activation cannot be the first layer", remedy="put a convolution before it")
    return Tail(tail.block, "ended")
