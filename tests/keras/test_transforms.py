"""Transforms keep the function, remove their pattern, keep names and leave their argument alone."""

import numpy as np
import pytest

from cnn2snn._keras import keras
from cnn2snn.quantization_layers import QuantizedConv2D, QuantizedDense
from cnn2snn.quantization_ops import MaxPerAxisQuantizer, MaxQuantizer
from cnn2snn.transforms import fold_batchnorm, invert_batchnorm_pooling

L = keras.layers


def kinds(model):
    return [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"]


def random_statistics(model, negative=False):
    rng = np.random.default_rng(2)
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            values = [rng.uniform(0.4, 2.0, w.shape) for w in layer.get_weights()]
            if negative and layer.scale:
                values[0] *= rng.choice([-1, 1], values[0].shape)
            layer.set_weights(values)
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(rng.uniform(-1, 1, layer.bias.shape))


def both_kinds(layers, shape):
    """The same layers as a Sequential and as a functional model."""
    sequential = keras.Sequential([keras.Input(shape, name="in"), *layers()], name="chain")
    x = keras.Input(shape, name="in")
    y = x
    for layer in layers():
        y = layer(y)
    return sequential, keras.Model(x, y, name="graph")


@pytest.mark.parametrize("norm", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}])
@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda **k: L.Conv2D(4, 3, name="neural", **k), (6, 6, 2)),
        (lambda **k: L.SeparableConv2D(4, 3, name="neural", **k), (6, 6, 2)),
        (lambda **k: L.Dense(4, name="neural", **k), (5,)),
    ],
)
def test_folding_keeps_the_function(make, shape, use_bias, norm):
    x = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    for model in both_kinds(
        lambda: [
            make(use_bias=use_bias),
            L.BatchNormalization(name="bn", **norm),
            L.ReLU(name="r"),
        ],
        shape,
    ):
        random_statistics(model, negative=True)
        before = [w.copy() for w in model.get_weights()]
        folded = fold_batchnorm(model)
        assert "BatchNormalization" not in kinds(folded)
        assert type(folded) is type(model)
        assert folded.name == model.name
        assert folded.get_layer("neural").use_bias
        np.testing.assert_allclose(np.asarray(folded(x)), np.asarray(model(x)), rtol=1e-4, atol=1e-5)
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_folding_into_a_quantized_layer_keeps_its_integers():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            QuantizedConv2D(4, 3, MaxPerAxisQuantizer(4), name="conv"),
            L.BatchNormalization(name="bn"),
        ]
    )
    random_statistics(model, negative=True)

    def integers(m):
        layer = m.get_layer("conv")
        return np.rint(layer.quantizer.quantize(layer.kernel) * layer.quantizer.scale_factor(layer.kernel))

    folded = fold_batchnorm(model)
    signs = np.sign(model.get_layer("bn").gamma.numpy())
    np.testing.assert_array_equal(integers(folded), integers(model) * signs)
    x = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(folded(x)), np.asarray(model(x)), rtol=1e-4, atol=1e-5)


def test_one_scale_for_all_filters_cannot_be_folded_into():
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            QuantizedConv2D(4, 3, MaxQuantizer(4), name="conv"),
            L.BatchNormalization(),
        ]
    )
    assert kinds(fold_batchnorm(model)) == ["QuantizedConv2D"]
    random_statistics(model)
    with pytest.raises(RuntimeError, match=r'layer "conv".*would change its quantized weights.*fold_BN=False'):
        fold_batchnorm(model)


def test_normalization_on_another_axis_is_refused():
    model = keras.Sequential([keras.Input((6, 6, 2)), L.Conv2D(4, 3), L.BatchNormalization(axis=1, name="bn")])
    with pytest.raises(RuntimeError, match=r'layer "bn".*last axis'):
        fold_batchnorm(model)


def test_a_scale_that_does_not_follow_is_seen_though_integers_stay():
    """Two filters of two bits stay at 1, but one scale cannot follow two factors."""
    model = keras.Sequential(
        [keras.Input((3,)), QuantizedDense(2, MaxQuantizer(2), name="dense"), L.BatchNormalization()]
    )
    model.layers[0].set_weights([np.ones((3, 2)), np.zeros(2)])
    model.layers[1].set_weights([np.array([1, 0.9]), np.zeros(2), np.zeros(2), np.ones(2)])
    with pytest.raises(RuntimeError, match="would change its quantized weights"):
        fold_batchnorm(model)


