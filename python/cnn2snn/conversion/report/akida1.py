"""The report of a conversion to Akida 1.0: boundaries, potentials and widths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnn2snn import _table
from cnn2snn.conversion.report.base import ConversionReport, first_of, listed, number, wrapped

__all__ = ["Akida1Report", "Difference", "Exceedance", "InputReport", "LayerReport"]


@dataclass(frozen=True)
class Difference:
    """An activation boundary that differs from that of the quantized network.

    Attributes:
        filter: the output channel.
        level: the level that begins above the boundary.
        ideal: the quantized network's: the largest potential that does not reach the level.
        held: the converted layer's.
        witness: a potential that reaches the level in one of the two alone.
        ideal_level, held_level: on which side of the boundary the witness lies: `level` or `level` - 1.
    """

    filter: int
    level: int
    ideal: int
    held: int
    witness: int
    ideal_level: int
    held_level: int


@dataclass(frozen=True)
class Exceedance:
    """A filter whose threshold or step Akida 1.0 devices do not hold.

    Attributes:
        filter: the output channel.
        threshold, act_step: its values.
        cause: the likely reason, "tiny gamma", "dead filter" or "huge scale".
        detail: what shows it.
        moved_if_clipped: boundaries that would move if both were set to the nearest values that devices hold.
    """

    filter: int
    threshold: int
    act_step: float
    cause: str
    detail: str
    moved_if_clipped: int


@dataclass(frozen=True)
class InputReport:
    """What the converted model's inputs stand for.

    Attributes:
        bits: integers of so many bits.
        scale, shift: integer = scale · Keras input + shift.
        source: where these are from: "Rescaling", "input_scaling" or "default".
        keras_range: the Keras values of the smallest and the largest integer.
        padding_value: the border of the first layer; None where it is not an image.
        borders_exact: whether that is what Keras pads with, or nothing is padded.
    """

    bits: int
    scale: float
    shift: float
    source: str
    keras_range: tuple[float, float]
    padding_value: int | None
    borders_exact: bool


@dataclass(frozen=True)
class LayerReport:
    """What is proved of one layer for every input that it can get; arrays have one element per filter.

    Attributes:
        name, type, filters, act_bits: the layer; act_bits is None without activation.
        boundaries: the number of activation boundaries, 2^act_bits - 1 per filter.
        differences: those that differ for some potential within reach.
        lowest, highest: int32, the potentials that filters reach.
        margins: float64, the smallest distance of a boundary of the quantized network from an integer potential;
            infinite where no boundary is within reach.
        float32: float64, bound of the error of Keras' own float32 evaluation near boundaries, in potentials. Where it
            is below the margin Keras gives the levels of the quantized network.
        dead, saturated: filters whose level is always 0, or always the highest.
        allowed_threshold, allowed_step: what Akida 1.0 devices hold.
        threshold_room, step_room: how far all filters are inside that; negative beyond it.
        exceeding: the filters beyond it.
        border_error: float64, how far potentials at the border can be off where its value is inexact; None where exact.
        output_error: float64, for a layer without activation: bound of the difference between a float output of
            `predict` and that of the quantized network; else None.
    """

    name: str
    type: str
    filters: int
    act_bits: int | None
    boundaries: int
    differences: list[Difference]
    lowest: np.ndarray
    highest: np.ndarray
    margins: np.ndarray
    float32: np.ndarray
    dead: list[int]
    saturated: list[int]
    allowed_threshold: tuple[int, int]
    allowed_step: float
    threshold_room: int
    step_room: float
    exceeding: list[Exceedance]
    border_error: np.ndarray | None
    output_error: np.ndarray | None

    @property
    def equal(self) -> bool:
        """Whether levels are those of the quantized network for every input; True without activation and borders."""
        return not self.differences and self.border_error is None

    @property
    def keras_equal(self) -> bool:
        """Whether Keras' float32 levels are those of the quantized network for every input."""
        return bool(np.all(self.float32 < self.margins))


