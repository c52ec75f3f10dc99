"""Weight quantizers: the grid, the scale, the gradient, the configuration."""

import numpy as np
import pytest

from cnn2snn import load_quantized_model, quantize
from cnn2snn._keras import keras, tf
from cnn2snn.errors import Cnn2SnnError
from cnn2snn.quantization_layers import QuantizedConv2D, QuantizedDense, QuantizedReLU, QuantizedSeparableConv2D
from cnn2snn.quantization_ops import (
    LinearWeightQuantizer,
    MaxPerAxisQuantizer,
    MaxQuantizer,
    StdPerAxisQuantizer,
    StdWeightQuantizer,
    WeightQuantizer,
    build_for,
    copied,
    get,
)
from cnn2snn.transforms import syncretize

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
    assert np.all(np.asarray(cls(bitwidth=4).scale_factor(w)) == 7)
    assert np.all(np.asarray(cls(bitwidth=4, max_scale_factor=1000).scale_factor(w)) == 1000)


@pytest.mark.parametrize("factor", [1e-3, 1e-9, 1e-20, 1e-35, 1e-42])
@pytest.mark.parametrize("cls", QUANTIZERS[:2])
def test_small_weights_have_all_levels_or_are_zero(cls, factor):
    """A scale beyond what float32 can multiply by counts as that of zeros."""
    w = (kernel((7, 7, 64, 3)) * factor).astype(np.float32)
    quantizer = cls(8)
    scale = np.broadcast_to(np.asarray(quantizer.scale_factor(w), np.float64), w.shape[-1:])
    integers = np.asarray(quantizer.quantize(w), np.float64) * scale
    np.testing.assert_allclose(integers, np.rint(integers), atol=1e-3)
    expected = 127 if factor > 1e-30 else 0
    assert np.abs(np.rint(integers)).max() == expected


@pytest.mark.parametrize("cls", QUANTIZERS)
def test_a_limit_of_the_scale_holds(cls):
    w = kernel() * np.float32(1e-4)
    assert np.all(np.asarray(cls(bitwidth=8).scale_factor(w)) > 1000)
    assert np.all(np.asarray(cls(bitwidth=8, max_scale_factor=1000).scale_factor(w)) == 1000)


@pytest.mark.parametrize("limit", [0, -1, float("inf"), float("nan")])
def test_a_limit_must_be_positive(limit):
    with pytest.raises(ValueError, match="max_scale_factor must be finite and greater than zero"):
        MaxQuantizer(4, max_scale_factor=limit)
    with pytest.raises(ValueError, match="max_scale_factor must be finite and greater than zero"):
        MaxQuantizer.from_config({"bitwidth": 4, "max_scale_factor": limit})
    with pytest.raises(TypeError, match="max_scale_factor must be a number"):
        MaxQuantizer(4, max_scale_factor="1000")


@pytest.mark.parametrize("cls", QUANTIZERS)
def test_configurations_without_a_limit_mean_1000(cls):
    assert cls(4).get_config()["max_scale_factor"] is None
    config = {key: value for key, value in cls(bitwidth=4).get_config().items() if key != "max_scale_factor"}
    of_the_original = get({"class_name": cls.__name__, "config": config})
    assert of_the_original.max_scale_factor == 1000
    assert get(keras.utils.serialize_keras_object(of_the_original)).max_scale_factor == 1000
    assert get(keras.utils.serialize_keras_object(cls(bitwidth=4))).max_scale_factor is None
    assert copied(of_the_original, 2).get_config() == {**of_the_original.get_config(), "bitwidth": 2}


def test_a_constructor_of_ones_own_needs_no_limit():
    class Own(MaxQuantizer):
        def __init__(self, bitwidth=4):
            super().__init__(bitwidth)

        def get_config(self):
            return {"bitwidth": self.bitwidth}

    assert copied(Own(4), 2).max_scale_factor is None
    assert copied(Own(4), 2).bitwidth == 2


def test_a_quantizer_that_cannot_be_copied_is_refused_with_the_remedy():
    class Own(MaxQuantizer):
        def __init__(self, factor, bitwidth=4):
            super().__init__(bitwidth)

    with pytest.raises(TypeError, match=r"Own cannot be made from its configuration.*get_config"):
        copied(Own(3), 2)


