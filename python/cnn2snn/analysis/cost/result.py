"""What `quantization` found: numbers, text and JSON."""

from __future__ import annotations

import html
import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any

from cnn2snn import _json, _table
from cnn2snn.analysis.cost.scores import Score

__all__ = ["Advice", "LayerCost", "QuantizationCost", "Sensitivity"]

# Rows of the list of what would help.
_ADVISED = 8
# Classes of a confusion matrix that is shown whole.
_SHOWN_CLASSES = 12
# Pairs of classes that are listed instead.
_SHOWN_PAIRS = 8


@dataclass(frozen=True)
class Sensitivity:
    """What the quantizers of a layer do to the share of right classes. Errors are standard errors of the samples.

    Attributes:
        loss_alone: how much is lost when this layer alone is quantized; None where that was not measured.
        loss_alone_error: its standard error.
        gain: how much is won when this layer alone is in float, or in a fast analysis has more bits.
        gain_error: its standard error.
        sqnr_alone: the signal-to-noise ratio of the model's outputs in dB when this layer alone is quantized; None
            where that was not measured or nothing changes.
        sqnr_gain: by how many dB the ratio of the quantized model's outputs rises when this layer alone is in float;
            None as before.
    """

    loss_alone: float | None
    loss_alone_error: float | None
    gain: float
    gain_error: float
    sqnr_alone: float | None = None
    sqnr_gain: float | None = None


@dataclass(frozen=True)
class LayerCost:
    """A layer with weights and the activation behind it. Ratios are in dB, and None without noise or signal.

    Attributes:
        layer: the name of the layer with weights, or of an activation that stands alone.
        type: its class.
        weights_bits: the bits of its kernels; empty without weights.
        activation: the name of the quantized activation; None without.
        act_bits: the bits of the activation; None without.
        sqnr: the signal-to-quantization-noise ratio of the outputs, for inputs of the quantized model.
        sqnr_cumulated: the ratio of the outputs when the layers before are quantized too.
        sqnr_weights: the ratio of the outputs before the activation, for inputs of the quantized model.
        sqnr_activation: the ratio of what the activation gives for what it receives in the quantized model.
        clipped: the share of activations beyond the largest level.
        zeros: the share of activations that are zero.
        levels_used, levels: how many levels occur and there are; `levels_used` is None beyond 8 bits.
        entropy: the information of an activation in bits, at most `act_bits`.
        input_lowest, input_highest: the ends of what the activation receives in the quantized model.
        input_highest_float: the highest input of the activation without any quantizer.
        holds: the largest output of the activation.
        weights_largest, weights_hold: the largest magnitude of the float weights, and what the grid holds.
        weights_clipped, weights_zeros: the shares of weights beyond the grid, and of weights that become zero.
        weights_levels_used, weights_levels: how many integers occur and there are.
        weights_spread: the largest channel of a kernel that has one scale for all channels beside the median channel.
        both: the sensitivity to weights and activation together.
        of_weights, of_activation: the sensitivities apart, where they were measured.
    """

    layer: str
    type: str
    weights_bits: tuple[int, ...]
    activation: str | None
    act_bits: int | None
    sqnr: float | None
    sqnr_cumulated: float | None
    sqnr_weights: float | None
    sqnr_activation: float | None
    clipped: float | None
    zeros: float | None
    levels_used: int | None
    levels: int | None
    entropy: float | None
    input_lowest: float | None
    input_highest: float | None
    input_highest_float: float | None
    holds: float | None
    weights_largest: float | None
    weights_hold: float | None
    weights_clipped: float | None
    weights_zeros: float | None
    weights_levels_used: int | None
    weights_levels: int | None
    weights_spread: float | None
    both: Sensitivity
    of_weights: Sensitivity | None = None
    of_activation: Sensitivity | None = None

    @property
    def bits(self) -> str:
        """The bits of weights and activation, as in "8/4"."""
        weights = "+".join(str(bits) for bits in sorted(set(self.weights_bits))) or "-"
        return f"{weights}/{'-' if self.act_bits is None else self.act_bits}"


