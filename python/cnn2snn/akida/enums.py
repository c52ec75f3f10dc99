"""Enumerations of the documented API.

The documentation states few numbers. The others continue in its order.
"""

from __future__ import annotations

from enum import IntEnum


class Padding(IntEnum):
    """Border of a convolution and of its pooling."""

    Valid = 0
    """No border: windows lie wholly inside the map."""
    Same = 1
    """As many positions as ceil(input / stride); an odd border cell is at the bottom, right."""
    SameUpper = 2
    """As `Same`, but an odd border cell is at the top, left. Akida 2.0 has it."""


class PoolType(IntEnum):
    """Pooling of potentials or accumulators."""

    NoPooling = 0
    Max = 1
    """The largest value of each window, before the activation."""
    Average = 2
    """Global: the sum over the whole map. It is taken before the activation in Akida 1.0, after it in Akida 2.0."""


class ActivationType(IntEnum):
    """Activation of a layer of Akida 2.0.

    Earlier releases had a bool in its place: False is `NoActivation`, True is `ReLU`.
    """

    NoActivation = 0
    ReLU = 1
    """Negative values become 0, and values beyond the bound of a filter become this bound."""
    LUT = 2
    """A table of 2048 values, which holds any activation."""


class LayerType(IntEnum):
    """Type of a layer."""

    Unknown = 0
    InputData = 1
    InputConvolutional = 2
    FullyConnected = 3
    Convolutional = 4
    SeparableConvolutional = 5
    Concat = 6
    Quantizer = 7
    InputConv2D = 8
    Conv2D = 9
    DepthwiseConv2D = 10
    Conv2DTranspose = 11
    DepthwiseConv2DTranspose = 12
    Dense1D = 13
    Add = 14
    Concatenate = 15
    BufferTempConv = 16
    DepthwiseBufferTempConv = 17
    StatefulRecurrent = 18
    PicoPostProcessing = 19
    Dequantizer = 20


class IpVersion(IntEnum):
    """Generation of the hardware that the layers of a model belong to."""

    v1 = 1
    """Akida 1.0: AKD1000, AKD1500."""
    v2 = 2
    """Akida 2.0: blocks for chips of others."""
