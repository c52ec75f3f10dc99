"""Transforms that scale channels of weights, by numbers worked by hand."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.transforms import (
    cross_layer_scaling,
    fold_rescaling,
    normalize_separable_layer,
    weights_homogeneity,
)
from tests.keras.models import outputs, randomize

L = keras.layers


def dense_pair(between=(), use_bias=True):
    model = keras.Sequential(
        [
            keras.Input((2,)),
            L.Dense(3, use_bias=use_bias, name="one"),
            *between,
            L.Dense(2, use_bias=False, name="two"),
        ]
    )
    model.get_layer("one").kernel.assign([[8.0, 1.0, 0.0], [-2.0, 0.5, 0.0]])
    if use_bias:
        model.get_layer("one").bias.assign([4.0, 2.0, 1.0])
    model.get_layer("two").kernel.assign([[2.0, -1.0], [4.0, 0.0], [3.0, 3.0]])
    return model


@pytest.mark.parametrize("between", [(), (L.ReLU(),), (L.Dropout(0.5), L.ReLU(), L.Flatten())])
def test_ranges_of_source_and_destination_become_equal(between):
    scaled = cross_layer_scaling(dense_pair(between))
    # r = sqrt(8 / 2), sqrt(1 / 4), and 1 for the filter of zeros.
    np.testing.assert_allclose(scaled.get_layer("one").kernel, [[4.0, 2.0, 0.0], [-1.0, 1.0, 0.0]])
    np.testing.assert_allclose(scaled.get_layer("one").bias, [2.0, 4.0, 1.0])
    np.testing.assert_allclose(scaled.get_layer("two").kernel, [[4.0, -2.0], [2.0, 0.0], [3.0, 3.0]])


def test_a_missing_bias_stays_missing():
    scaled = cross_layer_scaling(dense_pair(use_bias=False))
    assert scaled.get_layer("one").bias is None
    np.testing.assert_allclose(scaled.get_layer("one").kernel[0], [4.0, 2.0, 0.0])


@pytest.mark.parametrize("between", [(L.ReLU(6.0),), (L.BatchNormalization(),), (L.ReLU(threshold=0.5),)])
def test_bounds_and_offsets_stop_the_scaling(between):
    scaled = cross_layer_scaling(dense_pair(between))
    np.testing.assert_array_equal(scaled.get_layer("one").kernel[0], [8.0, 1.0, 0.0])


def test_channels_behind_flatten_are_scaled_at_every_position():
    model = keras.Sequential(
        [keras.Input((3, 3, 2)), L.Conv2D(4, 2, name="conv"), L.ReLU(), L.Flatten(), L.Dense(3, name="dense")]
    )
    randomize(model)
    scaled = cross_layer_scaling(model)
    kernel = np.abs(np.asarray(scaled.get_layer("dense").kernel)).reshape(4, 4, 3)
    given = np.abs(np.asarray(scaled.get_layer("conv").kernel)).max(axis=(0, 1, 2))
    np.testing.assert_allclose(kernel.max(axis=(0, 2)), given, rtol=1e-5)


def test_a_fused_activation_stops_the_scaling_unless_it_is_a_relu():
    for activation, scales in (("relu", True), ("tanh", False)):
        model = keras.Sequential([keras.Input((2,)), L.Dense(3, activation=activation, name="one"), L.Dense(2)])
        same = np.array_equal(cross_layer_scaling(model).get_layer("one").kernel, model.get_layer("one").kernel)
        assert same is not scales


def test_homogeneity_is_the_mean_share_of_the_largest_range():
    rates = weights_homogeneity(dense_pair())
    assert rates == {"one": pytest.approx((8 + 1 + 0) / 3 / 8), "two": pytest.approx((4 / 4 + 3 / 4) / 2)}
    zeros = dense_pair()
    zeros.get_layer("one").kernel.assign(np.zeros((2, 3)))
    assert weights_homogeneity(zeros)["one"] == 1.0


@pytest.mark.parametrize("multiplier", [1, 2])
def test_a_separable_layer_is_normalized_in_place(multiplier):
    model = keras.Sequential([keras.Input((5, 5, 3)), L.SeparableConv2D(4, 3, depth_multiplier=multiplier)])
    layer = model.layers[0]
    depthwise = np.asarray(layer.depthwise_kernel).copy()
    depthwise[:, :, 1] = 0
    layer.depthwise_kernel.assign(depthwise)
    images = np.random.default_rng(1).normal(size=(2, 5, 5, 3))
    expected = outputs(model, images)
    assert normalize_separable_layer(layer) is None
    ranges = np.abs(np.asarray(layer.depthwise_kernel)).max(axis=(0, 1))
    np.testing.assert_allclose(ranges, [[1] * multiplier, [0] * multiplier, [1] * multiplier], rtol=1e-6)
    np.testing.assert_allclose(outputs(model, images), expected, rtol=1e-4, atol=1e-5)


def test_other_layers_are_not_normalized():
    with pytest.raises(ValueError, match="a built SeparableConv2D is needed, received Conv2D"):
        normalize_separable_layer(L.Conv2D(2, 3, name="conv"))
    with pytest.raises(ValueError, match="received a layer that is not built"):
        normalize_separable_layer(L.SeparableConv2D(2, 3))


def rescaled(scale, offset, padding="valid"):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            L.Rescaling(scale, offset, name="rescaling"),
            L.Conv2D(4, 3, padding=padding, use_bias=False, name="conv"),
        ]
    )
    images = np.random.default_rng(1).integers(0, 256, (2, 6, 6, 3)).astype(np.float32)
    return model, images


@pytest.mark.parametrize(
    ("scale", "offset", "padding"),
    [
        ([1 / 58.4, 1 / 57.1, 1 / 57.4], [-123.7 / 58.4, -116.3 / 57.1, -103.5 / 57.4], "valid"),
        ([1 / 127, 1 / 64, 1 / 32], [-1.0, -127 / 64, -127 / 32], "same"),
        (1 / 128, [0.0, 1.0, 0.0], "valid"),
        ([0.5, 0.25, 1.0], 0.0, "same"),
        ([1.0, -0.5, 1.0], 0.0, "same"),
        ([-1.0, -2.0, -1.0], [255.0, 510.0, 255.0], "valid"),
    ],
)
def test_a_scale_per_channel_moves_into_the_weights(scale, offset, padding):
    model, images = rescaled(scale, offset, padding)
    folded = fold_rescaling(model)
    layer = folded.get_layer("rescaling")
    assert np.size(layer.scale) == np.size(layer.offset) == 1
    np.testing.assert_allclose(outputs(folded, images), outputs(model, images), rtol=1e-4, atol=1e-4)
    cnn2snn.convert(cnn2snn.quantize(model, 4, 4))
    assert cnn2snn.check_model_compatibility(model)


@pytest.mark.parametrize(
    ("scale", "offset", "padding"),
    [(1 / 128, [0.0, 1.0, 0.0], "same"), ([1.0, 0.0, 1.0], 0.0, "valid")],
)
def test_scales_per_channel_that_cannot_be_folded_stay_and_are_not_converted(scale, offset, padding):
    model, images = rescaled(scale, offset, padding)
    np.testing.assert_array_equal(outputs(fold_rescaling(model), images), outputs(model, images))
    with pytest.raises(RuntimeError, match=r'layer "rescaling".*must be one number each'):
        cnn2snn.convert(cnn2snn.quantize(model, 4, 4))
    assert not cnn2snn.check_model_compatibility(model)
