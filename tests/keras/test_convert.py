"""convert: structure, variables, refusals, files; and the models of the original toolkit."""

import json
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida
from cnn2snn._keras import keras, tf
from cnn2snn.analysis import compare
from cnn2snn.conversion.pipeline import convert_blocks
from cnn2snn.quantization_layers import (
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
    QuantizedReLU,
    QuantizedSeparableConv2D,
)
from cnn2snn.quantization_ops import LinearWeightQuantizer, MaxPerAxisQuantizer, MaxQuantizer
from tests.keras.models import assert_refused, randomize

L = keras.layers
FIXTURES = Path(__file__).parent.parent / "fixtures" / "keras2-quantized"
Q4 = MaxPerAxisQuantizer(4)


def conv(filters=4, kernel=3, **arguments):
    return QuantizedConv2D(filters, kernel, Q4, **{"padding": "same", **arguments})


def chain(*layers, shape=(8, 8, 1), name="chain"):
    return keras.Sequential([keras.Input(shape, name="input"), *layers], name=name)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.h5")), ids=lambda p: p.stem)
def test_models_of_the_original_toolkit_convert_to_its_integers(path):
    """Weights are equal; thresholds are the same floors; steps are equal up to float32 rounding."""
    recorded = np.load(path.with_suffix(".npz"))
    meta = json.loads(str(recorded["meta"]))
    model = cnn2snn.load_quantized_model(path, compile_model=False)
    is_image = meta["layers"][0]["type"] != "InputData"
    converted = convert_blocks(model, meta["scaling"], is_image)
    blocks = {b.layer.name: b for b in converted.blocks}
    assert len(converted.model.layers) == len(meta["layers"])
    for index, (layer, expected) in enumerate(zip(converted.model.layers, meta["layers"], strict=True)):
        assert layer.parameters.layer_type.name == expected["type"]
        for name, value in expected["params"].items():
            received = getattr(layer.parameters, name)
            received = received.name if hasattr(received, "name") else received
            assert received == (tuple(value) if isinstance(value, list) else value), name
        if not expected["vars"]:
            continue
        for name in {"weights", "weights_pw"} & set(expected["vars"]):
            np.testing.assert_array_equal(layer.get_variable(name), recorded[f"{index}/{name}"])
        ideal = blocks[layer.name].ideal
        threshold, act_step = recorded[f"{index}/threshold"], recorded[f"{index}/act_step"]
        # The original computes in float32 here and there: a floor may differ where t is that close to an integer.
        near = np.abs(ideal.t - np.rint(ideal.t)) <= 1e-6 * np.maximum(1, np.abs(ideal.t))
        assert np.all((np.floor(ideal.t) == threshold) | near)
        bits = layer.parameters.act_bits if layer.parameters.activation else 4
        np.testing.assert_allclose(ideal.s * 2.0 ** (bits - 4), act_step, rtol=1e-6)


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.h5")), ids=lambda p: p.stem)
def test_floored_thresholds_are_those_of_the_original_toolkit(path):
    recorded = np.load(path.with_suffix(".npz"))
    meta = json.loads(str(recorded["meta"]))
    model = cnn2snn.load_quantized_model(path, compile_model=False)
    is_image = meta["layers"][0]["type"] != "InputData"
    floored = convert_blocks(model, meta["scaling"], is_image, thresholds="floor")
    for index, layer in enumerate(floored.model.layers):
        for name in meta["layers"][index]["vars"]:
            np.testing.assert_array_equal(layer.get_variable(name), recorded[f"{index}/{name}"])
    fitted = convert_blocks(model, meta["scaling"], is_image)
    for fit, floor in zip(fitted.blocks, floored.blocks, strict=True):
        assert np.all(fit.mismatches <= floor.mismatches)
    assert sum(b.mismatches.sum() for b in floored.blocks) > sum(b.mismatches.sum() for b in fitted.blocks) or (
        "aq1" in path.stem
    )


