"""The oracle of Akida 2.0 against evidence that does not come from this project, and against itself.

TensorFlow computes the same convolutions and poolings in float64 on integers, which is exact. Python's integers and
fractions have no ends.
"""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.oracle.akida2 import bounds, checks, counts, geometry, layers, model, stage, sums
from tests.oracle.akida2.numbers import Exact, Float32, Format, clip, rsh
from tests.oracle.akida2_models import conv
from tests.oracle.random_akida2 import random_case
from tests.oracle.random_akida2_variables import bare

SIZES = [(1, 1), (2, 3), (5, 4), (8, 9)]
GEOMETRIES = [(size, k, s) for size in SIZES for k in range(1, 8) for s in range(1, 4)]
NETWORKS = 400


def tf_conv(x, kernel, stride, padding):
    """TensorFlow's cross-correlation with zero borders, exact for integers below 2^53."""
    found = tf.nn.conv2d(tf.constant(x, tf.float64), tf.constant(kernel, tf.float64), stride, padding.upper())
    return found.numpy().astype(np.int64)


@pytest.fixture
def rng():
    return np.random.default_rng(2026)


@pytest.mark.parametrize("padding", ["Same", "Valid"])
def test_convolutions_equal_tensorflow(padding, rng):
    for size, k, stride in GEOMETRIES:
        if padding == "Valid" and k > min(size):
            continue
        x = rng.integers(-128, 128, (2, *size, 3))
        kernel = rng.integers(-127, 128, (k, k, 3, 2))
        expected = tf_conv(x, kernel, stride, padding)
        np.testing.assert_array_equal(sums.input_conv(x, kernel, stride, padding, np.zeros(3)), expected)
        np.testing.assert_array_equal(sums.conv(x, kernel[::-1, ::-1], stride, padding), expected)
        alone = [tf_conv(x[..., c : c + 1], kernel[:, :, c : c + 1, :1], stride, padding) for c in range(3)]
        found = sums.depthwise_conv(x, kernel[::-1, ::-1, :, :1], stride, padding)
        np.testing.assert_array_equal(found, np.concatenate(alone, axis=3))


@pytest.mark.parametrize("k", [3, 4])
def test_transposed_convolutions_equal_tensorflow(k, rng):
    """TensorFlow's kernel has its output channels before its input channels."""
    for size in SIZES:
        x = rng.integers(-128, 128, (2, *size, 3))
        kernel = rng.integers(-127, 128, (k, k, 3, 2))
        shape = (2, 2 * size[0], 2 * size[1], 2)
        turned = tf.constant(kernel.transpose(0, 1, 3, 2), tf.float64)
        expected = tf.nn.conv2d_transpose(tf.constant(x, tf.float64), turned, shape, 2, "SAME").numpy()
        np.testing.assert_array_equal(sums.conv_transpose(x, kernel), expected)
        for c in range(3):
            alone = sums.conv_transpose(x[..., c : c + 1], kernel[:, :, c : c + 1, :1])
            found = sums.depthwise_conv_transpose(x, kernel[..., :1])
            np.testing.assert_array_equal(found[..., c : c + 1], alone)


@pytest.mark.parametrize("padding", ["Same", "Valid"])
def test_max_pooling_equals_tensorflow(padding, rng):
    for size, k, stride in GEOMETRIES:
        if padding == "Valid" and k > min(size):
            continue
        acc = rng.integers(-(2**27), 2**27, (2, *size, 3))
        expected = tf.nn.max_pool2d(tf.constant(acc, tf.float64), k, stride, padding.upper()).numpy()
        np.testing.assert_array_equal(geometry.max_pool(acc, k, stride, padding), expected)


