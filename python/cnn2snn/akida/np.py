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


@dataclass(frozen=True)
class Ident:
    """The place of an NP in the mesh. Real places are not public: these are schematic.

    Attributes:
        col: column of the node, from 1; 0 for the image convolution unit.
        row: row of the node, from 1; 0 for the image convolution unit.
        id: number within the node, from 0.
    """

    col: int
    row: int
    id: int


@dataclass(frozen=True)
class Info:
    """A processing unit.

    Attributes:
        ident: its place.
        types: what it can be programmed to do.
    """

    ident: Ident
    types: frozenset[Type]


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
        np_sram_size: memory of each NP.
    """

    nps: tuple[Info, ...]
    hrc: Info | None
    np_sram_size: SramSize


HRC = Info(Ident(0, 0, 0), frozenset({Type.HRC}))
"""The image convolution unit, which has no place in the mesh of NPs."""


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
            ident=HRC.ident if ident is None else Ident(*ident),
            type=Type[fields.pop("type")],
            spatial_partition=Space(*fields.pop("spatial_partition")),
            **fields,
        )


NP = SimpleNamespace(Type=Type, Ident=Ident, Info=Info, SramSize=SramSize, Mesh=Mesh, Space=Space, Mapping=Mapping)
"""The documented namespace: `NP.Type`, `NP.Ident`, `NP.Info`, `NP.SramSize`, `NP.Mesh`, `NP.Space`, `NP.Mapping`."""
