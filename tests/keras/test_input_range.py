"""Inputs in another range than that of training are noticed."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.analysis import quantization
from cnn2snn.graph import read
from cnn2snn.input_range import doubt_of_samples, doubt_of_scaling
from cnn2snn.transforms import SnapToChip, snap_to_chip

layers = keras.layers

RANGES = {
    "0 to 1": (lambda x: x / np.float32(255), (255, 0)),
    "-1 to 1": (lambda x: x / np.float32(127.5) - np.float32(1), (127.5, 127.5)),
    "0 to 255": (lambda x: x.astype(np.float32), (1, 0)),
}


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return (images.reshape(-1, 8, 8, 1) * 15.9).astype(np.uint8), labels


@pytest.fixture(scope="module")
def trained(digits):
    """A model with batch normalization for each range."""
    models = {}
    for name, (scaled, _) in RANGES.items():
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                layers.Conv2D(8, 3, padding="same", name="conv"),
                layers.BatchNormalization(momentum=0.8, name="bn"),
                layers.ReLU(6.0, name="relu"),
                layers.Conv2D(8, 3, strides=2, name="conv_b"),
                layers.BatchNormalization(momentum=0.8, name="bn_b"),
                layers.ReLU(6.0, name="relu_b"),
                layers.Flatten(name="flatten"),
                layers.Dense(10, name="classes"),
            ]
        )
        model.compile(keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(scaled(digits[0][:1000]), digits[1][:1000], epochs=2, batch_size=50, verbose=0)
        models[name] = model
    return models


@pytest.mark.parametrize("given", RANGES)
@pytest.mark.parametrize("right", RANGES)
def test_samples_of_another_magnitude_are_doubted(trained, digits, right, given):
    samples = RANGES[given][0](digits[0][1000:1200])
    wrong = (right == "0 to 255") != (given == "0 to 255")
    for model in (trained[right], cnn2snn.quantize(trained[right], 4, 4, 8)):
        doubt = doubt_of_samples(read(model), samples)
        assert (doubt is not None) == wrong
        if wrong:
            ends = {"0 to 1": (0, 1), "-1 to 1": (-1, 1), "0 to 255": (0, 255)}[given]
            assert right in doubt.ranges_of(*ends)


@pytest.mark.parametrize("given", RANGES)
@pytest.mark.parametrize("right", RANGES)
@pytest.mark.parametrize("fold", [True, False])
def test_scalings_of_another_magnitude_are_doubted(trained, right, given, fold):
    quantized = cnn2snn.quantize(trained[right], 4, 4, 8, fold_BN=fold)
    doubt = doubt_of_scaling(read(quantized), *RANGES[given][1], 255)
    assert (doubt is not None) == ((right == "0 to 255") != (given == "0 to 255"))


def test_a_model_that_was_never_trained_says_nothing():
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(8, 3), layers.BatchNormalization(), layers.ReLU(6.0), layers.Flatten()]
    )
    for scaling in ((1, 0), (255, 0)):
        assert doubt_of_scaling(read(model), *scaling, 255) is None


def test_conversion_names_the_scaling_that_was_meant(trained, digits):
    quantized = cnn2snn.quantize(trained["0 to 1"], 4, 4, 8)
    images, labels = digits[0][1000:], digits[1][1000:]
    with pytest.warns(UserWarning, match=r"integers 0\.\.255 stand for Keras values 0 to 255.*trained on") as told:
        wrong = cnn2snn.convert(quantized)
    assert "values 0 to 1" in str(told[0].message)
    assert "give input_scaling=(255, 0)" in str(told[0].message)
    assert told[0].filename == __file__
    right = cnn2snn.convert(quantized, input_scaling=(255, 0))
    assert right.evaluate(images, labels) > wrong.evaluate(images, labels) + 0.2
    with pytest.warns(UserWarning, match=r"trained on .*-1 to 1.*input_scaling=.*\(127.5, 127.5\)"):
        cnn2snn.convert(cnn2snn.quantize(trained["-1 to 1"], 4, 4, 8))
    with pytest.warns(UserWarning, match=r"stand for Keras values 0 to 1, .*on values 0 to 255.*scaling=\(1, 0\)"):
        cnn2snn.convert(cnn2snn.quantize(trained["0 to 255"], 4, 4, 8), input_scaling=(255, 0))


def test_snapping_names_it_too(trained):
    quantized = cnn2snn.quantize(trained["0 to 1"], 4, 4, 8)
    with pytest.warns(UserWarning, match=r"trained on values 0 to 1.*give input_scaling=\(255, 0\)") as told:
        snap_to_chip(quantized)
    assert told[0].filename == __file__
    callback = SnapToChip()
    callback.set_model(quantized)
    with pytest.warns(UserWarning, match="trained on values 0 to 1"):
        callback.on_train_begin()


def test_another_scaling_than_that_of_snapping_is_noticed(trained, recwarn):
    quantized = cnn2snn.quantize(trained["0 to 1"], 4, 4, 8)
    snapped = snap_to_chip(quantized, (255, 0))
    cnn2snn.convert(snapped, input_scaling=(255, 0))
    assert not recwarn.list
    with pytest.warns(UserWarning, match=r"snapped for .*the same input_scaling"):
        cnn2snn.convert(snapped, input_scaling=(254, 0))


def test_analysis_and_calibration_name_samples_in_another_range(trained, digits):
    model = trained["0 to 1"]
    quantized = cnn2snn.quantize(model, 4, 4, 8)
    samples = digits[0][:50]
    for work in (
        lambda: quantization(model, quantized, samples),
        lambda: cnn2snn.calibration.activation_ranges(quantized, samples),
        lambda: cnn2snn.calibration.bias_correction(quantized, samples),
        lambda: cnn2snn.sweep(model, [(4, 4)], samples, calibration="none"),
    ):
        # Other warnings are those of Keras.
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            work()
        texts = [str(warning.message) for warning in told if "looks trained" in str(warning.message)]
        assert texts
        assert texts[0].startswith("samples reach from 0 to 254, and the model looks trained on values 0 to 1")
        assert "give samples / 255" in texts[0]
