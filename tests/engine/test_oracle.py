"""The oracle against evidence that does not come from this project.

TensorFlow computes the same convolutions and poolings in float64 on integers, which is exact.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

from tests.oracle import activation, conversion, fit, layers, model
from tests.oracle.random_networks import random_case

SIZES = [(1, 1), (2, 3), (5, 4), (7, 7), (8, 9)]
WINDOWS = [(1, 1), (2, 2), (3, 3), (4, 1), (2, 5), (5, 4)]
STRIDES = [(1, 1), (2, 2), (3, 1), (1, 4), (4, 3)]
GEOMETRIES = [
    (size, window, stride, padding)
    for size in SIZES
    for window in WINDOWS
    for stride in STRIDES
    for padding in ("Same", "Valid")
    if padding == "Same" or (window[0] <= size[0] and window[1] <= size[1])
]


def tf_convolution(x, kernel, stride, padding):
    """TensorFlow's cross-correlation with zero borders, exact for integers below 2^53."""
    x, kernel = tf.constant(x, tf.float64), tf.constant(kernel, tf.float64)
    found = tf.nn.conv2d(x, kernel, (1, *stride, 1), padding.upper()).numpy()
    assert np.all(found == np.rint(found))
    return found.astype(np.int64)


@pytest.fixture
def rng():
    return np.random.default_rng(2026)


@pytest.mark.parametrize("padding", ["Same", "Valid"])
def test_convolutions_equal_tensorflow(padding, rng):
    for size, window, stride, border in GEOMETRIES:
        if border != padding:
            continue
        x = rng.integers(0, 256, (2, *size, 3))
        kernel = rng.integers(-127, 128, (*window, 3, 2))
        expected = tf_convolution(x, kernel, stride, padding)
        found = layers.input_convolutional(x, kernel, stride, padding, 0)
        np.testing.assert_array_equal(found, expected)
        found = layers.convolutional(x, kernel[::-1, ::-1], stride, padding)
        np.testing.assert_array_equal(found, expected)

        pointwise = rng.integers(-7, 8, (1, 1, 3, 4))
        depthwise = [tf_convolution(x[..., c : c + 1], kernel[:, :, c : c + 1, :1], stride, padding) for c in range(3)]
        expected = tf_convolution(np.concatenate(depthwise, axis=3), pointwise, (1, 1), "Valid")
        found = layers.separable_convolutional(x, kernel[::-1, ::-1, :, :1], pointwise, stride, padding)
        np.testing.assert_array_equal(found, expected)


def test_padding_value_equals_a_padded_image(rng):
    """A border of value v adds what a map of v outside and 0 inside would give."""
    for size, window, stride, padding in GEOMETRIES:
        if padding == "Valid":
            continue
        x = rng.integers(0, 256, (1, *size, 1))
        kernel = rng.integers(-7, 8, (*window, 1, 2))
        shifted = tf_convolution(x - 77, kernel, stride, padding)
        expected = shifted + 77 * kernel.sum(axis=(0, 1, 2))
        found = layers.input_convolutional(x, kernel, stride, padding, 77)
        np.testing.assert_array_equal(found, expected)


def test_max_pooling_equals_tensorflow(rng):
    for size, window, stride, padding in GEOMETRIES:
        x = rng.integers(-1000, 0, (2, *size, 3))
        expected = tf.nn.max_pool2d(tf.constant(x, tf.float64), (1, *window, 1), (1, *stride, 1), padding.upper())
        found = layers.max_pool(x, window, stride, padding)
        np.testing.assert_array_equal(found, expected.numpy().astype(np.int64))


def test_fully_connected_equals_a_transposed_matrix_product(rng):
    x = rng.integers(0, 16, (3, 2, 5, 4))
    rows = rng.integers(-7, 8, (1, 1, 40, 6))
    channel_then_column_then_row = x.transpose(0, 3, 2, 1).reshape(3, 40)
    expected = channel_then_column_then_row @ rows[0, 0]
    np.testing.assert_array_equal(layers.fully_connected(x, rows)[:, 0, 0], expected)


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_both_forms_of_the_activation_are_equal_around_every_boundary(act_bits, rng):
    for _ in range(100):
        threshold = int(rng.integers(-40, 40))
        step = float(np.float32(2.0 ** rng.uniform(-6, 4)))
        near = {b + d for b in activation.boundaries(threshold, step, act_bits) for d in (-1, 0, 1)}
        potentials = np.array(sorted(near), np.int64)[:, None]
        t, s = np.array([threshold]), np.array([step])
        by_ceiling = activation.levels(potentials, t, s, act_bits)
        by_counting = activation.levels_by_boundaries(potentials, t, s, act_bits)
        np.testing.assert_array_equal(by_ceiling, by_counting)


