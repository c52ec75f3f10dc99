"""`cnn2snn.convert` of QuantizeML models: recorded integers in every layer, versions, warnings, refusals."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import AkidaVersion, akida, convert, set_akida_version
from cnn2snn.conversion import conversion_report
from cnn2snn.conversion.akida2.model import build_model
from cnn2snn.conversion.plan import LayerPlan, ModelPlan
from tests.conversion.quantizeml.files import FIXTURES, changed, names, recorded, small
from tests.conversion.quantizeml.test_keras_model import Functional
from tests.fresh_interpreter import run_without_keras

AKIDA1 = names("v1", ".h5")
AKIDA2 = [*names("v2", ".h5"), *names("v2", ".onnx")]
REFUSED = "flat_int8_axis"
TRAINED = ["digits_trained", "digits_w4_trained", "digits_v1_w4_trained"]
VARIABLE = "CNN2SNN_TARGET_AKIDA_VERSION"


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


def file_of(name):
    path = FIXTURES / f"{name}.h5"
    return path if path.exists() else path.with_suffix(".onnx")


def converted(name, **arguments):
    """The converted fixture; the warning of layers behind the Dequantizer is checked on its own."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "layers behind the Dequantizer", UserWarning)
        return convert(file_of(name), **arguments)


def inputs_of(name, model, meta, arrays):
    """Recorded inputs in the shape that the model asks for; a clip has two leading axes."""
    values = arrays["x"]
    if file_of(name).suffix == ".onnx" and not getattr(model.layers[0].parameters, "channels_first", False):
        values = np.ascontiguousarray(np.moveaxis(values, 1, -1))
    return values.reshape(*values.shape[: 2 if meta.get("calls") else 1], *model.input_shape)


def test_every_fixture_is_found():
    assert len(AKIDA2) == 38
    assert len(AKIDA1) == 8


@pytest.mark.parametrize("name", [name for name in AKIDA2 if name != REFUSED])
def test_every_layer_gives_the_recorded_integers(name):
    meta, arrays = recorded(name)
    model = converted(name)
    assert model.ip_version is akida.IpVersion.v2
    assert model.input_scaling == (1, 0)
    assert [layer.name for layer in model.layers] == [layer["name"] for layer in meta["layers"]]
    inputs = inputs_of(name, model, meta, arrays)
    if meta.get("calls"):
        session = model.session(inputs.shape[1])
        taps = [np.stack(outputs) for outputs in zip(*map(session.taps, inputs), strict=True)]
        last = model.session(inputs.shape[1]).run_clip(inputs)
    else:
        taps = model.forward_taps(inputs)
        last = model.forward(inputs)
    compared = 0
    for index, (layer, tap) in enumerate(zip(model.layers, taps, strict=True)):
        expected = arrays.get(f"{index}/exact", arrays.get(f"{index}/out"))
        if expected is not None:
            np.testing.assert_array_equal(tap.reshape(expected.shape), expected, err_msg=layer.name)
            compared += 1
    assert compared >= 2
    np.testing.assert_array_equal(last, taps[-1])


def test_a_map_per_axis_that_saturates_is_refused():
    with pytest.raises(cnn2snn.UnsupportedModelError, match="flatten") as caught:
        converted(REFUSED)
    assert "per_tensor_activations" in caught.value.remedy


@pytest.mark.parametrize("name", TRAINED)
def test_trained_models_classify_what_quantized_keras_classifies(name):
    """The recorded accuracy, to the image. Akida 1.0 cannot hold all boundaries, which costs an image here."""
    meta, arrays = recorded(name)
    with set_akida_version(AkidaVersion(meta["ip_version"])):
        model = converted(name)
    images, labels = arrays["images"], arrays["labels"]
    found = int(np.sum(model.predict_classes(images.reshape(-1, *model.input_shape)) == labels))
    expected = round(float(arrays["accuracy"][1]) * len(labels))
    assert abs(found - expected) <= (meta["ip_version"] == "v1")


@pytest.mark.parametrize("name", AKIDA1)
def test_akida_1_is_converted_where_it_is_asked_for(name):
    with set_akida_version(AkidaVersion.v1):
        model = converted(name)
    meta, arrays = recorded(name)
    assert model.ip_version is akida.IpVersion.v1
    assert [layer.parameters.layer_type.name for layer in model.layers] == [layer["type"] for layer in meta["layers"]]
    for index, layer in enumerate(model.layers):
        np.testing.assert_array_equal(layer.get_variable("weights"), arrays[f"{index}/weights"])


@pytest.mark.parametrize("name", AKIDA1)
def test_floored_thresholds_are_those_of_the_published_converter(name):
    with set_akida_version(AkidaVersion.v1):
        model = converted(name, thresholds="floor")
    _, arrays = recorded(name)
    for index, layer in enumerate(model.layers):
        np.testing.assert_array_equal(layer.get_variable("threshold"), arrays[f"{index}/threshold"])
        if layer is not model.layers[-1]:
            np.testing.assert_array_equal(layer.get_variable("act_step"), arrays[f"{index}/act_step"])


def test_fitted_thresholds_differ_less_than_floored_ones():
    with set_akida_version(AkidaVersion.v1):
        reports = [conversion_report(file_of("mixed_v1_i8_w4_a4"), thresholds=t) for t in ("fit", "floor")]
    fitted, floored = (sum(len(layer.differences) for layer in report.layers) for report in reports)
    assert fitted < floored


def test_the_environment_tells_the_version(monkeypatch):
    monkeypatch.setenv(VARIABLE, "v1")
    assert converted("mixed_v1_i8_w4_a4").ip_version is akida.IpVersion.v1
    monkeypatch.setenv(VARIABLE, "v3")
    with pytest.raises(ValueError, match="must be v1 or v2, received 'v3'"):
        converted("cnn_i8_w8_a8")


