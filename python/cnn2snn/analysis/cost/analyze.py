"""`quantization`: all steps of the analysis in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnn2snn._keras import keras
from cnn2snn._progress import Progress
from cnn2snn._samples import read_samples
from cnn2snn.analysis.cost.advice import Trial, engine_trials, trials
from cnn2snn.analysis.cost.engine import Engine
from cnn2snn.analysis.cost.measures import Noise, weight_range
from cnn2snn.analysis.cost.network import FLOAT, QUANTIZED, Mode, Network, Setting, quantizers_of
from cnn2snn.analysis.cost.result import Advice, LayerCost, QuantizationCost, Sensitivity
from cnn2snn.analysis.cost.scores import Classes, Tally, classes_of
from cnn2snn.analysis.cost.walk import Outcome, UnitMeasures, Walk, chunk_size
from cnn2snn.calibration import activation_ranges
from cnn2snn.conversion.scaling import numbers_of
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError
from cnn2snn.graph import Graph, Node, applied, read
from cnn2snn.input_range import warn_of_samples

__all__ = ["Analysis"]

# Samples that ranges of activations are calibrated with, where that is tried.
_CALIBRATION = 100


class Analysis:
    """One analysis; arguments and errors as for `cnn2snn.analysis.quantization`."""

    def __init__(
        self,
        float_model: keras.Model,
        quantized: keras.Model,
        samples: Any,
        labels: Any,
        *,
        apart: bool,
        fast: bool,
        input_scaling: tuple[float, float] | None,
        input_is_image: bool,
    ) -> None:
        self._network = Network(quantized, float_model)
        self._float_model, self._quantized = float_model, quantized
        _check_models(read(float_model), self._network.graph)
        read_in = read_samples(samples, self._network.graph.input.output_shape, labels)
        self._samples, labels = _model_inputs(read_in.inputs, self._network.graph, input_scaling), read_in.labels
        warn_of_samples(read(float_model), self._samples, stacklevel=4)
        self._apart = apart
        self._fast = fast
        self._size = chunk_size(self._network)
        self._output = self._network.graph.nodes[self._network.graph.output]
        self._classes = int(self._output.output_shape[-1])
        if labels is not None:
            _check_labels(labels, self._output)
        self._truths = self._find_truths(labels)
        self._metric = "agreement" if labels is None else "accuracy"
        self.engine: Engine | None = None
        self.not_converted: str | None = None
        try:
            self.engine = Engine(self._network.graph, self._samples, input_scaling, input_is_image)
        except Cnn2SnnError as error:
            if fast or input_scaling is not None:
                raise
            self.not_converted = " ".join(str(error).split())

    def run(self) -> QuantizationCost:
        """Runs everything."""
        parts = () if self._fast else ("both", "weights", "activation") if self._apart else ("both",)
        done = 0

        def advance(runs: int) -> None:
            nonlocal done
            done += runs
            progress.update(done)

        walk = Walk(self._network, self._outcome, parts, advance)
        chunks = len(self._truths)
        tries = 2 if self._fast else 2 + len(self._network.units)
        progress = Progress(chunks * (walk.runs + tries * len(self._network.nodes)))
        try:
            for part, truth in self._chunks():
                walk.add(part, truth)
            with_float_weights = self._try(self._all("weights", FLOAT), walk.references, advance)
            with_float_activations = self._try(self._all("activation", FLOAT), walk.references, advance)
            converted = None if self.engine is None else self._on_engine({})
            layers, ranking, advice = self._judge(walk, converted, advance)
        finally:
            progress.close()
        networks = [
            self._float_tally().score("Float model"),
            walk.without.tally.score("Quantized, quantizers off", walk.without.noise.decibels),
            walk.quantized.tally.score("Quantized model", walk.quantized.noise.decibels),
            with_float_weights.tally.score("  its weights in float", with_float_weights.noise.decibels),
            with_float_activations.tally.score("  its activations in float", with_float_activations.noise.decibels),
        ]
        if converted is not None:
            networks.append(converted.score("Converted model"))
        return QuantizationCost(
            samples=len(self._samples),
            metric=self._metric,
            fast=self._fast,
            networks=networks,
            layers=layers,
            ranking=ranking,
            advice=advice,
            input_scaling=None if self.engine is None else self.engine.scaling,
            not_converted=self.not_converted,
        )

    # Samples and truth

    def _chunks(self) -> Iterator[tuple[np.ndarray, Classes]]:
        for i, truth in enumerate(self._truths):
            yield self._samples[i * self._size : (i + 1) * self._size], truth

    def _find_truths(self, labels: np.ndarray | None) -> list[Classes]:
        graph = read(self._float_model)
        threshold = _threshold(graph.nodes[graph.output])
        truths = []
        self._float_outputs = []
        for start in range(0, len(self._samples), self._size):
            chosen = slice(start, start + self._size)
            outputs = np.asarray(self._float_model(self._samples[chosen].astype(np.float32), training=False))
            self._float_outputs.append(outputs)
            truths.append(Classes(classes_of(outputs, threshold), None if labels is None else labels[chosen]))
        self._float_threshold = threshold
        return truths

    def _float_tally(self) -> Tally:
        tally = Tally(self._classes, self._float_threshold)
        for outputs, truth in zip(self._float_outputs, self._truths, strict=True):
            tally.add(outputs, truth)
        return tally

    def _outcome(self) -> Outcome:
        return Outcome(Tally(self._classes, _threshold(self._output)))

    # Networks in other settings

    def _all(self, part: str, mode: Mode) -> Setting:
        names = (getattr(unit, part) for unit in self._network.units)
        return {name: mode for name in names if name is not None}

    def _try(self, setting: Setting, references: list[Any], advance: Callable[[int], None]) -> Outcome:
        """The quantized network with some layers in another mode."""
        outcome = self._outcome()
        for (part, truth), reference in zip(self._chunks(), references, strict=True):
            outputs = self._network.run(self._network.inputs(part), 0, QUANTIZED, setting)
            outcome.add(outputs, reference, truth)
            advance(len(self._network.nodes))
        return outcome

    def _on_engine(self, setting: dict[str, int]) -> Tally:
        """The converted model with some layers of other widths."""
        # Potentials, as final activations are left out: a single output says class 1 above zero.
        tally = Tally(self._classes, 0.0)
        outputs = self.engine.outputs(setting)
        for i, truth in enumerate(self._truths):
            tally.add(outputs[i * self._size : (i + 1) * self._size], truth)
        return tally

    # Judgement

    def _judge(
        self, walk: Walk, converted: Tally | None, advance: Callable[[int], None]
    ) -> tuple[list[LayerCost], list[str], list[Advice]]:
        if self._fast:
            wider = {name: self._widened(m, converted) for name, m in walk.units.items()}
            tried = {name: {"both": Sensitivity(None, None, gain, error)} for name, (_, gain, error) in wider.items()}
        else:
            tried = {name: _sensitivities(m, walk) for name, m in walk.units.items()}
        layers = [self._cost(walk.units[name], found) for name, found in tried.items()]
        layers_by_cost = sorted(layers, key=_rank, reverse=True)
        if self._fast:

            def gain_of(setting: Setting) -> tuple[float, float]:
                return self._on_engine(dict(setting)).minus(converted)

            results = [wider[layer.layer] for layer in layers_by_cost]
        else:

            def gain_of(setting: Setting) -> tuple[float, float]:
                return self._try(setting, walk.references, advance).tally.minus(walk.quantized.tally)

            results = [(trial, *gain_of(trial.setting)) for trial in trials(layers_by_cost)]
        advice = _advice(results, gain_of)
        ranged = None if self._fast else self._ranged(walk.quantized.tally)
        if ranged is not None:
            advice = sorted([*advice, ranged], key=lambda given: -given.gain)
        return layers, [layer.layer for layer in layers_by_cost], advice

    def _ranged(self, base: Tally) -> Advice | None:
        """What calibrated ranges of all activations gain; None where that is no more than chance."""
        part = self._samples[:: -(-len(self._samples) // _CALIBRATION)]
        try:
            model = activation_ranges(self._quantized, part, reference=self._float_model)
        except Cnn2SnnError:
            # The layers of the float model have other names.
            return None
        network = Network(model, self._float_model)
        tally = self._outcome().tally
        for samples, truth in self._chunks():
            tally.add(np.asarray(network.run(network.inputs(samples), 0, QUANTIZED, {})), truth)
        gain, error = tally.minus(base)
        what = "ranges of all activations by calibration.activation_ranges"
        return Advice(None, what, {}, gain, error) if gain > error else None

    def _widened(self, measures: UnitMeasures, base: Tally) -> tuple[Trial | None, float, float]:
        """What a unit gains on the integer engine with the widest weights and activations that it takes."""
        unit = measures.unit
        widths = [q.bitwidth for _, q in quantizers_of(self._network.graph.nodes[unit.name])] if unit.weights else []
        act_bits = None if unit.activation is None else self._bits(unit.activation)
        for trial in engine_trials(unit, min(widths, default=None), act_bits):
            try:
                return (trial, *self._on_engine(dict(trial.setting)).minus(base))
            except Cnn2SnnError:
                # Potentials beyond 32 bits: narrower weights may fit.
                continue
        return None, 0.0, 0.0

    def _bits(self, activation: str) -> int:
        return self._network.graph.nodes[activation].layer.bitwidth

    def _cost(self, measures: UnitMeasures, sensitivities: dict[str, Sensitivity]) -> LayerCost:
        unit, counts = measures.unit, measures.counts
        node = self._network.graph.nodes[unit.name]
        activation = None if unit.activation is None else self._network.graph.nodes[unit.activation].layer
        weights = None if unit.weights is None else weight_range(node)
        has = activation is not None
        return LayerCost(
            layer=unit.name,
            type=node.cls.__name__,
            weights_bits=() if weights is None else tuple(q.bitwidth for _, q in quantizers_of(node)),
            activation=unit.activation,
            act_bits=activation.bitwidth if has else None,
            sqnr=measures.own.decibels,
            sqnr_cumulated=measures.cumulated.decibels,
            sqnr_weights=measures.weights.decibels if weights is not None else None,
            sqnr_activation=measures.activation.decibels if has else None,
            clipped=counts.clipped / counts.total if has else None,
            zeros=counts.zeros / counts.total if has else None,
            levels_used=counts.levels_used if has else None,
            levels=int(activation.levels) + 1 if has else None,
            entropy=counts.entropy if has else None,
            input_lowest=counts.lowest if has else None,
            input_highest=counts.highest if has else None,
            input_highest_float=counts.highest_float if has else None,
            holds=float(np.asarray(activation.step)) * activation.levels if has else None,
            weights_largest=weights and weights.largest,
            weights_hold=weights and weights.holds,
            weights_clipped=weights and weights.clipped,
            weights_zeros=weights and weights.zeros,
            weights_levels_used=weights and weights.levels_used,
            weights_levels=weights and weights.levels,
            weights_spread=weights and weights.spread,
            both=sensitivities["both"],
            of_weights=sensitivities.get("weights"),
            of_activation=sensitivities.get("activation"),
        )


def _check_models(float_graph: Graph, graph: Graph) -> None:
    """Refuses models that cannot be two forms of one network."""
    for what, first, second in (
        ("input", float_graph.input.output_shape, graph.input.output_shape),
        ("output", float_graph.nodes[float_graph.output].output_shape, graph.nodes[graph.output].output_shape),
    ):
        if first != second:
            raise InvalidArgumentError(
                f"the float and the quantized model must have one {what} shape, received {first} and {second}",
                kind="models",
                expected=first,
                received=second,
                remedy="give the model that the quantized model was made of",
            )


def _model_inputs(samples: np.ndarray, graph: Graph, input_scaling: tuple[float, float] | None) -> np.ndarray:
    """Inputs of the Keras models: integers of the chip become what they stand for, where that is said."""
    has_rescaling = any(node.is_a("Rescaling") for node in graph)
    if samples.dtype.kind not in "iu" or input_scaling is None or has_rescaling:
        return samples
    scale, shift = numbers_of(input_scaling)
    return ((samples - shift) / scale).astype(np.float32)


def _check_labels(labels: np.ndarray, output: Node) -> None:
    classes = max(int(output.output_shape[-1]), 2)
    if len(output.output_shape) != 1:
        raise InvalidArgumentError(
            f'labels need a model that ends with (n, classes), received "{output.name}" of shape '
            f"(n, {', '.join(map(str, output.output_shape))})",
            layer=output.name,
            kind="labels",
            received=output.output_shape,
            remedy="leave them out: then outputs are compared with those of the float model",
        )
    if labels.max() >= classes:
        raise InvalidArgumentError(
            f"labels must be in 0..{classes - 1}, as the model has {classes} classes, received {labels.max()}",
            kind="labels",
            expected=(0, classes - 1),
            received=int(labels.max()),
        )


def _sensitivities(measures: UnitMeasures, walk: Walk) -> dict[str, Sensitivity]:
    found = {}
    for part, alone in measures.alone.items():
        loss, loss_error = walk.without.tally.minus(alone.tally)
        in_float = measures.in_float[part]
        gain, gain_error = in_float.tally.minus(walk.quantized.tally)
        rise = _difference(in_float.noise, walk.quantized.noise)
        found[part] = Sensitivity(loss, loss_error, gain, gain_error, alone.noise.decibels, rise)
    return found


def _difference(noise: Noise, base: Noise) -> float | None:
    first, second = noise.decibels, base.decibels
    return None if first is None or second is None else first - second


def _rank(layer: LayerCost) -> tuple[float, float]:
    """What a layer costs: the points that it gains and loses, and where these are equal the noise in the outputs."""
    both = layer.both
    points = both.gain + (both.loss_alone or 0.0)
    if layer.both.loss_alone is None:
        return points, -(layer.sqnr if layer.sqnr is not None else np.inf)
    return points, both.sqnr_gain or 0.0


def _threshold(last: Node) -> float:
    """What a single output must exceed to say class 1."""
    return 0.5 if applied(last).name == "sigmoid" else 0.0


def _advice(
    results: list[tuple[Trial | None, float, float]], gain_of: Callable[[Setting], tuple[float, float]]
) -> list[Advice]:
    """What helps by more than the standard error of the samples, the largest gain first; then all of it together.

    Args:
        results: what was tried, with gains and their standard errors.
        gain_of: tries a setting.
    """
    helpful = [(trial, gain, error) for trial, gain, error in results if trial is not None and gain > error]
    helpful.sort(key=lambda result: -result[1])
    found = [Advice(trial.layer, trial.what, trial.bits, gain, error) for trial, gain, error in helpful]
    if len(helpful) > 1:
        setting = {name: mode for trial, _, _ in helpful for name, mode in trial.setting.items()}
        bits = {name: widths for trial, _, _ in helpful for name, widths in trial.bits.items()}
        try:
            found.append(Advice(None, "these layers together", bits, *gain_of(setting)))
        except Cnn2SnnError:
            # Wider inputs may take the potentials of a wider layer beyond 32 bits.
            pass
    return found
