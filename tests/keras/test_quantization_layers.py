"""Quantized layers compute what Keras computes with quantized weights, and travel through files."""

import subprocess
import sys

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras, tf
from cnn2snn.quantization_layers import (
    ActivationDiscreteRelu,
    QuantizedActivation,
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
    QuantizedReLU,
    QuantizedSeparableConv2D,
)
from cnn2snn.quantization_ops import MaxPerAxisQuantizer, MaxQuantizer

CASES = [
    (
        lambda q: QuantizedConv2D(5, (3, 2), q, strides=(2, 1), padding="same"),
        lambda: keras.layers.Conv2D(5, (3, 2), strides=(2, 1), padding="same"),
        (7, 6, 3),
    ),
    (
        lambda q: QuantizedSeparableConv2D(5, (3, 2), q, strides=2, padding="valid"),
        lambda: keras.layers.SeparableConv2D(5, (3, 2), strides=2, padding="valid"),
        (7, 6, 3),
    ),
    (
        lambda q: QuantizedDepthwiseConv2D((3, 2), q, strides=2, padding="same"),
        lambda: keras.layers.DepthwiseConv2D((3, 2), strides=2, padding="same"),
        (7, 6, 5),
    ),
    (lambda q: QuantizedDense(5, q), lambda: keras.layers.Dense(5), (7,)),
    (
        lambda q: QuantizedDense(5, q, use_bias=False),
        lambda: keras.layers.Dense(5, use_bias=False),
        (2, 7),
    ),
]


@pytest.mark.parametrize(("quantized", "plain", "shape"), CASES)
def test_a_layer_equals_its_keras_parent_with_quantized_weights(quantized, plain, shape):
    layer, parent = quantized(MaxPerAxisQuantizer(4)), plain()
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    layer(x), parent(x)
    weights = layer.get_weights()
    if layer.use_bias:
        weights[-1] = np.linspace(-1, 1, 5, dtype=np.float32)
        layer.set_weights(weights)
    kernels = [w for w in weights if w.ndim > 1]
    quantizers = [layer.quantizer_dw, layer.quantizer] if len(kernels) == 2 else [layer.quantizer]
    grid = [np.asarray(q.quantize(w)) for q, w in zip(quantizers, kernels, strict=True)]
    parent.set_weights([*grid, *weights[len(kernels) :]])
    np.testing.assert_allclose(np.asarray(layer(x)), np.asarray(parent(x)), rtol=1e-5, atol=1e-6)
    assert not np.array_equal(kernels[0], grid[0])


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("quantized", "plain", "shape"), CASES)
def test_layers_round_trip_through_files_without_custom_objects(quantized, plain, shape, suffix, tmp_path):
    model = keras.Sequential(
        [
            keras.Input(shape),
            quantized(MaxQuantizer(3)),
            QuantizedReLU(2, 4.5),
            ActivationDiscreteRelu(4),
        ]
    )
    path = tmp_path / f"model{suffix}"
    model.save(path)
    again = keras.models.load_model(path)
    x = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))
    assert again.layers[0].quantizer.bitwidth == 3
    assert again.layers[1].max_value == 4.5
    loaded = cnn2snn.load_quantized_model(path, compile_model=False)
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("activation", "relu"),
        ("dilation_rate", 2),
        ("groups", 2),
        ("data_format", "channels_first"),
    ],
)
def test_arguments_that_cannot_be_quantized_are_refused(argument, value):
    with pytest.raises(TypeError, match=rf"{argument} is always .* received"):
        QuantizedConv2D(4, 3, MaxQuantizer(4), **{argument: value})


def test_a_quantizer_is_required():
    with pytest.raises(TypeError):
        QuantizedDense(3)


def test_the_depthwise_quantizer_is_a_new_one_like_the_pointwise():
    layer = QuantizedSeparableConv2D(4, 3, MaxPerAxisQuantizer(2))
    assert type(layer.quantizer_dw) is MaxPerAxisQuantizer
    assert layer.quantizer_dw is not layer.quantizer
    assert layer.quantizer_dw.bitwidth == 2


@pytest.mark.parametrize(
    ("layer", "step", "levels"),
    [
        (QuantizedReLU(1), 1.0, 1),
        (QuantizedReLU(2), 1.0, 3),
        (QuantizedReLU(4, max_value=6), 0.4, 15),
        (ActivationDiscreteRelu(1), 1.0, 1),
        (ActivationDiscreteRelu(2), 1.0, 3),
        (ActivationDiscreteRelu(4), 0.4, 15),
    ],
)
def test_activations_round_to_the_nearest_multiple_halves_downwards(layer, step, levels):
    assert float(layer.step) == np.float32(step)
    multiples = np.arange(-3, levels + 4)
    for offset, expected in ((0.0, 0), (0.45, 0), (0.55, 1), (-0.45, 0)):
        x = ((multiples + offset) * step).astype(np.float32)
        y = np.asarray(layer(x)) / step
        np.testing.assert_allclose(y, np.clip(multiples + expected, 0, levels), atol=1e-5)


