"""The report of a conversion to Akida 2.0: accumulators, saturations, and where float32 may round otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from cnn2snn import _table
from cnn2snn.conversion.report.base import ConversionReport, first_of, listed, wrapped

__all__ = [
    "Akida2InputReport",
    "Akida2LayerReport",
    "Akida2Report",
    "Inexact",
    "Saturation",
    "Tie",
    "WideProduct",
]

_POINTS = {
    "input_shift": "a shifted input",
    "sum": "the sum",
    "bias": "the sum with its bias",
    "index": "the index of the table",
    "average": "the sum of all positions",
    "product": "the product with the scale",
    "output": "the output",
    "state": "the state",
    "prediction": "the prediction",
}
# What channels of a point are called.
_WHOSE = {"input_shift": "input channel", "state": "state"}
# Saturations that calibration intends.
_INTENDED = ("output", "index", "prediction")


@dataclass(frozen=True)
class Akida2InputReport:
    """What the converted model's inputs stand for.

    Attributes:
        dtype: "uint8", "int8" or "int16"; "float32" where a Quantizer makes integers of them.
        bits, signed: the format of the integers.
        scales: per channel the factor of the Quantizer, exactly; None without.
        zero_points: per channel the integer that stands for 0; None without a Quantizer.
        lowest, highest: per channel the floats of the smallest and the largest integer; None without a Quantizer.
        exact: whether the Quantizer makes the integers of the quantized network of all floats between these ends. A
            scale that is no power of two divides in ONNX models, and its reciprocal is rounded to float32.
        padding_value: per channel the border of the first layer; None where it is not an image.
    """

    dtype: str
    bits: int
    signed: bool
    scales: np.ndarray | None
    zero_points: np.ndarray | None
    lowest: np.ndarray | None
    highest: np.ndarray | None
    exact: bool
    padding_value: np.ndarray | None


@dataclass(frozen=True)
class Saturation:
    """A step of a layer that intervals do not keep from saturating.

    Attributes:
        point: "input_shift" (C1), "sum" (D1), "bias" (D2), "index" (E1), "average" (D5), "product" (D6), "output" (D8),
            "state" (I1 to I3) or "prediction" (J1), with the rules of ``docs/arithmetic-akida2.md``.
        channels: the output channels; of "input_shift" the input channels, of "state" the states.
        lowest, highest: the ends of what would come without it, in any of these channels.
        limits: what comes at most.
    """

    point: str
    channels: list[int]
    lowest: int
    highest: int
    limits: tuple[int, int]


@dataclass(frozen=True)
class WideProduct:
    """A channel whose product with the scale leaves 32 signed bits: a register of this width gives another output.

    Attributes:
        filter: the output channel.
        point: "output", or "index" of a table.
        accumulator: an accumulator within reach that shows it.
        product: its product, as QuantizeML holds it in 33 bits.
        output: what comes of it.
        narrow_output: what comes of it in a register of 32 bits.
    """

    filter: int
    point: str
    accumulator: int
    product: int
    output: int
    narrow_output: int


@dataclass(frozen=True)
class Inexact:
    """Sums that float32 may round, because magnitudes beyond 2^24 meet in them.

    Attributes:
        point: "sum", "average", "table" (a sum of entries) or "state".
        channels: the output channels; of "state" the states.
        magnitude: the largest sum of absolute values.
    """

    point: str
    channels: list[int]
    magnitude: int


@dataclass(frozen=True)
class Tie:
    """A channel in which float32 rounds a product to another output than exact arithmetic.

    Attributes:
        filter: the output channel.
        point: "output", or "index" of a table.
        steps: how many of the places where outputs step within reach lie elsewhere in float32.
        accumulator: an accumulator within reach that shows it.
        exact: what comes of it exactly.
        float32: what comes of it in float32.
    """

    filter: int
    point: str
    steps: int
    accumulator: int
    exact: int
    float32: int


@dataclass(frozen=True)
class Akida2LayerReport:
    """What is proved of one layer for every input that it can get; arrays have one element per output channel.

    Attributes:
        name, type, filters: the layer.
        output_bits, output_signed: the format of its outputs; 32 bits for accumulators.
        lowest, highest: int64, ends of the accumulators with their bias (D2); of an Add those of its sums.
        attained: whether inputs of the model reach these ends. Otherwise accumulators may stay away from them.
        lowest_output, highest_output: int64, ends of the outputs.
        saturations: where saturation is not ruled out.
        wide_products: channels where a register of 32 bits would give another output (D6).
        inexact: sums that float32 may round.
        ties: channels where float32 gives another output than exact arithmetic.
        dead: channels whose output is always the same and is no end of the format, 0 of unsigned formats excepted.
        saturated: channels whose output is always the same end of the format or of the bound of the ReLU.
    """

    name: str
    type: str
    filters: int
    output_bits: int
    output_signed: bool
    lowest: np.ndarray
    highest: np.ndarray
    attained: bool
    lowest_output: np.ndarray
    highest_output: np.ndarray
    saturations: list[Saturation]
    wide_products: list[WideProduct]
    inexact: list[Inexact]
    ties: list[Tie]
    dead: list[int]
    saturated: list[int]

    @property
    def float32_equal(self) -> bool:
        """Whether QuantizeML's float32 gives the exact integers for all exact inputs of the layer."""
        return not self.inexact and not self.ties


