"""Rules for layers that change shapes alone."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.keras.reading import FINAL, Reading, Tail, refuse
from cnn2snn.graph import Node

__all__ = ["is_flat", "take_flatten", "take_reshape"]


def take_flatten(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Leaves out a `Flatten`: the order of the weights after it stands for it."""
    if is_flat(reading.input_shape(node)) or _is_taken_by_inputs(reading, node, tail):
        return tail
    followers = reading.followers(node)
    if any(f.is_a("Concatenate") for f in followers):
        raise refuse(node, "branches are joined as maps", remedy="put it behind the Concatenate and train again")
    if any(f.is_a("QuantizedActivation") for f in followers):
        raise refuse(node, "must come after the activation", remedy="swap the two, which changes no output")
    if any(not f.is_a("Dense") and not f.is_a(*FINAL) for f in followers):
        raise refuse(node, "must be followed by a QuantizedDense, or come last", remedy="remove it and train again")
    if tail.state == "open" and any(f.is_a("Dense") for f in followers):
        reading.problems.add(
            refuse(
                node,
                "must come after an activation",
                remedy="put a ReLU before it (QuantizedReLU in a quantized model), and train again",
            )
        )
        return Tail(tail.block, "closed")
    return tail


def take_reshape(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Leaves out a `Reshape` that flattens, or that adds or takes off axes of one element."""
    if _is_taken_by_inputs(reading, node, tail):
        return tail
    before = reading.input_shape(node)
    after = node.output_shape
    values = int(np.prod([n or 1 for n in before]))
    same = before == after or {before, after} <= {(values,), (1, 1, values)}
    flat = after == (values,)
    if not same and not (flat and all(f.is_a("Dense") for f in reading.followers(node))):
        raise refuse(
            node,
            f"{before} to {after} cannot be converted",
            kind="reshape",
            received=after,
            remedy="remove it and train again: only flattening, and (N,) to (1, 1, N) and back, can be converted",
        )
    return tail


def _is_taken_by_inputs(reading: Reading, node: Node, tail: Tail) -> bool:
    """Whether the model may as well have inputs of the shape that a layer gives them, which it has then.

    It alone reads the input, and gives a map or a vector. A map that is flattened stays one, for the layer behind.
    """
    shape = reading.input_shape(node)
    if (
        not tail.is_input
        or not _reads_input_alone(reading, node)
        or len(node.output_shape) not in (1, 3)
        or None in node.output_shape
    ):
        return False
    if len(shape) == 3 and len(node.output_shape) == 1:
        return False
    reading.found.input_shape = node.output_shape
    return True


def _reads_input_alone(reading: Reading, node: Node) -> bool:
    while node.inbounds:
        if reading.graph.only_consumer(node.inbounds[0]) is not node:
            return False
        node = reading.graph.nodes[node.inbounds[0]]
    return True


def is_flat(shape: tuple[int | None, ...]) -> bool:
    """Whether a shape is (N,) or (1, 1, N)."""
    return len(shape) == 1 or (len(shape) == 3 and shape[:2] == (1, 1))
