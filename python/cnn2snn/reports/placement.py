"""A part of the report of `cnn2snn map`: which units of a chip run each layer, in which pass."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cnn2snn.akida._summary import count_components

if TYPE_CHECKING:
    from cnn2snn.akida import Layer, Model
    from cnn2snn.akida.np import Mapping

__all__ = ["LayerPlacement", "Placement", "SequencePlacement", "Unit"]


@dataclass(frozen=True)
class Unit:
    """A unit of the chip, and what it takes of a layer.

    Attributes:
        type: "HRC", "CNP1", "FNP2" or "FNP3"; on Akida 2.0 also "TNP_B" or "TNP_R".
        place: column, row and number in the node; schematic, as real places are not public.
        filters: the first filter, and the one after the last.
        rows: the first row of the layer's input, and the one after the last.
        input_bytes, weight_bytes: bytes of the unit's memory for inputs and for filters.
        external_bytes: bytes of external memory for filters.
    """

    type: str
    place: list[int]
    filters: list[int]
    rows: list[int]
    input_bytes: int
    weight_bytes: int
    external_bytes: int

    @classmethod
    def of(cls, unit: Mapping) -> Unit:
        """Returns what a unit takes of a layer."""
        place, rows = unit.ident, unit.spatial_partition
        return cls(
            type=unit.type.name,
            place=[place.col, place.row, place.id],
            filters=[unit.start_neuron, unit.start_neuron + unit.filters],
            rows=[rows.x, rows.x + rows.shape[0]],
            input_bytes=unit.input_size,
            weight_bytes=unit.weight_size,
            external_bytes=unit.external_size,
        )


@dataclass(frozen=True)
class LayerPlacement:
    """Where a layer runs.

    Attributes:
        name, type: the layer.
        output_shape: [height, width, channels].
        sequence: name of its sequence.
        pass_number: its pass in the sequence, from 1; None in software.
        components: number of units by type.
        units: its units; none in software.
    """

    name: str
    type: str
    output_shape: list[int]
    sequence: str
    pass_number: int | None
    components: dict[str, int]
    units: list[Unit]

    @classmethod
    def of(cls, layer: Layer, sequence: str, pass_number: int | None) -> LayerPlacement:
        """Returns where a layer of a mapped model runs."""
        mapping = layer.mapping
        return cls(
            name=layer.name,
            type=layer.parameters.layer_type.name,
            output_shape=layer.output_dims,
            sequence=sequence,
            pass_number=pass_number,
            components={} if mapping is None else {kind.name: count for kind, count in mapping.components.items()},
            units=[] if mapping is None else [Unit.of(unit) for unit in mapping.nps],
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes; the number of the pass is called "pass"."""
        return {"pass" if name == "pass_number" else name: value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class SequencePlacement:
    """Layers that run without a stop.

    Attributes:
        name: `HW/` or `SW/` and the names of the first and last layer.
        backend: "Hardware" or "Software".
        passes: names of the layers of each pass.
        program_bytes: about how many bytes its program would take; None in software and on Akida 2.0.
    """

    name: str
    backend: str
    passes: list[list[str]]
    program_bytes: int | None


@dataclass(frozen=True)
class Placement:
    """Where the layers of a model run.

    Attributes:
        components: number of units by type; a unit counts in each pass that uses it.
        sequences: the sequences, in order.
        layers: the layers, in order.
        skip_connections: names of the layers at both ends of each; None on a chip of Akida 1.0, which has none.
    """

    components: dict[str, int]
    sequences: list[SequencePlacement]
    layers: list[LayerPlacement]
    skip_connections: list[tuple[str, str]] | None = None

    @classmethod
    def of(cls, model: Model) -> Placement:
        """Returns where the layers of a mapped model run."""
        sequences, layers = [], []
        for sequence in model.sequences:
            backend = sequence.backend.name
            passes = [[layer.name for layer in part.layers] for part in sequence.passes]
            sequences.append(SequencePlacement(sequence.name, backend, passes, sequence.program_size))
            for number, part in enumerate(sequence.passes, 1):
                shown = number if backend == "Hardware" else None
                layers += [LayerPlacement.of(layer, sequence.name, shown) for layer in part.layers]
        skips = None
        if model.device is not None and model.device.ip_version.name == "v2":
            skips = [(producer.name, consumer.name) for producer, consumer in model.skip_connections]
        return cls({kind.name: count for kind, count in count_components(model).items()}, sequences, layers, skips)

    @property
    def nps(self) -> int:
        """Number of NPs; an NP counts in each pass that uses it."""
        return sum(count for kind, count in self.components.items() if kind != "HRC")

    @property
    def passes(self) -> int:
        """Number of passes on the chip."""
        return sum(len(sequence.passes) for sequence in self.sequences if sequence.backend == "Hardware")

    @property
    def program_bytes(self) -> int | None:
        """About how many bytes all programs would take; None where everything runs in software."""
        programs = [s.program_bytes for s in self.sequences if s.program_bytes is not None]
        return sum(programs) if programs else None

    def to_dict(self) -> dict[str, Any]:
        """Returns the counts, the sequences and the layers."""
        skips = [{"from": producer, "to": consumer} for producer, consumer in self.skip_connections or ()]
        return {
            "nps": self.nps,
            "components": dict(self.components),
            "passes": self.passes,
            **({} if self.skip_connections is None else {"skip_connections": skips}),
            "program_bytes": self.program_bytes,
            "sequences": [asdict(sequence) for sequence in self.sequences],
            "layers": [layer.to_dict() for layer in self.layers],
        }
