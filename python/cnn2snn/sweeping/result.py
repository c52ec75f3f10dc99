"""What sweeps and searches found: numbers, text, JSON and CSV."""

from __future__ import annotations

import csv
import html
import io
import itertools
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cnn2snn import _json, _table
from cnn2snn.sweeping.configuration import Configuration

__all__ = ["Search", "Sweep", "SweepResult"]

# What a result is judged by beside its accuracy; less is better.
_COSTS = ("weight_bytes", "software_layers", "nps", "passes", "latency_ms", "energy_mj")
_ON_DEVICE = ("nps", "passes")


@dataclass(frozen=True)
class SweepResult:
    """What became of a configuration.

    Attributes:
        configuration: the widths.
        accuracy: the share of right classes of the converted model: of the labels, or without labels of the classes of
            the float model; None where there is no converted model.
        weight_bytes: bytes of the weights, packed at their width.
        nps: NPs on the device, an NP counted in each pass that uses it; None where it is not mapped.
        passes: passes on the device.
        software_layers: how many layers the device leaves to software.
        latency_ms: estimated milliseconds per input; None where no estimate is possible.
        energy_mj: estimated millijoules per input.
        refused: why there is no converted model, or why the device refuses it; None otherwise.
        seconds: how long quantizing to evaluating took.
    """

    configuration: Configuration
    accuracy: float | None
    weight_bytes: int | None = None
    nps: int | None = None
    passes: int | None = None
    software_layers: int | None = None
    latency_ms: float | None = None
    energy_mj: float | None = None
    refused: str | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, values: dict[str, Any]) -> SweepResult:
        """The result in a dictionary of `to_dict`."""
        return cls(**{**values, "configuration": Configuration.of(values["configuration"])})

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes."""
        return {**asdict(self), "configuration": self.configuration.to_dict()}

    def renamed(self, configuration: Configuration) -> SweepResult:
        """The same for a configuration of the same widths with another name."""
        return replace(self, configuration=configuration)

    @property
    def outcome(self) -> dict[str, Any]:
        """What does not depend on who computed it and how fast: everything but `seconds`."""
        values = self.to_dict()
        del values["seconds"]
        return values

    def beats(self, other: SweepResult) -> bool:
        """Whether this is nowhere worse than another result and somewhere better.

        What one of them lacks is not compared, nor are NPs and passes where they leave other layers to software.
        """
        pairs = [(-(self.accuracy or 0.0), -(other.accuracy or 0.0))]
        alike = self.software_layers == other.software_layers
        compared = _COSTS if alike else [name for name in _COSTS if name not in _ON_DEVICE]
        pairs += [(getattr(self, name), getattr(other, name)) for name in compared]
        known = [(a, b) for a, b in pairs if a is not None and b is not None]
        return all(a <= b for a, b in known) and any(a < b for a, b in known)


@dataclass
class Sweep:
    """What a sweep found. ``print`` shows it as text.

    Attributes:
        samples: number of samples.
        metric: "accuracy" with labels, else "agreement" with the float model.
        float_share: that of the float model; 1 for the agreement.
        device: name of the device; None without.
        results: the results, in the order of the configurations.
    """

    samples: int
    metric: str
    float_share: float
    device: str | None
    results: list[SweepResult] = field(default_factory=list)

    @property
    def front(self) -> list[SweepResult]:
        """The Pareto front: results that no other one beats, the most accurate first.

        A result beats another one when it is nowhere worse, in accuracy, size, NPs, passes, latency and energy, and
        somewhere better. Configurations that were refused are not on it.
        """
        usable = [r for r in self.results if r.accuracy is not None and (r.refused is None)]
        found = [r for r in usable if not any(other.beats(r) for other in usable)]
        return sorted(found, key=lambda r: (-(r.accuracy or 0.0), r.weight_bytes or 0))

    def best(self) -> SweepResult:
        """The most accurate result on the front, the smallest of equals.

        Raises:
            ValueError: all configurations were refused.
        """
        if not self.front:
            raise ValueError("all configurations were refused")
        return self.front[0]

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as values that JSON has; each result says whether it is on the front."""
        front = self.front
        return {
            "samples": self.samples,
            "metric": self.metric,
            "float_share": self.float_share,
            "device": self.device,
            "results": [{**r.to_dict(), "front": any(r is other for other in front)} for r in self.results],
        }

    def to_json(self) -> str:
        """Returns `to_dict` as JSON text."""
        return _json.dumps(self.to_dict())

    def to_csv(self) -> str:
        """Returns a table with a line for each configuration, as comma-separated values with a head."""
        rows = [_row(result) for result in self.to_dict()["results"]]
        text = io.StringIO()
        writer = csv.DictWriter(text, rows[0] if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def text(self, width: int = 80) -> str:
        """Returns the table for a terminal of `width` columns, the Pareto front marked, then what was refused."""
        what = "Accuracy" if self.metric == "accuracy" else "Agreement with the float model"
        head = f"{what} of the float model: {_percent(self.float_share)}" if self.metric == "accuracy" else what
        lines = [f"{self.samples:,} samples. {head}."]
        lines += _result_table(self.results, self.front, width)
        lines.append("* Pareto front: no other is nowhere worse and somewhere better.")
        return "\n".join([*lines, *_refusals(self.results, width)])

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text(120))}</pre>"


