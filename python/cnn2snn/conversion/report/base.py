"""What all reports of conversions have in common: text, JSON and what became of layers."""

from __future__ import annotations

import html
import shutil
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from cnn2snn import _json
from cnn2snn._files import replacing

__all__ = ["ConversionReport", "Place", "first_of", "listed", "number", "wrapped"]

# Lines of each kind that the text shows.
_SHOWN = 6
# Numbers in a row.
_LISTED = 12
# What layers become that nobody asks about.
_EXPECTED = (
    "the input",
    "thresholds and steps",
    "pooling of its layer",
    "activation of its layer",
    "table of its layer",
    "part of its layer",
)


@dataclass(frozen=True)
class Place:
    """What became of a Keras layer that is no layer of the converted model.

    Attributes:
        name, type: the Keras layer.
        became: in words.
        layer: the converted layer that it belongs to; None for the input and what comes before the first.
    """

    name: str
    type: str
    became: str
    layer: str | None


@dataclass(frozen=True)
class ConversionReport(ABC):
    """What a conversion proves, layer by layer; `Akida1Report` or `Akida2Report`.

    Attributes:
        model: the name of the quantized model.
        inputs: what inputs of the converted model stand for.
        layers: one report per layer that computes sums, in order.
        folded: what became of all other layers of the quantized model.

    Example:
        >>> report = cnn2snn.conversion_report(quantized)  # doctest: +SKIP
        >>> print(report)  # doctest: +SKIP
        >>> report.equal  # doctest: +SKIP
    """

    # "v1" or "v2".
    ip_version: ClassVar[str]

    model: str
    inputs: Any
    layers: Sequence[Any]
    folded: list[Place]

    @property
    @abstractmethod
    def equal(self) -> bool:
        """Whether every integer of every layer is that of the quantized network, for every input."""

    @abstractmethod
    def _overview(self) -> dict[str, Any]:
        """What `to_dict` says of the whole model."""

    @abstractmethod
    def _layer(self, layer: Any) -> dict[str, Any]:
        """What `to_dict` says of a layer beside its attributes."""

    @abstractmethod
    def _summary(self) -> str:
        """The first paragraph."""

    @abstractmethod
    def _inputs(self) -> str:
        """The paragraph on inputs."""

    @abstractmethod
    def _table(self, width: int) -> list[str]:
        """A row per layer."""

    @abstractmethod
    def _sections(self) -> list[tuple[str, list[str]]]:
        """Titles with their entries; those without entries are left out."""

    @abstractmethod
    def _float32(self, width: int) -> list[str]:
        """What float32 does in the quantized network."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the report in dictionaries, lists, numbers and strings, as JSON has them; infinity is None."""
        return _plain(
            {
                "model": self.model,
                "ip_version": self.ip_version,
                "equal": self.equal,
                **self._overview(),
                "inputs": asdict(self.inputs),
                "layers": [{**self._layer(layer), **asdict(layer)} for layer in self.layers],
                "folded": [asdict(place) for place in self.folded],
            }
        )

    def save(self, path: str | Path) -> None:
        """Writes `to_dict` as JSON, all of the file or nothing."""
        with replacing(Path(path)) as temporary:
            temporary.write_text(_json.dumps(self.to_dict()) + "\n", encoding="utf-8")

    def __str__(self) -> str:
        return self.text(shutil.get_terminal_size().columns)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text(120))}</pre>"

    def text(self, width: int = 80) -> str:
        """Returns the report as text of `width` columns: a summary, the layers, then what matters."""
        width = max(width, 60)
        lines = [*wrapped(self._summary(), width), "", *wrapped(self._inputs(), width, "Inputs: "), ""]
        lines += self._table(width)
        for title, entries in self._sections():
            if entries:
                lines += ["", *wrapped(title, width)]
                for entry in entries:
                    lines += wrapped(entry, width, "  ", "    ")
        lines += self._float32(width)
        return "\n".join(lines)

    def _groups(self) -> list[str]:
        """The layers that became something, listed once for each thing."""
        groups: dict[str, list[str]] = {}
        for place in self.folded:
            if place.became not in _EXPECTED:
                groups.setdefault(place.became, []).append(place.name)
        return [f"{', '.join(names)}: {became}" for became, names in groups.items()]


def number(value: float) -> str:
    """A number to two digits, without an exponent unless it is tiny or huge."""
    value = float(f"{value:.2g}")
    return f"{value:,.0f}" if 10 <= abs(value) < 1e9 else f"{value:g}"


def first_of(entries: list[str]) -> list[str]:
    """The first entries, and how many more there are."""
    rest = len(entries) - _SHOWN
    return entries if rest <= 1 else [*entries[:_SHOWN], f"and {rest:,} more"]


def listed(filters: list[int], one: str = "filter") -> str:
    """Filters in words, consecutive ones as a range; `one` is what one of them is called."""
    runs: list[list[int]] = []
    for f in filters:
        if runs and runs[-1][-1] == f - 1:
            runs[-1][1:] = [f]
        else:
            runs.append([f])
    shown = ", ".join("..".join(map(str, run)) for run in runs[:_LISTED])
    rest = len(runs) - _LISTED
    return f"{one}{'' if len(filters) == 1 else 's'} {shown}{' and more' if rest > 0 else ''}"


def wrapped(text: str, width: int, first: str = "", later: str | None = None) -> list[str]:
    """The lines of a paragraph."""
    indent = " " * len(first) if later is None else later
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