@pytest.mark.parametrize("k", [3, 5, 7])
def test_same_upper_is_an_explicit_border(k, rng):
    for size in range(1, 12):
        x = rng.integers(-128, 128, (1, size, size, 2))
        kernel = rng.integers(-127, 128, (k, k, 2, 1))
        total = max((-(-size // 2) - 1) * 2 + k - size, 0)
        before = math.ceil(total / 2)
        framed = np.pad(x, ((0, 0), (before, total - before), (before, total - before), (0, 0)))
        expected = tf_conv(framed, kernel, 2, "VALID")
        np.testing.assert_array_equal(sums.input_conv(x, kernel, 2, "SameUpper", np.zeros(2)), expected)


@given(st.integers(-(2**32), 2**32 - 1), st.integers(-62, 31))
def test_shifts_are_those_of_fractions(value, shift):
    expected = math.floor(Fraction(value) * Fraction(2) ** shift + Fraction(1, 2))
    assert int(rsh(np.int64(value), np.int64(shift))) == expected


@given(st.data())
def test_the_stage_is_that_of_unbounded_integers(data):
    """D1 to D8 once more, in Python's integers."""

    def draw(low, high):
        return data.draw(st.integers(low, high))

    total, bias, bias_shift = draw(-(2**62), 2**62), draw(-128, 127), draw(0, 40) if draw(0, 3) else draw(0, 255)
    scale, shift = draw(0, 65535), draw(-34, 10) if draw(0, 3) else draw(-128, 127)
    form = data.draw(
        st.sampled_from([Format(8, False), *(Format(b, True) for b in (2, 5, 8, 16, 32)), Format(3, False)])
    )
    bound, bound_shift, buffer, post = draw(0, 255), draw(0, 255), draw(16, 32), draw(16, 32)
    made = conv(1, 1, bias=bias, bias_shift=bias_shift, activation="ReLU", output_scales=scale, output_shift=shift)
    made["params"] |= {"output_bits": form.bits, "output_signed": form.signed, "post_op_buffer_bits": post}
    found = stage.outputs(made, np.full((1, 1, 1, 1), total), buffer)

    def held(value, low, high):
        return min(max(value, low), high)

    top = 2 ** (buffer - 1)
    acc = held(held(total, -top, top - 1) + bias * 2**bias_shift, -top, top - 1)
    for limit in (None, bound * 2**bound_shift):
        rectified = max(acc, 0) if limit is None else min(max(acc, 0), limit)
        p = held(rectified * scale, -(2**post), 2**post - 1)
        q = math.floor(Fraction(p) * Fraction(2) ** shift + Fraction(1, 2))
        assert found.item() == held(q, form.low, form.high)
        made["variables"]["max_value"] = np.array([bound], np.int16)
        made["variables"]["max_value_shift"] = np.array([bound_shift], np.uint8)
        found = stage.outputs(made, np.full((1, 1, 1, 1), total), buffer)


def test_float32_steps_equal_exact_steps_below_two_to_the_24(rng):
    values = rng.integers(-(2**15), 2**15, 10_000)
    scales, shifts = rng.integers(0, 256, 10_000), rng.integers(-22, 1, 10_000)
    exact, rounded = Exact.product(values, scales), Float32.product(values, scales)
    np.testing.assert_array_equal(exact, rounded)
    np.testing.assert_array_equal(Exact.rsh(exact, shifts), Float32.rsh(rounded, shifts))


# Random models ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cases():
    return [random_case(seed) for seed in range(NETWORKS)]


def test_random_models_are_accepted(cases):
    for case in cases:
        checks.check(case.model)


def test_random_models_are_the_same_for_the_same_seed(cases):
    for seed in range(0, NETWORKS, 7):
        again = random_case(seed)
        assert repr(again) == repr(cases[seed])
        for found, expected in zip(again.results, cases[seed].results, strict=True):
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_array_equal(a, b)


def test_random_models_have_every_type_and_option(cases):
    seen = Counter()
    for case in cases:
        seen["calls", len(case.calls) > 1] += 1
        for index, described in enumerate(case.model):
            kind, params, variables = described["type"], described["params"], described["variables"]
            seen[kind] += 1
            seen.update((kind, name) for name in variables)
            names = ("padding", "pool_type", "activation", "weights_bits", "buffer_bits", "post_op_buffer_bits")
            seen.update((kind, name, params.get(name)) for name in names)
            seen.update(
                (name, "long") for name, v in variables.items() if "shift" in name and (abs(v.astype(int)) > 31).any()
            )
            seen[kind, "twice"] += len(set(described["inbounds"])) < len(described["inbounds"])
            seen.update((kind, "reads", case.model[i]["type"]) for i in described["inbounds"])
            seen["kernel", params.get("kernel_size"), params.get("kernel_stride")] += 1
            if kind in checks.WITH_STAGE and index:
                form = stage.output_format(described)
                seen["format", form.bits, form.signed] += 1
                seen[kind, "accumulators", form.bits > 16] += 1
    convolutions = ("InputConv2D", "Conv2D", "DepthwiseConv2D")
    for kind in convolutions:
        wanted = [("padding", p) for p in ("Same", "Valid", "SameUpper")]
        wanted += [("pool_type", p) for p in (None, "Max", "Average")]
        assert all(seen[(kind, *option)] for option in wanted), kind
    for kind in checks.WITH_TABLE:
        assert all(seen[kind, "activation", a] for a in ("NoActivation", "ReLU", "LUT")), kind
    for kind in checks.WITH_STAGE:
        assert seen[kind, "accumulators", False], kind
        assert seen[kind, "accumulators", True], kind
        assert any(seen[kind, "post_op_buffer_bits", bits] for bits in range(16, 24)), kind
        assert kind in ("Add", "StatefulRecurrent") or all(seen[kind, "weights_bits", bits] for bits in (2, 4, 8)), kind
    shifts = ("input_shift", "bias_shift", "max_value_shift", "a_shift", "output_shift", "activation_shift")
    assert all(seen[name, "long"] for name in shifts)
    assert seen["Add", "twice"]
    assert seen["Concatenate", "twice"]
    assert all(seen[kind, "reads", "Quantizer"] for kind in ("InputData", "InputConv2D", "Conv2D"))
    assert all(seen[kind] for kind in ("InputData", "Quantizer", "Dequantizer", "Concatenate", "PicoPostProcessing"))
    assert all(any(seen["kernel", k, s] for s in (1, 2, 3)) for k in range(1, 8))
    signed = [("format", bits, True) for bits in (*range(2, 9), 16, 32)]
    assert all(seen[form] for form in [*signed, *(("format", bits, False) for bits in range(1, 9))])
    assert seen["calls", True]
    assert seen["calls", False]


def test_most_layers_of_random_models_give_different_values(cases):
    """A layer that gives one value only compares little."""
    varied = constant = 0
    for case in cases:
        for values in case.results[0]:
            if values.size > 8:
                several = bool((values != values.ravel()[0]).any())
                varied, constant = varied + several, constant + (not several)
    assert varied > 9 * constant


def test_random_models_reach_every_saturation(cases, monkeypatch):
    reached = Counter()

    def noticed(values, n):
        held = clip(values, n)
        reached[n] += int((held != values).sum())
        return held

    monkeypatch.setattr(Exact, "clip", staticmethod(noticed))
    monkeypatch.setattr(stage, "sat", lambda values, bits: noticed(values, bits - 1))
    monkeypatch.setattr(layers, "sat", lambda values, bits: noticed(values, bits - 1))
    for case in cases:
        session = model.Session(case.model)
        for x in case.calls:
            session.run(x)
    for n in (10, 15, 27, 31, 32):
        assert reached[n], f"no value left {n} bits"


def test_intervals_hold_every_accumulator(cases):
    """M1, of layers that give their accumulators as outputs."""
    seen = 0
    for case in cases:
        shapes, formats = counts.all_shapes(case.model), model.formats(case.model)
        for index, described in enumerate(case.model):
            if described["type"] not in checks.WITH_STAGE or described["type"] == "Add" or not index:
                continue
            shown = bare(described)
            read = described["inbounds"][0]
            ends = bounds.accumulator_interval(shown, formats[read], shapes[read])
            acc = layers.evaluate(shown, [case.results[0][read]], {})
            assert (acc >= ends[0]).all(), described["name"]
            assert (acc <= ends[1]).all(), described["name"]
            seen += 1
    assert seen > NETWORKS