def test_both_forms_of_the_activation_are_equal_on_random_networks():
    for seed in range(300):
        case = random_case(seed)
        for layer, result in zip(case.network, case.results, strict=True):
            if result.potentials is not None and result.levels is not None:
                t, s = layer.variables["threshold"], layer.variables["act_step"]
                found = activation.levels_by_boundaries(result.potentials, t, s, layer.act_bits)
                np.testing.assert_array_equal(found, result.levels)


def test_random_networks_reach_every_option():
    """A comparison on networks that lack an option would say nothing about it."""
    seen = Counter()
    for seed in range(800):
        case = random_case(seed)
        for layer, result in zip(case.network, case.results, strict=True):
            shape = case.inputs.shape[1:]
            if layer.inbounds:
                names = [d.name for d in case.network]
                shape = case.results[names.index(layer.inbounds[0])].levels.shape[1:]
            seen.update(options_of(layer, shape, result))
    expected = {"Concat", "InputData 1", "InputData 2", "InputData 4"}
    for kind in model.NEURAL_TYPES:
        expected |= {f"{kind} weights {bits}" for bits in (1, 2, 4, 8)}
        expected |= {f"{kind} act {bits}" for bits in (1, 2, 4, None)}
        expected |= {f"{kind} level {n} of {bits}" for bits in (1, 2, 4) for n in range(2**bits)}
    for kind in model.CONVOLUTIONS:
        expected |= {f"{kind} {padding}" for padding in ("Same", "Valid")}
        expected |= {f"{kind} pool {pool}" for pool in ("NoPooling", "Max", "Average")}
        expected |= {f"{kind} {what}" for what in ("even kernel", "rectangle", "large kernel")}
        expected |= {f"{kind} {what}" for what in ("large stride", "uneven border", "1x1 map")}
        expected |= {f"{kind} pool {what}" for what in ("overlap", "gap", "uneven border")}
    expected |= {f"{kind} {what}" for kind in model.CONVOLUTIONS for what in ("wide pool", "kernel of the whole map")}
    expected |= {
        "hundreds of channels",
        "map of one pixel",
        "repeated inbound",
        "many inbounds",
        "stride beyond both axes",
    }
    expected |= {"FullyConnected map", "extreme step", "extreme threshold", "image 1", "image 3"}
    assert not {what for what in expected if seen[what] < 3}


