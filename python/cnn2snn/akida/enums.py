"""Enumerations of the documented API."""

from __future__ import annotations

from enum import IntEnum


class Padding(IntEnum):
    """Border of a convolution and of its pooling."""

    Valid = 0
    """No border: windows lie wholly inside the map."""
    Same = 1
    """As many positions as ceil(input / stride); an odd border cell is at the bottom, right."""


class PoolType(IntEnum):
    """Pooling of potentials, before the activation."""

    NoPooling = 0
    Max = 1
    Average = 2
    """Global: the sum over the whole map."""


class LayerType(IntEnum):
    """Type of a layer."""

    Unknown = 0
    InputData = 1
    InputConvolutional = 2
    FullyConnected = 3
    Convolutional = 4
    SeparableConvolutional = 5
    Concat = 6


class IpVersion(IntEnum):
    """Generation of the hardware that the layers of a model belong to."""

    v1 = 1
    """Akida 1.0: AKD1000, AKD1500."""
