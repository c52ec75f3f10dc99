"""Blocks: a quantized network as plain data, whatever file or framework it was read from.

A block is what one layer of an Akida model is made of: a neural layer, and the pooling, normalization and activation
that follow it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from cnn2snn._windows import same_padding

__all__ = ["Activation", "Block", "Blocks", "Folded", "Kind", "Normalization", "Weights", "Window"]


class Kind(Enum):
    """What the first layer of a block computes."""

    CONVOLUTION = "convolution"
    SEPARABLE = "separable convolution"
    DENSE = "dense layer"
    CONCAT = "concatenation"


@dataclass(frozen=True)
class Window:
    """The window of a convolution or of a max pooling.

    Attributes:
        size: its height and width.
        stride: how far it moves, (height, width).
        padding: "same" or "valid".
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: str


@dataclass(frozen=True)
class Weights:
    """The quantized weights of a neural layer. Weights times their scale factor are integers of `bits` bits.

    Attributes:
        bits: the width of the integers.
        kernel: (height, width, channels, filters), pointwise kernel (1, 1, channels, filters) or matrix (inputs,
            units), floats.
        kernel_scale: the scale factor of the kernel, of one element or (filters,).
        bias: (filters,), zeros without.
        depthwise: the depthwise kernel (height, width, channels, 1) of a separable convolution, floats; else None.
        depthwise_scale: the scale factor of the depthwise kernel; 1 without.
    """

    bits: int
    kernel: np.ndarray
    kernel_scale: np.ndarray
    bias: np.ndarray
    depthwise: np.ndarray | None = None
    depthwise_scale: float = 1.0

    @property
    def filters(self) -> int:
        """The number of output channels."""
        return self.kernel.shape[-1]


@dataclass(frozen=True)
class Normalization:
    """A batch normalization z' = scale · z + offset; float64 arrays of shape (filters,).

    Attributes:
        name: its name, for reports.
        scale, offset: what it computes.
        mean: the mean that it takes off first, whose rounding reports bound.
    """

    name: str
    scale: np.ndarray
    offset: np.ndarray
    mean: np.ndarray


@dataclass(frozen=True)
class Activation:
    """A quantized ReLU: level n begins above (n - 1/2) · step, for n of 1 to 2^bits - 1.

    Attributes:
        name: its name, for messages.
        bits: the width of its levels.
        step: the distance of its levels, a float32 number.
    """

    name: str
    bits: int
    step: float


@dataclass
class Block:
    """One layer of the Akida model to be.

    Attributes:
        name: the name of the neural layer, or of the concatenation.
        kind: what it computes.
        type: its type in the words of the network it was read from, for messages.
        inbounds: the blocks that the block reads; "" is the model's input.
        input_shape: the shape of what the neural layer reads, without the batch; that of a concatenation is its
            output's.
        output_shape: the shape of what the neural layer gives, before pooling, without the batch.
        window: the window of a convolution; else None.
        weights: the weights; None for a concatenation, and where a reader that collects problems refused them.
        max_pooling: the window of a max pooling, or None.
        global_average: whether all positions are averaged.
        normalizations: the batch normalizations after the neural layer, in order.
        activation: the quantized activation; None without.
        output: the name of the layer, in the network it was read from, whose output is that of the block.
    """

    name: str
    kind: Kind
    type: str
    inbounds: list[str]
    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]
    window: Window | None = None
    weights: Weights | None = None
    max_pooling: Window | None = None
    global_average: bool = False
    normalizations: list[Normalization] = field(default_factory=list)
    activation: Activation | None = None
    output: str = ""

    @property
    def is_input(self) -> bool:
        """Whether the block reads the model's input."""
        return self.inbounds == [""]

    @property
    def is_pooled(self) -> bool:
        """Whether the block has a pooling."""
        return self.global_average or self.max_pooling is not None

    @property
    def positions(self) -> int:
        """G: how many positions a global average pooling sums; 1 without.

        A size that is not known counts as 1: no model with such a size is converted.
        """
        return int(np.prod([size or 1 for size in self.output_shape[:2]])) if self.global_average else 1

    @property
    def normalization(self) -> tuple[np.ndarray, np.ndarray]:
        """The scale and the offset of all batch normalizations together; ones and zeros without."""
        if not self.normalizations:
            return np.ones(self.weights.filters), np.zeros(self.weights.filters)
        first, *others = self.normalizations
        scale, offset = first.scale, first.offset
        for other in others:
            scale, offset = other.scale * scale, other.scale * offset + other.offset
        return scale, offset

    @property
    def covers_evenly(self) -> bool:
        """Whether the windows of a convolution need no border, so that "same" and "valid" are one (C2)."""
        sizes = zip(self.input_shape[:2], self.window.size, self.window.stride, strict=True)
        return all(size[0] is not None and same_padding(*size) == (0, 0) for size in sizes)

    @property
    def has_border(self) -> bool:
        """Whether windows of the convolution reach beyond the map that it reads (C2)."""
        if self.window is None or self.window.padding != "same":
            return False
        return not self.covers_evenly


@dataclass(frozen=True)
class Folded:
    """A layer of the network that is no block by itself.

    Attributes:
        name: the layer's name.
        type: its type in the words of the network.
        became: what became of it, in words.
        block: the block that it belongs to; None for the input and what comes before the first block.
    """

    name: str
    type: str
    became: str
    block: str | None


@dataclass
class Blocks:
    """A network as blocks.

    Attributes:
        name: the network's name.
        input_name: the name of its input.
        input_shape: the shape of its input, without the batch; None for sizes that are not known.
        rescaling: (scale, offset) that the network applies to its input first; None without.
        blocks: the blocks by name, each after those it reads.
        folded: all other layers, in order.
    """

    name: str
    input_name: str
    input_shape: tuple[int | None, ...]
    rescaling: tuple[float, float] | None = None
    blocks: dict[str, Block] = field(default_factory=dict)
    folded: list[Folded] = field(default_factory=list)
