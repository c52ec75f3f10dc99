"""Ideal weights, thresholds and intervals against fractions worked out here, by the formulas H2 to H4."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cnn2snn.conversion.akida1.variables import engine_weights, floored, ideal_layer
from cnn2snn.conversion.block import Activation, Normalization
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.networks import branched_network, image_network

INT32 = np.iinfo(np.int32)


def changed(block, **weights):
    """A block with other weights."""
    return replace(block, weights=replace(block.weights, **weights))


def ideal(block, scale=1, shift=0):
    return ideal_layer(block, input_scale=Fraction(scale), input_shift=Fraction(shift))


def worked(block, scale, shift):
    """Gain, merged bias and shift of each channel in fractions."""
    weights, sums = block.weights, []
    factor, offset = block.normalization
    scales = np.broadcast_to(weights.kernel_scale, (weights.filters,))
    for f in range(weights.filters):
        sign = -1 if factor[f] < 0 else 1
        integers = sum(round(v) for v in (weights.kernel[..., f].astype(np.float64) * scales[f]).ravel().tolist())
        gain = block.positions * scale * Fraction(weights.depthwise_scale) * Fraction(scales[f])
        gain /= abs(Fraction(factor[f]))
        bias = Fraction(factor[f]) * Fraction(float(weights.bias[f])) + Fraction(offset[f])
        sums.append((gain, bias, block.positions * shift * integers * sign))
    return sums


@pytest.mark.parametrize("name", ["small", "large", "separable"])
def test_potentials_and_boundaries_follow_from_the_formulas(name):
    block = branched_network().blocks[name]
    scale = Fraction(7, 3)
    # Only image convolutions have shifts.
    shift = Fraction(0) if block.weights.depthwise is not None else Fraction(-5, 2)
    found = ideal(block, scale, shift)
    step = Fraction(block.activation.step)
    for channel, (gain, bias, moved) in enumerate(worked(block, scale, shift)):
        line = found.maps[channel]
        assert (line.gain, line.bias, line.shift) == (gain, bias, moved)
        for other in (Fraction(0), step, Fraction(3, 7)):
            assert line.threshold(other) == gain * (other / 2 - bias) + moved
        first, spacing = gain * (step / 2 - bias) + moved, gain * step
        assert (found.t[channel], found.s[channel]) == (float(first), float(spacing))
        expected = [(first + n * spacing).__floor__() for n in range(15)]
        assert found.boundaries(4)[channel].tolist() == expected
        assert found.boundaries(2)[channel].tolist() == expected[:3]


def test_a_layer_without_activation_has_the_potentials_per_unit_and_rounded_thresholds():
    dense = image_network().blocks["dense"]
    # A unit is 2 · 1/2 potentials: thresholds are -bias.
    bias = np.array([2.5, -3.5], np.float32)
    found = ideal(changed(dense, bias=bias), Fraction(1, 2))
    assert found.step is None
    assert (found.t.tolist(), found.s.tolist()) == ([-2.5, 3.5], [1.0, 1.0])
    assert found.rounded_thresholds().tolist() == [-2, 4]
    huge = ideal(changed(dense, bias=np.array([3e38, -3e38], np.float32)))
    assert huge.rounded_thresholds().tolist() == [-(2**62), 2**62]
    assert huge.rounded_thresholds().dtype == np.int64


@pytest.mark.parametrize("bias", [0.5, 1e7, 3.125e8, 3e8, -3e8, 2e8, -2e8, 3e38, -3e38])
@pytest.mark.parametrize("step", [2e7, 5e7])
def test_boundaries_beyond_int32_are_its_ends(bias, step):
    """Among them: the first boundary alone below, and the last alone above."""
    conv = changed(image_network().blocks["conv"], bias=np.array([bias, 0.0], np.float32))
    conv.activation = Activation("relu", 4, step)
    found = ideal(conv, 2)
    first = 8 * (Fraction(step) / 2 - Fraction(float(np.float32(bias))))
    exact = [(first + n * 8 * Fraction(step)).__floor__() for n in range(15)]
    expected = [min(max(b, INT32.min), INT32.max) for b in exact]
    for bits in (1, 2, 4):
        assert found.boundaries(bits)[0].tolist() == expected[: 2**bits - 1]


def test_weights_are_negated_where_the_normalization_is_negative():
    conv = image_network().blocks["conv"]
    plain = ideal(conv).weights
    assert plain.dtype == np.int8
    assert plain[..., 0].ravel().tolist() == [1, 2, 3, -1]
    conv.normalizations.append(Normalization("norm", np.array([-2.0, 4.0]), np.zeros(2), np.zeros(2)))
    negated = ideal(conv).weights
    assert negated[..., 0].tolist() == (-plain[..., 0]).tolist()
    assert negated[..., 1].tolist() == plain[..., 1].tolist()
    conv.normalizations[0] = Normalization("norm", np.array([0.25, 1e-30]), np.zeros(2), np.zeros(2))
    assert ideal(conv).weights.tolist() == plain.tolist()


@pytest.mark.parametrize(("bits", "limit"), [(2, 1), (4, 7), (8, 127)])
def test_weights_are_integers_inside_their_bits(bits, limit):
    conv = image_network().blocks["conv"]
    kernel = np.zeros_like(conv.weights.kernel)
    for value in (limit, -limit, limit - 0.0009, -limit + 0.0009):
        kernel[0, 1, 0, 1] = value / 4
        assert ideal(changed(conv, bits=bits, kernel=kernel)).weights[0, 1, 0, 1] == round(value)
    for value in (limit + 1, -limit - 1, limit - 0.002, 0.5, np.nan, np.inf):
        kernel[0, 1, 0, 1] = value / 4
        with pytest.raises(UnsupportedModelError, match=rf"integers in -{limit}\.\.{limit} \({bits} bits\)") as error:
            ideal(changed(conv, bits=bits, kernel=kernel))
        assert (error.value.layer, error.value.kind, error.value.expected) == ("conv", "weights", (-limit, limit))
        np.testing.assert_allclose(error.value.received, value, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named_with_their_channel(bad):
    conv = image_network().blocks["conv"]
    cases = {"bias": changed(conv, bias=np.array([0, bad], np.float32))}
    for subject, scale, offset in (("gamma", [1.0, bad], [0.0, 0.0]), ("beta", [1.0, 1.0], [0.0, bad])):
        block = image_network().blocks["conv"]
        block.normalizations.append(Normalization("norm", np.array(scale), np.array(offset), np.zeros(2)))
        cases[f"{subject} of its batch normalization"] = block
    for subject, block in cases.items():
        with pytest.raises(
            UnsupportedModelError, match=rf"{subject} must be finite, received .* for channel 1"
        ) as error:
            ideal(block)
        assert error.value.kind == subject


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_scales_are_finite_and_positive(scale):
    conv = image_network().blocks["conv"]
    words = "the scale factor of the weights must be finite and greater than zero, received .* for channel 1"
    with pytest.raises(UnsupportedModelError, match=words):
        ideal(changed(conv, kernel_scale=np.array([4.0, scale])))
    separable = branched_network().blocks["separable"]
    with pytest.raises(UnsupportedModelError, match="the scale factor of the weights"):
        ideal(changed(separable, depthwise_scale=scale))


def test_a_scale_below_one_is_usable():
    conv = image_network().blocks["conv"]
    kernel = conv.weights.kernel * np.array([16, 1], np.float32)
    found = ideal(changed(conv, kernel=kernel, kernel_scale=np.array([0.25, 4.0])))
    assert found.weights.tolist() == ideal(conv).weights.tolist()


def test_a_normalization_factor_of_zero_is_refused():
    conv = image_network().blocks["conv"]
    conv.normalizations.append(Normalization("norm", np.array([1.0, 0.0]), np.zeros(2), np.zeros(2)))
    with pytest.raises(UnsupportedModelError, match="different from zero, received 0 for channel 1"):
        ideal(conv)


def test_kernels_are_flipped_and_matrices_reordered_as_the_engine_reads_them():
    kernel = np.arange(2 * 3 * 2 * 2).reshape(2, 3, 2, 2).astype(np.int8)
    for layer_type in ("Convolutional", "Depthwise"):
        found = engine_weights(layer_type, kernel, (4, 4, 2))
        assert all((found[u, v] == kernel[1 - u, 2 - v]).all() for u in range(2) for v in range(3)), layer_type
    for layer_type in ("InputConvolutional", "Pointwise"):
        assert (engine_weights(layer_type, kernel, (4, 4, 2)) == kernel).all()
    x, y, c, units = 2, 3, 4, 5
    matrix = (np.arange(x * y * c * units) % 127).reshape(-1, units).astype(np.int8)
    found = engine_weights("FullyConnected", matrix, (x, y, c))
    assert found.shape == (1, 1, x * y * c, units)
    for i in range(x):
        for j in range(y):
            for k in range(c):
                # The engine's row is c · (X · Y) + y · X + x, that of Keras (x · Y + y) · C + c.
                assert (found[0, 0, k * x * y + j * x + i] == matrix[(i * y + j) * c + k]).all()
    assert found.flags.c_contiguous


def test_floored_thresholds_and_steps_follow_the_order_of_the_original_toolkit():
    block = branched_network().blocks["large"]
    found = ideal(block, 2, 3)
    threshold, act_step = floored(block, found, input_scale=2.0, input_shift=3.0)
    # Scales of 2, normalization -0.5, 1, 2; offsets 1, 0, -2; biases 0.5, -0.25, 1; a step of 0.5 with 4 bits.
    gains = [2 * 2 / 0.5, 2 * 2 / 1, 2 * 2 / 2]
    biases = [-0.5 * 0.5 + 1, -0.25, 2 * 1 - 2]
    sums = found.weights.sum(axis=(0, 1, 2), dtype=np.int64).tolist()
    expected = [np.floor(g * (0.25 - b) + 3 * s) for g, b, s in zip(gains, biases, sums, strict=True)]
    assert threshold.tolist() == expected
    assert act_step.tolist() == [g * 0.5 for g in gains]
    assert act_step.dtype == np.float32
    block.activation = Activation("relu", 2, 0.5)
    assert floored(block, found, input_scale=2.0, input_shift=3.0)[1].tolist() == [g * 0.125 for g in gains]
    average = branched_network().blocks["separable"]
    once = replace(average, output_shape=(1, 1, 5))
    assert (average.positions, once.positions) == (4, 1)
    # A kernel scale of 4, a depthwise scale of 2, and a step of 1 with 2 bits.
    for b in (average, once):
        steps = floored(b, ideal(b), input_scale=3.0, input_shift=0.0)[1]
        assert steps.tolist() == [b.positions * 3 * 4 * 2 * 0.25] * 5
    once.normalizations.append(Normalization("norm", np.array([2.0, -4, 8, 16, 0.5]), np.zeros(5), np.zeros(5)))
    steps = floored(once, ideal(once), input_scale=3.0, input_shift=0.0)[1]
    assert steps.tolist() == [6 / abs(factor) for factor in (2, -4, 8, 16, 0.5)]
    once.normalizations[:] = [Normalization("norm", np.full(5, 2.0), np.zeros(5), np.zeros(5))]
    assert floored(once, ideal(once), input_scale=3.0, input_shift=0.0)[1].tolist() == [3.0] * 5


def test_floored_thresholds_without_activation_are_those_of_the_bias():
    dense = changed(image_network().blocks["dense"], bias=np.array([2.5, -3.5], np.float32))
    threshold, act_step = floored(dense, ideal(dense), input_scale=0.25, input_shift=0.0)
    # A unit is 1/4 · 2 potentials: -1.25 and 1.75.
    assert (threshold.tolist(), act_step.tolist()) == ([-2, 1], [0.5, 0.5])