@dataclass(frozen=True)
class Akida2Report(ConversionReport):
    """What a conversion to Akida 2.0 proves, layer by layer."""

    ip_version: ClassVar[str] = "v2"

    inputs: Akida2InputReport
    layers: list[Akida2LayerReport]

    @property
    def equal(self) -> bool:
        """True: layers of Akida 2.0 give the integers of the quantized network in exact arithmetic."""
        return True

    @property
    def float32_equal(self) -> bool:
        """Whether QuantizeML's float32 gives the exact integers for every input that does not saturate."""
        return self.inputs.exact and all(layer.float32_equal for layer in self.layers)

    def _overview(self) -> dict[str, Any]:
        return {"float32_equal": self.float32_equal}

    def _layer(self, layer: Akida2LayerReport) -> dict[str, Any]:
        return {"float32_equal": layer.float32_equal}

    def _summary(self) -> str:
        text = f'"{self.model}": every layer of Akida 2.0 computes the integers of the quantized network exactly, for '
        text += "every input."
        saturating = [layer.name for layer in self.layers if _unintended(layer)]
        if saturating:
            text += f" Saturation before the output is not ruled out in {_layers(len(saturating))}."
        wide = sum(bool(layer.wide_products) for layer in self.layers)
        if wide:
            text += f" A chip with registers of 32 bits may differ in {_layers(wide)}."
        return text

    def _inputs(self) -> str:
        i = self.inputs
        if i.scales is None:
            text = f"{i.dtype}, as the quantized network takes them."
        else:
            assert i.lowest is not None
            assert i.highest is not None
            text = f"{i.dtype}; {i.lowest.min():g} to {i.highest.max():g} become integers without saturation (times "
            text += f"{_range(i.scales)} plus {_range(i.zero_points)})."
            if not i.signed:
                text += " Floats below become 0, where QuantizeML may keep negative integers."
            if not i.exact:
                text += (
                    " Its scales are no powers of two: a float next to the middle of two integers may become the other."
                )
        if i.padding_value is not None:
            text += f" The border of the image is {_range(i.padding_value)}."
        return text

    def _table(self, width: int) -> list[str]:
        headers = ("Layer", "Channels", "Accumulators", "Outputs", "Clipped", "Stuck")
        rows = []
        for layer in self.layers:
            clipped = {c for s in layer.saturations if s.point == "output" for c in s.channels}
            rows.append(
                (
                    layer.name,
                    f"{layer.filters:,}",
                    f"{layer.lowest.min():,}..{layer.highest.max():,}",
                    _ends(layer),
                    f"{len(clipped):,}",
                    f"{len(layer.dead) + len(layer.saturated):,}",
                )
            )
        table = _table.columns(headers, rows, width=width, right=range(1, 6))
        return [*table, "", *wrapped(self._reached(), width)]

    def _sections(self) -> list[tuple[str, list[str]]]:
        return [
            ("Saturations before the output that intervals do not rule out", self._saturations()),
            ("Products beyond 32 bits, where a register of this width gives another output", self._wide()),
            ("Channels that always give the same output", self._stuck()),
            ("Folded or left out", self._groups()),
        ]

    def _saturations(self) -> list[str]:
        entries = []
        for layer in self.layers:
            for s in _unintended(layer):
                whose = listed(s.channels, _WHOSE.get(s.point, "channel"))
                entries.append(
                    f"{layer.name}, {whose}: {_POINTS[s.point]} may be {s.lowest:,}..{s.highest:,}, "
                    f"and saturates at {s.limits[0]:,}..{s.limits[1]:,}"
                )
        return first_of(entries)

    def _wide(self) -> list[str]:
        entries = []
        for layer in self.layers:
            for w in layer.wide_products[:1]:
                rest = len(layer.wide_products) - 1
                more = f", and {rest:,} more" if rest else ""
                entries.append(
                    f"{layer.name}, channel {w.filter}{more}: accumulator {w.accumulator:,} has product {w.product:,}, "
                    f"{w.point} {w.output}; a register gives {w.narrow_output}"
                )
        return first_of(entries)

    def _stuck(self) -> list[str]:
        entries = []
        for layer in self.layers:
            for why, channels in (("", layer.dead), (", saturated", layer.saturated)):
                outputs = layer.lowest_output[channels]
                for output in np.unique(outputs).tolist():
                    these = [c for c in channels if layer.lowest_output[c] == output]
                    entries.append(f"{layer.name}, always {output}{why}: {listed(these, 'channel')}")
        return first_of(entries)

    def _reached(self) -> str:
        """Which of the accumulators are more than bounds."""
        names = [layer.name for layer in self.layers if layer.attained]
        if not names:
            return "Accumulators are bounds, which may not be reached."
        text = f"Inputs of the model reach the accumulators of {', '.join(names)}."
        return text if len(names) == len(self.layers) else f"{text} Those of other layers are bounds."

    def _float32(self, width: int) -> list[str]:
        rounded = [_rounded(layer) for layer in self.layers if not layer.float32_equal]
        if not rounded:
            text = "QuantizeML in float32: its rounding changes no integer, for any input."
            return ["", *wrapped(text, width)]
        text = (
            "QuantizeML computes in float32, which rounds beyond 2^24. Its integers may differ from the exact ones in "
        )
        text += "these layers by themselves, and in no other:"
        lines = ["", *wrapped(text, width)]
        for entry in first_of(rounded):
            lines += wrapped(entry, width, "  ", "    ")
        return lines


