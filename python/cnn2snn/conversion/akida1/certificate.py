"""What conversion can prove of each layer (H5, H7, H9)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from cnn2snn.conversion.akida1.fitting import certify
from cnn2snn.conversion.akida1.model import Converted, ConvertedBlock
from cnn2snn.conversion.akida1.target import TARGET
from cnn2snn.conversion.akida1.variables import LinearMap
from cnn2snn.conversion.block import Kind
from cnn2snn.conversion.report import Akida1Report, Difference, Exceedance, InputReport, LayerReport, Place, number

__all__ = ["report"]

# A normalization that shrinks a filter to this part asks for steps this many times as large.
_TINY_GAMMA = 1e-2
# A filter whose largest weight is this part of the layer's median has a scale as many times as large.
_TINY_WEIGHTS = 1e-2
# Integers up to here are float32 numbers.
_EXACT = 2**24


def report(converted: Converted, thresholds: str) -> Akida1Report:
    """The report of a conversion whose thresholds were chosen by "fit" or "floor"."""
    layers = [_report(b) for b in converted.blocks if b.ideal is not None]
    return Akida1Report(
        model=converted.source.name,
        inputs=_inputs(converted, layers),
        layers=layers,
        folded=_account(converted),
        thresholds=thresholds,
    )


def _inputs(converted: Converted, layers: list[LayerReport]) -> InputReport:
    first = converted.model.layers[0]
    scale, shift = converted.scaling.scale, converted.scaling.shift
    bits = first.input_bits
    return InputReport(
        bits=bits,
        scale=float(scale),
        shift=float(shift),
        source=converted.scaling.source,
        keras_range=(float(-shift / scale), float((2**bits - 1 - shift) / scale)),
        padding_value=getattr(first.parameters, "padding_value", None),
        borders_exact=all(layer.border_error is None for layer in layers),
    )


def _account(converted: Converted) -> list[Place]:
    """What became of every layer of the network that is no layer of the engine's model."""
    layers = {layer.name for layer in converted.model.layers}
    folded = (one for one in converted.source.folded if one.name not in layers)
    return [Place(one.name, one.type, one.became, one.block) for one in folded]


def _report(b: ConvertedBlock) -> LayerReport:
    layer, ideal = b.layer, b.ideal
    found = certify(layer, ideal)
    threshold, act_step = layer.get_variable("threshold"), layer.get_variable("act_step")
    bits = layer.output_bits
    magnitude, terms = _magnitude(b), int(np.prod(_kernel(b).shape[:-1]))
    zero = _zero(b)
    margins, edges = _margins(b, found.lowest, found.highest)
    if b.block.global_average:
        terms += b.block.positions
    # Keras sums `terms` products in float32, then adds the bias, normalizes, averages and divides by the step; each
    # operation errs by 2^-24 of what it handles, in units of potentials at most the sum of magnitudes below.
    handled = zero + np.abs(ideal.t) + edges
    float32 = (terms + 16) * 2.0**-23 * (magnitude + handled)
    if ideal.sums_integers:
        # Sums are exact, and the product with a scale and the half that is added err.
        float32 = np.where(magnitude + zero <= _EXACT, 2.0**-21 * handled, float32)
    widths = layer.widths(TARGET)
    low, high, largest = widths.min_threshold, widths.max_threshold, widths.max_step
    differences = []
    for row in found.differences.tolist():
        _, level, ideal_boundary, held_boundary, witness = row
        # One of the two is below the witness.
        sides = [level - (witness <= boundary) for boundary in (ideal_boundary, held_boundary)]
        differences.append(Difference(*row, *sides))
    exceeding = [
        Exceedance(
            int(f),
            int(threshold[f]),
            float(act_step[f]),
            *_cause(b, int(f)),
            int(found.moved_if_clipped[f]),
        )
        for f in np.flatnonzero(found.held == 0)
    ]
    highest_level = 0 if bits is None else 2**bits - 1
    return LayerReport(
        name=layer.name,
        type=layer.parameters.layer_type.name,
        filters=len(threshold),
        act_bits=bits,
        boundaries=len(threshold) * highest_level,
        differences=differences,
        lowest=found.lowest,
        highest=found.highest,
        margins=margins,
        float32=float32,
        dead=_where(found.highest_level == 0) if bits else _where(found.lowest == found.highest),
        saturated=_where(found.lowest_level == highest_level) if bits else [],
        allowed_threshold=(low, high),
        allowed_step=largest,
        threshold_room=int(min(threshold.min() - low, high - threshold.max())),
        step_room=float(largest - act_step.max()),
        exceeding=exceeding,
        border_error=_border_error(b),
        output_error=None if bits else _output_error(b, threshold, act_step, found.lowest, found.highest),
    )


def _where(condition: np.ndarray) -> list[int]:
    return [int(f) for f in np.flatnonzero(condition)]


def _kernel(b: ConvertedBlock) -> np.ndarray:
    """The kernel of the sums that Keras adds up first; for a separable layer the depthwise one."""
    return b.ideal.weights if b.ideal.depthwise is None else b.ideal.depthwise[..., 0:1]