def test_thresholds_are_fitted_or_floored():
    with pytest.raises(ValueError, match='thresholds must be "fit" or "floor", received \'round\''):
        cnn2snn.convert(chain(conv(), QuantizedReLU(4)), thresholds="round")


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.h5")), ids=lambda p: p.stem)
def test_every_difference_from_the_original_models_has_a_cause(path):
    recorded = np.load(path.with_suffix(".npz"))
    meta = json.loads(str(recorded["meta"]))
    is_image = meta["layers"][0]["type"] != "InputData"
    model = cnn2snn.load_quantized_model(path, compile_model=False)
    converted = cnn2snn.convert(model, input_scaling=meta["scaling"], input_is_image=is_image)
    inputs = recorded["x"].reshape(len(recorded["x"]), *converted.input_shape)
    report = compare(model, converted, inputs, meta["scaling"])
    assert report.totals.unexplained == 0
    assert report.totals.differing < report.totals.total / 500


def test_the_worked_example_of_thresholds_and_steps():
    """Numbers worked by hand: H2 to H6 for an image convolution and a last dense layer."""
    q = MaxPerAxisQuantizer
    model = chain(
        L.Rescaling(1 / 128, -1),
        QuantizedConv2D(2, 2, q(4), name="conv"),
        QuantizedReLU(4, 6),
        L.Flatten(),
        QuantizedDense(2, q(2), name="dense"),
        shape=(2, 2, 1),
    )
    kernel = np.array([[0.5, -0.25, 0.1, 0.7], [-1.0, 0.3, 0.2, 0.05]], np.float32)
    model.get_layer("conv").set_weights([kernel.T.reshape(2, 2, 1, 2), np.array([0.1, -0.2])])
    dense = np.array([[0.6, -0.2], [0.4, 0.9]])
    model.get_layer("dense").set_weights([dense, np.array([0.05, -0.3])])
    converted = convert_blocks(model)
    first, last = (b.ideal for b in converted.blocks)
    assert first.weights.reshape(4, 2).T.tolist() == [[5, -2, 1, 7], [-7, 2, 1, 0]]
    np.testing.assert_allclose(first.t, [1536, -153.6], rtol=1e-6)
    np.testing.assert_allclose(first.s, [512, 358.4], rtol=1e-6)
    np.testing.assert_allclose(last.t, [-0.2083333, 0.8333333], rtol=1e-6)
    engine = converted.model.layers
    assert engine[0].parameters.padding_value == 128
    assert engine[0].get_variable("threshold").tolist() == [1536, -154]
    assert engine[1].get_variable("weights").reshape(2, 2).tolist() == [[1, 0], [1, 1]]
    assert engine[1].get_variable("threshold").tolist() == [0, 1]
    image = np.array([[200, 30], [128, 255]], np.uint8).reshape(1, 2, 2, 1)
    taps = converted.model.forward_taps(image)
    assert [tap.ravel().tolist() for tap in taps] == [[3, 0], [3, 0]]


@pytest.mark.parametrize("max_value", [6.0, 2.5])
@pytest.mark.parametrize("act_bits", [1, 2, 4])
@pytest.mark.parametrize("weight_bits", [2, 4, 8])
def test_the_float_models_job(float_model, images, weight_bits, act_bits, max_value):
    for layer in float_model.layers:
        if isinstance(layer, L.ReLU):
            layer.max_value = max_value
    quantized = cnn2snn.quantize(float_model, weight_bits, act_bits, 8)
    converted = cnn2snn.convert(quantized)
    assert [type(layer).__name__ for layer in converted.layers] == [
        "InputConvolutional",
        "SeparableConvolutional",
        "Convolutional",
        "FullyConnected",
    ]
    report = compare(quantized, converted, images)
    assert report.totals.unexplained == 0
    if act_bits == 1:
        assert report.totals.format == 0