@pytest.mark.parametrize("cls", QUANTIZERS)
def test_ranges_are_functions_of_the_class(cls):
    """`sigma_` and `max_range_` are static, and what is derived may make methods of them."""
    name = "max_range_" if issubclass(cls, MaxQuantizer) else "sigma_"
    w = kernel()
    np.testing.assert_array_equal(getattr(cls, name)(w), getattr(cls(bitwidth=4), name)(w))

    class Own(cls):
        pass

    setattr(Own, name, lambda self, w: tf.constant(0.5))
    assert np.all(
        np.asarray(Own(bitwidth=4, **({} if name == "max_range_" else {"threshold": 1})).scale_factor(w)) == 14
    )


@pytest.mark.parametrize("cls", QUANTIZERS)
def test_quantizers_are_keras_layers_with_a_read_only_width(cls):
    quantizer = cls(bitwidth=4, name="mine")
    assert isinstance(quantizer, keras.layers.Layer)
    assert (quantizer.name, quantizer.bitwidth) == ("mine", 4)
    with pytest.raises(AttributeError):
        quantizer.bitwidth = 2


class LearnedRange(LinearWeightQuantizer):
    """A range that is a weight, made for each kernel, or in the constructor."""

    def __init__(self, bitwidth=4, early=False, start=0.5, **kwargs):
        super().__init__(bitwidth, **kwargs)
        self.early, self.start = early, start
        if early:
            self.add_range()

    def add_range(self):
        self.range = self.add_weight(name="range", shape=(), initializer=keras.initializers.Constant(self.start))

    def build(self, kernel_shape):
        if not self.early:
            self.add_range()
        super().build(kernel_shape)

    def scale_factor(self, w):
        return self.kmax_ / self.range

    def get_config(self):
        return {**super().get_config(), "early": self.early, "start": self.start}


def learned(early):
    L = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            QuantizedConv2D(3, 3, LearnedRange(early=early)),
            QuantizedReLU(4),
            QuantizedSeparableConv2D(4, 3, LearnedRange(early=early)),
            QuantizedReLU(4),
            L.Flatten(),
            QuantizedDense(2, LearnedRange(early=early)),
        ]
    )
    model.compile("sgd", keras.losses.MeanSquaredError())
    rng = np.random.default_rng(1)
    model.fit(rng.normal(size=(32, 6, 6, 2)), np.ones((32, 2)), epochs=2, verbose=0)
    return model


def ranges(model):
    layers = [layer for layer in model.layers if hasattr(layer, "quantizer")]
    quantizers = [getattr(layer, name) for layer in layers for name in layer.quantized_kernels.values()]
    return [float(np.asarray(quantizer.range)) for quantizer in quantizers]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("early", [False, True])
def test_weights_of_a_quantizer_are_trained_saved_and_loaded(early, suffix, tmp_path):
    model = learned(early)
    assert len(set(ranges(model))) == 4
    assert 0.5 not in ranges(model)
    model.save(tmp_path / f"learned{suffix}")
    loaded = load_quantized_model(tmp_path / f"learned{suffix}", {"LearnedRange": LearnedRange})
    assert ranges(loaded) == ranges(model)


@pytest.mark.parametrize("early", [False, True])
def test_weights_of_a_quantizer_are_copied_with_the_model(early):
    model = learned(early)
    before = ranges(model)
    copy = syncretize(model)
    narrower = quantize(model, 2, 2)
    assert ranges(copy) == ranges(narrower) == before
    copy.layers[0].quantizer.range.assign(9.0)
    assert ranges(model) == before


def test_the_gradient_of_a_learned_range_is_that_of_the_rounding_taken_as_a_line():
    """For w in range: d/dr of round(w k) / k with k = 7 / r, rounding fixed, is (round(w k) − w k) / 7; ±1 beyond."""
    quantizer = LearnedRange()
    build_for(quantizer, (5,))
    w = tf.constant([0.1, -0.33, 0.5, 0.9, -2.0])
    with tf.GradientTape() as tape:
        quantized = tf.reduce_sum(quantizer.quantize(w) * [1.0, 10.0, 100.0, 1000.0, 10000.0])
    x = np.array([0.1, -0.33, 0.5]) * 14
    expected = np.array([*(np.rint(x) - x) / 7, 1, -1]) @ [1.0, 10.0, 100.0, 1000.0, 10000.0]
    gradient = tape.gradient(quantized, quantizer.trainable_weights[0])
    np.testing.assert_allclose(float(gradient), expected, rtol=1e-5)


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


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("cls", QUANTIZERS)
def test_weights_of_every_float_type_are_quantized_in_it(cls, dtype):
    w = tf.cast(kernel((3, 4)), dtype)
    quantized = cls(bitwidth=4).quantize(w)
    assert quantized.dtype == w.dtype
    np.testing.assert_allclose(np.asarray(quantized, np.float64), cls(bitwidth=4).quantize(kernel((3, 4))), atol=0.3)
