"""The report of `cnn2snn map`: where the layers of a model go on a chip, what it takes, and what stands in the way."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn2snn import _table
from cnn2snn.akida._summary import OWN_MODEL
from cnn2snn.reports.placement import LayerPlacement, Placement, SequencePlacement

if TYPE_CHECKING:
    from cnn2snn.akida import Device, Estimate, LayerStatistics, Model, Statistics, Violation

__all__ = ["MapReport", "Measurement"]


@dataclass(frozen=True)
class Measurement:
    """What samples do to a model, and what an input is estimated to take on the chip.

    Attributes:
        samples: number of samples.
        statistics: means over the samples by layer name.
        estimate: latency in milliseconds, energy in millijoules; None where nothing is known.
        no_estimate: why there is no estimate; None where there is one.
    """

    samples: int
    statistics: dict[str, LayerStatistics]
    estimate: Estimate | None
    no_estimate: str | None

    @classmethod
    def of(cls, model: Model, statistics: Statistics) -> Measurement:
        """Returns what is known of a mapped model after `Model.measure` gave `statistics`."""
        try:
            estimate, reason = model.estimate(), None
        except RuntimeError as error:
            estimate, reason = None, str(error)
        return cls(statistics.samples, statistics.layers, estimate, reason)

    def to_dict(self) -> dict[str, Any]:
        """Returns the statistics, and the estimate or the reason for which there is none."""
        statistics = {name: asdict(layer) for name, layer in self.statistics.items()}
        values: dict[str, Any] = {"samples": self.samples, "statistics": statistics, "estimate": None}
        if self.estimate is None:
            return {**values, "no_estimate": self.no_estimate}
        estimate, error = self.estimate, ("median", "largest")
        values["estimate"] = {
            "note": "estimated, not measured",
            "latency_ms": estimate.latency_ms,
            "fps": estimate.fps,
            "energy_mj": estimate.energy_mj,
            "latency_error": dict(zip(error, estimate.latency_error, strict=True)),
            "energy_error": dict(zip(error, estimate.energy_error, strict=True)),
            "source": estimate.source,
            "layers": {name: asdict(layer) for name, layer in estimate.layers.items()},
        }
        return values

    def counts(self) -> list[str]:
        """Returns the lines of what was counted, for a chip without an estimate."""
        events, macs = (
            sum(getattr(layer, name) for layer in self.statistics.values()) for name in ("events", "effective_macs")
        )
        return [
            f"Counted   per input, from {_count(self.samples, 'sample')}:",
            f"          {events:,.0f} events, {macs:,.0f} effective multiply-accumulates",
        ]

    def lines(self, width: int) -> list[str]:
        """Returns the lines of the estimate for the whole model."""
        estimate = self.estimate
        if estimate is None:
            reason = (self.no_estimate or "").removeprefix("no estimate").removeprefix(": ").strip()
            return _fold("Estimate  ", reason, width)
        latency, energy = (
            f"±{100 * largest:.0f} %, half of them ±{100 * median:.0f} %"
            for median, largest in (estimate.latency_error, estimate.energy_error)
        )
        return [
            f"Estimate  (not a measurement) from the events of {_count(self.samples, 'sample')}:",
            f"          {estimate.latency_ms:.3f} ms per frame ({latency})",
            *_fold("          ", _slowest(estimate), width),
            f"          {estimate.fps:.1f} frames per second, one after the other",
            f"          {estimate.energy_mj:.3f} mJ per frame ({energy})",
            *_fold("          ", f"Constants {estimate.source}. Single layers are less certain.", width),
        ]


@dataclass(frozen=True)
class MapReport:
    """What became of a model on a chip.

    Attributes:
        file: path of the model's file.
        device, version, device_nps: name and version of the chip, and its number of NPs.
        device_units: how many units of each type layers can take at once; one NP can be a unit of several types.
        is_akida2: whether the chip is one of Akida 2.0, of which nothing public tells NPs, sizes, times or energies.
        mode: name of the `MapMode`.
        violations: the limits of the chip that layers break.
        placement: where the layers run; None where the chip refuses the model.
        measurement: what samples do to the model, where there are samples.

    Example:
        >>> model.map(device)  # doctest: +SKIP
        >>> print(MapReport.of(model, Path("model.fbz"), device, "AllNps").text())  # doctest: +SKIP
    """

    file: str
    device: str
    version: str
    device_nps: int
    device_units: dict[str, int]
    is_akida2: bool
    mode: str
    violations: list[Violation]
    placement: Placement | None = None
    measurement: Measurement | None = None

    @classmethod
    def of(
        cls, model: Model, path: Path, device: Device, mode: str, measurement: Measurement | None = None
    ) -> MapReport:
        """Returns the report on a model that was read from `path` and is mapped on `device` in `mode`."""
        chip = cls.refused(path, device, mode, model.check(device))
        return replace(chip, placement=Placement.of(model), measurement=measurement)

    @classmethod
    def refused(cls, path: Path, device: Device, mode: str, violations: Sequence[Violation]) -> MapReport:
        """Returns the report on a model that the chip refuses."""
        is_akida2 = device.ip_version.name == "v2"
        mesh = device.mesh
        units = Counter(kind.name for np in mesh.nps for kind in np.types)
        return cls(
            str(path), device.name, str(device.version), len(mesh.nps), dict(units), is_akida2, mode, list(violations)
        )

    @property
    def mapped(self) -> bool:
        """Whether the chip takes the model."""
        return self.placement is not None

    def to_dict(self) -> dict[str, Any]:
        """Returns the chip, where the layers of a model that fits are, the violations, and what was measured."""
        return {
            "file": self.file,
            "device": self.device,
            "version": self.version,
            "device_nps": self.device_nps,
            "mode": self.mode,
            "mapped": self.mapped,
            **({"note": OWN_MODEL} if self.is_akida2 else {}),
            **({} if self.placement is None else self.placement.to_dict()),
            "violations": [violation.to_dict() for violation in self.violations],
            **({} if self.measurement is None else self.measurement.to_dict()),
        }

    def text(self, width: int = 80) -> str:
        """Returns the mapping, a table of layers and the estimate, then what stands in the way."""
        placement = self.placement
        lines = [f"Device    {self.device} ({self.version}), {self.device_nps} NPs"]
        if placement is None:
            problems = _count(len(self.violations), "problem")
            return "\n".join([*lines, f"Mapping   refused: {problems}", "", *_violations(self.violations, width)])
        lines += _fold("Mapping   ", f"{self.mode}, {_mapping(placement)}", width)
        if self.is_akida2:
            lines += _fold("          ", OWN_MODEL, width)
        if placement.program_bytes is not None:
            lines.append(f"Program   about {placement.program_bytes:,} bytes")
        lines += ["", *_layer_table(placement, self.measurement, width)]
        if self.measurement is not None:
            lines += ["", *(self.measurement.counts() if self.is_akida2 else []), *self.measurement.lines(width)]
        software, possible = ([v for v in self.violations if v.effect == e] for e in ("software", "possible"))
        if software:
            lines += ["", f"Why layers are in software ({len(software)}):", *_violations(software, width)]
        if possible:
            lines += ["", *_overflows(possible, width)]
        if placement.passes > 1 and self.mode != "HwPr":
            for advice in self._advice(placement):
                lines += ["", *_fold("", advice, width)]
        return "\n".join(lines)

    def _advice(self, placement: Placement) -> list[str]:
        """Says what keeps the layers on the chip from running in one pass."""
        divided = [sequence for sequence in placement.sequences if len(sequence.passes) > 1]
        if not divided:
            return [
                f"{placement.passes} passes, as layers in software stand between them; every frame reprograms the chip."
            ]
        return [self._cut(placement, sequence) for sequence in divided]

    def _cut(self, placement: Placement, sequence: SequencePlacement) -> str:
        """Says what keeps the layers of a sequence from running in one pass."""
        layers = [layer for layer in placement.layers if layer.sequence == sequence.name]
        nps = sum(unit.type != "HRC" for layer in layers for unit in layer.units)
        on_chip = [other for other in placement.sequences if other.backend == "Hardware"]
        whose = "all layers together" if len(on_chip) == 1 else f"the layers of {sequence.name} together"
        passes = f"{len(sequence.passes)} passes"
        if self.is_akida2:
            names = {layer.name for layer in layers}
            skips = sum(consumer in names for _, consumer in placement.skip_connections or ())
            return (
                f"{passes}: {whose} take {nps} NPs and {skips} channels for skip connections, more than the device is "
                "taken to have."
            )
        if scarce := self._scarce(layers):
            return f"{passes}: {scarce}"
        sizes = sorted(((len(layer.units), layer.name) for layer in layers), reverse=True)
        largest = ", ".join(f"{name} ({units})" for units, name in sizes[:3] if units)
        return (
            f"{passes}: {whose} take {nps} NPs, the device has {self.device_nps}; every frame reprograms it. Fewer "
            f"filters, smaller inputs or fewer bits in the layers with the most NPs, {largest}, save passes."
        )

    def _scarce(self, layers: list[LayerPlacement]) -> str | None:
        """Names the layers that take more units of a type than the device has, where not each NP can be one."""
        for kind, most in sorted(self.device_units.items(), key=lambda item: item[1]):
            count = sum(layer.components.get(kind, 0) for layer in layers)
            if most < self.device_nps and count > most:
                names = [layer.name for layer in layers if kind in layer.components]
                remedy = (
                    " Layers whose weights fit the memory of an NP take FNP3 instead: fewer units, inputs or bits."
                    if kind == "FNP2"
                    else ""
                )
                return (
                    f"{_count(most, 'NP')} of the device can be {kind}, "
                    f"and {', '.join(names)} take {count}; every frame reprograms it.{remedy}"
                )
        return None


def _mapping(placement: Placement) -> str:
    units = ", ".join(f"{count} {kind}" for kind, count in placement.components.items() if kind != "HRC")
    nps = _count(placement.nps, "NP") + (f" ({units})" if units else "")
    if hrcs := placement.components.get("HRC"):
        nps += " and the HRC" if hrcs == 1 else f" and {hrcs} times the HRC"
    parts = [nps, _count(placement.passes, "pass", "passes")]
    if placement.skip_connections:
        parts.append(_count(len(placement.skip_connections), "skip connection"))
    software = sum(sequence.backend == "Software" for sequence in placement.sequences)
    if software:
        parts.append(f"{len(placement.sequences)} sequences, {software} of them in software")
    return ", ".join(parts)


def _slowest(estimate: Estimate) -> str:
    """Names the layers that take most of the latency."""
    shares = sorted(((layer.latency_ms, name) for name, layer in estimate.layers.items()), reverse=True)
    total = sum(share for share, _ in shares) or 1.0
    named = [f"{name} ({100 * share / total:.0f} %)" for share, name in shares[:3] if share > 0.05 * total]
    return f"most of it in {', '.join(named)}" if named else "spread over all layers alike"


def _layer_table(placement: Placement, measurement: Measurement | None, width: int) -> list[str]:
    headers = ["Layer", "Output", "Units", "Filters", "Rows", "Input B", "Weight B", "Pass"]
    counted = {} if measurement is None else measurement.statistics
    estimates = {} if measurement is None or measurement.estimate is None else measurement.estimate.layers
    headers += ["Sparsity"] * bool(counted) + ["est. ms"] * bool(estimates)
    rows = []
    for layer in placement.layers:
        row = [layer.name, _table.shape(layer.output_shape), *_largest_parts(layer)]
        row.append("software" if layer.pass_number is None else str(layer.pass_number))
        if counted:
            row.append(f"{100 * counted[layer.name].sparsity:.0f} %")
        if estimates:
            row.append(f"{estimates[layer.name].latency_ms:.3f}")
        rows.append(row)
    # What one unit takes of a layer is left out where it does not fit.
    for dropped in ((), ("Input B", "Weight B"), ("Input B", "Weight B", "Filters", "Rows")):
        kept = [i for i, title in enumerate(headers) if title not in dropped]
        titles = [headers[i] for i in kept]
        table = [[row[i] for i in kept] for row in rows]
        lines = _table.columns(titles, table, width=10**6, right=range(3, len(kept)))
        if max(map(len, lines)) <= width:
            break
    else:
        lines = _table.columns(titles, table, width=width, right=range(3, len(kept)))
    if dropped:
        lines += [
            "",
            *_fold("", f"{', '.join(dropped)} of the largest part: in a wider terminal, or with --json.", width),
        ]
    return lines


def _largest_parts(layer: LayerPlacement) -> list[str]:
    """Returns the units of a layer, and the most filters, rows and bytes that one unit takes."""
    units = layer.units
    if not units:
        return ["-"] * 5
    kinds = ", ".join(f"{count} {kind}" for kind, count in layer.components.items())
    filters = max(end - begin for begin, end in (unit.filters for unit in units))
    rows = max(end - begin for begin, end in (unit.rows for unit in units))
    sizes = (max(unit.input_bytes for unit in units), max(unit.weight_bytes for unit in units))
    return [kinds, str(filters), str(rows), *(f"{size:,}" for size in sizes)]


def _violations(found: list[Violation], width: int) -> list[str]:
    """Returns a paragraph per violation, and the sources below all of them."""
    sources = {f"{violation.standing}: {violation.source}": None for violation in found}
    numbers = {source: number for number, source in enumerate(sources, 1)}
    lines = []
    foreign = [violation.layer for violation in found if violation.rule == "generation"]
    for violation in found:
        if violation.layer in foreign[1:]:
            continue
        number = numbers[f"{violation.standing}: {violation.source}"]
        lines += _fold("- ", f"{violation} [{number}]", width)
    if foreign[1:]:
        lines += _fold("- ", f"likewise {', '.join(foreign[1:])}", width)
    lines.append("")
    for source, number in numbers.items():
        lines += _fold(f"[{number}] ", source, width)
    return lines


def _overflows(found: list[Violation], width: int) -> list[str]:
    """Returns what the potentials of layers could reach, and once what that means."""
    first = found[0]
    title = f"Possible overflow in {_count(len(found), 'layer')}, which weights and input bits alone do not exclude:"
    lines = _fold("", title, width)
    for violation in found:
        lines += _fold("- ", f"{violation.layer}: {violation.received}", width)
    register = f"{first.allowed} ({first.standing}, {first.source})"
    meaning = f"{first.rule.capitalize()}s fit {register}; {first.remedy}."
    return [*lines, *_fold("", meaning, width)]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _fold(title: str, text: str, width: int) -> list[str]:
    after = " " * len(title)
    return textwrap.wrap(
        title + text, max(width, 40), subsequent_indent=after, break_on_hyphens=False, break_long_words=False
    )
