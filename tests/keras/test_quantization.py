"""quantize and quantize_layer: what is replaced, with what, and what is refused."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import LEGACY, keras, tf
from cnn2snn.quantization_ops import MaxPerAxisQuantizer, MaxQuantizer, StdPerAxisQuantizer
from tests.keras.models import outputs

L = keras.layers


def types(model):
    return {layer.name: type(layer).__name__ for layer in model.layers}


def test_layers_are_replaced_and_names_kept(float_model):
    quantized = cnn2snn.quantize(float_model, 4, 2, 8)
    assert quantized.name == "small"
    assert isinstance(quantized, keras.Sequential)
    assert types(quantized) == {
        "rescaling": "Rescaling",
        "conv": "QuantizedConv2D",
        "conv_relu": "QuantizedReLU",
        "separable": "QuantizedSeparableConv2D",
        "separable_pool": "MaxPooling2D",
        "separable_relu": "QuantizedReLU",
        "dropout": "Dropout",
        "last_conv": "QuantizedConv2D",
        "gap": "GlobalAveragePooling2D",
        "gap_relu": "QuantizedReLU",
        "classes": "QuantizedDense",
        "softmax": "Softmax",
    }
    bits = {n: quantized.get_layer(n).quantizer.bitwidth for n in ("conv", "separable", "last_conv", "classes")}
    assert bits == {"conv": 8, "separable": 4, "last_conv": 4, "classes": 4}
    separable = quantized.get_layer("separable")
    assert type(separable.quantizer) is MaxPerAxisQuantizer
    assert type(separable.quantizer_dw) is MaxQuantizer
    assert quantized.get_layer("conv_relu").max_value == 6
    assert quantized.get_layer("gap_relu").max_value == 3
    assert quantized.get_layer("conv_relu").bitwidth == 2


def test_many_bits_change_little(float_model, images):
    float_model.get_layer("gap_relu").max_value = 2.0
    quantized = cnn2snn.quantize(float_model, 8, 8, 8)
    exact, close = outputs(float_model, images), outputs(quantized, images)
    assert np.ptp(exact, axis=0).min() > 0.003
    np.testing.assert_allclose(close, exact, atol=0.01)
    coarse = outputs(cnn2snn.quantize(float_model, 2, 1, 2), images)
    assert not np.allclose(exact, coarse, atol=0.02)


def test_the_argument_is_not_changed(float_model, images):
    before, weights = outputs(float_model, images), [w.copy() for w in float_model.get_weights()]
    cnn2snn.quantize(float_model, 4, 4, 8)
    np.testing.assert_array_equal(outputs(float_model, images), before)
    assert all(np.array_equal(a, b) for a, b in zip(weights, float_model.get_weights(), strict=True))


def test_widths_of_zero_leave_layers_in_float(float_model):
    only_weights = types(cnn2snn.quantize(float_model, weight_quantization=4))
    assert (only_weights["conv"], only_weights["conv_relu"]) == ("QuantizedConv2D", "ReLU")
    only_activations = types(cnn2snn.quantize(float_model, activ_quantization=4))
    assert (only_activations["conv"], only_activations["conv_relu"]) == ("Conv2D", "QuantizedReLU")


def test_normalizations_stay_when_not_folded(float_model):
    assert "conv_bn" in types(cnn2snn.quantize(float_model, 4, 4, fold_BN=False))


def test_functional_models_with_branches_stay_functional():
    x = keras.Input((6, 6, 1), name="x")
    a = L.ReLU(6.0, name="ra")(L.Conv2D(2, 3, name="a")(x))
    b = L.ReLU(6.0, name="rb")(L.BatchNormalization(name="bn")(L.Conv2D(3, 3, name="b")(x)))
    y = L.Dense(2, name="d")(L.Flatten()(L.Concatenate(name="joined")([a, b])))
    quantized = cnn2snn.quantize(keras.Model(x, y, name="branches"), 4, 4, 8)
    assert not isinstance(quantized, keras.Sequential)
    assert types(quantized)["joined"] == "Concatenate"
    assert "bn" not in types(quantized)
    widths = {n: quantized.get_layer(n).quantizer.bitwidth for n in "abd"}
    assert sorted(widths.values()) == [4, 4, 8]
    assert widths["d"] == 4


def test_quantizing_again_changes_the_widths_only(float_model):
    once = cnn2snn.quantize(float_model, 4, 4, 8, quantizer_function=lambda layer, q: StdPerAxisQuantizer(2, 4))
    twice = cnn2snn.quantize(once, 2, 1, 4)
    quantizer = twice.get_layer("classes").quantizer
    assert (type(quantizer), quantizer.bitwidth, quantizer.threshold) == (StdPerAxisQuantizer, 2, 2)
    assert twice.get_layer("conv").quantizer.bitwidth == 4
    assert (twice.get_layer("conv_relu").bitwidth, twice.get_layer("conv_relu").max_value) == (1, 6)
    with pytest.raises(ValueError, match=r'layer "conv" is quantized already'):
        cnn2snn.quantize(once, 0, 4)
    with pytest.raises(ValueError, match=r'layer "conv_relu" is quantized already'):
        cnn2snn.quantize(once, 4, 0)


def test_a_discrete_relu_keeps_its_largest_output():
    model = keras.Sequential([keras.Input((4,)), L.Dense(2), cnn2snn.ActivationDiscreteRelu(4, name="a")])
    again = cnn2snn.quantize(model, 4, 2).get_layer("a")
    assert (type(again).__name__, again.bitwidth, again.max_value) == ("QuantizedReLU", 2, 6)


def test_the_quantizer_function_is_asked_again_for_quantized_kernels(float_model):
    once = cnn2snn.quantize(float_model, 4, 4, quantizer_function=lambda layer, q: StdPerAxisQuantizer(2, 4))
    asked = []

    def choose(layer, default):
        asked.append((layer.name, type(default).__name__, default.bitwidth))
        return MaxQuantizer(default.bitwidth) if layer.name == "classes" else default

    twice = cnn2snn.quantize(once, 2, 2, quantizer_function=choose)
    assert ("separable", "StdPerAxisQuantizer", 2) in asked
    assert len(asked) == 5
    assert type(twice.get_layer("classes").quantizer) is MaxQuantizer
    assert type(twice.get_layer("conv").quantizer) is StdPerAxisQuantizer


def test_a_normalization_that_cannot_be_folded_does_not_stay_in_silence():
    model = keras.Sequential(
        [keras.Input((6, 6, 1)), L.Conv2D(2, 3), L.ReLU(name="r"), L.BatchNormalization(name="it")]
    )
    with pytest.raises(
        RuntimeError, match=r'layer "it": it cannot be folded, as .* gives the outputs of the model; put it between'
    ):
        cnn2snn.quantize(model, 4, 4)
    with pytest.raises(RuntimeError, match=r'layer "it" .*must come before the activation "r"; swap the two'):
        cnn2snn.quantize(model, 4, 4, fold_BN=False)
    assert types(cnn2snn.quantize(model, fold_BN=False))["it"] == "BatchNormalization"


def test_a_gamma_of_zero_leaves_the_constant(float_model, images):
    float_model.get_layer("conv_bn").gamma.assign([1.0, 0.0, -1.0, 0.0])
    quantized = cnn2snn.quantize(float_model, 8, 4, 8)
    kernel, bias = quantized.get_layer("conv").get_weights()
    assert not kernel[..., 1].any()
    np.testing.assert_allclose(bias[1], np.asarray(float_model.get_layer("conv_bn").beta)[1], rtol=1e-6)
    assert cnn2snn.analysis.compare(quantized, cnn2snn.convert(quantized), images).totals.unexplained == 0


def test_the_quantizer_function_is_asked_for_every_kernel(float_model):
    asked = []

    def choose(layer, default):
        asked.append((layer.name, type(default).__name__))
        return default

    cnn2snn.quantize(float_model, 4, 4, quantizer_function=choose)
    assert asked == [
        ("conv", "MaxPerAxisQuantizer"),
        ("separable", "MaxPerAxisQuantizer"),
        ("separable", "MaxQuantizer"),
        ("last_conv", "MaxPerAxisQuantizer"),
        ("classes", "MaxPerAxisQuantizer"),
    ]
    with pytest.raises(ValueError, match="must return a quantizer, received None"):
        cnn2snn.quantize(float_model, 4, 4, quantizer_function=lambda layer, default: None)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            L.DepthwiseConv2D(3, depth_multiplier=2, name="it"),
            "depth_multiplier must be 1, received 2",
        ),
        (type("OwnReLU", (L.ReLU,), {})(name="it"), "OwnReLU cannot be quantized .* ReLU themselves"),
        (L.Activation("gelu", name="it"), r"Activation\(gelu\) cannot be quantized and would stay in float; use ReLU"),
        (
            L.Conv2D(2, 3, activation="gelu", name="it"),
            "activation must be 'linear', received 'gelu'; use \"relu\" and train again",
        ),
        (
            L.Conv2D(2, 3, dilation_rate=2, name="it"),
            r"dilation_rate must be \(1, 1\), received \(2, 2\)",
        ),
        (L.Conv2D(2, 3, groups=2, name="it"), "groups must be 1, received 2"),
        (L.ReLU(negative_slope=0.1, name="it"), "negative_slope must be 0, received 0.1"),
        (L.ReLU(threshold=1.0, name="it"), "threshold must be 0, received 1.0"),
        (L.LeakyReLU(name="it"), "LeakyReLU cannot be quantized"),
        (L.Conv2DTranspose(2, 3, name="it"), "transposed"),
    ],
)
def test_layers_that_would_stay_in_float_or_lose_an_argument_are_refused(layer, text):
    model = keras.Sequential([keras.Input((8, 8, 2)), layer])
    with pytest.raises(RuntimeError, match=rf'layer "it": .*{text}') as caught:
        cnn2snn.quantize(model, 4, 4)
    assert caught.value.layer == "it"


@pytest.mark.parametrize("bits", [1, -1, 9])
def test_impossible_widths_are_refused(float_model, bits):
    with pytest.raises(ValueError, match=r'layer "conv": MaxPerAxisQuantizer: bitwidth must be in 2\.\.8'):
        cnn2snn.quantize(float_model, bits, 4)


@pytest.mark.parametrize("bits", [-1, "4", None, 25, 2000])
def test_impossible_activation_widths_are_refused(float_model, bits):
    with pytest.raises(ValueError, match=r'layer "conv_relu": bitwidth must be an integer of at least 1'):
        cnn2snn.quantize(float_model, 4, bits)


def test_a_quantizer_function_must_be_a_function(float_model):
    with pytest.raises(TypeError, match="quantizer_function must be a function"):
        cnn2snn.quantize(float_model, 4, 4, quantizer_function="max")


def test_widths_may_be_numpy_integers(float_model):
    quantized = cnn2snn.quantize(float_model, np.int64(4), np.int32(2))
    assert quantized.get_layer("conv").quantizer.bitwidth == 4


@pytest.mark.parametrize("target", ["last_conv", 10, -5])
def test_one_layer_can_be_quantized(float_model, target):
    if isinstance(target, int):
        names = [layer.name for layer in float_model.layers]
        target = names.index("last_conv") - (len(names) if target < 0 else 0)
    quantized = types(cnn2snn.quantize_layer(float_model, target, 4))
    assert {n for n, t in quantized.items() if t.startswith("Quantized")} == {"last_conv"}
    assert "conv_bn" in quantized


def test_one_layer_can_be_named_by_itself(float_model):
    quantized = cnn2snn.quantize_layer(float_model, float_model.get_layer("conv_relu"), 2)
    assert types(quantized)["conv_relu"] == "QuantizedReLU"


@pytest.mark.parametrize(
    ("bound", "bits", "kind", "largest"),
    [
        (None, 4, "ActivationDiscreteRelu", 6),
        (6, 4, "ActivationDiscreteRelu", 6),
        (3, 2, "ActivationDiscreteRelu", 3),
        (1, 1, "ActivationDiscreteRelu", 1),
        (6, 2, "QuantizedReLU", 6),
        (4.5, 4, "QuantizedReLU", 4.5),
    ],
)
def test_quantize_layer_makes_a_discrete_relu_of_a_relu_whose_bound_it_holds(bound, bits, kind, largest):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2), L.ReLU(bound, name="relu")])
    relu = cnn2snn.quantize_layer(model, "relu", bits).get_layer("relu")
    assert type(relu).__name__ == kind
    assert float(np.asarray(relu.step)) * relu.levels == pytest.approx(largest)


def test_quantize_layer_changes_the_width_alone_of_what_is_quantized():
    layers = [
        cnn2snn.ActivationDiscreteRelu(2),
        cnn2snn.QuantizedReLU(4, 6.0),
        cnn2snn.QuantizedDense(2, MaxQuantizer(4)),
    ]
    model = keras.Sequential([keras.Input((3,)), *layers])
    for index, layer in enumerate(layers):
        changed = cnn2snn.quantize_layer(model, index, 3).layers[index]
        assert type(changed) is type(layer)
        before, after = layer.get_config(), changed.get_config()
        if "quantizer" in before:
            before, after = (config["quantizer"]["config"] for config in (before, after))
        assert after == {**before, "bitwidth": 3}


@pytest.mark.parametrize(
    "call",
    [
        lambda model: cnn2snn.quantize(model, 4, 4),
        lambda model: cnn2snn.quantize_layer(model, 0, 4),
        lambda model: cnn2snn.convert(model),
        lambda model: cnn2snn.conversion_report(model),
        lambda model: cnn2snn.check_model_compatibility(model),
        lambda model: cnn2snn.transforms.syncretize(model),
        lambda model: cnn2snn.calibration.bias_correction(model, np.zeros((1, 3), np.float32)),
    ],
)
def test_outside_of_eager_mode_every_call_says_so(call):
    model = keras.Sequential([keras.Input((3,)), cnn2snn.QuantizedDense(2, MaxQuantizer(4))])
    with tf.Graph().as_default(), pytest.raises(SystemError, match="execute eagerly"):
        call(model)
    with pytest.raises(SystemError, match="execute eagerly"):
        tf.function(lambda: call(model), autograph=False)()


def test_errors_of_a_target_without_quantized_form_say_what_to_use():
    model = keras.Sequential([keras.Input((3,)), L.Dense(2), L.Activation("relu", name="relu")])
    with pytest.raises(ValueError, match=r"has nothing to quantize; .* with cnn2snn\.transforms\.prepare"):
        cnn2snn.quantize_layer(model, "relu", 4)


INCREASING = [
    "tanh",
    "softplus",
    "hard_sigmoid",
    "softsign",
    "exponential",
    "elu",
    "selu",
    "sigmoid",
    "softmax",
    "linear",
]


@pytest.mark.parametrize("name", INCREASING)
def test_a_final_activation_that_keeps_the_order_is_left_out(name):
    source, layers = keras.Input((3,), name="input"), [L.Dense(2), L.ReLU(6.0), L.Dense(3)]
    bare = keras.Sequential([source, *layers], name="net")
    model = keras.Sequential([source, *layers, L.Activation(name)], name="net")
    expected, got = (cnn2snn.convert(cnn2snn.quantize(m, 4, 4), input_is_image=False) for m in (bare, model))
    assert got.to_buffer() == expected.to_buffer()


@pytest.mark.parametrize("name", ["gelu", "swish"])
def test_a_final_activation_that_does_not_is_refused(name):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2), L.Activation(name)])
    with pytest.raises(RuntimeError, match="cannot be quantized"):
        cnn2snn.quantize(model, 4, 4)
    quantized = cnn2snn.quantize_layer(model, 0, 4)
    with pytest.raises(RuntimeError, match="must keep the order of its inputs"):
        cnn2snn.convert(quantized, input_is_image=False)


@pytest.mark.parametrize(
    ("target", "bits", "error", "text"),
    [
        ("nowhere", 4, ValueError, "target_layer must be a layer of the model"),
        (99, 4, ValueError, r"target_layer must be in -14\.\.13"),
        ("conv", 0, ValueError, "greater than zero"),
        ("conv_bn", 4, ValueError, "has nothing to quantize; name a convolution"),
        ("softmax", 4, ValueError, "has nothing to quantize"),
    ],
)
def test_targets_that_cannot_be_quantized_are_refused(float_model, target, bits, error, text):
    with pytest.raises(error, match=text):
        cnn2snn.quantize_layer(float_model, target, bits)


def test_models_of_the_other_keras_generation_are_refused_with_the_remedy():
    other = __import__("keras" if LEGACY else "tf_keras")
    model = other.Sequential([other.layers.Input((4,)), other.layers.Dense(2)])
    with pytest.raises(TypeError, match=r"set the environment variable TF_USE_LEGACY_KERAS"):
        cnn2snn.quantize(model, 4, 4)


def test_the_batch_size_of_the_input_is_kept():
    x = keras.Input((6, 6, 1), batch_size=3, name="x")
    for model in (keras.Model(x, L.Conv2D(2, 3)(x)), keras.Sequential([x, L.Conv2D(2, 3)])):
        assert tuple(cnn2snn.quantize(model, 4, 4).inputs[0].shape) == (3, 6, 6, 1)


def test_a_layer_that_is_always_in_training_is_refused():
    x = keras.Input((6, 6, 1))
    model = keras.Model(x, L.ReLU()(L.Dropout(0.5, name="it")(L.Conv2D(2, 3)(x), training=True)))
    with pytest.raises(RuntimeError, match=r'layer "it" must be called on its inputs alone, received training=True'):
        cnn2snn.quantize(model, 4, 4)


def test_inputs_may_be_given_by_name():
    x = keras.Input((6, 6, 1))
    model = keras.Model(x, L.ReLU()(L.Conv2D(2, 3, name="it")(inputs=x)))
    assert cnn2snn.quantize(model, 4, 4).get_layer("it").filters == 2


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_masks_are_refused():
    x = keras.Input((6, 6, 1))
    y = L.BatchNormalization(name="it")(L.Masking()(L.Conv2D(2, 3)(x)))
    model = keras.Model(x, L.ReLU()(y))
    with pytest.raises(RuntimeError, match="Masking"):
        cnn2snn.quantize(model, 4, 4)
    assert not cnn2snn.check_model_compatibility(model).convertible


@pytest.mark.skipif(not LEGACY, reason="Keras 3 does not heed it")
def test_layers_that_are_frozen_by_their_call_stay_frozen():
    inner = keras.Sequential([keras.Input((6, 6, 1)), L.Conv2D(2, 3), L.BatchNormalization(name="it")])
    x = keras.Input((6, 6, 1))
    model = keras.Model(x, L.ReLU()(inner(x, training=False)))
    quantized = cnn2snn.quantize(model, 4, 4, fold_BN=False)
    images = np.random.default_rng(0).normal(3, 2, (8, 6, 6, 1)).astype(np.float32)
    quantized(images, training=True)
    assert not np.asarray(quantized.get_layer("it").moving_mean).any()


def test_layers_that_belong_to_a_model_of_another_size_as_well_are_read():
    large = keras.Sequential([keras.Input((8, 8, 1)), L.Conv2D(2, 3, name="c"), L.ReLU(name="r")])
    small = keras.Sequential([keras.Input((6, 6, 1)), *large.layers, L.MaxPooling2D(2), L.Flatten(), L.Dense(2)])
    assert tuple(cnn2snn.quantize(small, 4, 4).get_layer("r").output.shape) == (None, 4, 4, 2)