@dataclass(frozen=True)
class Akida1Report(ConversionReport):
    """What a conversion to Akida 1.0 proves, layer by layer.

    Attributes:
        thresholds: "fit" or "floor".
    """

    ip_version: ClassVar[str] = "v1"

    inputs: InputReport
    layers: list[LayerReport]
    thresholds: str

    @property
    def equal(self) -> bool:
        """Whether every level of every layer is that of the quantized network, for every input."""
        return all(layer.equal for layer in self.layers)

    def _overview(self) -> dict[str, Any]:
        return {"thresholds": self.thresholds}

    def _layer(self, layer: LayerReport) -> dict[str, Any]:
        return {"equal": layer.equal, "keras_equal": layer.keras_equal}

    def _sections(self) -> list[tuple[str, list[str]]]:
        return [
            ("Boundaries that differ", self._differences()),
            ("Beyond what Akida 1.0 devices hold (the simulator runs them, map refuses them)", self._exceeding()),
            ("Filters that always give the same level", self._stuck()),
            ("Outputs", self._outputs()),
            ("Folded or left out", self._groups()),
        ]

    def _summary(self) -> str:
        total = sum(layer.boundaries for layer in self.layers)
        found = [(layer.name, d.filter) for layer in self.layers for d in layer.differences]
        if found:
            where = len(set(found)), sum(layer.filters for layer in self.layers if layer.act_bits)
            text = f'"{self.model}": {len(found):,} of {total:,} activation boundaries differ from the quantized '
            text += f"network's, in {where[0]:,} of {where[1]:,} filters; all others are equal for every input."
        else:
            text = f'"{self.model}": every activation level is that of the quantized network, for every input.'
        if any(layer.border_error is not None for layer in self.layers):
            text += " Borders of the first layer are inexact."
        beyond = sum(len(layer.exceeding) for layer in self.layers)
        if beyond:
            text += f" {beyond:,} filter{'s are' if beyond > 1 else ' is'} beyond what Akida 1.0 devices hold."
        return text

    def _inputs(self) -> str:
        i = self.inputs
        text = f"integers 0..{2**i.bits - 1} stand for Keras values {i.keras_range[0]:g} to {i.keras_range[1]:g} "
        source = "by default" if i.source == "default" else f"from {i.source}"
        text += f"(times {i.scale:g} plus {i.shift:g}, {source})."
        if i.source == "default":
            text += f" If the model was trained on values of 0 to 1, pass input_scaling=({2**i.bits - 1}, 0)."
        if not i.borders_exact:
            error = next(layer.border_error for layer in self.layers if layer.border_error is not None)
            text += f" The border is {i.padding_value} where Keras has {i.shift:g}: potentials there are off by up to "
            text += f"{number(error.max())}."
        return text

    def _table(self, width: int) -> list[str]:
        headers = ("Layer", "Filters", "Differ", "Stuck", "Beyond", "Potentials")
        rows = []
        for layer in self.layers:
            differ = f"{len(layer.differences):,} of {layer.boundaries:,}" if layer.boundaries else ""
            counts = (len(layer.dead) + len(layer.saturated), len(layer.exceeding))
            reach = f"{layer.lowest.min():,}..{layer.highest.max():,}"
            rows.append((layer.name, f"{layer.filters:,}", differ, *(f"{n:,}" for n in counts), reach))
        return _table.columns(headers, rows, width=width, right=range(1, 6))

    def _differences(self) -> list[str]:
        entries = []
        for layer in self.layers:
            for d in layer.differences:
                entries.append(
                    f"{layer.name}, filter {d.filter}: level {d.level} begins above {d.held:,} instead of {d.ideal:,}; "
                    f"potential {d.witness:,} gives {d.held_level} instead of {d.ideal_level}"
                )
        return first_of(entries)

    def _exceeding(self) -> list[str]:
        entries = []
        for layer in self.layers:
            for cause in sorted({e.cause for e in layer.exceeding}):
                entries.append(_exceedances(layer, [e for e in layer.exceeding if e.cause == cause]))
        return first_of(entries)

    def _stuck(self) -> list[str]:
        entries = []
        for layer in self.layers:
            for what, filters in (("0", layer.dead), ("the highest", layer.saturated)):
                if filters:
                    level = f"level {what}" if layer.act_bits else "the same output"
                    entries.append(f"{layer.name}, always {level}: {listed(filters)}")
        return entries

    def _float32(self, width: int) -> list[str]:
        layers = [layer for layer in self.layers if layer.act_bits]
        if not layers:
            return []
        rows = []
        for layer in layers:
            filters = layer.float32 >= layer.margins
            if filters.any():
                numbers = layer.float32[filters].max(), layer.margins[filters].min()
                rows.append((layer.name, f"{int(filters.sum()):,} of {layer.filters:,}", *map(number, numbers)))
        if not rows:
            text = "Keras in float32: its rounding never changes a level of the quantized network."
            return ["", *wrapped(text, width)]
        text = (
            "Keras in float32: where its error exceeds the distance of potentials from a boundary, it may give another "
        )
        text += "level than the quantized network. In potentials, at worst:"
        headers = ("Layer", "Filters", "Error below", "Distance")
        return ["", *wrapped(text, width), "", *_table.columns(headers, rows, width=width, right=range(1, 4))]

    def _outputs(self) -> list[str]:
        return [
            f"{layer.name}: outputs of predict are within {number(layer.output_error.max())} of the quantized network's"
            for layer in self.layers
            if layer.output_error is not None
        ]


def _exceedances(layer: LayerReport, found: list[Exceedance]) -> str:
    """Filters of a layer beyond what devices hold for one cause, the worst of them in full."""
    low, high = layer.allowed_threshold
    parts = []
    outside = [e.threshold for e in found if not low <= e.threshold <= high]
    if outside:
        parts.append(f"thresholds up to {max(outside, key=abs):,} (allowed {low:,}..{high:,})")
    steps = [e.act_step for e in found if e.act_step > layer.allowed_step]
    if steps:
        parts.append(f"steps up to {max(steps):,.0f} (allowed up to {layer.allowed_step:,.2f})")
    moved = sum(e.moved_if_clipped for e in found)
    effect = f"clipping would move {moved:,} boundaries" if layer.act_bits else "clipping would change outputs"
    worst = max(found, key=lambda e: (e.act_step, abs(e.threshold)))
    return (
        f"{layer.name}, {listed([e.filter for e in found])}: {', '.join(parts)}; {effect}; {worst.cause} (filter "
        f"{worst.filter}: {worst.detail})"
    )
