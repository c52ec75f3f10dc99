"""check_model_compatibility for Akida 1.0: every problem of a model at once.

Refusals of `convert` are checked in test_convert.
"""

import json

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida, zoo
from cnn2snn._keras import LEGACY, keras
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError, UnsupportedModelError

L = keras.layers


def check(model, *args, **kwargs):
    with cnn2snn.set_akida_version(cnn2snn.AkidaVersion.v1):
        return cnn2snn.check_model_compatibility(model, *args, **kwargs)


def chain(*layers, shape=(20, 20, 3), name="chain"):
    return keras.Sequential([keras.Input(shape, name="input"), *layers], name=name)


def rules(report):
    return [(problem.layer, problem.rule) for problem in report.problems]


def test_model_that_converts_is_compatible_in_float_and_quantized(float_model):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    for model in (float_model, quantized):
        report = check(model)
        assert report
        assert report.convertible
        assert report.problems == ()
        assert str(report).splitlines()[0] == 'Model "small" is compatible with Akida 1.0.'


def test_every_problem_is_reported_at_once():
    model = chain(
        L.Conv2D(4, 3, dilation_rate=2, padding="same", name="dilated"),
        L.ReLU(6, name="relu_1"),
        L.Conv2D(4, 3, activation="gelu", padding="same", name="fused"),
        L.Conv2D(4, 3, padding="same", name="conv_1"),
        L.Conv2D(4, 3, padding="same", name="conv_2"),
        L.MaxPooling2D(3, padding="valid", name="pool"),
        L.ReLU(threshold=0.5, name="shifted"),
        L.Dense(5, name="dense"),
        L.ReLU(name="relu_2"),
        L.ReLU(name="relu_3"),
        L.AveragePooling2D(2, name="average"),
        L.Conv2D(4, 1, name="conv_3"),
        L.Softmax(name="softmax"),
        L.Dense(3, name="last"),
    )
    report = check(model, input_dtype="int8")
    assert rules(report) == [
        (None, "input_dtype"),
        ("dilated", "dilation_rate"),
        ("fused", "activation"),
        ("conv_2", "activation"),
        ("pool", "padding"),
        ("shifted", "threshold"),
        ("dense", "input_shape"),
        ("relu_3", "order"),
        ("average", "layer"),
        ("softmax", "activation"),
        ("last", "input_shape"),
    ]
    for problem in report.problems:
        assert problem.received
        assert problem.allowed
        assert problem.remedy
        assert problem.device is None
        assert problem.layer is None or f'"{problem.layer}"' in problem.message


def test_normalization_of_a_flattened_map_is_reported_with_the_flattening():
    model = chain(
        L.Conv2D(4, 3, name="conv"), L.Flatten(name="flat"), L.BatchNormalization(name="norm"), L.Softmax(name="last")
    )
    assert rules(check(model)) == [("flat", "order"), ("norm", "batch_normalization")]


def test_widths_are_checked_together_with_what_follows_them():
    model = cnn2snn.quantize(
        chain(L.Conv2D(4, 3, name="a"), L.ReLU(name="relu"), L.Flatten(), L.Dense(2, name="dense")), 5, 3
    )
    report = check(model)
    assert rules(report) == [("a", "weights_bits"), ("relu", "act_bits"), ("dense", "weights_bits")]
    assert [(problem.received, problem.allowed) for problem in report.problems] == [
        ("5", "2, 4, 8"),
        ("3", "1, 2, 4"),
        ("5", "2, 4, 8"),
    ]


@pytest.mark.parametrize(
    ("layer", "rule"),
    [
        (lambda: L.LeakyReLU(name="it"), "layer"),
        (lambda: L.Activation("tanh", name="it"), "activation"),
        (lambda: L.Activation("gelu", name="it"), "layer"),
        (lambda: L.Conv2D(4, 3, groups=2, name="it"), "groups"),
        (lambda: L.SeparableConv2D(4, 3, depth_multiplier=2, name="it"), "depth_multiplier"),
        (lambda: L.ReLU(negative_slope=0.1, name="it"), "negative_slope"),
        (lambda: L.Conv2DTranspose(4, 3, name="it"), "layer"),
        (lambda: L.UpSampling2D(name="it"), "layer"),
    ],
)
def test_what_quantize_refuses_is_reported_for_float_models(layer, rule):
    report = check(chain(L.Conv2D(4, 3), L.ReLU(6), layer(), L.Conv2D(4, 3), L.ReLU(6)))
    assert rules(report)[0] == ("it", rule)


