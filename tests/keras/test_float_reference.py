"""Calibration against the float network: nearer to it, or nothing changes."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn import transforms
from cnn2snn._keras import keras, tf
from cnn2snn.calibration import activation_ranges, bias_correction, calibrate, weight_ranges
from cnn2snn.calibration.bias_correction import correct_biases
from cnn2snn.calibration.calibrate import calibrate_all
from tests.keras.models import outputs
from tests.keras.random_float_networks import random_network

L = keras.layers
CASES = [(0, False), (1, True), (3, False)]


def network(seed, branches=False, weights=3, activations=4, count=23):
    model, _ = random_network(seed, branches)
    samples = np.random.default_rng(seed).normal(0, 4, (count, *model.inputs[0].shape[1:])).astype(np.float32)
    return model, cnn2snn.quantize(model, weights, activations), samples


def with_quantizers_off(model):
    """The float network that a quantized model stores, written apart from the package."""
    parents = {
        "QuantizedConv2D": L.Conv2D,
        "QuantizedSeparableConv2D": L.SeparableConv2D,
        "QuantizedDepthwiseConv2D": L.DepthwiseConv2D,
        "QuantizedDense": L.Dense,
    }

    def twin(layer):
        config = layer.get_config()
        if isinstance(layer, cnn2snn.QuantizedReLU):
            return L.ReLU(layer.max_value, name=layer.name)
        if type(layer).__name__ in parents:
            kept = {key: value for key, value in config.items() if not key.startswith("quantizer")}
            return parents[type(layer).__name__].from_config(kept)
        return type(layer).from_config(config)

    floats = keras.models.clone_model(model, clone_function=twin)
    for layer in model.layers:
        if not isinstance(layer, cnn2snn.QuantizedReLU):
            floats.get_layer(layer.name).set_weights(layer.get_weights())
    return floats


def layer_outputs(model, name, samples):
    return outputs(keras.Model(model.inputs[0], model.get_layer(name).output), samples)


def split(samples):
    held = np.arange(len(samples)) % 4 == 3
    return samples[~held], samples[held]


def relative_error(floats, model, samples):
    wanted, given = (outputs(m, samples).astype(np.float64) for m in (floats, model))
    return np.sum((wanted - given) ** 2) / np.sum(wanted**2)


def distance(floats, model, samples):
    """The product that must fall: of the relative error and of the mean of 1 - cosine, channels less their mean."""
    wanted, given = (outputs(m, samples).astype(np.float64) for m in (floats, model))
    a, b = (x - x.mean(-1, keepdims=True) for x in (wanted, given))
    cosines = (a * b).sum(-1) / (np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1))
    return relative_error(floats, model, samples) * (1 - cosines.mean())


def unchanged(model, weights):
    return all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))


@pytest.mark.parametrize(("seed", "branches"), CASES)
@pytest.mark.parametrize("given", [False, True])
def test_a_bias_that_is_kept_gives_each_channel_its_mean_in_the_float_network(seed, branches, given):
    model, quantized, samples = network(seed, branches, count=90)
    before = quantized.get_weights()
    calibrated = correct_biases(quantized, samples, 7, model if given else None)
    assert unchanged(quantized, before)
    assert calibrated.model.name == quantized.name
    floats = with_quantizers_off(quantized)
    used, held = split(samples)
    kept = 0
    for error in calibrated.errors:
        old, new = (m.get_layer(error.name) for m in (quantized, calibrated.model))
        if error.kept:
            kept += 1
            wanted, found = (layer_outputs(m, error.name, used) for m in (floats, calibrated.model))
            axes = tuple(range(wanted.ndim - 1))
            np.testing.assert_allclose(found.mean(axes), wanted.mean(axes), rtol=1e-3, atol=1e-3)
        else:
            np.testing.assert_array_equal(np.asarray(new.bias), np.asarray(old.bias) if old.use_bias else 0)
            assert (error.after, error.network_after) == (error.before, error.network_before)
    assert kept
    assert calibrated.network_before == pytest.approx(relative_error(floats, quantized, held), rel=1e-3)
    assert calibrated.network_after == pytest.approx(relative_error(floats, calibrated.model, held), rel=1e-3)
    assert distance(floats, calibrated.model, held) < distance(floats, quantized, held)


@pytest.mark.parametrize("batch_size", [7, 1000])
def test_batches_do_not_matter_to_bias_correction(batch_size):
    _, quantized, samples = network(0)
    whole, parts = (bias_correction(quantized, samples, size) for size in (None, batch_size))
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def dense(kernel, bits=2, relu=None):
    """A quantized dense layer, the float one, and an activation behind it on demand."""
    kernel = np.asarray(kernel, np.float32)
    model = keras.Sequential([keras.Input((kernel.shape[0],)), L.Dense(kernel.shape[1], use_bias=False, name="dense")])
    if relu is not None:
        model.add(L.ReLU(relu, name="relu"))
    model.get_layer("dense").kernel.assign(kernel)
    return model, cnn2snn.quantize(model, bits, 4 if relu is not None else 0)


def test_a_correction_that_samples_held_back_do_not_confirm_is_taken_back():
    model, quantized = dense([[1.0, 0.4], [1.0, -0.4], [0.0, 1.0]])
    samples = np.tile(np.float32([[1, 2, 3]]), (16, 1))
    # The weight of 0.4 becomes 0: where inputs are of the other sign, so is the mean error.
    samples[3::4] *= -1
    calibrated = correct_biases(quantized, samples, None)
    assert calibrated.errors[0].kept == ()
    assert calibrated.network_after == calibrated.network_before
    np.testing.assert_array_equal(np.asarray(calibrated.model.get_layer("dense").bias), [0, 0])
    np.testing.assert_array_equal(outputs(calibrated.model, samples), outputs(quantized, samples))
    samples[3::4] *= -1
    assert correct_biases(quantized, samples, None, model).errors[0].kept == ("bias",)


def test_fewer_than_four_samples_serve_for_both():
    _, quantized = dense([[1.0, 0.4], [1.0, -0.4], [0.0, 1.0]])
    calibrated = correct_biases(quantized, [[1, 2, 3]], None)
    # -0.4 of the 2 and 0.4 of the 1 are lost.
    np.testing.assert_allclose(np.asarray(calibrated.model.get_layer("dense").bias), [0, -0.4], atol=1e-6)
    assert calibrated.network_after < 1e-12


@pytest.mark.parametrize("calibrated", [bias_correction, activation_ranges, weight_ranges, calibrate])
def test_the_reference_must_be_the_model_that_was_quantized(calibrated):
    model, quantized, samples = network(3)
    other = keras.Sequential([keras.Input(model.inputs[0].shape[1:]), L.Dense(3, name="classes")])
    with pytest.raises(ValueError, match=r"the reference must have the layers of the quantized model: it .*; give the"):
        calibrated(quantized, samples, reference=other)


@pytest.mark.parametrize("fold", [False, True])
def test_the_reference_may_have_normalizations_and_fused_activations(fold):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            L.Conv2D(3, 3, name="conv"),
            L.BatchNormalization(name="bn"),
            L.ReLU(6.0, name="relu"),
            L.Dropout(0.2, name="drop"),
            L.Conv2D(4, 3, activation="relu", name="conv_2"),
            L.Flatten(),
            L.Dense(3, name="dense"),
        ]
    )
    model.get_layer("bn").set_weights(
        [np.float32(row) for row in ([1, 2, 0.5], [0.1, -0.2, 0.7], [0, 0.3, 0], [1, 2, 1])]
    )
    samples = np.random.default_rng(1).normal(size=(12, 6, 6, 2)).astype(np.float32)
    quantized = cnn2snn.quantize(model, 3, 8, fold_BN=fold)
    calibrated = correct_biases(quantized, samples, None, model)
    held = split(samples)[1]
    assert calibrated.network_before == pytest.approx(relative_error(model, quantized, held), rel=1e-3)


def test_branches_of_the_reference_are_brought_to_one_bound_as_those_of_the_model():
    x = keras.Input((6, 6, 1))
    branches = [
        L.ReLU(bound, name=f"relu_{i}")(L.Conv2D(4, 3, name=f"conv_{i}")(x)) for i, bound in ((1, 2.0), (2, 6.0))
    ]
    model = keras.Model(x, L.Dense(3, name="classes")(L.Flatten()(L.Concatenate()(branches))))
    samples = np.random.default_rng(1).normal(0, 3, size=(40, 6, 6, 1)).astype(np.float32)
    quantized = cnn2snn.quantize(model, 8, 8)
    # With so many bits all layers are near to their reference, the one that was scaled as well.
    assert all(error.before < 1e-2 for error in correct_biases(quantized, samples, None, model).errors)


def values_behind(bits, bound, values):
    layer = cnn2snn.QuantizedReLU(bits, bound)
    return np.asarray(layer(tf.constant(values)))


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("spread", [0.3, 2.0])
def test_the_mean_squared_error_decides_on_bounds(bits, spread):
    values = np.random.default_rng(bits).exponential(spread, (400, 1)).astype(np.float32)
    values[::3] *= -1
    model = keras.Sequential([keras.Input((1,)), L.Dense(1, use_bias=False, name="same"), L.ReLU(name="relu")])
    model.get_layer("same").kernel.assign([[1.0]])
    quantized = cnn2snn.quantize(model, 8, bits)
    for reference in (None, model):
        found = activation_ranges(quantized, values, batch_size=90, reference=reference).get_layer("relu").max_value
        wanted = np.maximum(values, 0)
        errors = [
            np.mean((values_behind(bits, b, values) - wanted) ** 2) for b in np.linspace(0.02, 1, 500) * values.max()
        ]
        assert np.mean((values_behind(bits, found, values) - wanted) ** 2) <= 1.02 * min(errors)
    assert quantized.get_layer("relu").max_value == 2**bits - 1


def test_other_methods_take_the_largest_value_and_percentiles():
    values = np.random.default_rng(1).normal(0, 2, (400, 1)).astype(np.float32)
    model, quantized = dense([[1.0]], bits=8, relu=50.0)

    def bound(*arguments, **named):
        return activation_ranges(quantized, values, *arguments, **named).get_layer("relu").max_value

    wanted = np.maximum(values, 0)
    assert bound("max") == pytest.approx(wanted.max())
    assert bound("max", reference=model) == pytest.approx(wanted.max())
    assert bound("percentile") == pytest.approx(np.percentile(wanted, 99.9), rel=1e-5)
    assert bound("percentile", 80) == pytest.approx(np.percentile(wanted, 80), rel=1e-5)
    assert bound("percentile", 30) == 50  # nothing above zero is left
    assert activation_ranges(quantized, -abs(values)).get_layer("relu").max_value == 50
    low = dense([[1.0]], bits=8, relu=1.5)[1]
    # What the float network cuts off is no value.
    assert activation_ranges(low, values, "max").get_layer("relu").max_value == 1.5


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("trained", [False, True])
def test_files_keep_bounds(tmp_path, suffix, trained):
    x = keras.Input((2,))
    y = cnn2snn.QuantizedDense(2, cnn2snn.MaxQuantizer(4), use_bias=False, name="dense")(x)
    model = keras.Model(x, cnn2snn.QuantizedReLU(4, 6.0, train_max_value=trained, name="relu")(y))
    model.get_layer("dense").kernel.assign(np.eye(2))
    ranged = activation_ranges(model, np.float32([[1.5, -2], [0.25, 2.5]]), "max")
    ranged.save(tmp_path / f"net{suffix}")
    loaded = cnn2snn.load_quantized_model(tmp_path / f"net{suffix}")
    assert [m.get_layer("relu").max_value for m in (model, ranged, loaded)] == [6.0, 2.5, 2.5]


def test_activations_that_meet_keep_one_bound_and_convert():
    x = keras.Input((8, 8, 1))
    first = L.ReLU(6.0, name="relu")(L.Conv2D(4, 3, padding="same", name="conv")(x))
    ways = [L.ReLU(6.0, name=f"relu_{i}")(L.Conv2D(3, 3, padding="same", name=f"conv_{i}")(first)) for i in (1, 2)]
    y = L.Dense(3, name="dense")(L.Flatten()(L.Concatenate()([L.MaxPooling2D(2)(way) for way in ways])))
    quantized = cnn2snn.quantize(keras.Model(x, y), 4, 4)
    samples = np.random.default_rng(1).normal(0, 1, size=(20, 8, 8, 1)).astype(np.float32)
    ranged = activation_ranges(quantized, samples)
    bounds = [ranged.get_layer(name).max_value for name in ("relu", "relu_1", "relu_2")]
    assert bounds[0] != bounds[1] == bounds[2] < 6
    for model in (ranged, calibrate(quantized, samples, epochs=2)):
        assert len(cnn2snn.convert(model, input_is_image=False, input_scaling=(1, 0)).layers) > 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "mean"}, r"method must be 'mse', 'percentile' or 'max', received 'mean'"),
        ({"percentile": 0}, "percentile must be a number above 0 and at most 100, received 0"),
        ({"percentile": 101}, "percentile must be a number above 0 and at most 100, received 101"),
        ({"batch_size": 0}, "batch_size must be a positive integer or None, received 0"),
    ],
)
def test_impossible_ranges_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        activation_ranges(dense([[1.0]], relu=6.0)[1], [[1.0]], **arguments)


def test_a_weight_far_out_does_not_make_the_others_zero():
    kernel = np.full((9, 2), 0.3)
    kernel[::2] *= -1
    kernel[0] = [0.7, 0.3]
    model, quantized = dense(kernel)
    samples = np.random.default_rng(1).normal(0, 1, size=(64, 9)).astype(np.float32)
    clipped = weight_ranges(quantized, samples, 20, reference=model)

    def quantized_kernel(m):
        layer = m.get_layer("dense")
        return np.asarray(layer.quantizer.quantize(layer.kernel))

    assert np.count_nonzero(quantized_kernel(quantized)[:, 0]) == 1
    assert np.count_nonzero(quantized_kernel(clipped)[:, 0]) == 9
    # A filter that has no weight far out stays what it is.
    np.testing.assert_array_equal(quantized_kernel(clipped)[:, 1], quantized_kernel(quantized)[:, 1])
    held = split(samples)[1]
    assert relative_error(model, clipped, held) < 0.5 * relative_error(model, quantized, held)


@pytest.mark.parametrize(
    ("seed", "branches", "quantizer"),
    [(3, False, cnn2snn.MaxPerAxisQuantizer), (1, True, cnn2snn.StdWeightQuantizer)],
)
def test_the_best_sequence_comes_nearer_to_the_float_network(seed, branches, quantizer):
    model, _, samples = network(seed, branches, count=90)
    function = lambda layer, default: quantizer(bitwidth=default.bitwidth)  # noqa: E731
    quantized = cnn2snn.quantize(model, 2, 4, quantizer_function=function)
    before = quantized.get_weights()
    calibrated = calibrate_all(quantized, samples, 20, 4, model)
    assert unchanged(quantized, before)
    held = split(samples)[1]
    folded = transforms.fold_batchnorm(transforms.invert_batchnorm_pooling(model))
    assert calibrated.network_after == pytest.approx(relative_error(folded, calibrated.model, held), rel=1e-3)
    assert distance(folded, calibrated.model, held) < distance(folded, quantized, held)
    assert {name for error in calibrated.errors for name in error.kept} <= {"bias", "ranges", "rounding"}
    assert any(error.kept for error in calibrated.errors)


def test_samples_of_any_form_calibrate_alike():
    model, quantized, samples = network(3)
    wanted = bias_correction(quantized, samples, reference=model).get_weights()
    data = tf.data.Dataset.from_tensor_slices((samples, np.zeros(len(samples), np.int64))).batch(5)
    for source in (data, (batch for batch in (samples[:9], samples[9:]))):
        found = bias_correction(quantized, source, reference=model).get_weights()
        for a, b in zip(wanted, found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    # A generator gives its batches once, and every step of the sequence needs them.
    calibrate(quantized, (batch for batch in (samples[:9], samples[9:])), epochs=0, reference=model)


def test_what_cannot_be_calibrated_is_refused():
    model, quantized, samples = network(3)
    with pytest.raises(RuntimeError, match="has no layer with quantized weights to calibrate; quantize it first"):
        calibrate(model, samples)
    for epochs in (-1, 1.5, True):
        with pytest.raises(ValueError, match="epochs must be an integer of at least 0, received"):
            calibrate(quantized, samples, epochs=epochs)
    for wrong in (samples[:0], samples[:, :-1]):
        with pytest.raises(ValueError, match=r"samples must have the shape \(n, 7\) with n at least 1, received"):
            calibrate(quantized, wrong)