def test_a_file_and_its_model_in_memory_convert_alike(tmp_path):
    onnx = pytest.importorskip("onnx")
    path = FIXTURES / "onnx_add.onnx"
    assert convert(onnx.load(path)).to_dict() == convert(str(path)).to_dict()


def test_a_model_of_tf_keras_is_recognised_by_the_classes_of_its_layers(tmp_path):
    model = small()
    in_memory = Functional(model)
    for layer in in_memory.layers:
        type(layer).__module__ = "quantizeml.layers"
    assert convert(in_memory).to_dict() == convert(model.save(tmp_path)).to_dict()


@pytest.mark.parametrize("shift", [np.array([-1], np.int8), np.array([256], np.int16)])
def test_values_that_their_variable_cannot_hold_are_refused(shift):
    """A variable of the same width but another sign would wrap around and back."""
    layers = (
        LayerPlan("x", "InputData", (), {"input_shape": [1, 1, 2], "input_bits": 8}),
        LayerPlan("dense", "Dense1D", (0,), {"units": 2}, {"input_shift": shift}),
    )
    with pytest.raises(cnn2snn.UnsupportedModelError, match='"dense": input_shift must fit uint8') as caught:
        build_model(ModelPlan("model", layers))
    assert caught.value.received == shift[0]


def test_onnx_is_refused_for_akida_1():
    with set_akida_version(AkidaVersion.v1), pytest.raises(ValueError, match=r"Akida 2\.0 only") as caught:
        convert(FIXTURES / "onnx_add.onnx")
    assert "AkidaVersion.v2" in caught.value.remedy


def test_layers_behind_the_dequantizer_are_listed():
    with pytest.warns(UserWarning, match="behind the Dequantizer are not converted: softmax") as caught:
        convert(FIXTURES / "cnn_i8_w8_a8.h5")
    assert Path(caught[0].filename).name == Path(__file__).name


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"input_scaling": (255, 0)}, "input_scaling"),
        ({"input_is_image": False, "padding_value": 3}, "input_is_image, padding_value"),
        ({"thresholds": "floor"}, "thresholds"),
    ],
)
def test_arguments_without_effect_are_warned_of(arguments, named):
    plain = converted("digits_trained")
    with pytest.warns(UserWarning, match=f"^{named}: no effect on a QuantizeML model"):
        model = converted("digits_trained", **arguments)
    assert model.to_dict() == plain.to_dict()


def test_thresholds_must_be_known():
    with pytest.raises(ValueError, match='"fit" or "floor"'):
        convert(file_of("digits_trained"), thresholds="round")


def test_reports_of_akida_1_are_made_under_its_version(tmp_path):
    path = file_of("mixed_v1_i8_w4_a4")
    with set_akida_version(AkidaVersion.v1):
        convert(path, report=tmp_path / "report.json")
    layers = json.loads((tmp_path / "report.json").read_text())["layers"]
    assert [layer["name"] for layer in layers] == [layer["name"] for layer in recorded(path.stem)[0]["layers"]]


@pytest.mark.parametrize("name", ["digits_trained", "onnx_add", "temporal_i8_w8_a8"])
def test_the_result_is_saved_in_a_new_folder_with_its_ending(name, tmp_path):
    model = converted(name, file_path=tmp_path / "new" / "model")
    assert akida.Model(tmp_path / "new" / "model.fbz").to_dict() == model.to_dict()


def test_akida_1_is_saved(tmp_path):
    with set_akida_version(AkidaVersion.v1):
        model = converted("mixed_v1_i8_w4_a4", file_path=f"{tmp_path}/")
    (path,) = tmp_path.iterdir()
    assert akida.Model(path).to_dict() == model.to_dict()


def test_the_example_classifies_the_digits_that_training_did_not_see(tmp_path):
    root = Path(__file__).parents[2]
    arguments = [sys.executable, root / "examples" / "digits_akida2.py", "--out", tmp_path]
    result = subprocess.run(arguments, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    (line,) = (line for line in result.stdout.splitlines() if "converted (engine)" in line)
    assert line.split()[-1] == "99.00%"
    fixture = (FIXTURES / "digits_trained.h5").read_bytes()
    assert (root / "examples" / "digits_quantizeml.h5").read_bytes() == fixture


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.h5"):
        convert(tmp_path / "none.h5")


def test_unknown_classes_are_refused_by_name(tmp_path):
    def change(layers):
        layers["dense_1"]["class_name"] = "Custom>QuantizedFoo"

    with pytest.raises(cnn2snn.UnsupportedModelError, match="QuantizedFoo"):
        convert(changed("dense_int8_w4_a4", tmp_path, change))


@pytest.mark.parametrize("name", ["cnn_i8_w8_a8", "onnx_add"])
def test_files_convert_without_tensorflow(name, tmp_path):
    code = f"""
    import warnings
    warnings.simplefilter("ignore")
    import cnn2snn
    print(len(cnn2snn.convert({str(file_of(name))!r}).layers))
    print(cnn2snn.check_model_compatibility({str(file_of(name))!r}).compatible_versions == ("v2",))
    with cnn2snn.set_akida_version(cnn2snn.AkidaVersion.v1):
        print(len(cnn2snn.convert({str(FIXTURES / "mixed_v1_i8_w4_a4.h5")!r}).layers))
    """
    result = run_without_keras(code, tmp_path)
    assert result.returncode == 0, result.stderr
    expected = [len(recorded(n)[0]["layers"]) for n in (name, "mixed_v1_i8_w4_a4")]
    assert result.stdout.split() == [str(expected[0]), "True", str(expected[1])]
