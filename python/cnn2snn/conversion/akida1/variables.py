"""Integer weights, and ideal thresholds and steps of a layer in exact arithmetic; NumPy and fractions alone.

The formulas are those of section H of ``docs/arithmetic.md``. "Ideal" means: the stored float32 scales, biases and
steps taken as real numbers, nothing rounded to what a chip can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from cnn2snn.conversion.block import Block
from cnn2snn.errors import UnsupportedModelError

__all__ = ["IdealLayer", "LinearMap", "engine_weights", "floored", "ideal_layer"]


@dataclass(frozen=True)
class LinearMap:
    """How the potentials P of one output channel follow from pre-activations z of the network (H3), in exact numbers.

    P = gain · (z - bias) + shift.

    Attributes:
        gain: A of H3, greater than zero.
        bias: the bias with the normalization merged.
        shift: G · β · σ.
    """

    gain: Fraction
    bias: Fraction
    shift: Fraction

    def threshold(self, step: Fraction) -> Fraction:
        """T of H4: where level 1 begins for a step; with 0 the potential of z = 0."""
        return self.gain * (step / 2 - self.bias) + self.shift


@dataclass(frozen=True)
class IdealLayer:
    """Integer weights in the layout of `Weights`, and what an ideal chip would do with the potentials.

    Attributes:
        weights: int8, of the shape of `Weights.kernel`, signs changed where the normalization is negative.
        depthwise: int8 depthwise weights, or None.
        lines: one per output channel; boundary n is (start + n · stride) / denominator, exactly, with start, stride,
            denominator. Not in lowest terms, as finding these takes longer than all else.
        ratios: gain, bias and shift of `maps` as numerator, denominator.
        step: the step of the activation, exactly; None without activation.
        t: the ideal threshold per channel, float64: where level 1 begins; without activation the potential of z = 0.
        s: the ideal interval between boundaries per channel, float64; without activation the potentials per unit.
    """

    weights: np.ndarray
    depthwise: np.ndarray | None
    lines: list[tuple[int, int, int]]
    ratios: list[tuple[int, ...]]
    step: Fraction | None
    t: np.ndarray
    s: np.ndarray

    @property
    def sums_integers(self) -> bool:
        """Whether the network itself sums integers in float32."""
        return False

    @property
    def float32_tops(self) -> np.ndarray | None:
        """The highest level of each filter where the float32 of the network makes it another one; else -1."""
        return None

    @cached_property
    def maps(self) -> list[LinearMap]:
        """How potentials follow from pre-activations, one per output channel."""
        return [LinearMap(Fraction(*r[:2]), Fraction(*r[2:4]), Fraction(*r[4:])) for r in self.ratios]

    def boundaries(self, act_bits: int) -> np.ndarray:
        """The integer boundaries floor(t + n · s) of H4, int64 of shape (filters, 2^act_bits - 1), exactly.

        Boundaries beyond the range of int32 are replaced by its ends, which no potential crosses.
        """
        limits = np.iinfo(np.int32)
        rows = []
        for start, stride, denominator in self.lines:
            row = [(start + n * stride) // denominator for n in range(2**act_bits - 1)]
            if row[0] < limits.min or row[-1] > limits.max:
                row = [min(max(boundary, limits.min), limits.max) for boundary in row]
            rows.append(row)
        return np.array(rows, np.int64).reshape(len(rows), 2**act_bits - 1)

    def rounded_thresholds(self) -> np.ndarray:
        """The thresholds of a layer without activation (H6), int64: t rounded to nearest, ties to even.

        Values beyond 62 bits are replaced by the ends of that range.
        """
        end = 2**62
        rounded = (round(Fraction(start, denominator)) for start, _, denominator in self.lines)
        return np.array([min(max(t, -end), end) for t in rounded], np.int64)


def ideal_layer(block: Block, *, input_scale: Fraction, input_shift: Fraction) -> IdealLayer:
    """Integer weights, thresholds and intervals of a layer (H2 to H4).

    Args:
        block: the block.
        input_scale: α, integer inputs per unit of the network's inputs, greater than zero.
        input_shift: β, the integer input that stands for 0.

    Raises:
        UnsupportedModelError: weights that are not integers over their scale, a scale that is not usable, a bias or
            normalization that is not finite, or a normalization factor of zero.
    """
    arrays, positions = block.weights, block.positions
    scale = np.broadcast_to(np.asarray(arrays.kernel_scale, np.float64), (arrays.filters,))
    weights = _integers(block.name, arrays.kernel, scale, arrays.bits)
    depthwise = None
    if arrays.depthwise is not None:
        depthwise = _integers(block.name, arrays.depthwise, np.float64(arrays.depthwise_scale), arrays.bits)
    factor, offset = block.normalization
    for what, values in (
        ("bias", arrays.bias),
        ("gamma of its batch normalization", factor),
        ("beta of its batch normalization", offset),
    ):
        if not np.all(np.isfinite(values)):
            raise _error(block.name, what, "finite", values, ~np.isfinite(values))
    if np.any(factor == 0):
        raise _error(block.name, "gamma of its batch normalization", "different from zero", factor, factor == 0)
    weights = np.where(factor < 0, -weights, weights).astype(np.int8)
    # β is different from zero only for image convolutions, which have no depthwise kernel.
    sigma = weights.sum(axis=tuple(range(weights.ndim - 1)), dtype=np.int64)
    exact_step = None if block.activation is None else Fraction(block.activation.step)
    common, shift = positions * input_scale * Fraction(arrays.depthwise_scale), positions * input_shift
    ratios = [
        _ratios(common, shift, *channel)
        for channel in zip(
            scale.tolist(), arrays.bias.tolist(), factor.tolist(), offset.tolist(), sigma.tolist(), strict=True
        )
    ]
    lines = [_line(exact_step or Fraction(0), *r) for r in ratios]
    # Quotients of integers are rounded correctly.
    spacing = [r[:2] for r in ratios] if exact_step is None else [line[1:] for line in lines]
    return IdealLayer(
        weights=weights,
        depthwise=depthwise,
        lines=lines,
        ratios=ratios,
        step=exact_step,
        t=np.array([start / denominator for start, _, denominator in lines]),
        s=np.array([numerator / denominator for numerator, denominator in spacing]),
    )


def _ratios(
    common: Fraction, shift: Fraction, scale: float, bias: float, factor: float, offset: float, sigma: int
) -> tuple[int, ...]:
    """Numerators and denominators of gain, bias and shift of a channel (H3)."""
    scale_n, scale_d = scale.as_integer_ratio()
    bias_n, bias_d = bias.as_integer_ratio()
    factor_n, factor_d = factor.as_integer_ratio()
    offset_n, offset_d = offset.as_integer_ratio()
    return (
        common.numerator * scale_n * factor_d,
        common.denominator * scale_d * abs(factor_n),
        factor_n * bias_n * offset_d + offset_n * factor_d * bias_d,
        factor_d * bias_d * offset_d,
        shift.numerator * sigma,
        shift.denominator,
    )


def _line(
    step: Fraction, gain_n: int, gain_d: int, bias_n: int, bias_d: int, shift_n: int, shift_d: int
) -> tuple[int, int, int]:
    """Start, stride and denominator of gain · (step / 2 - bias) + shift + n · gain · step (H4)."""
    above_n, above_d = step.numerator * bias_d - 2 * step.denominator * bias_n, 2 * step.denominator * bias_d
    denominator = gain_d * above_d * shift_d
    start = gain_n * above_n * shift_d + shift_n * gain_d * above_d
    return start, gain_n * step.numerator * 2 * bias_d * shift_d, denominator


def floored(
    block: Block,
    ideal: IdealLayer,
    *,
    input_scale: float,
    input_shift: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds and steps as the original toolkit computes them (H8).

    Args:
        block: the block.
        ideal: its integer weights, and its step.
        input_scale: α; it is rounded to float32. For later layers the step before, rounded, divides 1 in float32.
        input_shift: β as it was given.

    Returns:
        Thresholds as whole float64, act_step in float32, (filters,) each.
    """
    arrays, positions = block.weights, block.positions
    factor, offset = block.normalization
    scale = np.asarray(arrays.kernel_scale, np.float32) * np.float32(arrays.depthwise_scale)
    if np.any(factor != 1):
        scale = (scale / np.abs(factor)).astype(np.float32)
    scale = np.broadcast_to(np.float32(input_scale) * scale, factor.shape)
    bias = factor * arrays.bias + offset
    step = 0.0 if ideal.step is None else float(ideal.step)
    sums = ideal.weights.sum(axis=tuple(range(ideal.weights.ndim - 1)), dtype=np.int64)
    threshold = np.floor(positions * (scale * (step / 2 - bias) + sums * input_shift))
    spacing = scale if block.activation is None else scale * (step * 2.0 ** (block.activation.bits - 4))
    return threshold, spacing.astype(np.float32) * np.float32(positions)


