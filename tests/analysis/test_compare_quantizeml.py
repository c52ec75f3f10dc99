"""`compare` of QuantizeML models: nothing is unexplained, edits and roundings are found where they are."""

import functools
import json
import pickle
import warnings

import numpy as np
import pytest

import cnn2snn
from cnn2snn import AkidaVersion, akida, set_akida_version
from cnn2snn.analysis import compare
from tests.conversion.quantizeml.files import FIXTURES, Model, names, recorded, small
from tests.conversion.quantizeml.test_keras_model import Functional
from tests.fresh_interpreter import run_without_keras

AKIDA2 = [name for name in [*names("v2", ".h5"), *names("v2", ".onnx")] if name != "flat_int8_axis"]
AKIDA1 = names("v1", ".h5")
CAUSES = ("unexplained", "edited", "format", "float_rounding", "propagated")


def file_of(name):
    path = FIXTURES / f"{name}.h5"
    return path if path.exists() else path.with_suffix(".onnx")


@functools.cache
def buffer(name, version="v2", thresholds="fit"):
    with warnings.catch_warnings(), set_akida_version(AkidaVersion(version)):
        warnings.simplefilter("ignore")
        return cnn2snn.convert(file_of(name), thresholds=thresholds).to_buffer()


def converted(name, *arguments):
    return akida.Model.from_buffer(buffer(name, *arguments))


@functools.cache
def report_of(name, version="v2", thresholds="fit"):
    with warnings.catch_warnings(), set_akida_version(AkidaVersion(version)):
        warnings.simplefilter("ignore")
        return cnn2snn.conversion_report(file_of(name), thresholds=thresholds)


def recorded_inputs(name, model):
    meta, arrays = recorded(name)
    values = arrays["x"]
    if file_of(name).suffix == ".onnx" and not getattr(model.layers[0].parameters, "channels_first", False):
        values = np.ascontiguousarray(np.moveaxis(values, 1, -1))
    return values.reshape(*values.shape[: 2 if meta.get("calls") else 1], *model.input_shape)


def random_inputs(model, count, seed):
    rng, shape = np.random.default_rng(seed), (count, *((2,) if model.has_state else ()), *model.input_shape)
    dtype = np.dtype(model.input_dtype)
    if dtype == np.float32:
        return rng.normal(0, 1, shape).astype(np.float32)
    ends = np.iinfo(dtype)
    return rng.integers(ends.min, ends.max + 1, shape).astype(dtype)


def counts(comparison):
    return {cause: sum(getattr(layer, cause) for layer in comparison.layers) for cause in CAUSES}


@pytest.mark.parametrize("name", AKIDA2)
def test_recorded_inputs_show_what_was_recorded(name):
    """Every difference is a rounding of Keras, and there are as many as were recorded."""
    model = converted(name)
    found = compare(file_of(name), model, recorded_inputs(name, model))
    assert found
    assert found.reference == "QuantizeML"
    _, arrays = recorded(name)
    differing = 0
    for index in range(len(model.layers)):
        if f"{index}/exact" in arrays:
            differing += np.count_nonzero(arrays[f"{index}/exact"] != arrays[f"{index}/out"])
    assert sum(layer.differing for layer in found.layers) == differing
    assert {k: v for k, v in counts(found).items() if v} == ({"float_rounding": differing} if differing else {})


@pytest.mark.parametrize("name", AKIDA2)
def test_float32_rounds_only_where_the_report_allows_it(name):
    model = converted(name)
    found = compare(file_of(name), model, random_inputs(model, 6, 1))
    allowed = {layer.name for layer in report_of(name).layers if not layer.float32_equal}
    first = model.layers[0]
    if first.parameters.layer_type.name == "Quantizer":
        allowed.add(first.name)
    assert {layer.layer for layer in found.layers if layer.float_rounding} <= allowed
    unexplained = sum(layer.unexplained for layer in found.layers)
    assert (unexplained, found.edits) == (0, [])


