"""The report of a model of Akida 2.0, layer by layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn2snn import akida
from cnn2snn.conversion.akida2.certificate.intervals import Interval, clipped, sums_of
from cnn2snn.conversion.akida2.certificate.stage import Stage, format_ends, rsh
from cnn2snn.conversion.report import Akida2InputReport, Akida2LayerReport, Akida2Report, Place

__all__ = ["report"]

# A state of 16 bits.
_STATE = (-(2**15), 2**15 - 1)


def report(model: akida.Model, name: str, folded: list[Place]) -> Akida2Report:
    """The report of a converted model.

    Args:
        model: the model of Akida 2.0.
        name: the name of the quantized model.
        folded: what became of its layers that are no layers of `model`.
    """
    outputs: dict[str, Interval] = {}
    layers = []
    for layer in model.layers:
        found = _layer(layer, [outputs[inbound.name] for inbound in layer.inbounds])
        if isinstance(found, Interval):
            outputs[layer.name] = found
        else:
            layers.append(found)
            outputs[layer.name] = Interval(found.lowest_output, found.highest_output)
    return Akida2Report(model=name, inputs=_inputs(model), layers=layers, folded=folded)


def _inputs(model: akida.Model) -> Akida2InputReport:
    first = model.layers[0]
    image = next((layer for layer in model.layers if "padding_value" in layer.variables), None)
    scales = zero_points = lowest = highest = None
    exact = True
    if first.parameters.layer_type.name == "Quantizer":
        low, high = format_ends(first)
        scales = first.get_variable("scales").astype(np.float64)
        zero_points = first.get_variable("zero_points").astype(np.int64)
        exact = bool(np.all(np.frexp(scales)[0] == 0.5))
        lowest, highest = (low - zero_points) / scales, (high - zero_points) / scales
    return Akida2InputReport(
        dtype=first.input_dtype.name,
        bits=first.input_bits if scales is None else first.output_bits,
        signed=first.input_signed if scales is None else first.output_signed,
        scales=scales,
        zero_points=zero_points,
        lowest=lowest,
        highest=highest,
        exact=exact,
        padding_value=None if image is None else image.get_variable("padding_value").astype(np.int64),
    )


def _layer(layer: akida.Layer, inputs: list[Interval]) -> Akida2LayerReport | Interval:
    """The report of a layer; the ends of its outputs alone where it only passes or makes values."""
    kind = layer.parameters.layer_type.name
    if kind in ("Quantizer", "InputData"):
        return _free(*format_ends(layer), layer.output_dims[-1])
    if kind == "Concatenate":
        ends = (np.concatenate([getattr(one, end) for one in inputs]) for end in ("low", "high"))
        return Interval(*ends)
    if kind == "Dequantizer":
        return inputs[0]
    if not inputs:
        # An image.
        inputs = [_free(0, 255, layer.input_dims[-1])]
    return _RULES.get(kind, _neural)(layer, inputs)


def _free(low: int, high: int, channels: int) -> Interval:
    return Interval(np.full(channels, low, np.int64), np.full(channels, high, np.int64), free=True)


def _neural(layer: akida.Layer, inputs: list[Interval]) -> Akida2LayerReport:
    """A layer with one matrix or kernel."""
    parameters = layer.parameters
    sums = sums_of(layer, inputs[0])
    stage = Stage(layer, sums.low, sums.high)
    if sums.shifted is not None:
        _note_shift(stage, sums.shifted, parameters.buffer_bits)
    return _finished(stage, sums.magnitude, inputs[0].free)


def _note_shift(stage: Stage, shifted: Interval, bits: int) -> None:
    stage.note("input_shift", shifted.low, shifted.high, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _finished(stage: Stage, magnitude: np.ndarray, attained: bool) -> Akida2LayerReport:
    """D1 to D8 of sums."""
    layer, bits = stage.layer, stage.layer.parameters.buffer_bits
    bias = np.abs(stage.variable("bias", 0)) << np.minimum(stage.variable("bias_shift", 0), 48)
    stage.note_sums("sum", magnitude + bias)
    stage.buffer("sum", bits)
    stage.add_bias(bits)
    ends = stage.low, stage.high
    stage.activate()
    if getattr(layer.parameters, "pool_type", None) == akida.PoolType.Average:
        stage.average(_positions(layer))
    return _made(stage, ends, attained)


def _positions(layer: akida.Layer) -> int:
    """How many outputs of the convolution a global average adds."""
    parameters = layer.parameters
    count = 1
    for length in layer.input_dims[:2]:
        if parameters.padding.name == "Valid":
            length -= parameters.kernel_size - 1
        count *= -(-length // parameters.kernel_stride)
    return count


def _made(stage: Stage, ends: tuple[np.ndarray, np.ndarray], attained: bool) -> Akida2LayerReport:
    """The report of a layer whose accumulators are known."""
    layer = stage.layer
    outputs = stage.finish()
    low, high = format_ends(layer)
    constant = outputs.low == outputs.high
    at_end = (outputs.low == high) | ((outputs.low == low) & layer.output_signed)
    if stage.bounded is not None:
        at_end = at_end | stage.bounded
    return Akida2LayerReport(
        name=layer.name,
        type=layer.parameters.layer_type.name,
        filters=len(outputs.low),
        output_bits=layer.output_bits,
        output_signed=layer.output_signed,
        lowest=ends[0],
        highest=ends[1],
        attained=attained,
        lowest_output=outputs.low,
        highest_output=outputs.high,
        saturations=stage.saturations,
        wide_products=stage.wide_products,
        inexact=stage.inexact,
        ties=stage.ties,
        dead=np.flatnonzero(constant & ~at_end).tolist(),
        saturated=np.flatnonzero(constant & at_end).tolist(),
    )


def _add(layer: akida.Layer, inputs: list[Interval]) -> Akida2LayerReport:
    """G1."""
    bits = layer.parameters.buffer_bits
    stage = Stage(layer, np.zeros_like(inputs[0].low), np.zeros_like(inputs[0].low))
    magnitude = np.zeros_like(inputs[0].low)
    for one, name in zip(inputs, ("a_shift", "b_shift"), strict=True):
        shift = np.minimum(stage.variable(name, 0), 40)
        shifted = Interval(one.low << shift, one.high << shift)
        _note_shift(stage, shifted, bits)
        shifted = Interval(clipped(shifted.low, bits), clipped(shifted.high, bits))
        stage.low, stage.high = stage.low + shifted.low, stage.high + shifted.high
        magnitude = magnitude + shifted.magnitude
    stage.note_sums("sum", magnitude)
    stage.buffer("sum", bits)
    different = layer.inbounds[0].name != layer.inbounds[1].name
    return _made(stage, (stage.low, stage.high), different and all(one.free for one in inputs))


def _recurrent(layer: akida.Layer, inputs: list[Interval]) -> Akida2LayerReport:
    """I1 to I5."""
    bits = layer.parameters.buffer_bits
    shift = np.minimum(layer.get_variable("input_shift").astype(np.int64), 40)
    shifted = Interval(inputs[0].low << shift, inputs[0].high << shift)
    entering = Interval(clipped(shifted.low, bits), clipped(shifted.high, bits))
    matrix = layer.get_variable("in_proj").astype(np.int64)
    positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
    projected = Stage(
        layer, entering.low @ positive + entering.high @ negative, entering.high @ positive + entering.low @ negative
    )
    _note_shift(projected, shifted, bits)
    projected.buffer("state", bits)
    scale = layer.get_variable("new_state_scale").astype(np.int64)
    projected.low, projected.high = projected.low * scale, projected.high * scale
    projected.buffer("state", 32)
    states = _states(layer, projected, entering.magnitude @ np.abs(matrix))
    matrix = layer.get_variable("out_proj").astype(np.int64)
    positive, negative = np.maximum(matrix, 0), np.minimum(matrix, 0)
    stage = Stage(layer, states.low @ positive + states.high @ negative, states.high @ positive + states.low @ negative)
    stage.saturations += projected.saturations
    stage.inexact += projected.inexact
    return _finished(stage, states.magnitude @ np.abs(matrix), attained=False)


def _states(layer: akida.Layer, projected: Stage, magnitude: np.ndarray) -> Interval:
    """The ends of real states (I2 and I3); `projected` are the products with `new_state_scale`."""
    shift = layer.get_variable("new_state_shift").astype(np.int64)
    projected.low, projected.high = rsh(projected.low, shift), rsh(projected.high, shift)
    projected.buffer("state", 32)
    new = np.maximum(np.abs(projected.low), np.abs(projected.high)).astype(np.float64)
    factor = np.hypot(*(layer.get_variable(name).astype(np.float64) for name in ("A_real", "A_imag")))
    places = layer.get_variable("internal_state_outputs_shift").astype(np.float64)
    # The modulus of a state is at most |A| · |state| + |new| + rounding. Where |A| is below 1 that ends somewhere.
    unit = 2.0**places
    with np.errstate(divide="ignore", invalid="ignore"):
        modulus = np.where(factor * unit < 1, (new * unit + 2) / (1 - factor * unit) * (1 + 1e-9), np.inf)
    largest = np.minimum(modulus, 2.0**62).astype(np.int64)
    projected.note("state", -largest, largest, *_STATE)
    largest = np.minimum(largest, -_STATE[0])
    # Products of states, and what they are added to.
    sums = np.maximum(magnitude, np.minimum(2 * largest * np.ceil(factor) + new, 2.0**62).astype(np.int64))
    projected.note_sums("state", sums)
    return Interval(-largest, np.minimum(largest, _STATE[1]))


def _pico(layer: akida.Layer, inputs: list[Interval]) -> Akida2LayerReport:
    """J1 to J3."""
    acc, target = inputs
    stage = Stage(layer, acc.low, acc.high)
    bits = layer.parameters.buffer_bits
    scale, shift = stage.variable("input_scales", 1), stage.variable("input_shift", 0)
    stage.low, stage.high = stage.low * scale, stage.high * scale
    stage.saturate("product", -(2**bits), 2**bits - 1)
    # A shift to the left takes what leaves 16 bits beyond them, whatever it was.
    wide = 2**16
    stage.low, stage.high = (
        rsh(np.where(shift > 0, np.clip(v, -wide, wide), v), shift) for v in (stage.low, stage.high)
    )
    stage.saturate("prediction", *_STATE)
    apart = stage.low - target.high, target.low - stage.high
    nearest = np.maximum(np.maximum(*apart), 0)
    farthest = np.maximum(stage.high - target.low, target.high - stage.low)
    threshold = stage.variable("threshold", 0)
    low, high = (np.minimum(d, _STATE[1]) >= threshold for d in (nearest, farthest))
    stage.note_sums("sum", acc.magnitude * scale)
    constant = low == high
    return Akida2LayerReport(
        name=layer.name,
        type=layer.parameters.layer_type.name,
        filters=len(low),
        output_bits=layer.output_bits,
        output_signed=layer.output_signed,
        lowest=acc.low,
        highest=acc.high,
        attained=False,
        lowest_output=low.astype(np.int64),
        highest_output=high.astype(np.int64),
        saturations=stage.saturations,
        wide_products=[],
        inexact=stage.inexact,
        ties=[],
        dead=np.flatnonzero(constant & ~low).tolist(),
        saturated=np.flatnonzero(constant & low).tolist(),
    )


_RULES: dict[str, Callable[[akida.Layer, list[Interval]], Akida2LayerReport]] = {
    "Add": _add,
    "StatefulRecurrent": _recurrent,
    "PicoPostProcessing": _pico,
}
