"""A quantized network walked layer by layer beside the same network without quantizers, over all samples.

Both are run once. Before a layer is run, what follows is run from there with the layer switched, so that the outputs of
the layers before it are never computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn2snn.analysis.cost.measures import ActivationCounts, Noise
from cnn2snn.analysis.cost.network import FLOAT, QUANTIZED, Network, Setting, Unit, Values
from cnn2snn.analysis.cost.scores import Classes, Tally

__all__ = ["Outcome", "UnitMeasures", "Walk", "chunk_size"]

# Samples, and values of the largest layer, that are computed at a time, which bounds the memory.
_SAMPLES = 256
_VALUES = 1 << 25


@dataclass
class Outcome:
    """The outputs of a network over all samples: classes, and noise relative to the network without quantizers."""

    tally: Tally
    noise: Noise = field(default_factory=Noise)

    def add(self, outputs: Any, reference: Any, truth: Classes) -> None:
        """Adds a part of the samples."""
        self.tally.add(np.asarray(outputs), truth)
        self.noise.add(reference, outputs)


@dataclass
class UnitMeasures:
    """What is measured of a unit.

    Attributes:
        unit: the unit.
        own, cumulated: noise of the outputs, with quantized inputs and with all layers before quantized.
        weights, activation: noise of each part alone.
        counts: what its activation received and gave.
        alone, in_float: outcomes by part ("both", "weights", "activation") with the part alone quantized, or in float.
    """

    unit: Unit
    own: Noise = field(default_factory=Noise)
    cumulated: Noise = field(default_factory=Noise)
    weights: Noise = field(default_factory=Noise)
    activation: Noise = field(default_factory=Noise)
    counts: ActivationCounts = field(default_factory=ActivationCounts)
    alone: dict[str, Outcome] = field(default_factory=dict)
    in_float: dict[str, Outcome] = field(default_factory=dict)


class Walk:
    """The walk over the layers, and what it measures.

    Args:
        network: the network.
        outcome: makes an empty outcome.
        parts: the parts that are switched: "both", "weights", "activation"; none for no switching at all.
        progress: called with how many layers were run.

    Attributes:
        units: what was measured of each unit, in order.
        without, quantized: the network without quantizers, and the quantized network.
        references: the outputs of the network without quantizers for each part of the samples.
    """

    def __init__(
        self, network: Network, outcome: Callable[[], Outcome], parts: tuple[str, ...], progress: Callable[[int], None]
    ) -> None:
        self._network = network
        self._parts = parts
        self._progress = progress
        self.units = {unit.name: UnitMeasures(unit) for unit in network.units}
        self.without, self.quantized = outcome(), outcome()
        self.references: list[Any] = []
        # The settings that are tried before a layer is run, by the number of the layer.
        self._tries: dict[int, list[tuple[UnitMeasures, str, Setting]]] = {}
        for measures in self.units.values():
            for part in self._parts_of(measures.unit):
                measures.alone[part], measures.in_float[part] = outcome(), outcome()
                setting = _setting(measures.unit, part, QUANTIZED)
                first = min(network.place(name) for name in setting)
                self._tries.setdefault(first, []).append((measures, part, setting))

    def _parts_of(self, unit: Unit) -> tuple[str, ...]:
        has_both = unit.weights is not None and unit.activation is not None
        if has_both:
            return self._parts
        # The only part is both.
        own = "weights" if unit.weights is not None else "activation"
        return tuple(part for part in self._parts if part in ("both", own))

    @property
    def runs(self) -> int:
        """How many layers are run for each part of the samples."""
        count = len(self._network.nodes)
        return 3 * count + sum(2 * len(tries) * (count - first) for first, tries in self._tries.items())

    def add(self, samples: np.ndarray, truth: Classes) -> None:
        """Walks through the network with a part of the samples."""
        network = self._network
        in_float, quantized, own = network.inputs(samples), network.inputs(samples), {}
        # Noise in the outputs is measured against these, before the walk comes to them.
        reference = network.run(in_float, 0, FLOAT, {}) if self._tries else None
        self._progress(len(network.nodes))
        for place, node in enumerate(network.nodes):
            for measures, part, setting in self._tries.get(place, ()):
                outputs = network.run(in_float, place, FLOAT, setting)
                measures.alone[part].add(outputs, reference, truth)
                outputs = network.run(quantized, place, QUANTIZED, dict.fromkeys(setting, FLOAT))
                measures.in_float[part].add(outputs, reference, truth)
                self._progress(2 * (len(network.nodes) - place))
            self._measure(place, in_float, quantized, own)
            network.advance(in_float, place, FLOAT)
            network.advance(quantized, place, QUANTIZED)
            self._close(node.name, in_float, quantized, own)
            self._progress(2)
        reference = in_float[network.graph.output]
        self.references.append(reference)
        self.without.add(reference, reference, truth)
        self.quantized.add(quantized[network.graph.output], reference, truth)

    def _measure(self, place: int, in_float: Values, quantized: Values, own: Values) -> None:
        """Measures what a layer does to its inputs; `own` takes the outputs of the unit under way without noise."""
        network, node = self._network, self._network.nodes[place]
        measures = self.units.get(node.name)
        if measures is not None and measures.unit.weights is not None:
            own[node.name] = network.step(node, quantized, FLOAT)
            measures.weights.add(own[node.name], network.step(node, quantized, QUANTIZED))
            return
        for other in self.units.values():
            unit = other.unit
            if node.name in unit.tail:
                own[node.name] = network.call(node, [own.pop(node.inbounds[0])], FLOAT)
            elif node.name == unit.activation:
                received = quantized[node.inbounds[0]]
                other.counts.add(node.layer, received, in_float[node.inbounds[0]])
                ideal = network.call(node, [received], FLOAT)
                other.activation.add(ideal, network.call(node, [received], QUANTIZED))
                whole = ideal if unit.weights is None else network.call(node, [own.pop(node.inbounds[0])], FLOAT)
                own[node.name] = whole

    def _close(self, name: str, in_float: Values, quantized: Values, own: Values) -> None:
        """Measures the outputs of a unit that ends with a layer."""
        for measures in self.units.values():
            if name == (measures.unit.activation or measures.unit.weights):
                measures.own.add(own.pop(name), quantized[name])
                measures.cumulated.add(in_float[name], quantized[name])


def _setting(unit: Unit, part: str, mode: str) -> Setting:
    return unit.setting(mode, weights=part != "activation", activation=part != "weights")


def chunk_size(network: Network) -> int:
    """How many samples are computed at a time."""
    largest = max(int(np.prod([n or 1 for n in node.output_shape])) for node in network.graph)
    return min(max(_VALUES // max(largest, 1), 1), _SAMPLES)
