"""The result of a comparison: numbers, text, JSON and a figure."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cnn2snn import _table
from cnn2snn.analysis.attribution import CAUSES
from cnn2snn.analysis.edits import Edit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "Difference", "LayerComparison"]

_TITLES = {
    "unexplained": "unexplained",
    "edited": "edited",
    "format": "format",
    "float_rounding": "float32",
    "propagated": "inputs",
}
_COLORS = {
    "unexplained": "#b2182b",
    "edited": "#ef8a62",
    "format": "#2166ac",
    "float_rounding": "#67a9cf",
    "propagated": "#bbbbbb",
}


@dataclass
class LayerComparison:
    """The values of one layer, counted.

    Attributes:
        layer: the layer's name.
        is_output: whether values are the real outputs of a last layer without activation, not levels.
        total: values compared: levels, or the real outputs of a last layer without activation.
        differing: values that differ; real outputs where they differ by more than float32 explains.
        largest: the largest difference, in levels, or in the units of the Keras model's outputs.
        propagated: differing ones whose inputs differ already; the layer is right for its inputs.
        format: differing ones whose boundary the chip's integer threshold and one step cannot hold, or whose last
            threshold is not an integer.
        float_rounding: differing ones whose potential lies so close to an ideal boundary that Keras' float32 sums fall
            on the other side; the engine is right.
        edited: differing ones that come from something in the layer that conversion makes otherwise.
        unexplained: differing ones with none of these causes: a defect.
    """

    layer: str
    is_output: bool = False
    total: int = 0
    differing: int = 0
    largest: float = 0
    propagated: int = 0
    format: int = 0
    float_rounding: int = 0
    edited: int = 0
    unexplained: int = 0

    def add(self, other: LayerComparison) -> None:
        """Adds the counts of other samples, or of another layer."""
        for name in ("total", "differing", *CAUSES):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.largest = max(self.largest, other.largest)


@dataclass(frozen=True)
class Difference:
    """One value that differs.

    Attributes:
        layer: the layer's name.
        sample: index of the sample.
        position: (row, column) in the layer's output.
        channel: output channel.
        keras, engine: the two values: levels, or real outputs.
        potential: the engine's potential there.
        expected: the potential that the quantized network has there.
        boundary: the boundary of the quantized network nearest to `expected` among those between the two levels, in
            potentials; for a real output the place of Keras' output.
        margin: expected - boundary.
        cause: "format", "float_rounding", "propagated", "unexplained", or the cause of an `Edit`.
        explanation: the cause in words.
    """

    layer: str
    sample: int
    position: tuple[int, int]
    channel: int
    keras: float
    engine: float
    potential: int
    expected: int
    boundary: float
    margin: float
    cause: str
    explanation: str


@dataclass
class Comparison:
    """What `compare` found. ``print`` shows it as text.

    Attributes:
        samples: number of samples.
        input_scaling: the (scale, shift) that related the inputs of both models.
        layers: one `LayerComparison` per layer with weights, in order.
        first: the first difference that conversion does not account for, in layer order; where there is none, the first
            difference at all; None where nothing differs.
        edits: everything in the Akida model that conversion makes otherwise, whether or not these samples show it.
    """

    samples: int
    input_scaling: tuple[float, float]
    layers: list[LayerComparison] = field(default_factory=list)
    first: Difference | None = None
    edits: list[Edit] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether all is well: nothing was edited, and every difference is one that conversion accounts for."""
        return not self.edits and not any(layer.unexplained for layer in self.layers)

    @property
    def totals(self) -> LayerComparison:
        """The counts of all levels together; real outputs are left out."""
        sums = LayerComparison("all levels")
        for layer in self.layers:
            if not layer.is_output:
                sums.add(layer)
        return sums

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as values that JSON has."""
        return {
            "samples": self.samples,
            "input_scaling": list(self.input_scaling),
            "layers": [asdict(layer) for layer in self.layers],
            "first": None if self.first is None else {**asdict(self.first), "position": list(self.first.position)},
            "edits": [asdict(edit) for edit in self.edits],
        }

    def text(self, width: int = 80) -> str:
        """Returns the report for a terminal of `width` columns."""
        shown = [cause for cause in CAUSES if any(getattr(layer, cause) for layer in self.layers)]
        titles = ("layer", "values", "differ", "by", *(_TITLES[cause] for cause in shown))
        rows = [
            (
                layer.layer,
                f"{layer.total:,}",
                f"{layer.differing:,}",
                f"{layer.largest:.3g}",
                *(f"{getattr(layer, cause):,}" for cause in shown),
            )
            for layer in self.layers
        ]
        lines = _table.columns(titles, rows, width=width, right=range(1, len(titles)))
        for text in self._paragraphs():
            lines += ["", *textwrap.wrap(text, width, break_long_words=False)]
        return "\n".join(lines)

    def _paragraphs(self) -> list[str]:
        plural = "" if self.samples == 1 else "s"
        if self.first is None:
            texts = [f"No value differs on {self.samples} sample{plural}."]
        else:
            d = self.first
            texts = [
                f'First: layer "{d.layer}", sample {d.sample}, row {d.position[0]}, column {d.position[1]}, channel '
                f"{d.channel}: Keras has {d.keras:.6g}, the engine {d.engine:.6g}. "
                + (f"Its potential is {d.potential}" if d.potential == d.expected else "")
                + (f"Its potential is {d.potential} instead of {d.expected}" if d.potential != d.expected else "")
                + f", the boundary {d.boundary:.9g} (margin {d.margin:+.3g}).",
                f"Cause: {d.explanation}",
            ]
        named = self.first.explanation if self.first else ""
        rest = [edit for edit in self.edits if edit.explanation not in named]
        return [*texts, *(f'Also in layer "{edit.layer}": {edit.explanation}.' for edit in rest)]

    def __str__(self) -> str:
        return self.text()

    def figure(self) -> Figure:
        """Returns a matplotlib figure: the share of each layer's values that differ, by cause.

        Raises:
            ImportError: matplotlib is not there; it comes with the extra `plot`.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("a figure needs matplotlib: install it with `pip install akida-sim[plot]`") from error
        figure = Figure(figsize=(8, 1.5 + 0.3 * len(self.layers)), layout="constrained")
        axes = figure.add_subplot()
        names = [layer.layer for layer in self.layers]
        left = [0.0] * len(names)
        for cause in CAUSES:
            share = [100 * getattr(layer, cause) / max(layer.total, 1) for layer in self.layers]
            if any(share):
                axes.barh(names, share, left=left, color=_COLORS[cause], label=_TITLES[cause])
                left = [a + b for a, b in zip(left, share, strict=True)]
        axes.invert_yaxis()
        axes.set_xlabel("values that differ between Keras and the engine, %")
        axes.set_xlim(left=0)
        plural = "" if self.samples == 1 else "s"
        cause = "nothing differs" if self.first is None else f'first: "{self.first.layer}", {self.first.cause}'
        axes.set_title(f"{self.samples} sample{plural}; {cause}", loc="left", fontsize="medium")
        if any(left):
            axes.legend(frameon=False)
        return figure