def _magnitude(b: ConvertedBlock) -> np.ndarray:
    """The largest possible sum of absolute values per filter, inputs raised by the shift that Keras takes off."""
    largest = 2**b.layer.input_bits - 1 + abs(float(b.input_shift))
    weights = np.abs(b.ideal.weights.astype(np.float64))
    if b.ideal.depthwise is not None:
        sums = np.abs(b.ideal.depthwise.astype(np.float64)).sum(axis=(0, 1))[:, 0]
        weights = weights * sums[:, np.newaxis]
    return weights.sum(axis=tuple(range(weights.ndim - 1))) * largest * b.block.positions


def _zero(b: ConvertedBlock) -> np.ndarray:
    """The sum of magnitudes of bias and normalizations per filter, in potentials."""
    magnitude = np.abs(np.asarray(b.block.weights.bias, np.float64))
    for one in b.block.normalizations:
        magnitude = np.abs(one.scale) * (magnitude + 2 * np.abs(one.mean)) + np.abs(one.offset)
    gain = np.array([float(m.gain) for m in b.ideal.maps])
    return gain * magnitude + np.abs([float(m.shift) for m in b.ideal.maps])


def _margins(b: ConvertedBlock, lowest: np.ndarray, highest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of the boundaries within reach from integer potentials, and their sizes.

    Returns:
        Per filter the smallest distance (infinite without boundaries), and the largest absolute value.
    """
    margins, edges = np.full(len(lowest), np.inf), np.zeros(len(lowest))
    if b.step is None:
        return margins, np.maximum(np.abs(lowest), np.abs(highest)).astype(np.float64)
    levels = 2**b.layer.output_bits - 1
    for f, channel in enumerate(b.ideal.maps):
        margins[f], edges[f] = _margin(channel, b.ideal.step, levels, int(lowest[f]), int(highest[f]))
    return margins, edges


def _margin(channel: LinearMap, step: Fraction, levels: int, lowest: int, highest: int) -> tuple[float, float]:
    t, s = channel.threshold(step), channel.gain * step
    denominator = t.denominator * s.denominator
    start, stride = t.numerator * s.denominator, s.numerator * t.denominator
    margin, edge = denominator, 0
    for n in range(levels):
        whole, rest = divmod(start + n * stride, denominator)
        if lowest <= whole < highest:
            margin = min(margin, rest, denominator - rest)
            edge = max(edge, abs(whole) + 1)
    return (margin / denominator if edge else float("inf")), float(edge)


def _output_error(
    b: ConvertedBlock, threshold: np.ndarray, act_step: np.ndarray, lowest: np.ndarray, highest: np.ndarray
) -> np.ndarray:
    """How far a float output can be from the quantized network's, per filter (H9)."""
    errors = []
    for f, channel in enumerate(b.ideal.maps):
        held, step = int(threshold[f]), Fraction(float(act_step[f]))
        furthest = max(abs(int(lowest[f]) - held), abs(int(highest[f]) - held))
        offset = abs(channel.threshold(Fraction(0)) - held) / channel.gain
        slope = furthest * abs(1 / step - 1 / channel.gain)
        # Rounding to float32, in the range of its normal numbers; below it errs by 2^-150.
        errors.append(float(offset + slope + furthest / step * Fraction(1, 2**23)) + 2.0**-149)
    return np.nextafter(errors, np.inf)


def _border_error(b: ConvertedBlock) -> np.ndarray | None:
    """How far potentials can be off at the border where its value is not β, per filter; None if borders are exact."""
    value = getattr(b.layer.parameters, "padding_value", 0)
    if not b.block.is_input or b.block.kind is Kind.DENSE or b.input_shift == value or not b.block.has_border:
        return None
    weights = np.abs(_kernel(b).astype(np.float64))
    return abs(float(value - b.input_shift)) * weights.sum(axis=(0, 1, 2)) * b.block.positions


def _cause(b: ConvertedBlock, f: int) -> tuple[str, str]:
    """Why a filter's threshold or step is beyond what a chip holds, in short and in full."""
    factors = np.ones(len(b.ideal.maps))
    for one in b.block.normalizations:
        factors = factors * np.abs(one.scale)
    if not np.any(b.ideal.weights[..., f]):
        return "dead filter", "all its weights are zero"
    if factors[f] <= _TINY_GAMMA:
        names = ", ".join(f'"{one.name}"' for one in b.block.normalizations)
        return "tiny gamma", f"{names} multiplies the filter by {factors[f]:.2g}"
    # Potentials per unit of pre-activation follow the inverse of the largest weight.
    gains = np.array([float(m.gain) for m in b.ideal.maps]) * factors
    if gains[f] * _TINY_WEIGHTS >= np.median(gains):
        times = gains[f] / np.median(gains)
        return (
            "dead filter",
            f"its weights are {number(times)} times smaller than usual in the layer, or a gamma folded in is",
        )
    summed = f", {b.block.positions} positions summed" if b.block.positions > 1 else ""
    return "huge scale", f"{number(gains[f] / factors[f])} potentials per unit of pre-activation{summed}"