def _integers(layer: str, quantized: np.ndarray, scale: np.ndarray, bitwidth: int) -> np.ndarray:
    """Quantized weights times their scale, which must be integers in ±(2^(bitwidth − 1) − 1)."""
    usable = np.isfinite(scale) & (scale > 0)
    if not np.all(usable):
        raise _error(layer, "the scale factor of the weights", "finite and greater than zero", scale, ~usable)
    values = quantized.astype(np.float64) * scale
    integers = np.rint(values)
    limit = 2 ** (bitwidth - 1) - 1
    # Quantized weights are integers divided by the scale in float32, hence the tolerance.
    with np.errstate(invalid="ignore"):  # of infinite weights, which are refused below
        off = ~(np.abs(values - integers) <= 1e-3) | (np.abs(integers) > limit)
    if np.any(off):
        raise UnsupportedModelError(
            f'layer "{layer}": quantize(w) * scale_factor(w) must be integers in {-limit}..{limit} '
            f"({bitwidth} bits), received {values[off][0]:g}",
            layer=layer,
            kind="weights",
            expected=(-limit, limit),
            received=float(values[off][0]),
            remedy="correct the layer's quantizer",
        )
    return integers.astype(np.int8)


def _error(layer: str, subject: str, allowed: str, values: np.ndarray, wrong: np.ndarray) -> UnsupportedModelError:
    channel = int(np.argmax(np.ravel(wrong)))
    received = float(np.ravel(values)[channel])
    return UnsupportedModelError(
        f'layer "{layer}": {subject} must be {allowed}, received {received:g} for channel {channel}',
        layer=layer,
        kind=subject,
        expected=allowed,
        received=received,
        remedy="train the model anew, or assign other values to the weight",
    )


def engine_weights(layer_type: str, weights: np.ndarray, input_dims: tuple[int, int, int]) -> np.ndarray:
    """Integer weights from the layout of `Weights` to the engine's.

    Args:
        layer_type: "InputConvolutional", "Convolutional", "Depthwise", "Pointwise" or "FullyConnected".
        weights: int8 in the layout of `Weights`.
        input_dims: (height, width, channels) of the layer's input.

    Returns:
        int8: convolutional and depthwise kernels flipped on both spatial axes; the rows of a matrix in the order in
        which the engine flattens, the first axis fastest; other kernels as they are.
    """
    if layer_type in ("Convolutional", "Depthwise"):
        weights = weights[::-1, ::-1]
    elif layer_type == "FullyConnected":
        x, y, c = input_dims
        units = weights.shape[-1]
        weights = weights.reshape(x, y, c, units).transpose(2, 1, 0, 3)
        weights = weights.reshape(1, 1, x * y * c, units)
    return np.ascontiguousarray(weights, np.int8)
