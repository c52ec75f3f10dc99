"""snap_to_chip: what is converted afterwards is exact, and little has moved."""

import warnings

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.conversion.pipeline import convert_blocks
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.quantization_layers import (
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
    QuantizedReLU,
    QuantizedSeparableConv2D,
)
from cnn2snn.quantization_ops import LinearWeightQuantizer, MaxPerAxisQuantizer, MaxQuantizer, StdPerAxisQuantizer
from cnn2snn.transforms import SnapToChip, snap_to_chip
from tests.engine.test_convert_agreement import branched_network
from tests.keras.models import outputs, randomize
from tests.oracle.float64_twin import float64_twin
from tests.oracle.keras_networks import NetworkGenerator

L = keras.layers


def random_network(seed):
    """A network, its input scaling, whether it reads images."""
    rng = np.random.default_rng(seed)
    generator = NetworkGenerator(seed)
    image = bool(seed % 2)
    if image:
        shape = (*(int(v) for v in rng.integers(3, 10, 2)), int(rng.choice([1, 3])))
        scaling = [(255.0, 0), (128.0, 128)][seed // 2 % 2]
    else:
        shape = (*(int(v) for v in rng.integers(2, 8, 2)), int(rng.integers(1, 7)))
        scaling = (float(rng.uniform(1, 20)), 0)
    generator.grow(shape[:2], image=image)
    return generator.model(shape), scaling, image


def random_inputs(model, image, count, seed=0):
    shape = tuple(model.inputs[0].shape[1:])
    shape = shape if len(shape) == 3 else (1, 1, *shape)
    return np.random.default_rng(seed).integers(0, 256 if image else 16, (count, *shape)).astype(np.uint8)


def differing(model, converted, inputs, scaling):
    """(activations that differ from the float64 evaluation of the quantized network, activations compared)."""
    scale, shift = scaling or (1.0, 0.0)
    twin = float64_twin(model)
    found = twin((inputs.astype(np.float64) - shift).reshape(-1, *model.inputs[0].shape[1:]) / scale, training=False)
    taps = dict(
        zip((layer.name for layer in converted.model.layers), converted.model.forward_taps(inputs), strict=True)
    )
    wrong = total = 0
    for b in converted.blocks:
        if b.block.activation is None:
            continue
        levels = np.asarray(found[b.block.output]) / b.step
        ours = taps[b.layer.name]
        wrong += int(np.count_nonzero(np.rint(levels).reshape(ours.shape) != ours))
        total += ours.size
    return wrong, total


def integer_weights(blocks):
    pairs = [(b.ideal.weights, b.ideal.depthwise) for b in blocks if b.ideal is not None]
    return [weights for pair in pairs for weights in pair if weights is not None]


def assert_exact(model, scaling=None, image=True):
    """Snaps and returns the result, after checking what the transform promises."""
    before = convert_blocks(model, scaling, image)
    snapped, report = snap_to_chip(model, scaling, image, return_report=True)
    after = convert_blocks(snapped, scaling, image)
    assert report.exact
    assert not any(b.mismatches.any() for b in after.blocks)
    assert cnn2snn.conversion_report(snapped, scaling, image).equal
    for old, new in zip(integer_weights(before.blocks), integer_weights(after.blocks), strict=True):
        np.testing.assert_array_equal(old, new)
    for old, new in zip(before.blocks, after.blocks, strict=True):
        if old.ideal is not None and old.step is not None:
            np.testing.assert_allclose(new.ideal.s, old.ideal.s, rtol=0.005)
            assert np.abs(new.ideal.t - old.ideal.t).max() < 1
    again = snap_to_chip(snapped, scaling, image)
    for one, two in zip(snapped.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    return snapped, after, report


def test_conversion_of_random_networks_is_exact_afterwards():
    total = 0
    for seed in range(24):
        model, scaling, image = random_network(seed)
        snapped, converted, _ = assert_exact(model, scaling, image)
        wrong, count = differing(snapped, converted, random_inputs(model, image, 40, seed), scaling)
        assert wrong == 0, seed
        total += count
    assert total > 50_000


def test_branches_that_are_joined_are_exact():
    model = branched_network(np.random.default_rng(17))
    snapped, converted, _ = assert_exact(model, (100.0, 0))
    wrong, total = differing(snapped, converted, random_inputs(model, True, 32), (100.0, 0))
    assert (wrong, total > 5000) == (0, True)


def chain(*layers, shape=(6, 6, 3)):
    model = keras.Sequential([keras.Input(shape), *layers])
    rng = np.random.default_rng(4)
    for layer in model.layers:
        layer.set_weights(
            [rng.normal(0, 0.4, w.shape) for w in layer.get_weights() if w.ndim > 1]
            + [rng.normal(0, 0.3, w.shape) for w in layer.get_weights() if w.ndim == 1]
        )
    return model


def test_normalizations_are_folded_and_missing_biases_added(float_model):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8, fold_BN=False)
    randomize(quantized)
    snapped, _, _ = assert_exact(quantized)
    assert not any(isinstance(layer, L.BatchNormalization) for layer in snapped.layers)
    assert snapped.get_layer("conv").use_bias
    assert not quantized.get_layer("conv").use_bias
    assert type(snapped) is type(quantized)
    assert snapped.name == quantized.name


def test_a_normalization_that_cannot_be_folded_is_moved_itself(images):
    model = chain(
        QuantizedConv2D(5, 3, MaxQuantizer(4), use_bias=False),
        L.BatchNormalization(center=False, scale=False),
        QuantizedReLU(4, 3.0),
        shape=(6, 6, 1),
    )
    randomize(model)
    kernel = np.asarray(model.layers[0].kernel)
    snapped, _, report = assert_exact(model, (255.0, 0))
    np.testing.assert_array_equal(snapped.layers[0].kernel, kernel)
    assert np.all(report.layers[0].grid >= 0)
    assert [type(layer) for layer in snapped.layers] == [type(layer) for layer in model.layers]


def test_steps_lie_on_the_reported_grid():
    model = chain(QuantizedConv2D(8, 3, MaxPerAxisQuantizer(2)), QuantizedReLU(2, 1.0))
    _, converted, report = assert_exact(model, (20.0, 0))
    (layer,) = report.layers
    assert np.all(layer.grid >= 0)
    interval = converted.blocks[0].ideal.s / 4
    multiples = interval * 2.0**layer.grid
    np.testing.assert_allclose(multiples, np.rint(multiples), rtol=1e-6)
    assert np.all(layer.storable[layer.grid <= 4])
    sixteenths = converted.model.layers[0].get_variable("act_step") * 16
    np.testing.assert_array_equal(sixteenths % 1 == 0, layer.storable)


def test_one_bit_activations_need_the_bias_alone():
    model = chain(QuantizedConv2D(8, 3, MaxPerAxisQuantizer(4)), QuantizedReLU(1))
    snapped, _, report = assert_exact(model, (255.0, 0))
    np.testing.assert_array_equal(snapped.layers[0].kernel, model.layers[0].kernel)
    assert report.layers[0].margin > 0.49
    assert report.layers[0].storable.all()


def test_biases_of_a_last_layer_are_on_whole_potentials():
    model = chain(QuantizedDense(6, StdPerAxisQuantizer(bitwidth=4)), shape=(9,))
    snapped, converted, _ = assert_exact(model, (3.0, 0), image=False)
    t = converted.blocks[0].ideal.t
    np.testing.assert_allclose(t, np.rint(t), atol=1e-5)
    np.testing.assert_array_equal(snapped.layers[0].kernel, model.layers[0].kernel)
    inputs = random_inputs(model, False, 8)
    found = np.asarray(snapped((inputs / 3.0).reshape(8, 9).astype(np.float32)))
    np.testing.assert_allclose(converted.model.predict(inputs).reshape(8, 6), found, atol=1e-5)


def test_one_scale_for_all_filters_is_moved_by_one_factor():
    model = chain(QuantizedConv2D(5, 3, MaxQuantizer(4)), QuantizedReLU(4, 1.0))
    snapped, _, report = assert_exact(model, (7.0, 0))
    ratio = np.asarray(snapped.layers[0].kernel) / np.asarray(model.layers[0].kernel)
    np.testing.assert_allclose(ratio, ratio.ravel()[0], rtol=1e-5)
    assert abs(ratio.ravel()[0] - 1) > 1e-5
    assert len(set(report.layers[0].grid.tolist())) == 1


class FixedQuantizer(LinearWeightQuantizer):
    """A scale that does not follow the weights."""

    def scale_factor(self, w):
        return np.float32(9.7)


@pytest.mark.parametrize("bits", [2, 4])
def test_where_the_scale_does_not_follow_only_the_bias_moves(bits):
    model = chain(QuantizedConv2D(5, 3, FixedQuantizer(4)), QuantizedReLU(bits, 1.0))
    snapped, _, report = assert_exact(model, (11.0, 0))
    np.testing.assert_array_equal(snapped.layers[0].kernel, model.layers[0].kernel)
    assert report.layers[0].step_change == 0
    assert report.layers[0].margin > 0.01


def test_dead_filters_and_scales_at_their_limit_stay():
    quantizer = MaxPerAxisQuantizer(4, max_scale_factor=1000)
    model = chain(QuantizedSeparableConv2D(4, 3, quantizer, padding="same"), QuantizedReLU(4), shape=(5, 5, 2))
    depthwise, pointwise, bias = model.layers[0].get_weights()
    pointwise[..., 1] = 0
    pointwise[..., 2] *= 1e-3
    model.layers[0].set_weights([depthwise, pointwise, bias])
    snapped, _, _ = assert_exact(model, (1.0, 0), image=False)
    np.testing.assert_array_equal(snapped.layers[0].pointwise_kernel[..., 1:3], pointwise[..., 1:3])


def test_ties_stay_on_their_side():
    """Half a step is rounded to even; a factor on the filter must not carry it over."""
    model = chain(QuantizedDense(40, MaxPerAxisQuantizer(4)), QuantizedReLU(4, 3.1), shape=(6,))
    kernel = np.tile(np.array([7, 0.5, 1.5, -2.5, 3.5, 5.5], np.float32)[:, np.newaxis], (1, 40))
    kernel *= np.random.default_rng(1).uniform(0.01, 1, 40).astype(np.float32)
    model.layers[0].set_weights([kernel, model.layers[0].get_weights()[1]])
    assert_exact(model, (1.7, 0), image=False)


def test_channels_that_float32_cannot_place_are_reported():
    """Steps of six million potentials, of which float32 has every second half: a small filter never gets there."""
    model = chain(QuantizedDense(2, MaxPerAxisQuantizer(8)), QuantizedReLU(4, 15 * 6000.3), shape=(60_000,))
    kernel = np.full((60_000, 2), 0.1)
    kernel[1:, 1] = 0
    model.layers[0].set_weights([kernel, np.zeros(2)])
    with pytest.warns(UserWarning, match=r'channels that stay inexact: "\w+": 1 of 2'):
        _, report = snap_to_chip(model, (1.0, 0), input_is_image=False, return_report=True)
    assert report.layers[0].inexact == (0,)
    assert not report.exact


def test_a_depthwise_convolution_is_joined_with_the_pointwise_one():
    model = chain(
        QuantizedConv2D(4, 3, MaxPerAxisQuantizer(8), padding="same"),
        QuantizedReLU(4, 2.0),
        QuantizedDepthwiseConv2D(3, MaxQuantizer(4), padding="same", use_bias=False),
        QuantizedConv2D(5, 1, MaxPerAxisQuantizer(4)),
        QuantizedReLU(4, 2.0),
    )
    snapped, _, _ = assert_exact(model, (255.0, 0))
    kinds = [type(layer).__name__ for layer in snapped.layers]
    assert kinds == ["QuantizedConv2D", "QuantizedReLU", "QuantizedSeparableConv2D", "QuantizedReLU"]
    callback = SnapToChip((255, 0))
    callback.set_model(model)
    with pytest.raises(UnsupportedModelError, match="train the model that snap_to_chip returns"):
        callback.on_train_begin()


def test_accuracy_changes_little(float_model, images):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    quantized.pop()
    snapped = snap_to_chip(quantized)
    before, after = outputs(quantized, images), outputs(snapped, images)
    assert np.abs(before - after).max() < 0.2 * np.abs(before).max()


def test_the_source_model_is_not_changed(float_model):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    weights = [w.copy() for w in quantized.get_weights()]
    snap_to_chip(quantized)
    assert all(np.array_equal(a, b) for a, b in zip(weights, quantized.get_weights(), strict=True))


def test_a_model_is_snapped_at_the_end_of_every_epoch(float_model, images):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    callback = SnapToChip()
    callback.set_model(cnn2snn.quantize(float_model, 4, 4, 8, fold_BN=False))
    with pytest.raises(UnsupportedModelError, match="train the model that snap_to_chip returns"):
        callback.on_train_begin()
    model = snap_to_chip(quantized)
    start = [w.copy() for w in model.get_weights()]
    model.compile("adam", "sparse_categorical_crossentropy")
    callback = SnapToChip()
    x, y = images.astype(np.float32), np.arange(len(images)) % 3
    model.fit(x, y, epochs=2, batch_size=8, verbose=0, callbacks=[callback])
    assert callback.report.exact
    assert any(not np.array_equal(a, b) for a, b in zip(start, model.get_weights(), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = snap_to_chip(model)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))
    converted = convert_blocks(model)
    assert not any(b.mismatches.any() for b in converted.blocks)


def test_report_fits_80_columns(float_model):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    _, report = snap_to_chip(quantized, return_report=True)
    lines = str(report).splitlines()
    assert len(lines) == 2 + 4
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["layer", "channels", "sixteenths", "step", "threshold", "margin", "inexact"]
