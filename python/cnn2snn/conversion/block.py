"""Blocks: what one layer of the engine is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnn2snn.graph import Graph, Node

__all__ = ["Block", "Blocks", "MaxPooling"]


@dataclass(frozen=True)
class MaxPooling:
    """A max pooling: (height, width) of the window and of its step, and "same" or "valid"."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: str


@dataclass
class Block:
    """One layer of the engine to be.

    Attributes:
        name: the name of the neural layer, or of the `Concatenate`.
        node: that layer.
        inbounds: the blocks it reads; "" is the model's input.
        pooling: a max pooling, "average" for global average pooling, or None.
        scale, offset: z' = scale · z + offset per channel, the batch normalizations after the neural layer; None
            without.
        activation: the quantized activation, or None.
        output: the name of the Keras layer whose output is that of the block.
    """

    name: str
    node: Node
    inbounds: list[str]
    pooling: MaxPooling | str | None = None
    scale: np.ndarray | None = None
    offset: np.ndarray | None = None
    activation: Node | None = None
    output: str = ""

    @property
    def is_concat(self) -> bool:
        """Whether the block joins branches."""
        return self.node.is_a("Concatenate")


@dataclass
class Blocks:
    """The blocks of a model in order, and what comes before them.

    Attributes:
        graph: the Keras model.
        rescaling: (scale, offset) of a leading `Rescaling`, or None.
        blocks: by name, each after those it reads.
    """

    graph: Graph
    rescaling: tuple[float, float] | None = None
    blocks: dict[str, Block] = field(default_factory=dict)