@pytest.mark.parametrize("quantizer", [MaxPerAxisQuantizer, MaxQuantizer])
def test_normalization_after_any_quantizer_folds_exactly(quantizer, images):
    """Negative gammas before pooling and before the activation, two normalizations in a row, none folded in Keras."""
    model = chain(
        L.Rescaling(1 / 255),
        QuantizedConv2D(6, 3, quantizer(8), padding="same"),
        L.BatchNormalization(),
        L.MaxPooling2D(2),
        QuantizedReLU(4, 4.0),
        QuantizedSeparableConv2D(5, 3, quantizer(4), quantizer_dw=MaxQuantizer(4), padding="same"),
        L.BatchNormalization(),
        L.BatchNormalization(scale=False),
        QuantizedReLU(4, 5.0),
        QuantizedConv2D(4, 3, quantizer(4), padding="same"),
        L.GlobalAveragePooling2D(),
        L.BatchNormalization(center=False),
        QuantizedReLU(2, 3.0),
        QuantizedDense(3, quantizer(4)),
        L.BatchNormalization(),
    )
    randomize(model, negative_gammas=True)
    converted = cnn2snn.convert(model)
    report = compare(model, converted, images)
    assert report.totals.unexplained == 0
    assert report.totals.differing < report.totals.total / 50
    predicted = converted.predict(images).reshape(len(images), -1)
    levels = converted.forward_taps(images)[-2].reshape(len(images), -1) * (3.0 / 3)
    dense, norm = model.layers[-2], model.layers[-1]
    expected = norm(dense(levels.astype(np.float32)), training=False)
    gain = convert_blocks(model).blocks[-1].ideal.s
    # Thresholds of the last layer are rounded to nearest: half a unit of potential.
    assert np.all(np.abs(predicted - np.asarray(expected)) <= 0.5001 / gain + 1e-5)


def test_max_pooling_after_the_activation_is_the_same(images):
    layers = [L.Rescaling(1 / 255), conv(6, name="c")]
    after = chain(
        *layers,
        QuantizedReLU(4, 2.0, name="r"),
        L.MaxPooling2D(2, name="p"),
        L.Flatten(),
        QuantizedDense(3, Q4),
    )
    converted = cnn2snn.convert(after)
    assert converted.layers[0].parameters.pool_type == akida.PoolType.Max
    assert compare(after, converted, images).totals.unexplained == 0


def test_branches_of_one_step_are_joined(images):
    x = keras.Input((8, 8, 1), name="x")
    y = QuantizedReLU(4, 6)(conv(4, name="c")(L.Rescaling(1 / 255)(x)))
    a = QuantizedReLU(2, 3.0)(conv(3, name="a")(y))
    b = QuantizedReLU(2, 3.0, name="rb")(conv(5, 1, name="b")(y))
    z = QuantizedDense(3, Q4)(L.Flatten()(QuantizedReLU(4, 6)(conv(4, name="d")(L.Concatenate(name="j")([a, b])))))
    model = keras.Model(x, z)
    converted = cnn2snn.convert(model)
    assert converted.get_layer("j").output_dims == [8, 8, 8]
    assert compare(model, converted, images).totals.unexplained == 0

    b = QuantizedReLU(2, 2.0, name="other")(conv(5, 1, name="b2")(y))
    with pytest.raises(RuntimeError, match=r'layer "j2".*same step.*same bitwidth and max_value'):
        cnn2snn.convert(keras.Model(x, QuantizedReLU(1)(conv(2)(L.Concatenate(name="j2")([a, b])))))


def test_inputs_that_are_not_images(images):
    model = keras.Sequential(
        [
            keras.Input((20,), name="events"),
            QuantizedDense(6, Q4, name="a"),
            QuantizedReLU(1),
            L.Dropout(0.5),
            QuantizedDense(3, Q4, name="b"),
            L.Softmax(),
        ]
    )
    converted = cnn2snn.convert(model, input_scaling=(2.5, 0), input_is_image=False)
    assert converted.layers[0].name == "events"
    assert converted.input_shape == [1, 1, 20]
    inputs = np.random.default_rng(0).integers(0, 16, (32, 1, 1, 20), dtype=np.uint8)
    report = compare(model, converted, inputs, (2.5, 0))
    assert (report.totals.unexplained, report.totals.format) == (0, 0)
    with pytest.raises(ValueError, match="the shift must be 0"):
        cnn2snn.convert(model, input_scaling=(2.5, 1), input_is_image=False)


def test_padding_that_differs_in_name_only_is_accepted(images):
    model = chain(
        conv(),
        L.MaxPooling2D(2, padding="valid"),
        QuantizedReLU(4),
        conv(),
        QuantizedReLU(4),
        shape=(8, 8, 1),
    )
    converted = cnn2snn.convert(model)
    assert compare(model, converted, images).totals.unexplained == 0
    pointwise = chain(conv(4, 1), L.MaxPooling2D(3, padding="valid"), QuantizedReLU(4), conv(), QuantizedReLU(4))
    converted = cnn2snn.convert(pointwise)
    assert converted.layers[0].parameters.padding == akida.Padding.Valid
    assert compare(pointwise, converted, images).totals.unexplained == 0