def test_an_input_that_gives_the_witness_of_a_report_shows_the_rounding(tmp_path):
    """A dense layer whose accumulator can be any integer: 127 times a sum of inputs, plus one more."""
    model = Model((65,), "int8")
    quant = {"weight_quantizer": {"bitwidth": 8}, "output_quantizer": {"bitwidth": 8}}
    kernel = np.ones((65, 1), np.float32)
    kernel[0] = 1 / 127
    ranges = {"output_quantizer/range_max": 8100, "output_quantizer/rescaling_rate": 0.77}
    model.add("QuantizedDense", "sum", None, {"kernel": kernel, **ranges}, units=1, use_bias=False, quant_config=quant)
    model.dense("last", 1, 2)
    path = model.end().save(tmp_path)
    layer = cnn2snn.conversion_report(path).layers[0]
    (tie,) = layer.ties
    assert layer.inexact == []
    x = np.zeros((2, 1, 1, 65), np.int8)
    total, x[0, 0, 0, 0] = divmod(tie.accumulator, 127)
    assert abs(total) <= 127 * 64
    for i in range(1, 65):
        x[0, 0, 0, i] = np.clip(total, -127, 127)
        total -= int(x[0, 0, 0, i])
    found = compare(path, cnn2snn.convert(path), x)
    assert found
    assert [one.float_rounding for one in found.layers] == [1, 0]
    assert (found.first.layer, found.first.sample, found.first.cause) == ("sum", 0, "float_rounding")
    assert (found.first.keras, found.first.engine) == (tie.float32, tie.exact)
    assert found.first.potential == found.first.expected == tie.accumulator
    assert f"Its accumulator is {tie.accumulator}." in found.text(200)


EDITS = [(name, seed) for name in AKIDA2 for seed in range(3)]


@pytest.mark.parametrize(("name", "seed"), EDITS)
def test_an_edited_variable_is_found(name, seed):
    """Any variable of any layer. Where samples show it, the first difference is in its layer."""
    rng = np.random.default_rng(seed)
    model = converted(name)
    layers = [layer for layer in model.layers if layer.get_variable_names()]
    layer = layers[int(rng.integers(len(layers)))]
    variable = str(rng.choice([n for n in layer.get_variable_names() if layer.get_variable(n).size]))
    values = layer.get_variable(variable)
    if values.dtype == np.float32:
        layer.set_variable(variable, values * np.float32(2))
    else:
        changed = values.copy()
        flat = changed.reshape(-1)
        place = int(rng.integers(flat.size))
        flat[place] = flat[place] - 1 if flat[place] > 0 else flat[place] + 1
        layer.set_variable(variable, changed)
    found = compare(file_of(name), model, recorded_inputs(name, model))
    assert not found
    assert [(edit.layer, edit.cause) for edit in found.edits] == [(layer.name, variable)]
    assert counts(found)["unexplained"] == 0
    shown = [one.layer for one in found.layers if one.edited]
    assert shown in ([], [layer.name])
    if shown:
        assert (found.first.layer, found.first.cause) == (layer.name, variable)
        assert variable in found.first.explanation


@pytest.mark.parametrize("name", ["cnn_i8_w8_a8", "onnx_add"])
def test_a_kernel_in_another_order_is_recognised(name):
    model = converted(name)
    layer = next(one for one in model.layers if one.parameters.layer_type.name == "DepthwiseConv2D")
    layer.set_variable("weights", np.ascontiguousarray(layer.get_variable("weights")[::-1, ::-1]))
    found = compare(file_of(name), model, recorded_inputs(name, model))
    assert [(edit.layer, edit.cause) for edit in found.edits] == [(layer.name, "kernel")]
    assert "flipped on both axes" in found.text(80).replace("\n", " ")
    assert found.first.layer == layer.name


