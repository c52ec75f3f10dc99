"""Rules for layers that change shapes alone."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.keras.reading import FINAL, Reading, Tail, refuse
from cnn2snn.graph import Node

__all__ = ["is_flat", "take_flatten", "take_reshape"]


def take_flatten(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Leaves out a `Flatten`: the order of the weights after it stands for it."""
    if is_flat(reading.input_shape(node)):
        return tail
    followers = reading.followers(node)
    if any(not f.is_a("Dense") and not f.is_a(*FINAL) for f in followers):
        raise refuse(node, "must be followed by a QuantizedDense, or come last", remedy="remove it")
    if tail.state == "open" and any(f.is_a("Dense") for f in followers):
        raise refuse(node, "must come after the activation", remedy="swap the two")
    return tail


def take_reshape(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Leaves out a `Reshape` that flattens, or that adds or takes off axes of one element."""
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
            remedy="only (N,) to (1, 1, N), the reverse, and flattening before a QuantizedDense can",
        )
    return tail


def is_flat(shape: tuple[int | None, ...]) -> bool:
    """Whether a shape is (N,) or (1, 1, N)."""
    return len(shape) == 1 or (len(shape) == 3 and shape[:2] == (1, 1))