@dataclass(frozen=True)
class Advice:
    """Something that would help.

    Attributes:
        layer: the layer; None where it concerns the whole model.
        what: what to do.
        bits: the widths by layer that were tried, as `quantize` takes them; empty for other remedies.
        gain: how much the share of right classes rose on the samples when it was tried.
        gain_error: the standard error of the gain.
    """

    layer: str | None
    what: str
    bits: dict[str, dict[str, int]]
    gain: float
    gain_error: float


@dataclass
class QuantizationCost:
    """What quantization costs, layer by layer. ``print`` shows it as text.

    Attributes:
        samples: number of samples.
        metric: what losses and gains are shares of: "accuracy" with labels, else "agreement" with the float model.
        fast: whether gains are those of more bits on the integer engine.
        networks: the float model, the quantized model, the quantized model with parts in float, and the converted
            model.
        layers: one `LayerCost` per layer, in order.
        ranking: the names of the layers, the one that costs most first.
        advice: what would help, the largest gain first.
        input_scaling: the (scale, shift) from samples to integers of the converted model; None where there is none.
        not_converted: why there is no converted model; None where there is one.
    """

    samples: int
    metric: str
    fast: bool
    networks: list[Score]
    layers: list[LayerCost]
    ranking: list[str]
    advice: list[Advice] = field(default_factory=list)
    input_scaling: tuple[float, float] | None = None
    not_converted: str | None = None

    def network(self, name: str) -> Score:
        """The score of a network by its name.

        Raises:
            KeyError: it was not run.
        """
        for score in self.networks:
            if score.network == name:
                return score
        raise KeyError(name)

    def layer(self, name: str) -> LayerCost:
        """The layer of a name.

        Raises:
            KeyError: there is none.
        """
        for layer in self.layers:
            if layer.layer == name:
                return layer
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as values that JSON has."""
        return asdict(self)

    def to_json(self) -> str:
        """Returns `to_dict` as JSON text."""
        return _json.dumps(self.to_dict())

    def text(self, width: int = 80) -> str:
        """Returns the report for a terminal of `width` columns."""
        parts = [self._networks(width), self._layers(width), self._ranges(width), self._advice(width)]
        confusion = self._confusion(width)
        return "\n\n".join("\n".join(lines) for lines in (*parts, confusion) if lines)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.text(120))}</pre>"

    def _networks(self, width: int) -> list[str]:
        titles = ["Network", "Accuracy", "Top-5", "As float", "Outputs"]
        shown = [
            True,
            any(s.accuracy is not None for s in self.networks),
            any(s.top5 is not None for s in self.networks),
            True,
            True,
        ]
        rows = [
            [
                s.network,
                _percent(s.accuracy),
                _percent(s.top5),
                _percent(s.agreement),
                "" if s.sqnr is None else f"{s.sqnr:.1f} dB",
            ]
            for s in self.networks
        ]
        kept = [i for i, is_shown in enumerate(shown) if is_shown]
        lines = [f"{self.samples:,} samples"]
        lines += _table.columns(
            [titles[i] for i in kept], [[row[i] for i in kept] for row in rows], width=width, right=range(1, len(kept))
        )
        if self.not_converted is not None:
            lines += textwrap.wrap(f"There is no converted model: {self.not_converted}.", width)
        elif self.input_scaling is not None:
            scale, shift = (f"{value:g}" for value in self.input_scaling)
            lines.append(f"Inputs of the converted model are samples * {scale} + {shift}.")
        return lines

    def _layers(self, width: int) -> list[str]:
        titles = ["Layer", "Bits", "Own dB", "All dB", "Clipped", "Zero", "Levels"]
        apart = any(layer.of_weights or layer.of_activation for layer in self.layers)
        gain = "More bits" if self.fast else "In float"
        titles += [] if self.fast else ["Alone"]
        titles += [gain, *(["Weights", "Activ."] if apart else [])]
        rows = []
        for layer in self.layers:
            levels = "" if layer.levels is None else f"{_number(layer.levels_used)}/{layer.levels}"
            row = [layer.layer, layer.bits, _decibels(layer.sqnr), _decibels(layer.sqnr_cumulated)]
            row += [_percent(layer.clipped), _percent(layer.zeros), levels]
            row += [] if self.fast else [_points(layer.both.loss_alone, -1)]
            row.append(_points(layer.both.gain))
            if apart:
                row += ["" if s is None else _points(s.gain) for s in (layer.of_weights, layer.of_activation)]
            rows.append(row)
        lines = _fitting(titles, rows, width)
        what = "accuracy" if self.metric == "accuracy" else "agreement with the float model"
        explained = "Own dB: signal-to-noise ratio that the layer itself makes of its outputs; All dB: with the layers "
        explained += f"before it. Points of {what}: "
        if self.fast:
            explained += (
                "More bits: gained when the layer alone has 8-bit weights and 4-bit activations on the integer engine."
            )
        else:
            explained += "Alone: change when the layer alone is quantized; In float: gained when it alone is not"
            explained += ", then its weights or activation alone." if apart else "."
        return [*lines, *textwrap.wrap(explained, width)]

    def _ranges(self, width: int) -> list[str]:
        titles = ("Layer", "Weights to", "Grid to", "Zero", "Spread", "Inputs to", "Float to", "Levels to")
        rows = [
            (
                layer.layer,
                _value(layer.weights_largest),
                _value(layer.weights_hold),
                _percent(layer.weights_zeros),
                "" if layer.weights_spread is None else f"{layer.weights_spread:.1f}",
                _value(layer.input_highest),
                _value(layer.input_highest_float),
                _value(layer.holds),
            )
            for layer in self.layers
        ]
        lines = _table.columns(titles, rows, width=width, right=range(1, len(titles)))
        explained = (
            "Largest weights and what their grid holds; weights that become zero; the largest channel beside the "
            "median one where channels share a scale. Largest inputs of activations, the same without quantizers, and "
            "the largest level."
        )
        return [*lines, *textwrap.wrap(explained, width)]

    def _advice(self, width: int) -> list[str]:
        lines = textwrap.wrap(f"Most costly first: {', '.join(self.ranking[:_ADVISED])}", width, subsequent_indent="  ")
        if not self.advice:
            return [*lines, "Nothing that was tried helps by more than chance."]
        lines.append("What would help, in points gained on these samples (± standard error):")
        for advice in self.advice[:_ADVISED]:
            start = f"{_points(advice.gain):>6} ± {100 * advice.gain_error:.1f}  "
            lines += textwrap.wrap(
                start + advice.what, width, subsequent_indent=" " * len(start), break_on_hyphens=False
            )
        return lines

    def _confusion(self, width: int) -> list[str]:
        found = [s for s in self.networks if s.confusion is not None]
        if not found:
            return []
        score = next((s for s in found if s.network == "Converted model"), found[1])
        matrix = score.confusion
        title = f"{score.network}: labels in rows, classes in columns"
        classes = len(matrix)
        cells = [[str(i), *(str(n) if n else "." for n in row)] for i, row in enumerate(matrix)]
        lines = _table.columns(["", *map(str, range(classes))], cells, width=10**6, right=range(classes + 1))
        if classes <= _SHOWN_CLASSES and max(map(len, lines)) <= width:
            return [title, *lines]
        pairs = [(n, i, j) for i, row in enumerate(matrix) for j, n in enumerate(row) if n and i != j]
        worst = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:_SHOWN_PAIRS]
        named = ", ".join(f"{n} of {i} taken for {j}" for n, i, j in worst) or "none"
        return textwrap.wrap(f"{score.network}, most frequent confusions: {named}.", width)


def _fitting(titles: list[str], rows: list[list[str]], width: int) -> list[str]:
    """A table without those columns that do not fit: what activations do is left out before what layers cost."""
    for count in range(4):
        dropped = ("Levels", "Zero", "Clipped")[:count]
        kept = [i for i, title in enumerate(titles) if title not in dropped]
        table = [[row[i] for i in kept] for row in rows]
        lines = _table.columns([titles[i] for i in kept], table, width=width, right=range(1, len(kept)))
        if max(map(len, lines)) <= width:
            break
    return lines


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _noise(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} dB"


def _points(share: float | None, sign: int = 1) -> str:
    return "" if share is None else f"{100 * sign * share + 0.0:+.1f}"


def _decibels(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
