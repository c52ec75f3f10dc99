"""Comparison of a quantized network and a model of Akida 1.0, value by value.

Both run on the same integer inputs, with the outputs of every layer. Where values differ, the potentials of the layer
are computed again from the levels that the network had and from those that the engine had, with the variables that
conversion gives and with those that are there, and each difference is attributed to its cause.
"""

from __future__ import annotations

import numpy as np

from cnn2snn import akida
from cnn2snn.analysis.attribution import CAUSES, Attribution, LayerPair
from cnn2snn.analysis.comparison import Comparison, Difference, LayerComparison, batches
from cnn2snn.analysis.edits import Edit
from cnn2snn.analysis.reference import Reference
from cnn2snn.conversion.akida1 import Converted

__all__ = ["compare_blocks"]

# Causes of which something is wrong, not only inexact.
_DEFECTS = ("unexplained", "edited")


def compare_blocks(
    reference: Reference,
    akida_model: akida.Model,
    converted: Converted,
    edits: dict[str, list[Edit]],
    found: dict[str, akida.Layer],
    samples: np.ndarray,
    input_scaling: tuple[float, float],
) -> Comparison:
    """Compares on samples that have been checked.

    Args:
        reference: the quantized network.
        akida_model: the model.
        converted: what conversion makes of the network.
        edits: what the model has otherwise, by layer.
        found: the layers of the model by the names of conversion.
        samples: uint8 of shape (n, height, width, channels).
        input_scaling: (α, β): samples are α · x + β for inputs x of the network.
    """
    pairs = [LayerPair(b, found[b.layer.name], edits[b.layer.name]) for b in converted.blocks if b.ideal is not None]
    comparison = Comparison(
        samples=len(samples),
        input_scaling=input_scaling,
        layers=[LayerComparison(pair.block.layer.name, pair.block.step is None) for pair in pairs],
        edits=[edit for pair in pairs for edit in pair.edits],
        reference=reference.name,
    )
    _Run(reference, akida_model, converted, pairs, comparison).run(samples)
    return comparison


class _Run:
    """Both models on all samples."""

    def __init__(
        self,
        reference: Reference,
        akida_model: akida.Model,
        converted: Converted,
        pairs: list[LayerPair],
        comparison: Comparison,
    ) -> None:
        self.reference, self.akida, self.pairs, self.comparison = reference, akida_model, pairs, comparison
        self.blocks = converted.blocks
        self.names = [layer.name for layer in converted.model.layers]
        self.inbounds = {layer.name: [i.name for i in layer.inbounds] for layer in converted.model.layers}
        # The index of the layer of `comparison.first`, and whether that is a defect.
        self.first = (len(pairs), False)

    def run(self, samples: np.ndarray) -> None:
        for start, batch in batches(self.akida, samples):
            self._batch(batch, start)

    def _batch(self, batch: np.ndarray, start: int) -> None:
        taps = self.akida.forward_taps(batch)
        engine = dict(zip(self.names, taps, strict=True))
        found = self.reference.outputs(self._inputs(batch))
        ours = {}
        for b in self.blocks:
            values, shape = found[b.block.output], engine[b.layer.name].shape
            if b.step is None:
                ours[b.layer.name] = values.reshape(shape)
                engine[b.layer.name] = self.akida.predict(batch)
            else:
                ours[b.layer.name] = np.rint(values / np.float32(b.step)).astype(np.uint8).reshape(shape)
        for index, pair in enumerate(self.pairs):
            name = pair.block.layer.name
            source = next((i for i in self.inbounds[name] if i in ours), None)
            inputs = (batch, batch) if source is None else (ours[source], engine[source])
            result = pair.attribute(ours[name], engine[name], *inputs)
            counts = {cause: result.count(cause) for cause in CAUSES}
            counts |= {"total": result.total, "differing": len(result.places)}
            self.comparison.layers[index].add(LayerComparison(name, largest=result.largest, **counts))
            self._look(index, result, ours[name], engine[name], inputs, start)

    def _inputs(self, batch: np.ndarray) -> np.ndarray:
        """What the reference gets where the engine gets `batch`."""
        scale, shift = self.comparison.input_scaling
        return ((batch.astype(np.float64) - shift) / scale).astype(np.float32)

    def _look(
        self,
        index: int,
        result: Attribution,
        ours: np.ndarray,
        engine: np.ndarray,
        inputs: tuple[np.ndarray, np.ndarray],
        start: int,
    ) -> None:
        """Keeps the first difference of a layer where it comes before the one that is known."""
        defects = np.flatnonzero(result.causes <= CAUSES.index(_DEFECTS[-1]))
        candidate = (index, True) if len(defects) else (index, False)
        if not len(result.places) or (not candidate[1], index) >= (not self.first[1], self.first[0]):
            return
        self.first = candidate
        chosen = int(defects[0]) if len(defects) else 0
        at = np.unravel_index(int(result.places[chosen]), engine.shape)
        sample = [values[at[0] : at[0] + 1] for values in inputs]
        cause = CAUSES[int(result.causes[chosen])]
        values = (ours[at].item(), engine[at].item())
        place = tuple(map(int, at))
        is_keras = self.reference.name == "Keras"
        self.comparison.first = _difference(self.pairs[index], values, sample, place, start, cause, is_keras)


