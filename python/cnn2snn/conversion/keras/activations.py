"""Rules for activations: the quantized activation that closes a block, and the final one that is left out."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.block import Activation
from cnn2snn.conversion.keras.reading import Reading, Tail, refuse
from cnn2snn.graph import FINAL_ACTIVATIONS, Node, applied, make_layer
from cnn2snn.quantization_layers import QuantizedActivation

__all__ = ["take_activation", "take_final"]

# What conversion relies on: the rounding, and the threshold of half a step.
_FIXED = ("call", "quantized_activation", "threshold")


def take_activation(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Closes a block with a quantized activation."""
    if tail.is_input:
        raise refuse(node, "an activation cannot be the first layer", remedy="remove it and train again")
    if tail.state == "closed":
        raise refuse(
            node, f'"{tail.block}" has an activation already', remedy="two cannot follow each other: remove this one"
        )
    block = reading.open_block(node, tail, "an activation")
    if any(getattr(node.cls, name) is not getattr(QuantizedActivation, name) for name in _FIXED):
        raise refuse(
            node,
            "an activation of one's own may define the step alone",
            kind="activation",
            remedy="its call, quantized_activation and threshold must be those of QuantizedActivation",
        )
    layer = make_layer(node) if node.layer is None else node.layer
    step = float(np.float32(layer.step))
    block.activation = Activation(node.name, node.config["bitwidth"], step)
    block.output = node.name
    return Tail(tail.block, "closed")


def take_final(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Leaves out a final activation: the order of the outputs is the same without it."""
    activation = "softmax" if node.is_a("Softmax") else applied(node).name
    if activation not in FINAL_ACTIVATIONS:
        raise refuse(
            node,
            "a final activation must keep the order of its inputs, as softmax, sigmoid and tanh do, received "
            f"{activation!r}",
            kind="activation",
            expected=FINAL_ACTIVATIONS,
            received=activation,
            remedy="use QuantizedReLU in its place, and train again",
        )
    if activation == "linear":
        return tail
    if tail.is_input:
        raise refuse(node, "an activation cannot be the first layer", remedy="remove it and train again")
    if reading.followers(node):
        remedy = "use a ReLU in its place (QuantizedReLU in a quantized model), and train again"
        if not _reaches_weights(reading, node):
            remedy = "compute what follows on what the model gives, which ends here then"
        elif tail.state == "closed":
            remedy = "remove it and train again"
        raise refuse(node, "is possible only at the end", kind="activation", remedy=remedy)
    return Tail(tail.block, "ended")


def _reaches_weights(reading: Reading, node: Node) -> bool:
    """Whether a layer with weights comes after a layer."""
    followers = reading.graph.consumers(node.name)
    return any(follower.is_neural or _reaches_weights(reading, follower) for follower in followers)