class Fractions(LinearWeightQuantizer):
    def quantize(self, w):
        return w

    def scale_factor(self, w):
        return 3.3


class OwnThreshold(QuantizedReLU):
    @property
    def threshold(self):
        return 0.1


class Doubled(QuantizedConv2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


REFUSED = {
    "own threshold": ([conv(), OwnThreshold(4, name="it")], r'"it".*may define the step alone'),
    "subclass": ([Doubled(2, 3, Q4, name="it"), QuantizedReLU(4)], r'"it".*not classes derived'),
    "final activation": (
        [conv(), QuantizedReLU(4), L.Flatten(), QuantizedDense(2, Q4), L.Activation("relu", name="it")],
        r'"it".*must keep the order of its inputs.*received .relu',
    ),
    "forgotten flatten": (
        [conv(), QuantizedReLU(4), QuantizedDense(2, Q4, name="it")],
        r'"it".*shape \(N,\) or \(1, 1, N\), received \(8, 8, 4\); put Flatten before it',
    ),
    "channels first": (
        [conv(), QuantizedReLU(4), L.Flatten(data_format="channels_first", name="it"), QuantizedDense(2, Q4)],
        r'"it".*data_format must be channels_last',
    ),
    "float16": ([conv(dtype="mixed_bfloat16", name="it"), QuantizedReLU(4)], r'"it": it must compute in float32'),
    "float layer": (
        [conv(), QuantizedReLU(4), L.Conv2D(2, 3, name="it")],
        r'"it".*not quantized; quantize the model first',
    ),
    "float activation": ([conv(), L.ReLU(name="it")], r'"it".*not quantized'),
    "no activation": (
        [conv(name="a"), conv(name="it")],
        r'"it".*"a" has none; add a ReLU between them \(QuantizedReLU',
    ),
    "activation first": ([QuantizedReLU(4, name="it")], r'"it".*cannot be the first'),
    "two activations": (
        [conv(), QuantizedReLU(4), QuantizedReLU(4, name="it")],
        r'"it".*cannot follow each other',
    ),
    "pooling first": ([L.MaxPooling2D(2, name="it")], r'"it".*pooling cannot be the first'),
    "average": ([conv(), L.AveragePooling2D(2, name="it")], r'"it".*cannot be converted'),
    "two poolings": (
        [conv(), L.MaxPooling2D(2), L.MaxPooling2D(2, name="it")],
        r'"it".*pooled already',
    ),
    "gap late": (
        [conv(), QuantizedReLU(4), L.GlobalAveragePooling2D(name="it")],
        r'"it".*before the activation',
    ),
    "norm late": (
        [conv(), QuantizedReLU(4), L.BatchNormalization(name="it")],
        r'"it".*before the activation',
    ),
    "pool padding": (
        [conv(), L.MaxPooling2D(3, padding="valid", name="it"), QuantizedReLU(4)],
        r'"it".*padding must be "same".*received "valid"',
    ),
    "separable first": (
        [QuantizedSeparableConv2D(4, 3, Q4, name="it"), QuantizedReLU(4)],
        r'"it".*first layer for images must be a QuantizedConv2D',
    ),
    "dense first": ([L.Flatten(), QuantizedDense(4, Q4, name="it")], r'"it".*input_is_image=False'),
    "late rescaling": (
        [conv(), QuantizedReLU(4), L.Rescaling(2.0, name="it")],
        r'"it".*directly after the input',
    ),
    "flatten": (
        [conv(name="c"), L.Flatten(name="it"), QuantizedDense(2, Q4)],
        r'"it".*after an activation',
    ),
    "reshape": (
        [conv(), QuantizedReLU(4), L.Reshape((4, 16, 4), name="it"), conv()],
        r'"it".*\(8, 8, 4\) to \(4, 16, 4\) cannot be converted',
    ),
    "softmax inside": (
        [conv(), QuantizedReLU(4), L.Softmax(name="it"), conv()],
        r'"it".*possible only at the end',
    ),
    "padding value": (
        [L.Rescaling(1 / 127.5, -1), conv(name="it"), QuantizedReLU(4)],
        r'"it".*padding value.*received 127\.5; rescale',
    ),
    "weights": (
        [QuantizedConv2D(2, 3, Fractions(4), name="it"), QuantizedReLU(4)],
        r'"it".*must be integers in -7\.\.7.*correct the layer',
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_expressed_is_refused_with_layer_and_remedy(case):
    layers, text = REFUSED[case]
    assert_refused(RuntimeError, text, chain(*layers))


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (
            [QuantizedConv2D(2, 3, MaxPerAxisQuantizer(3), name="it"), QuantizedReLU(4)],
            r'"it".*2, 4, 8, received 3',
        ),
        ([conv(), QuantizedReLU(3, name="it")], r'"it".*one of 1, 2, 4, received 3'),
        (
            [
                conv(),
                QuantizedReLU(4),
                QuantizedSeparableConv2D(2, 3, MaxPerAxisQuantizer(2), quantizer_dw=MaxQuantizer(3), name="it"),
            ],
            r'"it".*2, 4, 8, received 3',
        ),
    ],
)
def test_widths_that_the_engine_lacks_are_refused(layers, text):
    assert_refused(ValueError, text, chain(*layers))


@pytest.mark.parametrize("gamma", [0.0, -1.0])
def test_normalization_factors_that_cannot_be_folded_are_refused(gamma):
    model = chain(conv(), L.MaxPooling2D(2), L.BatchNormalization(name="bn"), QuantizedReLU(4))
    model.get_layer("bn").gamma.assign([1, 1, gamma, 1])
    assert_refused(RuntimeError, r'"bn".*greater than zero.*channel 2', model)
    model = chain(conv(name="c"), L.BatchNormalization(name="bn"), QuantizedReLU(4))
    model.get_layer("bn").gamma.assign([1, 0, 1, 1])
    text = r'"c": gamma of its batch normalization must be different from zero.*channel 1'
    assert_refused(RuntimeError, text, model)


def test_rescaling_on_one_branch_only_is_refused():
    x = keras.Input((6, 6, 5), name="x")
    a = QuantizedReLU(4, 6)(conv(name="a")(L.Rescaling(1 / 15)(x)))
    b = QuantizedReLU(4, 6)(conv(name="b")(x))
    model = keras.Model(x, QuantizedReLU(4)(conv(name="c")(L.Concatenate()([a, b]))))
    assert_refused(RuntimeError, r'"b".*without the Rescaling.*before any split', model, input_is_image=False)


def test_an_image_is_read_by_one_layer():
    x = keras.Input((6, 6, 3), name="x")
    a, b = (QuantizedReLU(4, 6)(conv(name=name)(x)) for name in "ab")
    assert_refused(
        RuntimeError,
        r'"b".*split after the first convolution',
        keras.Model(x, QuantizedReLU(4)(conv()(L.Concatenate()([a, b])))),
    )


def test_branches_of_different_widths_are_refused():
    x = keras.Input((6, 6, 3), name="x")
    y = QuantizedReLU(4)(conv()(x))
    a, b = (QuantizedReLU(bits)(conv(name=f"c{bits}")(y)) for bits in (2, 4))
    assert_refused(
        RuntimeError,
        r"same bitwidth, received .*: 2, .*: 4",
        keras.Model(x, QuantizedReLU(4)(conv()(L.Concatenate()([a, b])))),
    )


def test_a_gamma_so_small_that_thresholds_leave_32_bits_leaves_a_filter_that_always_saturates(images):
    """No potential reaches its boundaries; a threshold that no potential reaches either says the same."""
    model = chain(L.Rescaling(1 / 128, -1), conv(name="c"), L.BatchNormalization(name="bn"), QuantizedReLU(4, 6))
    model.get_layer("bn").gamma.assign([1e-8, 1, 1, 1])
    model.get_layer("bn").beta.assign([7.0, 1.0, 1.0, 1.0])
    (block,) = convert_blocks(model).blocks
    assert block.ideal.t[0] < -(2.0**31)
    assert block.mismatches[0] == 0
    assert block.layer.get_variable("threshold")[0] == block.layer.widths("AKD1000").min_threshold == -(2**23)
    assert np.all(cnn2snn.convert(model).forward(images)[..., 0] == 15)


def test_an_output_threshold_that_leaves_32_bits_is_refused():
    model = chain(L.Rescaling(1 / 128, -1), conv(name="c"), L.BatchNormalization(name="bn"))
    model.get_layer("bn").gamma.assign([1e-8, 1, 1, 1])
    model.get_layer("bn").beta.assign([1.0] * 4)
    text = r'"c": channel 0: the threshold must be inside 32 bits.*constrain gamma'
    assert_refused(RuntimeError, text, model)


def test_layers_that_compute_nothing_may_stand_anywhere(images):
    flat = [L.GlobalAveragePooling2D(keepdims=True), L.Flatten(), QuantizedReLU(4, 6), QuantizedDense(3, Q4)]
    model = chain(conv(), QuantizedReLU(4, 6), L.Dropout(0.1), L.MaxPooling2D(2), L.Dropout(0.1), conv(), *flat)
    converted = cnn2snn.convert(model)
    assert [layer.parameters.pool_type.name for layer in converted.layers[:2]] == ["Max", "Average"]
    assert compare(model, converted, images).totals.unexplained == 0


def test_a_scale_with_kept_axes_is_one_scale_per_filter(images):
    class KeptAxes(LinearWeightQuantizer):
        def scale_factor(self, w):
            return self.kmax_ / tf.reduce_max(tf.abs(w), axis=[0, 1, 2], keepdims=True)

    model = chain(QuantizedConv2D(4, 3, KeptAxes(4)), QuantizedReLU(4))
    assert compare(model, cnn2snn.convert(model), images).totals.unexplained == 0


@pytest.mark.parametrize("kernel", [{"kernel_size": 1}, {"kernel_size": 2, "strides": 2}])
def test_a_padding_value_is_asked_for_only_where_something_is_padded(kernel, images):
    layer = QuantizedConv2D(4, quantizer=Q4, padding="same", **kernel)
    model = chain(L.Rescaling(1 / 255, -0.5), layer, QuantizedReLU(4, 2.0))
    converted = cnn2snn.convert(model)
    assert compare(model, converted, images).totals.unexplained == 0


def test_input_scaling_may_be_an_array():
    model = chain(conv(), QuantizedReLU(4))
    converted = cnn2snn.convert(model, input_scaling=np.array([127.0, 127.0]))
    assert converted.layers[0].parameters.padding_value == 127


def test_the_result_says_how_its_inputs_follow_from_those_of_keras(tmp_path):
    model = chain(conv(padding="valid"), QuantizedReLU(4))
    assert cnn2snn.convert(model).input_scaling == (1.0, 0.0)
    path = tmp_path / "model.fbz"
    cnn2snn.convert(model, file_path=path, input_scaling=(127.5, 127.5))
    assert akida.Model(path).input_scaling == (127.5, 127.5)
    # The Keras model rescales by itself: it takes the integers.
    rescaled = chain(L.Rescaling(1 / 255), conv(), QuantizedReLU(4))
    assert cnn2snn.convert(rescaled).input_scaling == (1.0, 0.0)


def test_rescaling_and_input_scaling_exclude_each_other():
    model = chain(L.Rescaling(1 / 255), conv(), QuantizedReLU(4))
    with pytest.raises(ValueError, match="leave one of them out"):
        cnn2snn.convert(model, input_scaling=(255, 0))
    for scaling in ((0, 0), (-1, 0), (float("nan"), 0), (1,), (), 5, "ab", (None, 1)):
        with pytest.raises(ValueError, match="input_scaling must be a scale greater than zero"):
            cnn2snn.convert(chain(conv(), QuantizedReLU(4)), input_scaling=scaling)


@pytest.mark.parametrize("k", [93, 99, 105, 117, 123, 186, 255])
def test_the_padding_value_of_a_rescaling_is_not_truncated(k):
    model = chain(L.Rescaling(1 / k, -1), conv(), QuantizedReLU(4))
    assert cnn2snn.convert(model).layers[0].parameters.padding_value == k


def test_files_are_named_as_documented(tmp_path, monkeypatch):
    model = chain(conv(), QuantizedReLU(4), name="net")
    monkeypatch.chdir(tmp_path)
    for given, written in (
        ("a", "a.fbz"),
        ("new/folder/b.fbz", "new/folder/b.fbz"),
        ("c.bin", "c.bin"),
        ("out/", "out/net.fbz"),
        ("out", "out/net.fbz"),
    ):
        converted = cnn2snn.convert(model, file_path=given)
        assert akida.Model(tmp_path / written).to_buffer() == converted.to_buffer()


def test_an_empty_file_name_is_refused():
    with pytest.raises(ValueError, match="file_path must not be empty"):
        cnn2snn.convert(chain(conv(), QuantizedReLU(4)), file_path="")


def test_a_failed_conversion_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.fbz"
    cnn2snn.convert(chain(conv(), QuantizedReLU(4)), file_path=path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        cnn2snn.convert(chain(conv(), conv()), file_path=path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.fbz"]


def test_the_source_model_is_not_changed(float_model, images):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    weights = [w.copy() for w in quantized.get_weights()]
    config = json.dumps(quantized.get_config(), default=str)
    cnn2snn.convert(quantized)
    assert all(np.array_equal(a, b) for a, b in zip(weights, quantized.get_weights(), strict=True))
    assert json.dumps(quantized.get_config(), default=str) == config


def test_the_same_model_gives_the_same_bytes(float_model):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    assert cnn2snn.convert(quantized).to_buffer() == cnn2snn.convert(quantized).to_buffer()


def test_the_input_is_called_like_that_of_keras():
    source = keras.Input((5,), name="features")
    model = keras.Model(source, QuantizedDense(3, Q4)(source))
    assert cnn2snn.convert(model, input_is_image=False).layers[0].name == "features"


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [conv(), QuantizedReLU(4), conv(), L.Flatten()],
        lambda: [conv(), QuantizedReLU(4), L.Flatten(), L.Dropout(0.5), QuantizedDense(2, Q4)],
        lambda: [conv(), L.GlobalAveragePooling2D(keepdims=True), L.Flatten(), QuantizedReLU(4), QuantizedDense(2, Q4)],
    ],
)
def test_a_flatten_that_moves_no_value_may_stand_anywhere(layers, images):
    model = chain(*layers())
    assert compare(model, cnn2snn.convert(model), images).totals.unexplained == 0


def depthwise_pair(**arguments):
    """A depthwise and a pointwise convolution behind a first layer, float, with negative gammas."""
    model = chain(
        L.Rescaling(1 / 255),
        L.Conv2D(4, 3, padding="same"),
        L.ReLU(2.0),
        L.DepthwiseConv2D((3, 2), **{"strides": 2, "padding": "same", "use_bias": False, "name": "dw", **arguments}),
        L.Conv2D(6, 1, name="pw"),
        L.BatchNormalization(),
        L.MaxPooling2D(2),
        L.ReLU(2.0),
        L.Flatten(),
        L.Dense(3),
    )
    randomize(model, negative_gammas=True)
    return cnn2snn.quantize(model, 4, 4, 8)


def test_a_depthwise_and_a_pointwise_convolution_become_one_separable_layer(images):
    quantized = depthwise_pair()
    converted = cnn2snn.convert(quantized)
    layer = converted.get_layer("pw")
    assert type(layer).__name__ == "SeparableConvolutional"
    assert tuple(layer.parameters.kernel_size) == (3, 2)
    assert tuple(layer.parameters.kernel_stride) == (2, 2)
    report = compare(quantized, converted, images)
    assert report.totals.unexplained == 0
    assert report.totals.differing < report.totals.total / 100


def test_a_depthwise_convolution_on_its_own_or_with_a_bias_is_refused():
    for model in (
        chain(conv(), QuantizedReLU(4), QuantizedDepthwiseConv2D(3, Q4, name="dw"), conv(2, 1)),
        chain(conv(), QuantizedReLU(4), QuantizedDepthwiseConv2D(3, Q4, use_bias=False, name="dw")),
    ):
        with pytest.raises(RuntimeError, match=r'layer "dw" .*use_bias=False.*kernel size 1.*QuantizedSeparableConv2D'):
            cnn2snn.convert(model)


def test_a_limit_of_the_scale_makes_filters_close_to_zero_convertible():
    """The remedy that the error names works: the weights of such a filter become zeros."""
    model = keras.Sequential([keras.Input((6,)), L.Dense(4), L.ReLU(6.0), L.Dense(3, name="last")])
    kernel, bias = model.get_layer("last").get_weights()
    kernel[:, 1] *= 1e-12
    model.get_layer("last").set_weights([kernel, bias + 0.5])
    with pytest.raises(RuntimeError, match=r'"last": channel 1: .*max_scale_factor=1000'):
        cnn2snn.convert(cnn2snn.quantize(model, 4, 4), input_is_image=False)

    def limited(layer, quantizer):
        return cnn2snn.MaxPerAxisQuantizer(quantizer.bitwidth, max_scale_factor=1000)

    quantized = cnn2snn.quantize(model, 4, 4, quantizer_function=limited)
    x = np.random.default_rng(3).integers(0, 16, (9, 6)).astype(np.uint8)
    predicted = cnn2snn.convert(quantized, input_is_image=False).predict(x.reshape(-1, 1, 1, 6)).reshape(-1, 3)
    np.testing.assert_allclose(predicted[:, 1], 0.5, atol=1e-2)


def test_files_of_the_original_toolkit_keep_the_limit_of_their_scales(tmp_path):
    """Through training and saving, so that their integers stay those of the original."""
    path = Path(__file__).parent.parent / "fixtures" / "keras2-quantized" / "dense_only_iq4_wq4_aq1.h5"
    model = cnn2snn.load_quantized_model(path, compile_model=False)
    model.save(tmp_path / "again.keras")
    again = cnn2snn.load_quantized_model(tmp_path / "again.keras", compile_model=False)
    narrower = cnn2snn.quantize(again, 2, 2)
    for loaded in (model, again, narrower):
        limits = {layer.quantizer.max_scale_factor for layer in loaded.layers if hasattr(layer, "quantizer")}
        assert limits == {1000}


def test_the_bias_of_a_float_depthwise_convolution_is_converted_too(images):
    quantized = depthwise_pair(use_bias=True)
    assert compare(quantized, cnn2snn.convert(quantized), images).totals.unexplained == 0


@pytest.mark.parametrize(("pointwise", "depthwise", "declared"), [(4, 2, 4), (2, 4, 4), (2, 2, 2), (4, 3, 4)])
def test_a_separable_layer_has_the_width_of_its_wider_kernel(images, pointwise, depthwise, declared):
    separable = QuantizedSeparableConv2D(4, 3, MaxPerAxisQuantizer(pointwise), MaxQuantizer(depthwise), name="it")
    model = chain(conv(), QuantizedReLU(4), separable, QuantizedReLU(4))
    converted = cnn2snn.convert(model)
    assert converted.get_layer("it").parameters.weights_bits == declared
    assert compare(model, converted, images).totals.unexplained == 0


@pytest.mark.parametrize(
    ("kernel", "stride", "size", "padding"),
    [(1, 1, 8, "Same"), (1, 2, 7, "Same"), (2, 2, 8, "Same"), (2, 2, 7, "Valid"), (3, 1, 8, "Valid")],
)
def test_a_valid_convolution_that_covers_its_map_is_one_of_padding_same(kernel, stride, size, padding):
    images = np.random.default_rng(5).integers(0, 256, (4, size, size, 1), dtype=np.uint8)
    valid = conv(4, kernel, strides=stride, padding="valid", name="it")
    model = chain(conv(), QuantizedReLU(4), valid, QuantizedReLU(4), shape=(size, size, 1))
    converted = cnn2snn.convert(model)
    assert converted.get_layer("it").parameters.padding == getattr(akida.Padding, padding)
    assert compare(model, converted, images).totals.unexplained == 0


@pytest.mark.parametrize("shape", [(8, 8), (64,), (4, 16, 1)])
def test_a_reshape_at_the_input_gives_the_converted_model_its_shape(images, shape):
    model = chain(L.Reshape((8, 8, 1), name="front"), conv(), QuantizedReLU(4), shape=shape)
    converted = cnn2snn.convert(model)
    assert converted.input_shape == [8, 8, 1]
    assert compare(model, converted, images).totals.unexplained == 0
    folded = {place.name: place.became for place in cnn2snn.conversion_report(model).folded}
    assert folded["front"] == "left out: inputs have its shape"


def test_a_map_of_two_axes_is_flattened_at_the_input():
    model = chain(L.Flatten(), QuantizedDense(4, Q4), QuantizedReLU(4), QuantizedDense(3, Q4), shape=(5, 3))
    converted = cnn2snn.convert(model, input_is_image=False)
    assert converted.input_shape == [1, 1, 15]
    inputs = np.random.default_rng(5).integers(0, 16, (9, 1, 1, 15), dtype=np.uint8)
    assert compare(model, converted, inputs).totals.unexplained == 0