def _unintended(layer: Akida2LayerReport) -> list[Saturation]:
    return [s for s in layer.saturations if s.point not in _INTENDED]


def _rounded(layer: Akida2LayerReport) -> str:
    """How float32 may round in a layer."""
    parts = []
    for i in layer.inexact:
        where = f"{len(i.channels):,} of {layer.filters:,} channels"
        what = {
            "average": f"sums of all positions in {where}",
            "table": f"sums of entries of the table in {where}",
            "state": f"products of {len(i.channels):,} states",
        }.get(i.point, f"sums in {where}")
        parts.append(f"{what} reach {i.magnitude:,}")
    if layer.ties:
        t = layer.ties[0]
        steps = sum(tie.steps for tie in layer.ties)
        channels = len({tie.filter for tie in layer.ties})
        what = "output" if t.point == "output" else "index of the table"
        parts.append(
            f"{steps:,} step{'s' if steps > 1 else ''} of outputs in {channels:,} of {layer.filters:,} channels; in "
            f"channel {t.filter} accumulator {t.accumulator:,} gives {what} {t.float32} instead of {t.exact}"
        )
    return f"{layer.name}: {'; '.join(parts)}"


def _layers(count: int) -> str:
    return f"{count} layer{'s' if count > 1 else ''}"


def _ends(layer: Akida2LayerReport) -> str:
    if layer.output_bits > 16:
        return "as they are"
    return f"{layer.lowest_output.min()}..{layer.highest_output.max()}"


def _range(values: np.ndarray | None) -> str:
    """One value, or the ends of several."""
    assert values is not None
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