def test_an_edit_of_an_early_layer_leaves_later_ones_right_for_their_inputs():
    model = converted("digits_trained")
    model.layers[0].set_variable("bias", model.layers[0].get_variable("bias") // 2 + 30)
    found = compare(file_of("digits_trained"), model, recorded_inputs("digits_trained", model))
    first, *rest = found.layers
    assert first.edited == first.differing > 0
    assert sum(layer.propagated for layer in rest) > 0
    assert all(layer.differing == layer.propagated + layer.float_rounding for layer in rest)


def test_floats_below_the_calibrated_minimum_are_accounted_for():
    """QuantizeML keeps negative integers there, a Quantizer of unsigned integers does not."""
    model = converted("float_uint8_tensor")
    found = compare(file_of("float_uint8_tensor"), model, random_inputs(model, 2, 0) * np.float32(50))
    assert found
    assert found.layers[0].format == found.layers[0].differing > 0
    assert (found.first.layer, found.first.cause) == (found.layers[0].layer, "format")
    assert found.first.keras < 0 == found.first.engine


def test_a_model_with_state_is_compared_step_by_step():
    model = converted("pico_int16")
    found = compare(file_of("pico_int16"), model, recorded_inputs("pico_int16", model))
    assert (found.first.cause, found.first.stream) == ("float_rounding", 0)
    assert f"step {found.first.sample}, stream 0" in found.text(200)
    clip = recorded_inputs("temporal_i8_w8_a8", converted("temporal_i8_w8_a8"))
    for samples in (clip, clip[:, 0]):
        model = converted("temporal_i8_w8_a8")
        found = compare(file_of("temporal_i8_w8_a8"), model, samples)
        assert found
        assert found.first is None
        assert found.samples == (len(clip) * clip.shape[1] if samples.ndim == clip.ndim else len(clip))


def test_the_state_of_the_model_itself_does_not_matter():
    model = converted("temporal_i8_w8_a8")
    clip = recorded_inputs("temporal_i8_w8_a8", model)
    model.forward(clip[0])
    assert compare(file_of("temporal_i8_w8_a8"), model, clip).first is None


@pytest.mark.parametrize("thresholds", ["fit", "floor"])
@pytest.mark.parametrize("name", AKIDA1)
def test_models_of_akida_1_differ_where_their_boundaries_do(name, thresholds):
    model = converted(name, "v1", thresholds)
    found = compare(file_of(name), model, recorded_inputs(name, model))
    assert found
    assert {cause for cause, count in counts(found).items() if count} <= {"format", "propagated", "float_rounding"}
    inexact = {layer.name for layer in report_of(name, "v1", thresholds).layers if layer.differences}
    assert {layer.layer for layer in found.layers if layer.format and not layer.is_output} <= inexact
    if found.first is not None:
        assert "QuantizeML has" in found.text(400)
        assert "snap_to_chip" not in found.text(400)


def test_floored_thresholds_show_more_differences_than_fitted_ones():
    name = "mixed_v1_i8_w4_a4"
    found = [
        compare(file_of(name), model, recorded_inputs(name, model)).totals.format
        for model in (converted(name, "v1", thresholds) for thresholds in ("fit", "floor"))
    ]
    assert 0 < found[0] < found[1]


@pytest.mark.parametrize("variable", ["weights", "threshold", "act_step"])
def test_edits_of_a_model_of_akida_1_are_found(variable):
    name = "mixed_v1_i8_w4_a4"
    model = converted(name, "v1")
    layer = model.layers[1]
    values = layer.get_variable(variable)
    layer.set_variable(variable, -values if variable == "weights" else (values * 3).astype(values.dtype))
    found = compare(file_of(name), model, recorded_inputs(name, model))
    assert not found
    assert {edit.layer for edit in found.edits} == {layer.name}
    assert {edit.cause for edit in found.edits} == {"kernel" if variable == "weights" else variable}
    assert found.first.layer == layer.name


def test_models_in_memory_are_compared(tmp_path):
    model = small()
    in_memory = Functional(model)
    for layer in in_memory.layers:
        type(layer).__module__ = "quantizeml.layers"
    akida_model = cnn2snn.convert(in_memory)
    samples = random_inputs(akida_model, 3, 0)
    found = compare(in_memory, akida_model, samples)
    assert found.first is None
    assert found.to_dict() == compare(model.save(tmp_path), akida_model, samples).to_dict()
    onnx = pytest.importorskip("onnx")
    akida_model = converted("onnx_concat_int8")
    samples = recorded_inputs("onnx_concat_int8", akida_model)
    assert compare(onnx.load(file_of("onnx_concat_int8")), akida_model, samples).first is None


def test_floats_below_zero_in_the_middle_of_two_integers_are_rounded_by_float32():
    """ONNX Runtime divides by the scale, the Quantizer multiplies by its reciprocal."""
    pytest.importorskip("onnx")
    akida_model = converted("onnx_concat_int8")
    scales = akida_model.layers[0].get_variable("scales")
    middles = (np.arange(-120, 0, dtype=np.float32) + np.float32(0.5)) / scales[0]
    floats = np.concatenate([np.nextafter(middles, np.float32(-9)), middles, np.nextafter(middles, np.float32(9))])
    divisor = np.float32(1) / scales[0]
    differing = floats[np.rint(floats / divisor) != np.rint(floats * scales[0])]
    assert differing.size
    samples = np.zeros((1, *akida_model.input_shape), np.float32)
    samples[0, 0].flat[: differing.size] = differing
    found = compare(file_of("onnx_concat_int8"), akida_model, samples)
    assert (found.first.cause, "reciprocal" in found.first.explanation) == ("float_rounding", True)
    assert (found.layers[0].unexplained, found.layers[0].differing > 0) == (0, True)


def test_comparisons_and_reports_are_pickled_and_become_json():
    model = converted("pico_int16")
    found = compare(file_of("pico_int16"), model, recorded_inputs("pico_int16", model))
    copy = pickle.loads(pickle.dumps(found))
    assert copy == found
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()
    assert found._repr_html_().startswith("<pre>")
    proved = report_of("pico_int16")
    assert pickle.loads(pickle.dumps(proved)).to_dict() == proved.to_dict()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("digits_trained", lambda x: x.astype(np.float32), r"uint8 array of shape \(n, 16, 16, 1\)"),
        ("digits_trained", lambda x: x[0], r"received uint8 \(16, 16, 1\)"),
        ("digits_trained", lambda x: x.tolist(), "received list"),
        ("pico_int16", lambda x: x.astype(np.int32), "int16 array of shape"),
        ("temporal_i8_w8_a8", lambda x: x[0, 0], "steps, streams"),
    ],
)
def test_samples_must_be_what_the_model_takes(name, change, message):
    model = converted(name)
    with pytest.raises(ValueError, match=message) as caught:
        compare(file_of(name), model, change(recorded_inputs(name, model)))
    assert caught.value.kind == "samples"