def test_a_boundary_belongs_to_the_lower_level():
    layer = QuantizedReLU(2, max_value=6)
    x = np.array([1.0, 1.0001, 3.0, 3.0001, 5.0, 5.0001, 100.0], np.float32)
    assert np.asarray(layer(x)).tolist() == [0, 2, 2, 4, 4, 6, 6]


def test_the_gradient_of_an_activation_is_one_inside_and_zero_outside():
    layer = QuantizedReLU(2)
    x = tf.constant([-1.0, -0.1, 0.1, 1.7, 2.9, 3.1, 9.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    assert tape.gradient(y, x).numpy().tolist() == [0, 0, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("max_value", [None, 0.37, 6.0, 1234.5])
def test_outputs_are_exact_multiples_of_the_step(bits, max_value):
    layer = QuantizedReLU(bits, max_value)
    x = np.random.default_rng(bits).normal(0, layer.max_value, 4000).astype(np.float32)
    multiples = np.arange(2**bits, dtype=np.float32) * np.float32(layer.step)
    assert np.isin(np.asarray(layer(x)), multiples).all()


def test_a_trained_largest_output_follows_the_inputs_above_it_and_stays_positive():
    layer = QuantizedReLU(2, 3.0, train_max_value=True)
    x = tf.constant([[-1.0, 0.4, 2.9, 3.1, 9.0]])
    with tf.GradientTape() as tape:
        y = layer(x)
    assert np.asarray(y).tolist() == [[0, 0, 3, 3, 3]]
    (variable,) = layer.trainable_variables
    assert float(tape.gradient(y, variable)) == 2
    model = keras.Sequential([keras.Input((5,)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.fit(x, np.full((1, 5), -9.0), epochs=3, verbose=0)
    assert layer.max_value == np.float32(0.01)
    assert float(layer.step) == np.float32(0.01) / np.float32(3)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_trained_largest_output_travels_through_files_and_changes_of_width(suffix, tmp_path):
    model = keras.Sequential(
        [keras.Input((4,)), QuantizedDense(3, MaxQuantizer(4)), QuantizedReLU(4, 6, train_max_value=True)]
    )
    model.layers[-1].set_weights([np.float32(2.5)])
    path = tmp_path / f"model{suffix}"
    model.save(path)
    for again in (keras.models.load_model(path), cnn2snn.quantize(model, 4, 2)):
        assert again.layers[-1].max_value == 2.5
        assert len(again.layers[-1].trainable_weights) == 1
    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(keras.models.load_model(path)(x)), np.asarray(model(x)))


def test_files_load_in_a_process_that_has_only_imported_the_package(tmp_path):
    model = keras.Sequential([keras.Input((4,)), QuantizedDense(3, MaxQuantizer(4)), QuantizedReLU(4, 6)])
    paths = [str(tmp_path / f"model{suffix}") for suffix in (".keras", ".h5")]
    for path in paths:
        model.save(path)
    program = f"import tensorflow as tf, cnn2snn; print(*(len(tf.keras.models.load_model(p).layers) for p in {paths}))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.stdout == "2 2\n", result.stderr


def test_activations_of_ones_own_override_the_step():
    class Third(QuantizedActivation):
        @property
        def step(self):
            return tf.constant(1 / 3)

    assert np.asarray(Third(2)(np.array([0.2, 0.34, 5.0], np.float32))).tolist() == pytest.approx([1 / 3, 1 / 3, 1.0])
    with pytest.raises(NotImplementedError, match="must define the property step"):
        QuantizedActivation(2)(np.zeros((1, 2), np.float32))


@pytest.mark.parametrize("bits", [0, -1, 2.5, None])
def test_activations_need_at_least_one_bit(bits):
    with pytest.raises(ValueError, match="bitwidth must be an integer of at least 1"):
        QuantizedReLU(bits)


@pytest.mark.parametrize("max_value", [0, -1.0, float("nan"), float("inf")])
def test_the_largest_output_must_be_positive(max_value):
    with pytest.raises(ValueError, match="max_value must be a finite number greater than zero"):
        QuantizedReLU(4, max_value=max_value)


def test_quantized_layers_train():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            QuantizedConv2D(4, 3, MaxPerAxisQuantizer(4)),
            QuantizedReLU(4, 6),
            QuantizedSeparableConv2D(4, 3, MaxPerAxisQuantizer(4)),
            QuantizedReLU(4, 6),
            keras.layers.Flatten(),
            QuantizedDense(2, MaxPerAxisQuantizer(4)),
        ]
    )
    rng = np.random.default_rng(0)
    x = rng.normal(1, 1, (64, 6, 6, 1)).astype(np.float32)
    y = (x.mean(axis=(1, 2, 3)) > 1).astype(np.int32)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.02), loss)
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0) < 0.7 * before
