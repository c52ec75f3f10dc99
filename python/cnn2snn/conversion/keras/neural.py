"""Rules for neural layers: convolutions and dense layers with quantized weights."""

from __future__ import annotations

from cnn2snn.conversion.block import Block, Kind, Window
from cnn2snn.conversion.keras.reading import Reading, Tail, refuse
from cnn2snn.conversion.keras.shapes import is_flat
from cnn2snn.graph import Node

__all__ = ["take_neural"]


def take_neural(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Begins a block with a neural layer."""
    # An activation within the layer, which is refused, closes its block nevertheless.
    is_closed = reading.problems.has(node.name, "activation")
    if tail.state == "open":
        reading.problems.add(
            refuse(
                node,
                f'needs an activation before it: "{tail.block}" has none',
                kind="activation",
                remedy="add a ReLU between them (QuantizedReLU in a quantized model), and train again",
            )
        )
    if tail.state == "input":
        reading.unscaled.append(node)
    shape = reading.input_shape(node)
    if node.is_a("Dense") and not is_flat(shape):
        reading.problems.add(
            refuse(
                node,
                f"its input must have the shape (N,) or (1, 1, N), received {shape}",
                kind="input_shape",
                expected="(N,) or (1, 1, N)",
                received=shape,
                remedy="put Flatten before it",
            )
        )
    # What a refused layer gives comes from no block.
    source = node.inbounds[0] if tail.state == "unknown" else tail.block
    reading.found.blocks[node.name] = Block(
        name=node.name,
        kind=_kind(node),
        type=_type(reading, node),
        inbounds=[source],
        input_shape=shape,
        output_shape=node.output_shape,
        window=None if node.is_a("Dense") else _window(node),
        output=node.name,
    )
    return Tail(node.name, "closed" if is_closed else "open")


def _type(reading: Reading, node: Node) -> str:
    """The type of a layer, or of the two that were joined in it."""
    for name, (cls, owner) in reading.graph.joined.items():
        if owner == node.name:
            return f'{cls.__name__} "{name}" with the 1x1 convolution behind it'
    return node.cls.__name__


def _kind(node: Node) -> Kind:
    if node.is_a("Dense"):
        return Kind.DENSE
    return Kind.SEPARABLE if "depthwise_kernel" in node.weights else Kind.CONVOLUTION


def _window(node: Node) -> Window:
    return Window(tuple(node.config["kernel_size"]), tuple(node.config["strides"]), node.config["padding"])