def options_of(layer, shape, result):
    """Short names of what a layer exercises."""
    p, kind = layer.parameters, layer.type
    if kind == "InputData":
        yield f"InputData {p['input_bits']}"
    if shape[2] > 99:
        yield "hundreds of channels"
    if shape[:2] == (1, 1):
        yield "map of one pixel"
    if len(layer.inbounds) > len(set(layer.inbounds)):
        yield "repeated inbound"
    if len(layer.inbounds) > 4:
        yield "many inbounds"
    if kind not in model.NEURAL_TYPES:
        yield kind
        return
    yield f"{kind} weights {p['weights_bits']}"
    yield f"{kind} act {layer.act_bits}"
    if result.levels is not None:
        for n in np.unique(result.levels):
            yield f"{kind} level {n} of {layer.act_bits}"
    step, threshold = layer.variables["act_step"], layer.variables["threshold"]
    if step.max() > 1e38 or step.min() < 1e-40:
        yield "extreme step"
    if {activation.INT32_MIN, activation.INT32_MAX} & set(threshold.tolist()):
        yield "extreme threshold"
    if kind == "FullyConnected":
        if min(shape) > 1:
            yield "FullyConnected map"
        return
    if kind == "InputConvolutional":
        yield f"image {shape[2]}"
    yield f"{kind} {p['padding']}"
    yield f"{kind} pool {p['pool_type']}"
    if shape[:2] == (1, 1):
        yield f"{kind} 1x1 map"
    (kh, kw), (sh, sw) = p["kernel_size"], p["kernel_stride"]
    rows, top = layers.axis_windows(shape[0], kh, sh, p["padding"])
    if p["padding"] == "Same" and max((rows - 1) * sh + kh - shape[0], 0) > 2 * top:
        yield f"{kind} uneven border"
    yield from (f"{kind} even kernel" for k in (kh, kw) if k % 2 == 0)
    if kh != kw and sh != sw:
        yield f"{kind} rectangle"
    if kh > shape[0]:
        yield f"{kind} large kernel"
    if sh > kh or sw > kw:
        yield f"{kind} large stride"
    if sh > kh and sw > kw:
        yield "stride beyond both axes"
    if (kh, kw) == shape[:2] and min(shape[:2]) > 2:
        yield f"{kind} kernel of the whole map"
    if p["pool_type"] == "Max":
        (ph, pw), (qh, _) = p["pool_size"], p["pool_stride"]
        if max(ph, pw) > 4:
            yield f"{kind} wide pool"
        if 0 < qh < ph:
            yield f"{kind} pool overlap"
        if qh > ph:
            yield f"{kind} pool gap"
        stride = ph if qh == -1 else qh
        out, top = layers.axis_windows(rows, ph, stride, p["padding"])
        if p["padding"] == "Same" and max((out - 1) * stride + ph - rows, 0) > 2 * top:
            yield f"{kind} pool uneven border"


def test_float32_neighbours_surround_a_number(rng):
    for _ in range(200):
        x = Fraction(float(2.0 ** rng.uniform(-140, 120))) * Fraction(int(rng.integers(1, 999)), 97)
        low, high = fit.float32_at_most(x), fit.float32_at_least(x)
        assert np.float32(low) == low
        assert np.float32(high) == high
        assert Fraction(low) <= x <= Fraction(high)
        assert high in (low, float(np.nextafter(np.float32(low), np.float32(np.inf))))
        assert fit.float32_below(x) < x
        assert fit.nearest_float32(x) == np.float32(x.numerator / x.denominator)


def test_nearest_integer_takes_the_even_one_of_two():
    for x, expected in [(0.5, 0), (1.5, 2), (-0.5, 0), (-1.5, -2), (2.25, 2), (-2.75, -3)]:
        assert fit.nearest_integer(Fraction(x)) == expected


def test_worked_conversion_of_a_first_layer():
    """Image input, Rescaling(1/128, -1), two filters, 4 bits, step 0.4 (worked by hand)."""
    sums = (11, -4)
    expected = [(Fraction(1536), Fraction(512)), (Fraction("-153.6"), Fraction("358.4"))]
    for factor, bias, sigma, (t, s) in zip((10, 7), ("0.1", "-0.2"), sums, expected, strict=True):
        linear = conversion.LinearMap(128 * Fraction(factor), Fraction(bias), Fraction(sigma * 128))
        exact = Fraction("0.4")
        assert (linear.scale * (exact / 2 - linear.bias) + linear.offset, linear.scale * exact) == (
            t,
            s,
        )
    potentials = {2853: (Fraction(1536), Fraction(512)), -1212: expected[1]}
    levels = [sum(p > b for b in conversion.ideal_boundaries(*ts, 4)) for p, ts in potentials.items()]
    assert levels == [3, 0]


def test_worked_fit_cannot_hold_every_boundary():
    t, s = Fraction(3, 4), Fraction(5, 2)
    assert conversion.ideal_boundaries(t, s, 2) == [0, 3, 5]
    found = fit.best(t, s, 2)
    assert (found.matches, found.keeps_first) == (2, True)


def test_square_root_of_a_normalization_is_exact_where_it_is_rational():
    merged = conversion.normalization(3.0, 1.0, 2.0, 4.0, 0.0)
    assert (merged.c, merged.d) == (Fraction(3, 2), Fraction(-2))
    merged = conversion.normalization(1.0, 0.0, 0.0, 2.0, 0.0)
    assert math.isclose(merged.c, 2**-0.5, rel_tol=1e-15)
