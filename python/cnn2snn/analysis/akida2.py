"""Comparison of a QuantizeML network and a model of Akida 2.0, integer by integer.

Each layer has three answers beside that of the engine: what the network in float32 gives, what the layer of the network
gives in exact arithmetic for the inputs that the network had, and the same for the inputs that the engine had. Which of
them are the same tells the cause of a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Protocol

import numpy as np

from cnn2snn import akida
from cnn2snn.analysis.attribution import CAUSES, Attribution
from cnn2snn.analysis.comparison import Comparison, Difference, LayerComparison, batches
from cnn2snn.analysis.edits import Edit, edits_of_layer, match
from cnn2snn.analysis.float32 import Evaluator
from cnn2snn.analysis.float32.onnx_model import OnnxEvaluator
from cnn2snn.analysis.float32.tensors import Tensor
from cnn2snn.conversion.plan import LayerPlan, ModelPlan
from cnn2snn.conversion.quantizeml import Network

__all__ = ["Layers", "NetworkLayers", "OnnxLayers", "compare_layers"]

_EXPLANATIONS = {
    "float_rounding": "float32 rounding in QuantizeML: a sum or a product beyond 2^24 is rounded, which makes another "
    "integer. The engine is right.",
    "format": "the Quantizer saturates at 0, and QuantizeML keeps integers below 0 for floats below the calibrated "
    "minimum.",
    "propagated": "the inputs of the layer differ already.",
    "unexplained": "none that is known. This is a defect: please report it with both models and this sample.",
}
_QUANTIZER = (
    "QuantizeML divides floats by a scale, the Quantizer multiplies by its reciprocal in float32: a float next to the "
    "middle of two integers becomes the other."
)
# Layers whose outputs are no integers of their own.
_PASSED = ("InputData", "Dequantizer")


class Layers(Protocol):
    """A network in float32, and its layers in exact arithmetic, by the names of layers of the converted model."""

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of all layers of the network in float32."""

    def exact(
        self, name: str, inputs: np.ndarray, sources: Mapping[str, np.ndarray], side: str
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The output of a layer in exact arithmetic, and its accumulators where they are known.

        Args:
            name: the layer.
            inputs: what the model reads.
            sources: the outputs of the layers before it.
            side: "reference" or "engine"; layers with state have one for each.
        """


class NetworkLayers:
    """A network of Keras layers.

    Args:
        network: the network.
        plan: the layers of the converted model.
    """

    def __init__(self, network: Network, plan: ModelPlan) -> None:
        self._reference = Evaluator(network)
        self._exact = {side: Evaluator(network, exact=True) for side in ("reference", "engine")}
        layers = self._reference.layers
        self._ends = {entry.name: entry.keras[-1] for entry in plan.layers if entry.keras}
        self._inputs = [name for name, layer in layers.items() if layer.kind == "InputLayer"]
        stops = {*self._ends.values(), *self._inputs}
        self._parts = {name: _between(layers, end, stops) for name, end in self._ends.items()}
        self._tensors: dict[str, Tensor] = {}

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of all layers of the network in float32."""
        self._tensors = self._reference.run(inputs, set(self._ends.values()))
        return {name: self._tensors[end].values for name, end in self._ends.items()}

    def exact(
        self, name: str, inputs: np.ndarray, sources: Mapping[str, np.ndarray], side: str
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The output of a layer in exact arithmetic; see `Layers`."""
        evaluator, part = self._exact[side], self._parts[name]
        known = {source: evaluator.take(source, inputs) for source in self._inputs}
        for source, values in sources.items():
            if source in self._ends:
                tensor = self._tensors[self._ends[source]]
                known[self._ends[source]] = tensor.with_values(values.reshape(tensor.values.shape))
        found = evaluator.part(part, known)
        return found.values, evaluator.accumulators.get(part[-1])


def _between(layers: Mapping[str, object], end: str, stops: set[str]) -> list[str]:
    """The layers that lead from others of `stops` to `end`, in order."""
    found, waiting = {end}, [end]
    while waiting:
        for source in layers[waiting.pop()].inbounds:  # type: ignore[attr-defined]
            if source not in stops and source not in found:
                found.add(source)
                waiting.append(source)
    return [name for name in layers if name in found]


class OnnxLayers:
    """The nodes of an ONNX model.

    Args:
        model: an `onnx.ModelProto`.
        plan: the layers of the converted model.
        shape: the shape of the model's input, without the batch.
    """

    def __init__(self, model: object, plan: ModelPlan, shape: tuple[int, ...]) -> None:
        self._evaluator = OnnxEvaluator(model)
        self._plans = {entry.name: entry for entry in plan.layers}
        self._layers = plan.layers
        self._shape = shape
        self._found: dict[str, np.ndarray] = {}

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of all nodes in float32."""
        self._found = self._evaluator.run(inputs.reshape(len(inputs), *self._shape))
        return self._found

    def exact(
        self, name: str, inputs: np.ndarray, sources: Mapping[str, np.ndarray], side: str
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """The output of a node in double precision; see `Layers`."""
        read = []
        for index in self._plans[name].inbounds:
            source = self._node(self._layers[index])
            example = self._found[source]
            read.append(sources[source].reshape(example.shape).astype(example.dtype))
        if not read:
            read = [inputs.reshape(len(inputs), *self._shape)]
        return self._evaluator.exact(name, read, side), None

    def _node(self, entry: LayerPlan) -> str:
        """The node whose output a layer has; an InputData passes that of the Quantizer."""
        return self._layers[entry.inbounds[0]].name if entry.type_name == "InputData" else entry.name


def compare_layers(
    layers: Layers, akida_model: akida.Model, converted: akida.Model, plan: ModelPlan, samples: np.ndarray
) -> Comparison:
    """Compares on samples that have been checked.

    Args:
        layers: the network.
        akida_model: the model.
        converted: what conversion makes of the network.
        plan: its layers.
        samples: what the model takes; of a model with state (steps, streams, X, Y, C).
    """
    found = match(converted, akida_model)
    kept = [layer for layer in converted.layers if layer.parameters.layer_type.name not in _PASSED]
    edits = {layer.name: edits_of_layer(layer, found[layer.name]) for layer in converted.layers}
    comparison = Comparison(
        samples=len(samples) * (samples.shape[1] if converted.has_state else 1),
        input_scaling=(1.0, 0.0),
        layers=[LayerComparison(layer.name) for layer in kept],
        edits=[edit for layer in converted.layers for edit in edits[layer.name]],
        reference="QuantizeML",
    )
    run = _Run(layers, converted, plan, kept, edits, comparison)
    for start, batch, taps in _calls(akida_model, samples):
        run.call(start, batch, taps)
    return comparison


def _calls(model: akida.Model, samples: np.ndarray) -> Iterator[tuple[int, np.ndarray, list[np.ndarray]]]:
    """The index of the first sample or of the step, inputs and the outputs of all layers."""
    if not model.has_state:
        for start, batch in batches(model, samples):
            yield start, batch, model.forward_taps(batch)
        return
    session = model.session(samples.shape[1])
    for step, frames in enumerate(samples):
        yield step, frames, session.taps(frames)


class _Run:
    """Both models, call by call."""

    name: ClassVar[str] = "QuantizeML"

    def __init__(
        self,
        layers: Layers,
        converted: akida.Model,
        plan: ModelPlan,
        kept: list[akida.Layer],
        edits: dict[str, list[Edit]],
        comparison: Comparison,
    ) -> None:
        self.layers, self.kept, self.edits, self.comparison = layers, kept, edits, comparison
        self.all = [layer.name for layer in converted.layers]
        self.stateful = converted.has_state
        # An edit that shows wins over a difference that conversion accounts for, then the earlier layer.
        self.first = (True, len(kept))

    def call(self, start: int, batch: np.ndarray, taps: list[np.ndarray]) -> None:
        engine = dict(zip(self.all, taps, strict=True))
        reference = {name: values.reshape(engine[name].shape) for name, values in self.layers.run(batch).items()}
        for index, layer in enumerate(self.kept):
            name = layer.name
            differs = engine[name] != reference[name]
            places = np.flatnonzero(differs)
            answers = []
            if len(places) or self.stateful:
                # Layers with state move on with every call.
                for side, sources in (("reference", reference), ("engine", engine)):
                    exact, accumulators = self.layers.exact(name, batch, sources, side)
                    answers.append((exact.reshape(engine[name].shape), accumulators))
            result = self._attribute(layer, places, reference[name], engine[name], answers)
            counts = {cause: result.count(cause) for cause in CAUSES}
            counts |= {"total": result.total, "differing": len(places)}
            self.comparison.layers[index].add(LayerComparison(name, largest=result.largest, **counts))
            if len(places):
                self._look(index, result, reference[name], engine[name], answers, start)

    def _attribute(
        self,
        layer: akida.Layer,
        places: np.ndarray,
        reference: np.ndarray,
        engine: np.ndarray,
        answers: list[tuple[np.ndarray, np.ndarray | None]],
    ) -> Attribution:
        if not len(places):
            return Attribution(places, places, engine.size, 0.0)
        network, own = reference.ravel()[places].astype(np.int64), engine.ravel()[places].astype(np.int64)
        of_reference, of_engine = (exact.ravel()[places].astype(np.int64) for exact, _ in answers)
        wrong = "edited" if self.edits[layer.name] else "unexplained"
        is_quantizer = layer.parameters.layer_type.name == "Quantizer"
        # An unsigned Quantizer saturates at 0.
        saturates = (of_engine < 0) & (not layer.output_signed)
        causes = np.select(
            [
                # The engine multiplies floats by a reciprocal, which is rounded to float32.
                is_quantizer & (wrong == "unexplained") & ~saturates & (np.abs(own - network) <= 1),
                is_quantizer & (own == 0) & saturates,
                own != of_engine,
                network != of_reference,
            ],
            [CAUSES.index(cause) for cause in ("float_rounding", "format", wrong, "float_rounding")],
            CAUSES.index("propagated"),
        )
        return Attribution(places, causes, engine.size, float(np.abs(own - network).max()))

    def _look(
        self,
        index: int,
        result: Attribution,
        reference: np.ndarray,
        engine: np.ndarray,
        answers: list[tuple[np.ndarray, np.ndarray | None]],
        start: int,
    ) -> None:
        """Keeps the first difference of a layer where it comes before the one that is known."""
        defects = np.flatnonzero(result.causes <= CAUSES.index("edited"))
        candidate = (not len(defects), index)
        if candidate >= self.first:
            return
        self.first = candidate
        own = np.flatnonzero(result.causes != CAUSES.index("propagated"))
        chosen = int(next(iter((*defects, *own, 0))))
        at = np.unravel_index(int(result.places[chosen]), engine.shape)
        cause = CAUSES[int(result.causes[chosen])]
        expected, potential = (_at(accumulators, engine.shape, at) for _, accumulators in answers)
        name = self.kept[index].name
        explanation = _EXPLANATIONS.get(cause, "")
        if cause == "float_rounding" and self.kept[index].parameters.layer_type.name == "Quantizer":
            explanation = _QUANTIZER
        if cause == "edited":
            edit = self.edits[name][0]
            cause, explanation = edit.cause, f"{edit.explanation}."
        item, row, column, channel = map(int, at)
        self.comparison.first = Difference(
            layer=name,
            sample=start if self.stateful else start + item,
            stream=item if self.stateful else None,
            position=(row, column),
            channel=channel,
            keras=reference[at].item(),
            engine=engine[at].item(),
            potential=potential,
            expected=expected,
            boundary=None,
            margin=None,
            cause=cause,
            explanation=explanation,
        )


def _at(accumulators: np.ndarray | None, shape: tuple[int, ...], at: tuple[np.ndarray, ...]) -> int | None:
    """The accumulator of an output; None where it is not known."""
    return None if accumulators is None else int(accumulators.reshape(shape)[at])