def test_several_normalizations_in_a_row_are_folded():
    model = keras.Sequential([keras.Input((6, 6, 2)), L.Conv2D(4, 3), L.BatchNormalization(), L.BatchNormalization()])
    random_statistics(model)
    folded = fold_batchnorm(model)
    assert kinds(folded) == ["Conv2D"]
    x = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(folded(x)), np.asarray(model(x)), rtol=1e-4, atol=1e-5)


def test_what_is_not_a_model_is_refused():
    with pytest.raises(TypeError, match="a Keras model is needed, received str; load a file"):
        fold_batchnorm("model.h5")


def test_models_with_a_dictionary_of_outputs_are_read():
    x = keras.Input((6, 6, 2))
    model = keras.Model(x, {"y": L.BatchNormalization()(L.Conv2D(2, 3)(x))})
    assert kinds(fold_batchnorm(model)) == ["Conv2D"]


def test_normalization_elsewhere_stays():
    model = keras.Sequential([keras.Input((6, 6, 2)), L.ReLU(), L.BatchNormalization(), L.Conv2D(4, 3)])
    assert kinds(fold_batchnorm(model)) == ["ReLU", "BatchNormalization", "Conv2D"]


@pytest.mark.parametrize("layer", [L.Conv2D(4, 3, activation="relu"), L.Dense(4, activation="tanh")])
def test_a_normalization_behind_a_fused_activation_stays(layer):
    model = keras.Sequential([keras.Input((6, 6, 2)), layer, L.BatchNormalization(), L.Conv2D(4, 3)])
    assert kinds(fold_batchnorm(model)) == [type(layer).__name__, "BatchNormalization", "Conv2D"]


@pytest.mark.parametrize("pool", [lambda: L.MaxPooling2D(2, name="p"), lambda: L.GlobalAveragePooling2D(name="p")])
def test_inversion_keeps_the_function(pool):
    x = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype(np.float32)
    for model in both_kinds(
        lambda: [L.Conv2D(4, 3, name="c"), pool(), L.BatchNormalization(name="bn"), L.ReLU()],
        (6, 6, 2),
    ):
        random_statistics(model, negative="Average" in type(model.get_layer("p")).__name__)
        inverted = invert_batchnorm_pooling(model)
        assert kinds(inverted)[1] == "BatchNormalization"
        assert [layer.name for layer in inverted.layers][-3:-1] == ["bn", "p"]
        np.testing.assert_allclose(np.asarray(inverted(x)), np.asarray(model(x)), rtol=1e-4, atol=1e-5)


def test_a_maximum_does_not_become_a_minimum():
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), L.Conv2D(4, 3), L.MaxPooling2D(2), L.BatchNormalization(name="bn")]
    )
    model.get_layer("bn").gamma.assign([1.0, -0.5, 2.0, 0.0])
    with pytest.raises(RuntimeError, match=r'layer "bn": gamma .* received -0.49975 for channel 1'):
        invert_batchnorm_pooling(model)


def test_models_that_cannot_be_read_are_refused():
    conv = L.Conv2D(2, 3, padding="same", name="twice")
    x = keras.Input((6, 6, 2))
    with pytest.raises(RuntimeError, match=r'layer "twice" is used 2 times'):
        fold_batchnorm(keras.Model(x, conv(conv(x))))
    nested = keras.Sequential([keras.Input((6, 6, 2)), L.Conv2D(2, 3, name="same")], name="inner")
    with pytest.raises(RuntimeError, match=r'layer "same": two layers .* have this name'):
        fold_batchnorm(keras.Sequential([keras.Input((6, 6, 2)), nested, L.Conv2D(2, 3, name="same")]))
    with pytest.raises(RuntimeError, match="one input and one output"):
        fold_batchnorm(keras.Model(x, [L.ReLU()(x), L.Flatten()(x)]))
    with pytest.raises(RuntimeError, match="has no graph of layers"):
        fold_batchnorm(keras.Sequential([L.Conv2D(2, 3)]))
