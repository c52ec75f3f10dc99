"""Calibration uses every sample, keeps its argument, and does what its formulas say."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras, tf
from cnn2snn.calibration import QuantizationSampler, activations_rescaling, adaround, bias_correction, propagation
from cnn2snn.calibration.adaround import round_adaptively
from tests.keras.models import outputs
from tests.keras.random_float_networks import random_network

L = keras.layers
MSE = keras.losses.MeanSquaredError()


def quantized_network(seed, branches=False, bits=3, quantizer=cnn2snn.MaxPerAxisQuantizer):
    model, _ = random_network(seed, branches)
    quantized = cnn2snn.quantize(
        model, bits, 4, quantizer_function=lambda layer, default: quantizer(bitwidth=default.bitwidth)
    )
    samples = np.random.default_rng(seed).normal(0, 4, (23, *model.inputs[0].shape[1:])).astype(np.float32)
    return quantized, samples


def quantized_layers(model):
    return [layer for layer in model.layers if hasattr(layer, "quantizer")]


def integers(model):
    found = {}
    for layer in quantized_layers(model):
        for kernel, quantizer in layer.quantized_kernels.items():
            w, q = np.asarray(getattr(layer, kernel)), getattr(layer, quantizer)
            found[layer.name, kernel] = np.rint(np.asarray(q.quantize(w)) * np.asarray(q.scale_factor(w)))
    return found


@pytest.mark.parametrize(
    ("seed", "branches", "quantizer", "activation"),
    [
        (0, False, cnn2snn.MaxPerAxisQuantizer, False),
        (1, True, cnn2snn.StdWeightQuantizer, False),
        (3, False, cnn2snn.StdPerAxisQuantizer, True),
    ],
)
def test_adaround_rounds_up_or_down_and_never_worse(seed, branches, quantizer, activation):
    model, samples = quantized_network(seed, branches, quantizer=quantizer)
    before = [w.copy() for w in model.get_weights()]
    calibrated = round_adaptively(model, samples, keras.optimizers.Adam(0.05), 15, MSE, 8, activation)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert all(error.after <= error.before for error in calibrated.errors)
    assert any(error.after < error.before for error in calibrated.errors)
    nearest, found = integers(model), integers(calibrated.model)
    changed = 0
    for key, values in found.items():
        assert np.abs(values - nearest[key]).max() <= 1
        changed += np.count_nonzero(values != nearest[key])
    assert changed == sum(error.changed for error in calibrated.errors) > 0


def test_adaround_finds_that_two_halves_make_one():
    model = keras.Sequential([keras.Input((3,)), L.Dense(1, use_bias=False, name="sum")])
    model.get_layer("sum").kernel.assign([[7.0], [0.45], [0.4]])
    quantized = cnn2snn.quantize(model, 4)
    # The first two inputs are always equal; alone each weight is rounded to 0, together they are nearer to 1.
    x = np.random.default_rng(1).normal(size=(64, 1)).astype(np.float32)
    samples = np.concatenate([0 * x, x, x], axis=1)
    assert integers(quantized)["sum", "kernel"].ravel().tolist() == [7, 0, 0]
    rounded = adaround(quantized, samples, keras.optimizers.Adam(0.05), 200, batch_size=64)
    assert sorted(integers(rounded)["sum", "kernel"].ravel().tolist()) == [0, 1, 7]
    kernel = np.asarray(rounded.get_layer("sum").kernel).ravel()
    # The weights stay near to those that were trained.
    assert np.abs(kernel - [7, 0.45, 0.4]).max() < 0.25


def test_adaround_changes_nothing_where_nothing_is_between_integers():
    model = keras.Sequential([keras.Input((2,)), L.Dense(1, use_bias=False, name="sum")])
    model.get_layer("sum").kernel.assign([[7.0], [-3.0]])
    quantized = cnn2snn.quantize(model, 4)
    calibrated = round_adaptively(
        quantized, np.eye(2, dtype=np.float32), keras.optimizers.Adam(0.1), 50, MSE, None, True
    )
    assert [error.changed for error in calibrated.errors] == [0]
    np.testing.assert_array_equal(calibrated.model.get_weights()[0], quantized.get_weights()[0])


def test_adaround_needs_even_spacing():
    class Signs(cnn2snn.quantization_ops.WeightQuantizer):
        def scale_factor(self, w):
            return np.float32(1)

        def quantize(self, w):
            return tf.sign(w)

    x = keras.Input((3,))
    model = keras.Model(x, cnn2snn.QuantizedDense(2, Signs(2), name="signs")(x))
    with pytest.raises(ValueError, match=r'layer "signs": adaround needs a LinearWeightQuantizer, received Signs'):
        adaround(model, np.ones((2, 3)), keras.optimizers.Adam(0.1), 1)


def test_the_sampler_compares_quantized_with_float_weights():
    model, samples = quantized_network(0)
    sampler = QuantizationSampler(model, samples, 10)
    assert sampler.n_batches == 3
    layer = quantized_layers(model)[0]
    sampler.select_layer(layer)
    quantized = np.concatenate([np.asarray(sampler.quantized_outputs(i)) for i in range(3)])
    np.testing.assert_allclose(quantized, outputs(layer, samples), rtol=1e-5, atol=1e-6)
    plain = type(layer).__mro__[2].call(layer, samples)
    floats = np.concatenate([np.asarray(sampler.float_outputs(i)) for i in range(3)])
    np.testing.assert_allclose(floats, np.asarray(plain), rtol=1e-5, atol=1e-6)
    error = sampler.quantization_error(keras.metrics.MeanSquaredError())
    assert error == pytest.approx(np.mean((quantized - floats) ** 2), rel=1e-4)


def test_the_sampler_sees_changes_of_earlier_layers_and_goes_back():
    model, samples = quantized_network(0)
    first, *_, last = quantized_layers(model)
    sampler = QuantizationSampler(model, samples)
    sampler.select_layer(last.name)
    before = np.asarray(sampler.quantized_outputs())
    np.testing.assert_allclose(before, outputs(model, samples), rtol=1e-5, atol=1e-5)
    sampler.select_layer(first)
    first.bias.assign(np.asarray(first.bias) + 0.3)
    sampler.select_layer(last)
    np.testing.assert_allclose(np.asarray(sampler.quantized_outputs()), outputs(model, samples), rtol=1e-5, atol=1e-5)
    assert not np.allclose(np.asarray(sampler.quantized_outputs()), before)


def test_the_sampler_includes_the_activation_on_demand():
    model, samples = quantized_network(3)
    layer = quantized_layers(model)[0]
    activation = next(a for a in model.layers if isinstance(a, cnn2snn.QuantizedReLU))
    sampler = QuantizationSampler(model, samples)
    sampler.select_layer(layer, include_activation=True)
    levels = np.asarray(sampler.quantized_outputs()) / float(activation.step)
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-4)
    assert levels.max() <= activation.levels


def test_what_the_sampler_cannot_do_is_refused():
    model, samples = quantized_network(3)
    sampler = QuantizationSampler(model, samples, 10)
    with pytest.raises(SystemError, match="no layer is selected; call select_layer first"):
        sampler.quantized_outputs()
    with pytest.raises(SystemError, match="no layer is selected"):
        sampler.quantization_error(keras.metrics.MeanSquaredError())
    for layer in (L.Dense(3), "nothing", model.layers[-2], None):
        with pytest.raises(ValueError, match="a layer of the model with quantized weights must be selected"):
            sampler.select_layer(layer)
    sampler.select_layer("classes")
    for index in (-1, 3, "0"):
        with pytest.raises(ValueError, match=r"batch_index must be in 0..2, received"):
            sampler.float_outputs(index)


@pytest.mark.parametrize("calibrate", [QuantizationSampler, bias_correction, activations_rescaling])
def test_impossible_samples_and_batches_are_refused(calibrate):
    model, samples = quantized_network(3)
    for wrong in (samples[:0], samples[:, :-1], samples[0], samples[..., np.newaxis]):
        with pytest.raises(ValueError, match=r"samples must have the shape \(n, 7\) with n at least 1, received"):
            calibrate(model, wrong)
    for size in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="batch_size must be a positive integer or None"):
            calibrate(model, samples, size)


def test_float_models_are_refused():
    model, _ = random_network(3)
    samples = np.zeros((2, 7))
    with pytest.raises(RuntimeError, match='model "grown" has no layer with quantized weights to calibrate'):
        bias_correction(model, samples)
    with pytest.raises(RuntimeError, match="quantize it first"):
        adaround(model, samples, keras.optimizers.Adam(), 1)
    with pytest.raises(ValueError, match="epochs must be a positive integer, received 0"):
        adaround(quantized_network(3)[0], samples, keras.optimizers.Adam(), 0)


def identity_network(**options):
    x = keras.Input((2,))
    y = cnn2snn.QuantizedDense(2, cnn2snn.MaxQuantizer(4), use_bias=False, name="dense")(x)
    model = keras.Model(x, cnn2snn.QuantizedReLU(4, name="relu", **options)(y))
    model.get_layer("dense").kernel.assign(np.eye(2))
    return model


@pytest.mark.parametrize("trained", [False, True])
def test_bounds_are_lowered_to_the_largest_value_of_all_batches(trained):
    model = identity_network(max_value=6.0, train_max_value=trained)
    samples = np.array([[1.0, -9.0], [2.0, 0.5], [3.3, 1.0]], np.float32)
    rescaled = activations_rescaling(model, samples, 2)
    assert rescaled.get_layer("relu").max_value == pytest.approx(3.3)
    assert float(rescaled.get_layer("relu").step) == pytest.approx(3.3 / 15)
    assert model.get_layer("relu").max_value == 6.0
    assert activations_rescaling(model, samples * 3).get_layer("relu").max_value == 6.0
    assert activations_rescaling(model, -np.abs(samples)).get_layer("relu").max_value == 6.0


def test_bounds_are_measured_behind_rescaled_layers():
    model, samples = quantized_network(1, True)
    rescaled = activations_rescaling(model, samples, 9)
    again = activations_rescaling(rescaled, samples, 23)
    lowered = 0
    for layer in model.layers:
        if isinstance(layer, cnn2snn.QuantizedReLU):
            bounds = [m.get_layer(layer.name).max_value for m in (model, rescaled, again)]
            assert bounds[1] == pytest.approx(bounds[2], rel=1e-5)
            lowered += bounds[1] < bounds[0]
    assert lowered


def test_each_layer_is_run_once_whatever_the_depth(monkeypatch):
    model, samples = quantized_network(1, True)
    runs = []
    run = propagation.Propagation._run
    monkeypatch.setattr(propagation.Propagation, "_run", lambda self, node: (runs.append(node.name), run(self, node)))
    adaround(model, samples, keras.optimizers.Adam(0.01), 1)
    assert len(runs) == len(set(runs)) <= len(model.layers)
