"""Weight quantizers: the grid, the scale, the gradient, the configuration."""

import numpy as np
import pytest

from cnn2snn._keras import keras, tf
from cnn2snn.errors import Cnn2SnnError
from cnn2snn.quantization_ops import (
    LinearWeightQuantizer,
    MaxPerAxisQuantizer,
    MaxQuantizer,
    StdPerAxisQuantizer,
    StdWeightQuantizer,
    WeightQuantizer,
    get,
)

QUANTIZERS = [MaxQuantizer, MaxPerAxisQuantizer, StdWeightQuantizer, StdPerAxisQuantizer]


class HalfMaxQuantizer(LinearWeightQuantizer):
    """As in the tutorial: a scale of one's own."""

    def scale_factor(self, w):
        return self.kmax_ / (0.5 * tf.reduce_max(tf.abs(w)))


def kernel(shape=(3, 3, 4, 8), seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, shape).astype(np.float32)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("cls", [*QUANTIZERS, HalfMaxQuantizer])
def test_quantized_weights_times_the_scale_are_integers_within_kmax(cls, bits):
    w = kernel()
    quantizer = cls(bitwidth=bits)
    integers = np.asarray(quantizer.quantize(w)) * np.asarray(quantizer.scale_factor(w))
    assert np.allclose(integers, np.rint(integers), atol=1e-4)
    assert np.abs(np.rint(integers)).max() <= quantizer.kmax_ == 2 ** (bits - 1) - 1


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("cls", [*QUANTIZERS, HalfMaxQuantizer])
def test_quantized_weights_are_integers_divided_by_the_scale_to_the_last_bit(cls, factor):
    w = kernel() * np.float32(factor)
    quantizer = cls(bitwidth=4)
    scale = np.broadcast_to(np.asarray(quantizer.scale_factor(w)), w.shape[-1:])
    grid = np.arange(-7, 8, dtype=np.float32)[:, np.newaxis] / scale
    quantized = np.asarray(quantizer.quantize(w))
    assert all(np.isin(quantized[..., f], grid[:, f]).all() for f in range(w.shape[-1]))


@pytest.mark.parametrize("cls", QUANTIZERS[:2])
def test_quantization_by_the_maximum_is_idempotent(cls):
    quantizer = cls(4)
    once = np.asarray(quantizer.quantize(kernel()))
    np.testing.assert_allclose(np.asarray(quantizer.quantize(once)), once, rtol=1e-6)


def test_halves_are_rounded_to_even():
    w = np.array([7.0, 0.5, 1.5, 2.5, -0.5, -2.5], np.float32).reshape(-1, 1)
    assert np.asarray(MaxQuantizer(4).quantize(w)).ravel().tolist() == [7, 0, 2, 2, 0, -2]


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (MaxQuantizer, lambda w: 7 / np.abs(w).max()),
        (MaxPerAxisQuantizer, lambda w: 7 / np.abs(w).max(axis=(0, 1, 2))),
        (StdWeightQuantizer, lambda w: 7 / (3 * w.std())),
        (StdPerAxisQuantizer, lambda w: 7 / (3 * w.std(axis=(0, 1, 2)))),
    ],
)
def test_scales_follow_their_formula(cls, expected):
    w = kernel()
    np.testing.assert_allclose(np.asarray(cls(bitwidth=4).scale_factor(w)), expected(w), rtol=1e-5)


@pytest.mark.parametrize("cls", QUANTIZERS)
def test_weights_of_zeros_have_a_finite_scale(cls):
    w = np.zeros((3, 3, 2, 4), np.float32)
    assert np.all(np.asarray(cls(bitwidth=4).scale_factor(w)) == 1000)


@pytest.mark.parametrize("cls", [*QUANTIZERS, HalfMaxQuantizer])
def test_weights_of_zeros_stay_zero(cls):
    w = np.zeros((3, 3, 2, 4), np.float32)
    assert not np.asarray(cls(bitwidth=4).quantize(w)).any()


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("cls", [*QUANTIZERS, HalfMaxQuantizer])
def test_the_gradient_is_straight_through(cls, zeros):
    w = tf.constant(np.zeros((3, 4), np.float32) if zeros else kernel((3, 4)))
    upstream = np.arange(12, dtype=np.float32).reshape(3, 4)
    with tf.GradientTape() as tape:
        tape.watch(w)
        loss = tf.reduce_sum(cls(bitwidth=2).quantize(w) * upstream)
    np.testing.assert_array_equal(tape.gradient(loss, w), upstream)


@pytest.mark.parametrize(("bits", "error"), [(1, ValueError), (9, ValueError), (0, ValueError)])
def test_widths_outside_2_to_8_are_refused(bits, error):
    with pytest.raises(error, match=rf"bitwidth must be in 2\.\.8, received {bits}") as caught:
        MaxQuantizer(bits)
    assert isinstance(caught.value, Cnn2SnnError)
    assert caught.value.received == bits


@pytest.mark.parametrize("bits", [None, 2.5, "4", True])
def test_widths_that_are_not_integers_are_refused(bits):
    with pytest.raises(TypeError, match="bitwidth must be an integer"):
        MaxPerAxisQuantizer(bits)


def test_a_threshold_must_be_positive():
    for threshold in (0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="threshold must be finite and greater than zero"):
            StdWeightQuantizer(threshold=threshold)
    for threshold in (None, "3"):
        with pytest.raises(TypeError, match="StdWeightQuantizer: threshold must be a number"):
            StdWeightQuantizer(threshold=threshold)


@pytest.mark.parametrize("cls", QUANTIZERS)
def test_configurations_round_trip(cls):
    quantizer = cls(bitwidth=5)
    assert get(quantizer) is quantizer
    again = get(keras.utils.serialize_keras_object(quantizer))
    assert type(again) is cls
    assert again.get_config() == quantizer.get_config()


def test_configurations_of_old_files_are_read():
    old = {
        "module": "cnn2snn.quantization_ops",
        "class_name": "StdWeightQuantizer",
        "config": {
            "name": "q",
            "trainable": True,
            "dtype": "float32",
            "bitwidth": 4,
            "threshold": 2,
        },
        "registered_name": "StdWeightQuantizer",
    }
    quantizer = get(old)
    assert (type(quantizer), quantizer.threshold, quantizer.bitwidth) == (StdWeightQuantizer, 2, 4)


@pytest.mark.parametrize("identifier", [None, "MaxQuantizer", MaxQuantizer, {"config": {}}])
def test_what_is_not_a_quantizer_is_refused(identifier):
    with pytest.raises(ValueError, match="a quantizer must be an instance"):
        get(identifier)


def test_unknown_classes_are_refused_by_name():
    with pytest.raises(ValueError, match="'Abacus' is not known"):
        get({"class_name": "Abacus", "config": {}})


def test_custom_quantizers_are_found_in_a_custom_object_scope():
    with keras.utils.custom_object_scope({"HalfMaxQuantizer": HalfMaxQuantizer}):
        assert isinstance(get({"class_name": "HalfMaxQuantizer", "config": {"bitwidth": 3}}), HalfMaxQuantizer)


def test_the_bases_are_abstract():
    with pytest.raises(NotImplementedError):
        WeightQuantizer(4).quantize(kernel())
    with pytest.raises(NotImplementedError):
        LinearWeightQuantizer(4).quantize(kernel())
