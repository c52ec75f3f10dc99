"""Converted networks: the engine, the oracle and Keras's layers agree (docs/arithmetic.md, H)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import tensorflow as tf

import cnn2snn
from cnn2snn.conversion.pipeline import convert_blocks
from tests.oracle import model as oracle
from tests.oracle.engine import from_engine
from tests.oracle.keras_networks import (
    Block,
    Checked,
    NetworkGenerator,
    blocks_of,
    check_block,
    float32_reciprocal,
    keras,
)


def check_network(network, converted, inputs, alpha, beta, to_keras) -> list[Checked]:
    """Every layer of the engine against the oracle, and against its block of the Keras model."""
    engine = converted.model
    described = from_engine(engine)
    results = oracle.evaluate(described, inputs)
    taps = engine.forward_taps(inputs)
    for layer, tap, result in zip(described, taps, results, strict=True):
        assert tap.dtype == result.output.dtype
        assert np.array_equal(tap, result.output), layer.name
    assert np.array_equal(engine.forward(inputs), results[-1].output)
    if described[-1].act_bits is None:
        expected = oracle.predict(described, results[-1])
        assert np.array_equal(engine.predict(inputs), expected)

    checked = []
    read = inputs
    blocks = zip(blocks_of(network), converted.blocks, strict=True)
    for layer, tap in zip(described, taps, strict=True):
        if layer.type == "InputData":
            continue
        block, report = next(blocks)
        checked.append(check_block(block, layer, read, tap, alpha, beta, to_keras, report.mismatches, report.layer))
        if block.activation is not None:
            step = block.step
            read, alpha, beta = tap, float32_reciprocal(step), Fraction(0)
            to_keras = levels_to_keras(step)
    assert next(blocks, None) is None
    return checked


def levels_to_keras(step):
    return lambda levels: levels.astype(np.float32) * np.float32(step)


def test_random_networks_on_images():
    checked = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        generator = NetworkGenerator(seed)
        shape = (*(int(v) for v in rng.integers(3, 10, 2)), int(rng.choice([1, 3])))
        scaling, rescaling = None, None
        kind = seed % 4
        if kind == 0:
            # The last two shifts, 29 and 49, do not survive the division -offset / scale.
            scale, offset = [
                (1 / 128, -1),
                (1 / 255, 0),
                (1 / 127.5, -1 + 1 / 255),
                (1 / 100, -29 / 100),
                (1 / 49, -49 / 49),
            ][seed // 4 % 5]
            rescaling = keras.layers.Rescaling(scale, offset)
            alpha, beta = 1 / Fraction(scale), Fraction(round(-offset / scale))
        elif kind == 1:
            scaling = (100.0, int(rng.integers(0, 256)))
            alpha, beta = Fraction(100), Fraction(scaling[1])
        elif kind == 2:
            scaling = (float(rng.uniform(60, 300)), 0)
            alpha, beta = Fraction(scaling[0]), Fraction(0)
        else:  # no scaling: pre-activations are large, which the first normalization cannot undo
            alpha, beta = Fraction(1), Fraction(0)
        if rescaling is not None:
            generator.layers.append(rescaling)
        generator.grow(shape[:2], image=True)
        network = generator.model(shape)
        padded = blocks_of(network)[0].neural.padding == "same"
        if kind == 1 and not padded:  # nothing is padded: any shift will do
            scaling = (100.0, float(rng.uniform(-300, 300)))
            beta = Fraction(scaling[1])
        if kind == 3:
            first = network.layers[0]
            first.set_weights([w / 100 if w.ndim > 1 else w for w in first.get_weights()])
        converted = convert_blocks(network, input_scaling=scaling)
        engine = converted.model
        assert engine.layers[0].parameters.layer_type.name == "InputConvolutional"
        if padded:
            assert engine.layers[0].parameters.padding_value == beta
        inputs = rng.integers(0, 256, (4, *shape)).astype(np.uint8)

        def to_keras(x, alpha=alpha, beta=beta, rescaling=rescaling):
            if rescaling is not None:
                return np.asarray(rescaling(x.astype(np.float32)))
            return ((x.astype(np.float64) - float(beta)) / float(alpha)).astype(np.float32)

        checked += check_network(network, converted, inputs, alpha, beta, to_keras)
    assert_coverage(checked)


def test_random_networks_on_events():
    checked = []
    for seed in range(100, 140):
        rng = np.random.default_rng(seed)
        generator = NetworkGenerator(seed)
        shape = (*(int(v) for v in rng.integers(2, 8, 2)), int(rng.integers(1, 7)))
        scaling = None if seed % 3 == 0 else (float(rng.uniform(1, 20)), 0)
        alpha = Fraction(scaling[0]) if scaling else Fraction(1)
        if seed % 5 == 0:
            shape = (int(rng.integers(1, 30)),)
            generator.add_block("QuantizedDense", (1, 1), last=False)
            generator.add_block("QuantizedDense", (1, 1), last=True)
        else:
            generator.grow(shape[:2], image=False)
        network = generator.model(shape)
        converted = convert_blocks(network, input_scaling=scaling, input_is_image=False)
        first = converted.model.layers[0].parameters
        assert (first.layer_type.name, first.input_bits) == ("InputData", 4)
        dims = shape if len(shape) == 3 else (1, 1, *shape)
        assert tuple(first.input_shape) == dims
        inputs = rng.integers(0, 16, (4, *dims)).astype(np.uint8)

        def to_keras(x, alpha=alpha):
            return (x.astype(np.float64) / float(alpha)).astype(np.float32)

        checked += check_network(network, converted, inputs, alpha, Fraction(0), to_keras)
    assert_coverage(checked)


def assert_coverage(checked: list[Checked]) -> None:
    """The comparison has decided nearly all levels, and most boundaries are exact."""
    levels = sum(c.levels for c in checked)
    assert levels > 3000
    assert sum(c.undecided for c in checked) < 0.01 * levels
    assert sum(c.inexact for c in checked) < 0.3 * sum(c.boundaries for c in checked)


@pytest.mark.parametrize("bits", [(4, 4, 8), (2, 2, 2), (8, 4, None), (4, 1, 4)])
def test_quantize_then_convert(bits):
    """A float model through `quantize`, with normalizations folded or merged at conversion."""
    weight_bits, activation_bits, input_bits = bits
    layers = keras.layers
    for fold in (True, False):
        network = keras.Sequential(
            [
                keras.Input((11, 9, 3)),
                layers.Rescaling(1 / 255),
                layers.Conv2D(8, (3, 3), padding="same", strides=(2, 1), use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(max_value=3.0),
                layers.SeparableConv2D(9, (3, 3), padding="same"),
                layers.MaxPooling2D((2, 2), padding="same"),
                layers.BatchNormalization(),
                layers.ReLU(max_value=2.5),
                layers.Conv2D(6, (2, 3)),
                layers.BatchNormalization(),
                layers.ReLU(max_value=2.0),
                layers.Flatten(),
                layers.Dropout(0.3),
                layers.Dense(7),
                layers.BatchNormalization(),
                layers.ReLU(max_value=1.5),
                layers.Dense(5),
            ]
        )
        rng = np.random.default_rng(sum(filter(None, bits)) + fold)
        for layer in network.layers:
            filled = []
            for weight in layer.get_weights():
                noise = rng.normal(0, 0.3, weight.shape)
                is_scale = isinstance(layer, layers.BatchNormalization) or weight.ndim == 1
                filled.append(np.abs(noise) + 0.5 if is_scale else noise)
            layer.set_weights(filled)
        quantized = cnn2snn.quantize(network, weight_bits, activation_bits, input_bits, fold_BN=fold)
        converted = convert_blocks(quantized)
        inputs = rng.integers(0, 256, (5, 11, 9, 3)).astype(np.uint8)
        check_network(
            quantized,
            converted,
            inputs,
            1 / Fraction(1 / 255),
            Fraction(0),
            lambda x: x.astype(np.float32) / np.float32(255),
        )


@pytest.mark.parametrize(
    ("first_top", "second_top"),
    [
        *((top, top) for top in (0.3, 0.7, 1.1, 1.9, 2.3, 3.7, 4.9, 5.9)),
        (9.0, 3.0),  # steps 3 and 1: t = k / 6, s = k / 3
        (18.0, 6.0),
        (21.0, 3.0),
        (15.0, 9.0),
    ],
)
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_boundaries_at_integers_do_not_depend_on_rounding(first_top, second_top, bits):
    """Where t + n · s is an integer, a sum in double precision may fall below it.

    With equal steps α · k · step / 2 is k / 2, whatever the step: an integer for even k.
    """
    dense = [cnn2snn.QuantizedDense(5, cnn2snn.MaxPerAxisQuantizer(bitwidth=4), use_bias=False) for _ in range(2)]
    relus = [
        cnn2snn.QuantizedReLU(bitwidth=2, max_value=first_top),
        cnn2snn.QuantizedReLU(bitwidth=bits, max_value=second_top * (2**bits - 1) / 3),
    ]
    network = keras.Sequential([keras.Input((6,)), dense[0], relus[0], dense[1], relus[1]])
    dense[0].set_weights([np.random.default_rng(1).normal(0, 1, (6, 5))])
    kernel = np.zeros((5, 5), np.float32)
    kernel[0] = [7 / 2, 7 / 4, 7 / 8, 7 / 16, 7]  # k = 2, 4, 8, 16, 1
    dense[1].set_weights([kernel])
    converted = convert_blocks(network, input_is_image=False)
    inputs = np.random.default_rng(2).integers(0, 16, (8, 1, 1, 6)).astype(np.uint8)
    check_network(network, converted, inputs, Fraction(1), Fraction(0), lambda x: x.astype(np.float32))
    if np.float32(relus[0].step) == np.float32(relus[1].step):
        threshold = converted.model.layers[-1].get_variable("threshold")
        assert threshold.tolist() == [1, 2, 4, 8, 0]


def test_the_last_threshold_is_rounded_to_the_nearest_even():
    """A = 1, so that t = −bias."""
    quantizer = cnn2snn.MaxPerAxisQuantizer(bitwidth=4)
    network = keras.Sequential([keras.Input((3,)), cnn2snn.QuantizedDense(7, quantizer)])
    bias = np.array([0.5, 1.5, -0.5, -1.5, -2.5, 2.25, -2.75], np.float32)
    network.layers[0].set_weights([np.full((3, 7), 7.0), bias])
    engine = cnn2snn.convert(network, input_is_image=False)
    assert engine.layers[-1].get_variable("threshold").tolist() == [0, -2, 0, 2, 2, -2, 3]


def branched_network(rng):
    """A convolution, two branches with the same activation, a Concatenate and a dense layer."""
    layers = keras.layers

    def convolution(filters, name, size=(3, 3)):
        quantizer = cnn2snn.MaxPerAxisQuantizer(bitwidth=4)
        return cnn2snn.QuantizedConv2D(filters, size, quantizer, padding="same", name=name)

    def relu(name):
        return cnn2snn.QuantizedReLU(bitwidth=4, max_value=2.0, name=name)

    first = keras.Input((6, 5, 3))
    x = convolution(5, "first")(first)
    x = relu("first_relu")(x)
    left = relu("left_relu")(convolution(4, "left")(x))
    right = relu("right_relu")(convolution(3, "right", (1, 2))(x))
    joined = layers.Concatenate()([left, right])
    dense = cnn2snn.QuantizedDense(4, cnn2snn.MaxPerAxisQuantizer(bitwidth=4), name="dense")
    network = keras.Model(first, dense(layers.Flatten()(joined)))
    for layer in network.layers:
        layer.set_weights([rng.normal(0, 1 / np.sqrt(max(w[..., 0].size, 4)), w.shape) for w in layer.get_weights()])
    return network


def test_branches_that_are_joined():
    rng = np.random.default_rng(17)
    network = branched_network(rng)
    converted = convert_blocks(network, input_scaling=(100.0, 0))
    engine = converted.model
    reports = {report.layer.name: report for report in converted.blocks}
    inputs = rng.integers(0, 256, (4, 6, 5, 3)).astype(np.uint8)
    described = {layer.name: layer for layer in from_engine(engine)}
    taps = dict(zip(described, engine.forward_taps(inputs), strict=True))
    results = oracle.evaluate(list(described.values()), inputs)
    for result, tap in zip(results, taps.values(), strict=True):
        assert np.array_equal(tap, result.output)
    step = float(np.float32(network.get_layer("first_relu").step))
    joined = np.concatenate([taps["left"], taps["right"]], axis=3)
    reads = {"first": inputs, "left": taps["first"], "right": taps["first"], "dense": joined}
    for name, read in reads.items():
        relu = [] if name == "dense" else [network.get_layer(f"{name}_relu")]
        block = Block(network.get_layer(name), relu)
        alpha, to_keras = float32_reciprocal(step), levels_to_keras(step)
        if name == "first":
            alpha, to_keras = Fraction(100), lambda x: x.astype(np.float32) / np.float32(100)
        report = reports[name]
        check_block(
            block, described[name], read, taps[name], alpha, Fraction(0), to_keras, report.mismatches, report.layer
        )


def test_worked_network():
    """The worked two-layer example: first layer (1536, −154), levels (3, 0); last layer nearest."""
    convolution = cnn2snn.QuantizedConv2D(2, (2, 2), cnn2snn.MaxPerAxisQuantizer(bitwidth=4))
    dense = cnn2snn.QuantizedDense(2, cnn2snn.MaxPerAxisQuantizer(bitwidth=2))
    network = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Rescaling(1 / 128, -1),
            convolution,
            cnn2snn.QuantizedReLU(bitwidth=4, max_value=6),
            keras.layers.Flatten(),
            dense,
        ]
    )
    kernel = np.array([[0.5, -1.0], [-0.25, 0.3], [0.1, 0.2], [0.7, 0.05]], np.float32)
    convolution.set_weights([kernel.reshape(2, 2, 1, 2), np.array([0.1, -0.2])])
    dense.set_weights([np.array([[0.6, -0.2], [0.4, 0.9]]), np.array([0.05, -0.3])])
    engine = cnn2snn.convert(network)
    inputs = np.array([200, 30, 128, 255], np.uint8).reshape(1, 2, 2, 1)
    first, last = engine.layers
    weights = first.get_variable("weights")
    assert weights[..., 0].ravel().tolist() == [5, -2, 1, 7]
    assert weights[..., 1].ravel().tolist() == [-7, 2, 1, 0]
    assert np.abs(first.get_variable("threshold") - [1536, -154]).max() <= 1  # 0.1 in float32
    np.testing.assert_allclose(first.get_variable("act_step"), [512, 358.4], rtol=5e-3)
    assert engine.forward_taps(inputs)[0].ravel().tolist() == [3, 0]
    assert last.get_variable("threshold").tolist() == [0, 1]
    np.testing.assert_allclose(last.get_variable("act_step"), [25 / 6, 25 / 9], rtol=1e-6)
    keras_output = np.asarray(network(tf.constant(inputs, tf.float32))).ravel()
    half = 0.5 / last.get_variable("act_step")
    assert np.all(np.abs(engine.predict(inputs).ravel() - keras_output) <= half + 1e-5)
