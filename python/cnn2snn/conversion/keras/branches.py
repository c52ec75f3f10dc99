"""Rules for branches, which `Concatenate` joins."""

from __future__ import annotations

from cnn2snn.conversion.block import Block, Blocks, Kind
from cnn2snn.conversion.keras.reading import Reading, Tail, refuse
from cnn2snn.graph import Node

__all__ = ["take_concatenation"]


def take_concatenation(reading: Reading, node: Node) -> Tail:
    """Makes a block of a `Concatenate`, whose branches all end in an activation of one width."""
    tails = [reading.tails[name] for name in node.inbounds]
    refused = any(reading.problems.has(name, "order") for name in node.inbounds)
    if refused or any(tail.state == "unknown" for tail in tails):
        return Tail(tails[0].block, "unknown")
    axis = node.config.get("axis", -1)
    rank = len(node.output_shape)
    if axis not in (-1, rank):
        raise refuse(
            node,
            f"branches are joined on the channel axis (-1), received {axis}",
            kind="axis",
            remedy="join them there, and train again",
        )
    unfinished = [name for name, tail in zip(node.inbounds, tails, strict=True) if tail.state != "closed"]
    if unfinished:
        listed = ", ".join(f'"{name}"' for name in unfinished)
        raise refuse(
            node,
            f"every branch must end in a quantized activation, received {listed}",
            remedy="add a ReLU to each (QuantizedReLU in a quantized model), and train again",
        )
    if any(len(reading.graph.nodes[name].output_shape) != 3 for name in node.inbounds):
        raise refuse(node, "branches are joined as maps", remedy="give each the shape (1, 1, channels) with a Reshape")
    widths = {
        name: reading.found.blocks[tail.block].activation.bits
        for name, tail in zip(node.inbounds, tails, strict=True)
        if reading.found.blocks[tail.block].activation is not None
    }
    if len(set(widths.values())) > 1:
        listed = ", ".join(f'"{name}": {bits}' for name, bits in widths.items())
        raise refuse(
            node,
            f"the activations of all branches must have the same bitwidth, received {listed}",
            kind="act_bits",
            received=widths,
            remedy="quantize them to one width",
        )
    steps = {name: _step(reading.found, tail.block) for name, tail in zip(node.inbounds, tails, strict=True)}
    if len({step for step in steps.values() if step is not None}) > 1:
        listed = ", ".join(f'"{name}": {step:g}' for name, step in steps.items() if step is not None)
        raise refuse(
            node,
            f"the activations of all branches must have the same step, received {listed}",
            kind="step",
            received=steps,
            remedy="give them the same bitwidth and max_value, and train again",
        )
    reading.found.blocks[node.name] = Block(
        name=node.name,
        kind=Kind.CONCAT,
        type=node.cls.__name__,
        inbounds=[tail.block for tail in tails],
        input_shape=node.output_shape,
        output_shape=node.output_shape,
        output=node.name,
    )
    return Tail(node.name, "closed")


def _step(found: Blocks, name: str) -> float | None:
    """The step of what a block gives; None where its activation is not known."""
    block = found.blocks[name]
    while block.kind is Kind.CONCAT:
        block = found.blocks[block.inbounds[0]]
    return None if block.activation is None else block.activation.step
