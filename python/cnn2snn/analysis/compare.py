"""Comparison of a quantized Keras model and a converted model, value by value.

Both run on the same integer inputs, with the outputs of every layer. Where values differ, the potentials of the layer
are computed again from the levels that Keras had and from those that the engine had, with the variables that
conversion gives and with those that are there, and each difference is attributed to its cause.
"""

from __future__ import annotations

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn.analysis.attribution import CAUSES, Attribution, LayerPair
from cnn2snn.analysis.comparison import Comparison, Difference, LayerComparison
from cnn2snn.analysis.edits import Conversion, edits_of, match
from cnn2snn.analysis.reference import KerasReference, Reference
from cnn2snn.conversion.akida1 import Converted, build_model
from cnn2snn.conversion.keras import read_blocks
from cnn2snn.conversion.scaling import check_inputs, input_scaling_of
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError
from cnn2snn.graph import read

__all__ = ["compare"]

# Samples and values compared at a time, which bounds the memory.
_SAMPLES = 128
_VALUES = 1 << 25

# Causes of which something is wrong, not only inexact.
_DEFECTS = ("unexplained", "edited")


def compare(
    keras_model: keras.Model,
    akida_model: akida.Model,
    samples: np.ndarray,
    input_scaling: tuple[float, float] | None = None,
) -> Comparison:
    """Runs a quantized Keras model and a converted model on the same inputs, and says where and why they differ.

    Args:
        keras_model: the quantized model.
        akida_model: the model that `convert` made of it, perhaps read from a file.
        samples: what the Akida model takes: uint8 of shape (n, height, width, channels).
        input_scaling: (α, β): samples are α · x + β for inputs x of the Keras model. By default what the Akida model
            says (`akida.Model.input_scaling`), and (1, 0) where it says nothing or the Keras model begins with
            `Rescaling`.

    Returns:
        The counts of every layer by cause, the first difference in detail, and everything in the Akida model that
        conversion makes otherwise.

    Raises:
        InvalidArgumentError: (ValueError) `samples` have another type, shape or range, or the models do not have the
            same layers.
        InvalidTypeError: (TypeError) a model is none.
        UnsupportedModelError: (RuntimeError) the Keras model cannot be converted.

    Example:
        >>> print(cnn2snn.analysis.compare(quantized, model_akida, images))  # doctest: +SKIP
    """
    if not isinstance(akida_model, akida.Model):
        raise InvalidTypeError(
            f"akida_model must be a cnn2snn.akida.Model, received {type(akida_model).__name__}",
            kind="akida_model",
            expected="cnn2snn.akida.Model",
            received=type(akida_model).__name__,
        )
    graph = read(keras_model)
    blocks = read_blocks(graph)
    stored = None if blocks.rescaling else akida_model.input_scaling
    scaling = input_scaling_of(blocks, stored if input_scaling is None else input_scaling)
    used = (float(scaling.scale), float(scaling.shift))
    first = akida_model.layers[0]
    _check(samples, first, (1.0, 0.0) if blocks.rescaling else used)
    conversion = Conversion(blocks, first.parameters.layer_type.name == "InputConvolutional", used, stored)
    # A shift that is no integer leaves the border open: then it is the model's to say.
    is_border = conversion.image and not (scaling.shift.denominator == 1 and 0 <= scaling.shift <= 255)
    border = first.parameters.padding_value if is_border else None
    converted = build_model(blocks, scaling, conversion.image, padding_value=border)
    found = match(converted, akida_model)
    edits = edits_of(converted, found, conversion)
    if any(edits.values()):
        # Perhaps the thresholds were floored.
        floored = build_model(blocks, scaling, conversion.image, thresholds="floor", padding_value=border)
        other = edits_of(floored, found, conversion)
        if sum(map(len, other.values())) < sum(map(len, edits.values())):
            converted, edits = floored, other
    pairs = [LayerPair(b, found[b.layer.name], edits[b.layer.name]) for b in converted.blocks if b.ideal is not None]
    comparison = Comparison(
        samples=len(samples),
        input_scaling=(1.0, 0.0) if blocks.rescaling else used,
        layers=[LayerComparison(pair.block.layer.name, pair.block.step is None) for pair in pairs],
        edits=[edit for pair in pairs for edit in pair.edits],
    )
    reference = KerasReference(keras_model, graph, [b.block.output for b in converted.blocks])
    _Run(reference, akida_model, converted, pairs, comparison).run(samples)
    return comparison


def _check(samples: np.ndarray, first: akida.Layer, scaling: tuple[float, float]) -> None:
    shape = tuple(first.input_dims)
    if not isinstance(samples, np.ndarray) or samples.shape[1:] != shape:
        received = f"{samples.dtype} {samples.shape}" if isinstance(samples, np.ndarray) else type(samples).__name__
        expected = f"a uint8 array of shape (n, {', '.join(map(str, shape))})"
        raise InvalidArgumentError(
            f"samples must be {expected}, as the Akida model takes them, received {received}",
            kind="samples",
            expected=expected,
            received=received,
        )
    check_inputs(samples, first.input_bits, scaling)
    if samples.dtype != np.uint8:
        raise InvalidArgumentError(
            f"samples must be uint8, received {samples.dtype}",
            kind="samples",
            expected="uint8",
            received=str(samples.dtype),
            remedy="they are integers in range: samples.astype(np.uint8)",
        )


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
        values = sum(int(np.prod(layer.output_dims)) for layer in self.akida.layers)
        size = min(max(_VALUES // values, 1), _SAMPLES)
        for start in range(0, len(samples), size):
            self._batch(samples[start : start + size], start)

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
        self.comparison.first = _difference(self.pairs[index], values, sample, tuple(map(int, at)), start, cause)


def _difference(
    pair: LayerPair,
    values: tuple[float, float],
    inputs: list[np.ndarray],
    at: tuple[int, ...],
    start: int,
    cause: str,
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
    explanation = _explain(pair, cause, f, n)
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


def _explain(pair: LayerPair, cause: str, f: int, n: int) -> str:
    if cause == "format" and pair.block.step is None:
        return (
            "the chip's format: the threshold is an integer, so that the bias is rounded to a whole potential. "
            "cnn2snn.transforms.snap_to_chip puts biases there beforehand."
        )
    return {
        "format": "the chip's format: an integer threshold and one step per channel do not hold all boundaries of this "
        f"channel; level {n + 1} begins elsewhere. cnn2snn.transforms.snap_to_chip moves boundaries to where they are "
        "held.",
        "float_rounding": "float32 rounding in Keras: the potential is nearer to the boundary than sums in float32 are "
        "exact, and Keras falls on the other side. The engine is right.",
        "propagated": "the inputs of the layer differ already.",
        "unexplained": "none that is known. This is a defect: please report it with both models and this sample.",
    }.get(cause, "")