def test_a_layer_left_in_float_is_a_problem_of_a_quantized_model():
    model = chain(L.Conv2D(4, 3, name="conv"), L.ReLU(name="relu"), L.Flatten(), L.Dense(3, name="dense"))
    partly = cnn2snn.quantize(model, 4, 0)
    assert rules(check(partly)) == [("relu", "layer")]


def test_branches_are_followed():
    x = keras.Input((8, 8, 3))
    y = L.ReLU(6)(L.Conv2D(4, 3, padding="same", name="stem")(x))
    branches = [L.ReLU(6, name=f"r{i}")(L.Conv2D(4, 3, padding="same", name=f"c{i}")(y)) for i in range(2)]
    joined = L.Concatenate(name="join")(branches)
    good = keras.Model(x, L.Conv2D(2, 3, name="last")(joined))
    assert check(good)
    bad = keras.Model(x, L.Conv2D(2, 3, name="last")(L.Add(name="add")(branches)))
    assert rules(check(bad)) == [("add", "layer")]


def test_what_quantize_brings_in_order_is_no_problem():
    x = keras.Input((8, 8, 3))
    y = L.Rescaling([1 / 255, 1 / 128, 1 / 64])(x)
    y = L.ReLU(6)(L.Conv2D(4, 3)(y))
    branches = [L.ReLU(top)(L.Conv2D(4, 3)(y)) for top in (3, 6)]
    model = keras.Model(x, L.Conv2D(2, 3)(L.Concatenate()(branches)))
    assert check(model)
    assert check(cnn2snn.quantize(model, 4, 4))


def test_input_rules_depend_on_input_is_image():
    model = zoo.convtiny_dvs_gesture((16, 16, 10))
    assert check(model, input_is_image=False)
    report = check(model)
    assert rules(report) == [("conv_0", "input_shape")]
    assert "1 or 3 channels" in report.problems[0].message
    assert rules(check(zoo.ds_cnn_kws(input_scaling=(128, -1)), input_is_image=False)) == [(None, "input_scaling")]


def test_unbuilt_model_is_reported():
    report = check(keras.Sequential([L.Dense(3)]))
    assert [problem.rule for problem in report.problems] == ["built"]


def test_limits_count_only_for_the_device_asked_for():
    model = zoo.akidanet18_imagenet((96, 96, 3), classes=5)
    report = check(model)
    assert report
    assert {(note.layer, note.rule) for note in report.notes} == {
        ("conv_0", "kernel_size"),
        ("conv_0", "kernel_stride"),
    }
    for device in ("AKD1000", akida.AKD1500()):
        limited = check(model, device=device)
        assert not limited
        assert limited.convertible
        # Before training its outputs are small, so that steps are large.
        values = [("separable_16", "act_step")]
        assert rules(limited) == [("conv_0", "kernel_size"), ("conv_0", "kernel_stride"), *values]
        assert {problem.device for problem in limited.problems} == {limited.device}


def test_rules_and_limits_are_reported_together():
    model = chain(L.Conv2D(4, 9, name="a"), L.ReLU(6), L.Conv2D(4, 3, activation="gelu", name="b"))
    report = check(model, device="AKD1000")
    assert ("b", "activation") in rules(report)
    assert ("a", "kernel_size") in rules(report)
    assert ("b", "padding") in rules(report)


def test_limits_that_cannot_be_checked_are_noted():
    report = check(chain(L.Conv2D(4, 3), L.LeakyReLU(name="leaky"), L.Conv2D(4, 3)), device="AKD1000")
    assert rules(report) == [("leaky", "layer")]
    assert "not checked" in report.notes[0].message


