"""For which generation a model is judged, and float models judged for Akida 2.0."""

import itertools
import json

import numpy as np
import pytest

import cnn2snn
from cnn2snn import AkidaVersion, akida, set_akida_version
from cnn2snn._keras import keras
from cnn2snn.errors import InvalidArgumentError
from tests.conversion.quantizeml.files import FIXTURES

L = keras.layers
VARIABLE = "CNN2SNN_TARGET_AKIDA_VERSION"
check = cnn2snn.check_model_compatibility


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def chain(*layers, shape=(16, 16, 3), dtype="uint8", name="chain"):
    return keras.Sequential(
        [keras.Input(shape, name="input", dtype=dtype), L.Rescaling(1.0, name="rescaling"), *layers]
    )


def plain():
    return keras.Sequential(
        [
            keras.Input((16, 16, 3), name="input"),
            L.Conv2D(4, 3, name="conv"),
            L.ReLU(6, name="relu"),
            L.Conv2D(3, 3, name="last"),
        ],
        name="plain",
    )


def for_v2(model, *args, **kwargs):
    with set_akida_version(AkidaVersion.v2):
        return check(model, *args, **kwargs)


def rules(report):
    return [(problem.layer, problem.rule) for problem in report.problems]


def test_a_float_model_is_judged_for_both_unless_a_version_or_a_device_says_which(monkeypatch):
    model = plain()
    report = check(model)
    assert (report.ip_versions, report.compatible_versions) == (("v1", "v2"), ("v1", "v2"))
    assert str(report).splitlines()[0] == 'Model "plain" is compatible with Akida 1.0.'
    assert 'Model "plain" is compatible with Akida 2.0.' in str(report).splitlines()
    assert for_v2(model).ip_versions == ("v2",)
    assert check(model, device="AKD1000").ip_versions == ("v1",)
    monkeypatch.setenv(VARIABLE, "v1")
    assert check(model).ip_versions == ("v1",)
    assert for_v2(model).ip_versions == ("v2",)


def test_a_report_on_both_is_true_where_one_generation_takes_the_model():
    model = plain()
    end = model.outputs[0]
    joined = keras.Model(model.inputs[0], L.Conv2D(2, 1, name="top")(L.Add(name="add")([end, end])))
    report = check(joined)
    assert report
    assert (report.compatible_versions, report.convertible_versions) == (("v2",), ("v2",))
    assert {problem.ip_version for problem in report.problems} == {"v1"}
    loaded = json.loads(report.to_json())
    assert (loaded["compatible"], loaded["compatible_versions"]) == (True, ["v2"])
    assert loaded == report.to_dict()
    neither = check(chain(L.Conv2D(4, 3, dilation_rate=2, name="dilated"), L.ReLU(6), L.Conv2D(2, 3)))
    assert not neither
    assert [(p.layer, p.rule, p.ip_version) for p in neither.problems if p.layer == "dilated"] == [
        ("dilated", "dilation_rate", "v1"),
        ("dilated", "dilation_rate", "v2"),
    ]


def test_a_model_of_this_package_is_judged_for_akida_1_whatever_the_version():
    quantized = cnn2snn.quantize(plain(), 4, 4, 8)
    own, other = check(quantized), for_v2(quantized)
    assert own.ip_versions == other.ip_versions == ("v1",)
    (note,) = [note for note in other.notes if note not in own.notes]
    assert "whatever the version" in str(note)
    assert "quantizeml" in note.remedy


def test_a_quantizeml_model_is_judged_for_the_version_in_force(monkeypatch):
    path = FIXTURES / "cnn_i8_w8_a8.h5"
    report = check(path)
    assert (report.ip_versions, report.compatible_versions) == (("v2",), ("v2",))
    with set_akida_version(AkidaVersion.v1):
        report = check(path)
    assert (report.ip_versions, report.compatible_versions) == (("v1",), ())
    assert len(report.problems) > 1
    monkeypatch.setenv(VARIABLE, "v1")
    report = check(FIXTURES / "ds_cnn_kws_v1_i8_w4_a4.h5")
    assert (report.ip_versions, report.compatible_versions) == (("v1",), ("v1",))
    # Its values are those that the chip must hold.
    report = check(FIXTURES / "ds_cnn_kws_v1_i8_w4_a4.h5", device="AKD1000")
    assert report.convertible


def test_an_onnx_model_is_judged_for_akida_2_only():
    pytest.importorskip("onnx")
    assert check(FIXTURES / "onnx_add.onnx").compatible_versions == ("v2",)
    with set_akida_version(AkidaVersion.v1):
        assert rules(check(FIXTURES / "onnx_add.onnx")) == [(None, "akida_version")]


def test_a_device_that_contradicts_the_version_is_refused(monkeypatch):
    for model in (plain(), FIXTURES / "cnn_i8_w8_a8.h5"):
        with pytest.raises(ValueError, match=r"Akida 2\.0, received AKD1000 of Akida 1\.0"):
            for_v2(model, device="AKD1000")
        monkeypatch.setenv(VARIABLE, "v2")
        with pytest.raises(ValueError, match=r"Akida 2\.0, received AKD1000 of Akida 1\.0"):
            check(model, device=akida.AKD1000())
        monkeypatch.delenv(VARIABLE)


