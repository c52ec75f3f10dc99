"""Why single values of a layer differ between Keras and the engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnn2snn import akida
from cnn2snn.analysis.edits import Edit
from cnn2snn.analysis.potentials import Probe, boundaries, levels
from cnn2snn.conversion.akida1 import ConvertedBlock

__all__ = ["CAUSES", "Attribution", "LayerPair"]

# The classes of causes, the gravest first; "propagated" differences have their cause in an earlier layer.
CAUSES = ("unexplained", "edited", "format", "float_rounding", "propagated")

# Causes in the order in which they are asked for.
_ORDER = ("unexplained", "float_rounding", "format", "unexplained", "edited", "format", "propagated")

# Half an ulp of float32, twice for safety.
_ROUNDING = 2.0**-23


@dataclass
class Attribution:
    """The differing values of one layer in one batch.

    Attributes:
        places: index of each differing value in the flattened output of the batch.
        causes: index in `CAUSES` of each.
        total: number of values compared.
        largest: the largest difference, in levels, or in the units of Keras' outputs.
    """

    places: np.ndarray
    causes: np.ndarray
    total: int
    largest: float

    def count(self, cause: str) -> int:
        """How many values differ for a cause."""
        return int(np.count_nonzero(self.causes == CAUSES.index(cause)))


class LayerPair:
    """A block of the conversion, the layer of the Akida model in its place, and what differs between both.

    Attributes:
        block: the block, as conversion makes it.
        layer: the layer of the model that is compared.
        edits: what is otherwise in `layer`.
    """

    def __init__(self, block: ConvertedBlock, layer: akida.Layer, edits: list[Edit]) -> None:
        self.block, self.layer, self.edits = block, layer, edits

    @cached_property
    def wanted(self) -> Probe:
        """Potentials of the layer as conversion makes it."""
        return Probe(self.block.layer)

    @cached_property
    def found(self) -> Probe:
        """Potentials of the layer as it is."""
        return Probe(self.layer) if self.edits else self.wanted

    @cached_property
    def ideal(self) -> np.ndarray:
        """The boundaries of the quantized network."""
        return self.block.ideal.boundaries(self.layer.parameters.act_bits)

    def attribute(
        self, keras: np.ndarray, engine: np.ndarray, keras_in: np.ndarray, engine_in: np.ndarray
    ) -> Attribution:
        """Compares the values of a batch.

        Args:
            keras: levels, or real outputs of a last layer without activation, of the engine's shape.
            engine: those of the engine.
            keras_in: uint8 inputs of the layer that Keras had.
            engine_in: those that the engine had.
        """
        if self.block.step is None:
            return self._attribute_outputs(keras, engine, keras_in, engine_in)
        differs = engine != keras
        places = np.flatnonzero(differs)
        if not len(places):
            return Attribution(places, places, engine.size, 0.0)
        largest = int(np.abs(engine.ravel()[places].astype(np.int64) - keras.ravel()[places]).max())
        samples = np.flatnonzero(differs.reshape(len(engine), -1).any(axis=1))
        at = np.flatnonzero(differs[samples])
        channels = at % engine.shape[-1]
        ours, theirs = self.wanted(keras_in[samples]).ravel()[at], self.found(engine_in[samples]).ravel()[at]
        fitted, own = boundaries(self.block.layer), boundaries(self.layer)
        level, keras_level = engine.ravel()[places], keras.ravel()[places]
        ideal = levels(ours, self.ideal, channels)
        held = levels(ours, fitted, channels)
        here = levels(self.found(keras_in[samples]).ravel()[at], own, channels) if self.edits else held

        contradicts = level != levels(theirs, own, channels)
        keras_is_off = keras_level != ideal
        close = inexact_border = np.zeros(len(at), bool)
        if np.any(keras_is_off):
            low, high = np.minimum(ideal, keras_level), np.maximum(ideal, keras_level)
            distance = self._distance(channels, ours, low, high - 1)
            reach = self._reach(keras_in[samples], ours, channels, at)
            close, inexact_border = distance <= reach, distance <= reach + self._border[channels]
            if (tops := self.block.ideal.float32_tops) is not None:
                close |= keras_level == tops[channels]
        causes = np.select(
            [
                contradicts,
                keras_is_off & close,
                keras_is_off & inexact_border,
                keras_is_off,
                here != held,
                held != ideal,
                level != here,
            ],
            [CAUSES.index(c) for c in _ORDER],
            CAUSES.index("unexplained"),
        )
        return Attribution(places, causes, engine.size, largest)

    def _attribute_outputs(
        self, keras: np.ndarray, engine: np.ndarray, keras_in: np.ndarray, engine_in: np.ndarray
    ) -> Attribution:
        t, a = self.block.ideal.t, self.block.ideal.s
        ours = self.wanted(keras_in).astype(np.float64)
        exact = (ours - t) / a
        # What Keras' float32 sums, and the rounding of the engine's output, may do.
        bound = self._reach(keras_in, ours, np.arange(len(t))) / a + np.abs(exact) * _ROUNDING
        difference = np.abs(engine.astype(np.float64) - keras)
        places = np.flatnonzero(~(difference <= bound))
        largest = float(difference.max(initial=0.0))
        if not len(places):
            return Attribution(places, places, engine.size, largest)
        at = np.unravel_index(places, engine.shape)

        def output(potentials: np.ndarray, layer: akida.Layer) -> np.ndarray:
            threshold = layer.get_variable("threshold").astype(np.float64)
            return ((potentials - threshold) / layer.get_variable("act_step").astype(np.float64)).astype(np.float32)[at]

        held, here = output(ours, self.block.layer), output(self.found(keras_in), self.layer)
        own = output(self.found(engine_in), self.layer)
        causes = np.select(
            [
                own != engine[at],
                np.abs(keras[at] - exact[at]) > (bound + self._border / a)[at],
                here != held,
                own == here,
            ],
            [CAUSES.index(c) for c in ("unexplained", "unexplained", "edited", "format")],
            CAUSES.index("propagated"),
        )
        return Attribution(places, causes, engine.size, largest)

    def _reach(self, inputs: np.ndarray, potentials: np.ndarray, channels: np.ndarray, at: Any = None) -> np.ndarray:
        """How far Keras' float32 may be from the exact potentials, in potentials.

        Keras sums `terms` products, adds the bias, normalizes, averages and divides by the step; each operation errs by
        2^-24 of what it handles: products, or the distance of the potential from the zero of the activation.
        """
        b = self.block
        magnitudes = self.wanted.magnitudes(inputs, float(b.input_shift))
        if at is not None:
            magnitudes = magnitudes.ravel()[at]
        maps = b.ideal.maps
        zero = np.array([float(abs(m.gain * m.bias) + abs(m.shift)) for m in maps])[channels]
        handled = magnitudes + zero + np.abs(b.ideal.t[channels]) + np.abs(potentials)
        return (self.wanted.terms + 16) * _ROUNDING * handled

    def _distance(
        self, channels: np.ndarray, potentials: np.ndarray, first: np.ndarray, last: np.ndarray
    ) -> np.ndarray:
        """How far potentials are from the farther one of the ideal boundaries `first` and `last`."""
        t, s = self.block.ideal.t[channels], self.block.ideal.s[channels]
        return np.maximum(np.abs(potentials - (t + first * s)), np.abs(potentials - (t + last * s)))

    @cached_property
    def _border(self) -> np.ndarray:
        """How far potentials at the border of an image may be off, per channel: it may not be what stands for 0."""
        weights = self.block.ideal.weights
        value = getattr(self.block.layer.parameters, "padding_value", 0)
        window = self.block.block.window
        if window is None or window.padding != "same":
            return np.zeros(weights.shape[-1])
        off = abs(float(self.block.input_shift) - value)
        return off * np.abs(weights).sum(axis=tuple(range(weights.ndim - 1)), dtype=np.float64)

    def border_is_off(self, potential: int, channel: int, level: float) -> bool:
        """Whether the border, and not the fit, makes the level of the quantized network another one than Keras'."""
        return bool(self._border[channel]) and np.count_nonzero(potential > self.ideal[channel]) != level

    def cause_of_edit(self, sample: np.ndarray, place: tuple[int, int, int]) -> str:
        """Which of the edits makes the value at `place` of one sample another one."""
        if len(self.edits) == 1 or self.block.step is None:
            return self.edits[0].cause
        i, j, f = place
        own = {name: self.layer.get_variable(name) for name in self.layer.get_variable_names()}
        weights = {name: values for name, values in own.items() if name.startswith("weights")}
        fitted = boundaries(self.block.layer)
        wanted = self.wanted(sample)
        attempts = {
            "padding_value": lambda: (
                Probe(self.block.layer, padding_value=getattr(self.layer.parameters, "padding_value", None))(sample),
                fitted,
            ),
            "kernel": lambda: (Probe(self.block.layer, weights)(sample), fitted),
            "weights": lambda: (Probe(self.block.layer, weights)(sample), fitted),
            "threshold": lambda: (wanted, boundaries(self.block.layer, threshold=own["threshold"])),
            "act_step": lambda: (wanted, boundaries(self.block.layer, act_step=own["act_step"])),
        }
        before = np.count_nonzero(wanted[0, i, j, f] > fitted[f])
        for edit in self.edits:
            if edit.cause in attempts:
                potentials, bounds = attempts[edit.cause]()
                if np.count_nonzero(potentials[0, i, j, f] > bounds[f]) != before:
                    return edit.cause
        return self.edits[0].cause
