"""From ends of sums to ends of outputs (D1 to D8, E, G1), and what is noticed on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from cnn2snn import akida
from cnn2snn.conversion.akida2.certificate import float32
from cnn2snn.conversion.akida2.certificate.intervals import Interval, clipped
from cnn2snn.conversion.report import Inexact, Saturation, Tie, WideProduct

__all__ = ["Stage", "format_ends", "rsh"]

# The middle of a table, and the width of its index without a sign.
_MIDDLE = 1024
_INDEX_BITS = 10


def format_ends(layer: akida.Layer) -> tuple[int, int]:
    """The lowest and the highest output of a layer."""
    bits = layer.output_bits
    assert bits is not None
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if layer.output_signed else (0, 2**bits - 1)


def rsh(values: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """floor(v · 2^s + 1/2) of int64 of at most 33 bits, or 50 without a left shift (A6).

    Shifts are cut where results leave 32 bits, or become 0 or -1, anyway.
    """
    shift = np.broadcast_to(np.asarray(shift, np.int64), values.shape)
    left, right = np.clip(shift, 0, 31), np.clip(-shift, 0, 60)
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    return ((values << left) + half) >> right


@dataclass
class Stage:
    """The accumulators of a layer on their way to its outputs.

    Attributes:
        layer: the layer.
        low, high: their ends by channel, int64.
        saturations, wide_products, inexact, ties: what was noticed so far; see `Akida2LayerReport`.
        bounded: whether all accumulators of a channel are at the bound of its ReLU.
    """

    layer: akida.Layer
    low: np.ndarray
    high: np.ndarray
    saturations: list[Saturation] = field(default_factory=list)
    wide_products: list[WideProduct] = field(default_factory=list)
    inexact: list[Inexact] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    bounded: np.ndarray | None = None

    def variable(self, name: str, neutral: int) -> np.ndarray:
        """A variable in 64 bits; `neutral` where the layer has none."""
        found = self.layer.variables
        values = found[name] if name in found else np.asarray(neutral)
        return np.broadcast_to(values.astype(np.int64), self.low.shape)

    def saturate(self, point: str, low: int, high: int) -> None:
        """Saturates accumulators, and notes the channels where this has an effect."""
        self.note(point, self.low, self.high, low, high)
        self.low, self.high = np.clip(self.low, low, high), np.clip(self.high, low, high)

    def buffer(self, point: str, bits: int) -> None:
        """Saturates accumulators to a signed register of `bits` bits."""
        self.saturate(point, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def note(self, point: str, lows: np.ndarray, highs: np.ndarray, low: int, high: int) -> None:
        """Notes the channels that leave low..high."""
        channels = np.flatnonzero((lows < low) | (highs > high))
        if len(channels):
            ends = int(lows[channels].min()), int(highs[channels].max())
            self.saturations.append(Saturation(point, channels.tolist(), *ends, (low, high)))

    def note_sums(self, point: str, magnitude: np.ndarray) -> None:
        """Notes the channels whose sums float32 may round."""
        channels = np.flatnonzero(magnitude > float32.EXACT)
        if len(channels):
            self.inexact.append(Inexact(point, channels.tolist(), int(magnitude.max())))

    def add_bias(self, bits: int) -> None:
        """D2."""
        if "bias" in self.layer.variables:
            # Longer shifts leave every register as well.
            bias = self.variable("bias", 0) << np.minimum(self.variable("bias_shift", 0), 48)
            self.low, self.high = self.low + bias, self.high + bias
            self.buffer("bias", bits)

    def activate(self) -> None:
        """D4."""
        name = self.layer.parameters.activation.name
        if name == "ReLU":
            bound = self.variable("max_value", -1)
            top = np.where(bound < 0, 2**62, np.abs(bound) << np.minimum(self.variable("max_value_shift", 0), 48))
            self.bounded = self.low >= top
            self.low, self.high = (np.clip(ends, 0, top) for ends in (self.low, self.high))
        elif name == "LUT":
            self._look_up()

    def _look_up(self) -> None:
        """E1 and E2."""
        limits = (-(2**_INDEX_BITS), 2**_INDEX_BITS - 1)
        low, high = self._rescaled("index", "activation", limits)
        table = self.layer.get_variable("lut_values").astype(np.int64)
        spans = [table[a + _MIDDLE : b + _MIDDLE + 1] for a, b in zip(low.tolist(), high.tolist(), strict=True)]
        self.low, self.high = (np.array([pick(span) for span in spans]) for pick in (np.min, np.max))

    def average(self, positions: int) -> None:
        """D5."""
        magnitude = np.maximum(np.abs(self.low), np.abs(self.high)) * positions
        self.note_sums("table" if self.layer.parameters.activation.name == "LUT" else "average", magnitude)
        self.low, self.high = self.low * positions, self.high * positions
        self.saturate("average", -(2**32), 2**32 - 1)

    def finish(self) -> Interval:
        """D6 to D8: the ends of the outputs."""
        return Interval(*self._rescaled("output", "output", format_ends(self.layer)))

    def _rescaled(self, point: str, name: str, limits: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Scale, shift and saturation of accumulators."""
        bits = getattr(self.layer.parameters, "post_op_buffer_bits", 32)
        scale, shift = self.variable(f"{name}_scales", 1), self.variable(f"{name}_shift", 0)
        products = self.low * scale, self.high * scale
        if self.layer.parameters.layer_type.name != "Add":
            self.note("product", *products, -(2**bits), 2**bits - 1)
            products = tuple(np.clip(p, -(2**bits), 2**bits - 1) for p in products)
        found = tuple(rsh(p, shift) for p in products)
        self.note(point, *found, *limits)
        outputs = tuple(np.clip(q, *limits) for q in found)
        self._compare_registers(point, products, shift, outputs, limits)
        if limits[1] < 2**16:
            self._compare_float32(point, scale, shift, bits, limits)
        return outputs[0], outputs[1]

    def _compare_registers(
        self,
        point: str,
        products: tuple[np.ndarray, ...],
        shift: np.ndarray,
        outputs: tuple[np.ndarray, ...],
        limits: tuple[int, int],
    ) -> None:
        """Notes the channels where a register of 32 bits would give another output."""
        ends = (self.low, self.high)
        for product, output, accumulator in zip(products, outputs, ends, strict=True):
            narrow = np.clip(rsh(clipped(product, 32), shift), *limits)
            for f in np.flatnonzero(narrow != output):
                known = {(w.point, w.filter) for w in self.wide_products}
                if (point, int(f)) not in known:
                    numbers = (int(a[f]) for a in (accumulator, product, output, narrow))
                    self.wide_products.append(WideProduct(int(f), point, *numbers))

    def _compare_float32(
        self, point: str, scale: np.ndarray, shift: np.ndarray, bits: int, limits: tuple[int, int]
    ) -> None:
        """Notes the channels where float32 rounds a product to another output."""
        for f, ends in enumerate(zip(self.low.tolist(), self.high.tolist(), strict=True)):
            steps, witness = float32.differing(*ends, int(scale[f]), int(shift[f]), limits, bits)
            if witness is not None:
                self.ties.append(Tie(f, point, steps, *witness))
