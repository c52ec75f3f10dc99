"""The result of a comparison: numbers, text, JSON and a figure."""

from __future__ import annotations

import html
import math
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cnn2snn import _table, akida
from cnn2snn.analysis.attribution import CAUSES
from cnn2snn.analysis.edits import Edit

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

__all__ = ["Comparison", "Difference", "LayerComparison", "batches"]

# Samples and values compared at a time, which bounds the memory.
_SAMPLES = 128
_VALUES = 1 << 25

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
        is_output: whether values are the real outputs of a last layer without activation, not levels; in Akida 2.0
            never, as all outputs are compared as integers.
        total: values compared: levels, integers, or the real outputs of a last layer without activation.
        differing: values that differ; real outputs where they differ by more than float32 explains.
        largest: the largest difference, in levels, in integers, or in the units of the Keras model's outputs.
        propagated: differing ones whose inputs differ already; the layer is right for its inputs.
        format: differing ones whose boundary the chip's integer threshold and one step cannot hold, or whose last
            threshold is not an integer; in Akida 2.0 those that a Quantizer saturates and QuantizeML does not.
        float_rounding: differing ones whose potential lies so close to an ideal boundary that Keras' float32 sums fall
            on the other side, or whose integers QuantizeML rounds in float32; the engine is right.
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
        sample: index of the sample, or of the step of time of a model with state.
        position: (row, column) in the layer's output.
        channel: output channel.
        keras, engine: the two values: levels, integers, or real outputs.
        potential: the engine's potential there; in Akida 2.0 the accumulator, and None where the layer has none.
        expected: the potential or accumulator that the quantized network has there.
        boundary: the boundary of the quantized network nearest to `expected` among those between the two levels, in
            potentials; for a real output the place of Keras' output; None in Akida 2.0.
        margin: expected - boundary; None in Akida 2.0.
        cause: "format", "float_rounding", "propagated", "unexplained", or the cause of an `Edit`.
        explanation: the cause in words.
        stream: index of the stream of a model with state; else None.
    """

    layer: str
    sample: int
    position: tuple[int, int]
    channel: int
    keras: float
    engine: float
    potential: int | None
    expected: int | None
    boundary: float | None
    margin: float | None
    cause: str
    explanation: str
    stream: int | None = None


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
        reference: what the Akida model is compared with: "Keras" or "QuantizeML".
    """

    samples: int
    input_scaling: tuple[float, float]
    layers: list[LayerComparison] = field(default_factory=list)
    first: Difference | None = None
    edits: list[Edit] = field(default_factory=list)
    reference: str = "Keras"

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
            "reference": self.reference,
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
                f"{layer.largest:,.0f}" if layer.largest == int(layer.largest) else f"{layer.largest:.3g}",
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
                f'First: layer "{d.layer}", {_sample(d)}, row {d.position[0]}, column {d.position[1]}, channel '
                f"{d.channel}: {self.reference} has {_value(d.keras)}, the engine {_value(d.engine)}. {_potential(d)}",
                f"Cause: {d.explanation}",
            ]
        named = self.first.explanation if self.first else ""
        rest = [edit for edit in self.edits if edit.explanation not in named]
        return [*texts, *(f'Also in layer "{edit.layer}": {edit.explanation}.' for edit in rest)]

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text(120))}</pre>"

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
        axes.set_xlabel(f"values that differ between {self.reference} and the engine, %")
        axes.set_xlim(left=0)
        plural = "" if self.samples == 1 else "s"
        cause = "nothing differs" if self.first is None else f'first: "{self.first.layer}", {self.first.cause}'
        axes.set_title(f"{self.samples} sample{plural}; {cause}", loc="left", fontsize="medium")
        if any(left):
            axes.legend(frameon=False)
        return figure


def _sample(d: Difference) -> str:
    return f"sample {d.sample}" if d.stream is None else f"step {d.sample}, stream {d.stream}"


def _value(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.6g}"


def _potential(d: Difference) -> str:
    """What is known of the potential or accumulator of a difference."""
    if d.potential is None:
        return ""
    what = "accumulator" if d.boundary is None else "potential"
    instead = "" if d.potential == d.expected else f" instead of {d.expected}"
    where = "" if d.boundary is None else f", the boundary {d.boundary:.9g} (margin {d.margin:+.3g})"
    return f"Its {what} is {d.potential}{instead}{where}."


def batches(model: akida.Model, samples: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Parts of samples whose outputs of all layers of a model fit into memory, each with the index of its first."""
    values = sum(math.prod(layer.output_dims) for layer in model.layers)
    size = min(max(_VALUES // values, 1), _SAMPLES)
    for start in range(0, len(samples), size):
        yield start, samples[start : start + size]