def test_a_version_that_does_not_exist_is_refused_wherever_it_counts(monkeypatch):
    quantized = cnn2snn.quantize(plain(), 4, 4, 8)
    monkeypatch.setenv(VARIABLE, "v3")
    for call in (
        lambda: check(plain()),
        lambda: check(quantized),
        lambda: check(FIXTURES / "cnn_i8_w8_a8.h5"),
        lambda: cnn2snn.convert(quantized),
        lambda: cnn2snn.convert(FIXTURES / "cnn_i8_w8_a8.h5"),
        lambda: cnn2snn.conversion_report(quantized),
    ):
        with pytest.raises(InvalidArgumentError, match=f"{VARIABLE} must be v1 or v2, received 'v3'"):
            call()
    # A context is asked first.
    with set_akida_version(AkidaVersion.v1):
        cnn2snn.convert(quantized)
        assert check(quantized)


def test_all_problems_of_a_float_model_for_akida_2_are_told_at_once():
    model = chain(
        L.Conv2D(4, 3, dilation_rate=2, name="dilated"),
        L.ReLU(name="relu_1"),
        L.Conv2D(4, 3, name="conv_1"),
        L.ELU(name="elu"),
        L.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
        L.ReLU(threshold=0.5, name="shifted"),
        L.SeparableConv2D(4, 3, name="separable"),
        L.ReLU(name="relu_2"),
        L.ReLU(name="relu_3"),
        L.AveragePooling2D(2, name="average"),
        L.Conv2D(4, 3, strides=(1, 2), name="unjudged"),
    )
    report = for_v2(model)
    assert rules(report) == [
        ("dilated", "dilation_rate"),
        ("elu", "layer"),
        ("depthwise", "depth_multiplier"),
        ("shifted", "threshold"),
        ("separable", "pattern"),
        ("average", "layer"),
    ]
    for problem in report.problems:
        assert problem.remedy
        assert f'"{problem.layer}"' in problem.message


@pytest.mark.parametrize(
    ("layers", "rule"),
    [
        ([L.Conv2D(4, 3), L.BatchNormalization(name="it"), L.ReLU(6), L.BatchNormalization(name="last")], "layer"),
        ([L.Conv2D(4, (3, 5), name="it"), L.ReLU(6)], "kernel_size"),
        ([L.Conv2D(4, 3), L.ReLU(6), L.Conv2DTranspose(4, 5, strides=2, padding="same", name="it")], "kernel_size"),
        ([L.Conv2D(4, 3, name="it")], "input_signed"),
        ([L.ReLU(6), L.Conv2D(4, 3)], "pattern"),
        ([L.Conv2D(4, 3), L.ReLU(6), L.Permute((2, 1, 3), name="it"), L.Conv2D(4, 3)], "pattern"),
        ([L.Conv2D(4, 3), L.ReLU(6), L.Dense(4, name="it")], "input_shape"),
    ],
)
def test_what_akida_2_has_no_layer_for_is_a_problem(layers, rule):
    report = for_v2(chain(*layers))
    assert not report
    assert [problem.rule for problem in report.problems] == [rule]


def test_what_sanitizing_changes_is_said():
    x = keras.Input((16, 16, 3), dtype="uint8", name="image")
    y = L.Rescaling(1 / 127.5, -1, name="rescaling")(x)
    y = L.Conv2D(8, 3, padding="same", activation="relu", name="stem")(y)
    z = L.BatchNormalization(name="norm")(L.Conv2D(8, 3, padding="same", name="branch")(y))
    y = L.ReLU(6, name="relu")(L.Add(name="add")([y, z]))
    y = L.MaxPooling2D(name="pool")(L.ReLU(6, name="early")(L.Conv2D(8, 4, padding="same", name="even")(y)))
    y = L.DepthwiseConv2D(5, strides=2, padding="same", name="wide")(y)
    y = L.Conv2D(8, 3, name="padded")(L.ZeroPadding2D(1, name="zeros")(L.LeakyReLU(name="leaky")(y)))
    ends = [L.Conv2D(2, 1, name=f"end_{i}")(y) for i in range(3)]
    y = L.Concatenate(name="join")(ends)
    y = L.Flatten(name="flat")(L.Reshape((16, 6), name="rows")(L.ReLU(name="out")(y)))
    model = keras.Model(x, L.Softmax(name="softmax")(L.Dense(3, name="classes")(y)))
    report = for_v2(model)
    changed = {}
    for change in report.changes:
        changed.setdefault(change.layer, []).append(change.message)
    assert report, str(report)
    for layer, words in {
        "rescaling": 'into "stem" behind it',
        "stem": "split from its activation relu",
        "norm": "folded into the layer before it",
        "pool": "moved before the activation",
        "even": "from a kernel of 4x4 to 5x5",
        "wide": "split from its stride of 2",
        "zeros": 'and "padded" behind it gets the padding same',
        "leaky": "by a table of leaky_relu",
        "add": "followed by a Conv2D of kernel size 1 that changes nothing",
        "padded": "given at most two readers",
        "join": "split into several, each of two inputs",
        "rows": 'left out, as "flat" behind it gives the shape',
    }.items():
        assert any(words in message for message in changed[layer]), layer
        assert words.split('"')[0] in " ".join(str(report).split())
    assert any("softmax" in note.message for note in report.notes)


