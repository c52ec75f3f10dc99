"""Rules for pooling."""

from __future__ import annotations

from cnn2snn.conversion.block import Block, Kind, Window
from cnn2snn.conversion.keras.reading import Reading, Tail, refuse
from cnn2snn.graph import Node

__all__ = ["take_pooling"]


def take_pooling(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Gives a block its pooling, before or after the activation."""
    if tail.is_input:
        raise refuse(
            node,
            "pooling cannot be the first layer",
            remedy="put a convolution before it, and an activation behind it, and train again",
        )
    block = reading.found.blocks[tail.block]
    if block.kind in (Kind.CONCAT, Kind.DENSE):
        raise refuse(
            node,
            f'pooling must follow a convolution, not "{block.name}"',
            remedy="put a convolution before the pooling and an activation behind it, and train again",
        )
    if block.is_pooled:
        raise refuse(
            node,
            f'"{block.name}" is pooled already, and a layer of Akida 1.0 has one pooling',
            remedy="put a convolution before this pooling and an activation behind it, and train again",
        )
    if tail.state == "closed":
        # Max pooling of levels is the level of the max-pooled potentials, as levels rise with potentials.
        if not node.is_max_pooling:
            raise refuse(
                node,
                f'global average pooling must come before the activation "{block.output}"',
                remedy="swap the two and train again",
            )
        if not _reads_alone(reading, node, block):
            raise refuse(
                node,
                f'max pooling must be the only layer that reads "{block.output}"',
                remedy="put it before the activation, for all that read it, and train again",
            )
    if node.is_global_average:
        block.global_average = True
    else:
        block.max_pooling = _max_pooling(reading, node, block)
    block.output = node.name
    return tail


def _reads_alone(reading: Reading, node: Node, block: Block) -> bool:
    """Whether only `node` reads the block's output, past layers that compute nothing."""
    name = block.output
    while (reader := reading.graph.only_consumer(name)) is not None and reader is not node:
        if not reader.is_identity:
            return False
        name = reader.name
    return reader is node


def _max_pooling(reading: Reading, node: Node, block: Block) -> Window:
    size = tuple(node.config["pool_size"])
    stride = tuple(node.config["strides"] or size)
    padding = node.config["padding"]
    wanted = block.window.padding
    rows_columns = reading.input_shape(node)[:2]
    # One padding rules convolution and pooling in a layer; where the windows tile the map both are the same.
    # A convolution with a 1x1 kernel has no border and takes the padding of its pooling.
    tiles = all(
        n is not None and (n - k) >= 0 and (n - k) % s == 0 and -(-n // s) == (n - k) // s + 1
        for n, k, s in zip(rows_columns, size, stride, strict=True)
    )
    if padding != wanted and not tiles and block.window.size != (1, 1):
        raise refuse(
            node,
            f'padding must be "{wanted}" like that of "{block.name}", received "{padding}"',
            kind="padding",
            expected=wanted,
            received=padding,
            remedy=(
                f"the windows {size} at every {stride} do not cover the {rows_columns} map evenly, so the two "
                f'differ: use padding="{wanted}" here and train again'
            ),
        )
    return Window(size, stride, padding)
