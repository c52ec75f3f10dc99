"""The processing units of a device (`NP` of the documented API)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from types import SimpleNamespace
from typing import Any


class Type(IntEnum):
    """What a processing unit can be programmed to do."""

    HRC = 0
    """Convolution of 8-bit images."""
    CNP1 = 1
    """Convolution of levels."""
    FNP2 = 2
    """Fully connected, weights in external memory."""
    FNP3 = 3
    """Fully connected, weights in the NP's own memory."""
    CNP2 = 4
    """Convolution; how it differs from CNP1 is not documented, and no device here has it."""
    TNP_B = 5
    """Convolution along time, over a queue of maps (Akida 2.0)."""
    TNP_R = 6
    """Recurrent layers (Akida 2.0)."""
    SKIP_DMA_STORE = 7
    """The end of a channel that takes the map of a skip connection (Akida 2.0)."""
    SKIP_DMA_LOAD = 8
    """The end of a channel that gives the map of a skip connection (Akida 2.0)."""


@dataclass(frozen=True)
class Ident:
    """The place of an NP in the mesh. Real places are not public: these are schematic.

    Attributes:
        col: column of the node, from 1; 0 for the image convolution unit.
        row: row of the node, from 1; 0 for the image convolution unit.
        id: number within the node, from 0.
        channel: number of the channel of a skip DMA, from 0; 0 for all other units.
    """

    col: int
    row: int
    id: int
    channel: int = 0


@dataclass(frozen=True)
class Info:
    """A processing unit.

    Attributes:
        ident: its place.
        types: what it can be programmed to do.
        has_lut: whether it can look outputs up in a table (`ActivationType.LUT`), as units of Akida 2.0 can.
    """

    ident: Ident
    types: frozenset[Type]
    has_lut: bool = False

    @staticmethod
    def hrc(has_lut: bool = False) -> Info:
        """Returns the image convolution unit, which has no place in the mesh of NPs."""
        return Info(Ident(0, 0, 0), frozenset({Type.HRC}), has_lut)


@dataclass(frozen=True)
class SramSize:
    """The memory of one NP.

    Attributes:
        input_bytes: bytes for its inputs.
        weight_bytes: bytes for its filters.
    """

    input_bytes: int
    weight_bytes: int


@dataclass(frozen=True)
class Mesh:
    """The processing units of a device.

    Attributes:
        nps: the NPs.
        hrc: the image convolution unit, None on a device without.
        np_sram_size: memory of each NP; None where nothing public tells it, as of the named devices of Akida 2.0.
        skip_dmas: both ends of each channel for skip connections, SKIP_DMA_STORE and SKIP_DMA_LOAD; None where nothing
            public tells how many there are, as of the named devices of Akida 2.0.
    """

    nps: tuple[Info, ...]
    hrc: Info | None
    np_sram_size: SramSize | None
    skip_dmas: tuple[Info, ...] | None = ()


@dataclass(frozen=True)
class Space:
    """A rectangle of a layer's input.

    Attributes:
        x: first row.
        y: first column.
        shape: rows and columns.
    """

    x: int
    y: int
    shape: tuple[int, int]


@dataclass(frozen=True)
class Mapping:
    """What one unit takes of a layer.

    Attributes:
        ident: its place, a schematic one.
        type: what it is programmed to do.
        filters: number of its filters.
        start_neuron: its first filter.
        spatial_partition: its part of the layer's input, borders left out.
        input_size: bytes of its part of the input.
        weight_size: bytes of its filters in its own memory.
        external_size: bytes of its filters in external memory.
    """

    ident: Ident
    type: Type
    filters: int
    start_neuron: int
    spatial_partition: Space
    input_size: int
    weight_size: int
    external_size: int

    @classmethod
    def _of(cls, native: dict[str, Any]) -> Mapping:
        fields = dict(native)
        ident = fields.pop("ident")
        return cls(
            ident=Info.hrc().ident if ident is None else Ident(*ident),
            type=Type[fields.pop("type")],
            spatial_partition=Space(*fields.pop("spatial_partition")),
            **fields,
        )


NP = SimpleNamespace(Type=Type, Ident=Ident, Info=Info, SramSize=SramSize, Mesh=Mesh, Space=Space, Mapping=Mapping)
"""The documented namespace: `NP.Type`, `NP.Ident`, `NP.Info`, `NP.SramSize`, `NP.Mesh`, `NP.Space`, `NP.Mapping`."""