@dataclass
class Search:
    """What a search found. ``print`` shows it as text.

    Attributes:
        samples, metric, float_share, device: as for `Sweep`.
        limits: the limits: "accuracy", "nps", "energy".
        met: whether `best` keeps all limits.
        best: the result that was chosen.
        steps: the results that the search went through, each with fewer bits in one place than the one before; `best`
            is the last of them, or where limits are not met the nearest.
        sensitivities: how much accuracy each single narrowing costs, by (layer, kind, bits), the least first.
        tried: how many configurations were evaluated.
    """

    samples: int
    metric: str
    float_share: float
    device: str | None
    limits: dict[str, float]
    met: bool
    best: SweepResult
    steps: list[SweepResult]
    sensitivities: list[tuple[str, str, int, float]]
    tried: int

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as values that JSON has."""
        return {
            "samples": self.samples,
            "metric": self.metric,
            "float_share": self.float_share,
            "device": self.device,
            "limits": self.limits,
            "met": self.met,
            "best": self.best.to_dict(),
            "steps": [result.to_dict() for result in self.steps],
            "sensitivities": [list(entry) for entry in self.sensitivities],
            "tried": self.tried,
        }

    def to_json(self) -> str:
        """Returns `to_dict` as JSON text."""
        return _json.dumps(self.to_dict())

    def text(self, width: int = 80) -> str:
        """Returns the steps for a terminal of `width` columns, then the widths that were found."""
        limits = ", ".join(_limit(name, value) for name, value in self.limits.items())
        outcome = "kept" if self.met else "not all kept"
        lines = [f"{self.samples:,} samples, {self.tried:,} configurations tried. Limits {outcome}: {limits}."]
        names = [self.steps[0].configuration.label]
        names += [_narrowed(a, b) for a, b in itertools.pairwise(self.steps)]
        lines += _result_table(self.steps, [], width, names)
        configuration = self.best.configuration
        base = f"{configuration.input_weights}/{configuration.weights}/{configuration.activations}"
        lines += ["", f"Found: {base} bits for input weights, weights and activations, but for"]
        lines += [
            f"  {layer}: {', '.join(f'{kind} {bits}' for kind, bits in widths.items())}"
            for layer, widths in configuration.layers.items()
        ] or ["  no layer"]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text(120))}</pre>"


def _limit(name: str, value: float) -> str:
    if name == "accuracy":
        return f"accuracy of at least {_percent(value)}"
    return f"at most {value:g} {'NPs' if name == 'nps' else 'mJ'}"


def _narrowed(before: SweepResult, after: SweepResult) -> str:
    """What a step of a search narrowed."""
    known = before.configuration.layers
    return ", ".join(
        f"{layer}: {kind} {bits}"
        for layer, widths in after.configuration.layers.items()
        for kind, bits in widths.items()
        if known.get(layer, {}).get(kind) != bits
    )


def _result_table(
    results: Sequence[SweepResult], marked: Sequence[SweepResult], width: int, names: Sequence[str] = ()
) -> list[str]:
    columns = {
        "Accuracy": lambda r: _percent(r.accuracy),
        "Weights": lambda r: "" if r.weight_bytes is None else f"{r.weight_bytes:,} B",
        "NPs": lambda r: _integer(r.nps),
        "Passes": lambda r: _integer(r.passes),
        "Software": lambda r: _integer(r.software_layers) if r.software_layers else "",
        "est. ms": lambda r: "" if r.latency_ms is None else f"{r.latency_ms:.3f}",
        "est. mJ": lambda r: "" if r.energy_mj is None else f"{r.energy_mj:.3f}",
        "s": lambda r: f"{r.seconds:.1f}",
    }
    shown = {title: cell for title, cell in columns.items() if any(cell(r) for r in results)}
    rows = []
    for number, result in enumerate(results):
        mark = " *" if any(result is other for other in marked) else ""
        name = names[number] if names else result.configuration.label
        rows.append([name + mark, *(cell(result) for cell in shown.values())])
    return _table.columns(["Bits", *shown], rows, width=width, right=range(1, len(shown) + 1))


def _refusals(results: Sequence[SweepResult], width: int) -> list[str]:
    lines = []
    for result in results:
        if result.refused is not None:
            text = f"{result.configuration.label}: {result.refused}"
            lines += textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
    return lines


def _row(values: dict[str, Any]) -> dict[str, Any]:
    """A result on one level, for tables."""
    values = dict(values)
    configuration = values.pop("configuration")
    layers = configuration.pop("layers")
    return {**configuration, "layers": _json_line(layers), **values}


def _json_line(value: Any) -> str:
    return json.dumps(value, sort_keys=True) if value else ""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _integer(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