def test_a_convolution_with_a_group_for_each_channel_is_judged_as_a_depthwise_one():
    grouped = L.Conv2D(4, 3, groups=4, name="grouped")
    report = for_v2(chain(L.Conv2D(4, 3), L.ReLU(6), grouped, L.ReLU(6), L.Conv2D(2, 1)))
    assert report
    assert ("grouped", "replaced by a DepthwiseConv2D, as each channel is a group") in [
        (change.layer, change.message) for change in report.changes
    ]


def test_the_type_of_float_inputs_counts_for_akida_2():
    layers = [L.Conv2D(4, 3, name="conv"), L.ReLU(6), L.Conv2D(2, 1)]
    wide = keras.Sequential([keras.Input((8, 8, 5), name="input"), *layers])
    assert [problem.rule for problem in for_v2(wide).problems] == ["input_signed"]
    assert for_v2(wide, input_dtype="int8")
    assert for_v2(wide, input_dtype=np.int16)
    assert ("input", "input_dtype") in rules(for_v2(wide, input_dtype="float32"))
    depthwise = keras.Sequential([keras.Input((8, 8, 3)), L.DepthwiseConv2D(3, name="it"), L.ReLU(6), L.Conv2D(2, 1)])
    assert ("it", "input_dtype") in rules(for_v2(depthwise))
    assert for_v2(depthwise, input_dtype="int8")


def test_what_calibration_may_lead_to_is_noted():
    model = keras.Sequential([keras.Input((8, 8, 3), name="image"), L.Conv2D(4, 3), L.ReLU(6), L.Flatten(), L.Dense(2)])
    report = for_v2(model)
    assert report
    assert [note.layer for note in report.notes] == ["image", model.layers[-2].name]
    assert all("per_tensor_activations=True" in note.remedy for note in report.notes)


def test_activations_that_end_a_model_stay_outside_and_others_are_refused():
    for last in (L.Softmax(name="it"), L.Activation("sigmoid", name="it"), L.Activation("linear", name="it")):
        report = for_v2(chain(L.Conv2D(4, 3), L.ReLU(6), L.Conv2D(2, 3), last, L.Reshape((-1,))))
        assert report
        assert "it" in report.notes[-1].message
    report = for_v2(chain(L.Conv2D(4, 3), L.ReLU(6), L.Conv2D(2, 3), L.Softmax(name="it"), L.Conv2D(2, 1)))
    assert ("it", "layer") in rules(report)


@pytest.mark.parametrize(
    ("layer", "role", "value"),
    [
        ("conv", "kernel", np.nan),
        ("conv", "bias", np.inf),
        ("norm", "gamma", np.nan),
        ("norm", "moving_variance", -1.0),
        ("last", "kernel", -np.inf),
    ],
)
def test_weights_that_nothing_can_be_computed_with_are_refused_for_both(layer, role, value):
    model = chain(
        L.Conv2D(4, 3, name="conv"), L.BatchNormalization(name="norm"), L.ReLU(6), L.Conv2D(2, 3, name="last")
    )
    assert check(model).convertible_versions == ("v1", "v2")
    weight = getattr(model.get_layer(layer), role)
    values = np.asarray(weight).copy()
    values.flat[1] = value
    weight.assign(values)
    report = check(model)
    assert [(p.layer, p.rule, p.ip_version) for p in report.problems] == [(layer, role, "v1"), (layer, role, "v2")]
    assert all("assign other values" in problem.remedy for problem in report.problems)


def test_layers_that_only_train_are_left_out_for_akida_2_by_prepare():
    model = chain(L.RandomFlip(name="it"), L.Conv2D(4, 3), L.ReLU(6), L.SpatialDropout2D(0.1), L.Conv2D(2, 3))
    report = for_v2(model)
    assert len(report.problems) == 2
    assert all("with cnn2snn.transforms.prepare" in problem.remedy for problem in report.problems)
    assert for_v2(cnn2snn.transforms.prepare(model))


def test_images_of_unknown_size_are_a_problem_not_a_crash():
    layers = [L.Conv2D(4, 3, padding="same"), L.GlobalAveragePooling2D(), L.ReLU(6), L.Dense(2)]
    with set_akida_version(AkidaVersion.v1):
        report = check(keras.Sequential([keras.Input((None, None, 3), name="image"), *layers]))
    assert rules(report) == [("image", "input_shape")]


def test_judging_for_akida_2_changes_no_model():
    model = plain()
    before, config = [np.array(w) for w in model.get_weights()], model.get_config()
    for_v2(model)
    assert all(np.array_equal(a, b) for a, b in itertools.zip_longest(before, model.get_weights()))
    assert model.get_config() == config