def _difference(
    pair: LayerPair,
    values: tuple[float, float],
    inputs: list[np.ndarray],
    at: tuple[int, ...],
    start: int,
    cause: str,
    is_keras: bool,
) -> Difference:
    sample, i, j, f = at
    expected = int(pair.wanted(inputs[0])[0, i, j, f])
    potential = int(pair.found(inputs[1])[0, i, j, f])
    channel, step = pair.block.ideal.maps[f], pair.block.ideal.step
    if step is None:
        boundary = float(channel.threshold(0)) + values[0] * float(channel.gain)
        n = 0
    else:
        crossed = range(int(min(values)), int(max(values)))
        exact = {n: channel.threshold(step) + n * channel.gain * step for n in crossed}
        n = min(exact, key=lambda n: abs(expected - exact[n]))
        boundary = float(exact[n])
    margin = float(expected - exact[n]) if step is not None else expected - boundary
    explanation = _explain(pair, cause, n, is_keras)
    if cause == "format" and step is not None and pair.border_is_off(expected, f, values[0]):
        explanation = (
            f"the border of the image is {pair.layer.parameters.padding_value}, and {float(pair.block.input_shift):g} "
            "stands for 0, which is no integer: borders are inexact. Rescale inputs by an integer, or use padding "
            '"valid".'
        )
    if cause == "edited":
        cause = pair.cause_of_edit(inputs[0], (i, j, f))
        explanation = next(edit.explanation for edit in pair.edits if edit.cause == cause) + "."
    return Difference(
        layer=pair.block.layer.name,
        sample=start + sample,
        position=(i, j),
        channel=f,
        keras=values[0],
        engine=values[1],
        potential=potential,
        expected=expected,
        boundary=boundary,
        margin=margin,
        cause=cause,
        explanation=explanation,
    )


def _explain(pair: LayerPair, cause: str, n: int, is_keras: bool) -> str:
    if cause == "format" and pair.block.step is None:
        text = "the chip's format: the threshold is an integer, so that the bias is rounded to a whole potential."
        remedy = " cnn2snn.transforms.snap_to_chip puts biases there beforehand."
        return text + (remedy if is_keras else "")
    remedy = (
        "cnn2snn.transforms.snap_to_chip moves boundaries to where they are held."
        if is_keras
        else 'Conversion with thresholds="fit" holds as many as there can be, and Akida 2.0 holds them all.'
    )
    name = "Keras" if is_keras else "QuantizeML"
    return {
        "format": "the chip's format: an integer threshold and one step per channel do not hold all boundaries of this "
        f"channel; level {n + 1} begins elsewhere. {remedy}",
        "float_rounding": f"float32 rounding in {name}: the potential is nearer to the boundary than sums in float32 "
        f"are exact, and {name} falls on the other side. The engine is right.",
        "propagated": "the inputs of the layer differ already.",
        "unexplained": "none that is known. This is a defect: please report it with both models and this sample.",
    }.get(cause, "")