def test_models_that_do_not_belong_together_are_refused():
    model = converted("digits_trained")
    samples = recorded_inputs("digits_trained", model)
    with pytest.raises(ValueError, match="layer 0 must be"):
        compare(file_of("cnn_i8_w8_a8"), model, samples)
    with pytest.raises(ValueError, match="has no input_scaling"):
        compare(file_of("digits_trained"), model, samples, (255, 0))
    with pytest.raises(ValueError, match=r"Akida 2\.0 only"):
        compare(file_of("onnx_add"), converted("mixed_v1_i8_w4_a4", "v1"), samples)
    with pytest.raises(TypeError, match="akida_model"):
        compare(file_of("digits_trained"), "model.fbz", samples)
    with pytest.raises(FileNotFoundError):
        compare("none.h5", model, samples)


@pytest.mark.parametrize("name", ["digits_trained", "onnx_add"])
def test_comparing_needs_no_keras(name, tmp_path):
    model = converted(name)
    model.save(tmp_path / "model.fbz")
    np.save(tmp_path / "samples.npy", recorded_inputs(name, model))
    code = f"""
    import numpy as np
    from cnn2snn import akida
    from cnn2snn.analysis import compare
    print(compare({str(file_of(name))!r}, akida.Model("model.fbz"), np.load("samples.npy")).first)
    """
    result = run_without_keras(code, tmp_path)
    assert (result.returncode, result.stdout) == (0, "None\n"), result.stderr