def test_values_of_a_float_model_count_for_a_device_as_they_do_once_it_is_converted():
    # Weights as initialized are small, so that scales and steps are large.
    model = zoo.ds_cnn_kws()
    quantized = cnn2snn.quantize(model, 4, 4, 8)
    for judged in (model, quantized):
        report = check(judged, device="AKD1000")
        assert ("separable_4", "act_step") in rules(report)
        assert report.convertible
    with pytest.raises(RuntimeError, match="act_step"):
        cnn2snn.convert(quantized).map("AKD1000")
    report = check(model)
    assert report
    assert "act_step" not in [note.rule for note in report.notes]


def test_report_is_text_of_80_columns_and_json():
    model = chain(
        *(L.Conv2D(4, 9, activation="gelu", name=f"a_layer_with_a_long_name_{i}") for i in range(2)), name="long"
    )
    report = check(model, device="AKD1000")
    text = str(report)
    assert max(map(len, text.splitlines())) <= 80
    assert text.splitlines()[0].startswith('Model "long" is not compatible with AKD1000: ')
    for problem in report.problems:
        words = problem.message.removesuffix(f"; {problem.remedy}").split()
        assert " ".join(words[1:]) in " ".join(text.split())
    loaded = json.loads(report.to_json())
    assert loaded == report.to_dict()
    assert loaded["compatible"] is False
    assert len(loaded["problems"]) == len(report.problems)


def test_model_is_not_changed(float_model, images):
    before = [np.array(w) for w in float_model.get_weights()]
    config = float_model.get_config()
    check(float_model)
    assert all(np.array_equal(a, b) for a, b in zip(before, float_model.get_weights(), strict=True))
    assert float_model.get_config() == config


def test_arguments_that_make_no_sense_raise_errors():
    model = chain(L.Conv2D(4, 3))
    with pytest.raises(InvalidTypeError, match="a Keras model is needed"):
        check(3)
    with pytest.raises(FileNotFoundError, match=r"model\.h5"):
        check("model.h5")
    with pytest.raises(ValueError, match="AKD1000"):
        check(model, device="AKD9000")
    with pytest.raises(TypeError, match="device"):
        check(model, device=3)
    with pytest.raises(InvalidArgumentError, match="input_dtype"):
        check(model, input_dtype="colour")
    assert check(model, input_dtype=np.uint8)


@pytest.mark.skipif(LEGACY, reason="operations become layers in Keras 2")
def test_operations_that_are_not_layers_are_reported_with_the_rest():
    x = keras.Input((8, 8, 1))
    y = keras.ops.abs(L.Conv2D(2, 3, dilation_rate=2, name="conv")(x))
    report = check(keras.Model(x, L.Dense(3, name="dense")(keras.ops.exp(y))))
    assert [problem.rule for problem in report.problems] == [
        "dilation_rate",
        "operation",
        "operation",
        "input_shape",
    ]


@pytest.mark.parametrize("operation", [lambda x: x * 2, lambda x: x[:, 1:]])
def test_operators_on_tensors_are_refused_under_both_generations(operation):
    x = keras.Input((8, 8, 1))
    model = keras.Model(x, L.Conv2D(2, 3, dilation_rate=2, name="conv")(operation(x)))
    assert [problem.rule for problem in check(model).problems][:2] == ["operation", "dilation_rate"]
    with pytest.raises(UnsupportedModelError, match=r"is not a layer; use a Keras layer"):
        cnn2snn.quantize(model, 4, 4)


def test_layers_in_mixed_precision_and_used_twice_are_all_reported():
    x = keras.Input((8, 8, 1))
    shared = L.ReLU(6, name="shared")
    y = shared(L.Conv2D(2, 3, dtype="mixed_bfloat16", name="a")(x))
    y = shared(L.Conv2D(2, 3, dtype="mixed_bfloat16", name="b")(y))
    report = check(keras.Model(x, y))
    assert {("a", "dtype"), ("b", "dtype"), ("shared", "shared")} <= set(rules(report))
