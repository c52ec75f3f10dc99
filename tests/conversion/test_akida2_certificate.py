"""The report of a conversion to Akida 2.0: intervals that no run leaves, and ends that are reached."""

import functools
import json
import math
import warnings

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida
from cnn2snn.conversion.akida2.certificate import float32, report
from cnn2snn.conversion.akida2.certificate.intervals import Interval, sums_of
from cnn2snn.conversion.akida2.model import build_model
from cnn2snn.conversion.plan import LayerPlan, ModelPlan
from cnn2snn.conversion.report import Akida2Report
from tests.conversion.quantizeml.files import FIXTURES, names, recorded, small
from tests.conversion.quantizeml.test_keras_model import Functional
from tests.oracle import quantizeml_fixtures
from tests.oracle.akida2 import layers as oracle_layers
from tests.oracle.akida2 import stage as oracle_stage
from tests.oracle.akida2.geometry import axis_windows, max_pool
from tests.oracle.akida2.numbers import Exact, Float32, sat
from tests.oracle.random_akida2 import random_case

SEEDS = range(120)
AKIDA2 = [name for name in [*names("v2", ".h5"), *names("v2", ".onnx")] if name != "flat_int8_axis"]
_SHIFTS = ("a_shift", "b_shift")
WEIGHTED = ("InputConv2D", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "DepthwiseConv2DTranspose", "Dense1D")


def built(model):
    """A model of the oracle as one of the engine."""
    plans = (
        LayerPlan(
            d["name"], d["type"], tuple(d["inbounds"]), d["params"], d["variables"], d["params"].get("output_signed")
        )
        for d in model
    )
    return build_model(ModelPlan("model", tuple(plans)))


@functools.cache
def random_report(seed):
    case = random_case(seed)
    return case, report(built(case.model), "model", [])


def file_of(name):
    path = FIXTURES / f"{name}.h5"
    return path if path.exists() else path.with_suffix(".onnx")


@functools.cache
def report_of(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cnn2snn.conversion_report(file_of(name))


def accumulators(description, inputs, state):
    """Sums with their bias (D1 and D2) by the oracle; of an Add its sums."""
    bits = oracle_layers.buffer_bits(description)
    if description["type"] == "Add":
        parts = (sat(x << oracle_stage.variable(description, n), bits) for x, n in zip(inputs, _SHIFTS, strict=True))
        return sat(sum(parts), bits)
    sums = oracle_layers.exact_sums(description, inputs[0], state, Exact)
    bias = oracle_stage.variable(description, "bias") << oracle_stage.variable(description, "bias_shift")
    return sat(sat(sums, bits) + bias, bits)


def scaled(description, acc):
    """Products with the output scale (D3 to D6), before they saturate."""
    params = description["params"]
    if params.get("pool_type") == "Max":
        size = params["pool_size"]
        acc = max_pool(acc, size, params.get("pool_stride") or size, params["padding"])
    acc = oracle_stage.activation(description, acc)
    if params.get("pool_type") == "Average":
        acc = np.clip(acc.sum(axis=(1, 2), keepdims=True), -(2**32), 2**32 - 1)
    return acc * oracle_stage.variable(description, "output_scales", 1)


def within(values, low, high):
    flat = values.reshape(-1, values.shape[-1])
    return bool(np.all(flat >= low) and np.all(flat <= high))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_run_of_a_random_model_leaves_its_intervals(seed):
    case, found = random_report(seed)
    by_name = {layer.name: layer for layer in found.layers}
    states = [{} for _ in case.model]
    for call, results in zip(case.calls, case.results, strict=True):
        for index, description in enumerate(case.model):
            layer = by_name.get(description["name"])
            if layer is None:
                continue
            assert within(results[index].astype(np.int64), layer.lowest_output, layer.highest_output), layer.name
            read = [results[i] for i in description["inbounds"]] or [call.reshape(len(call), *_shape(case.model))]
            inputs = [x.astype(np.int64) for x in read]
            if description["type"] != "PicoPostProcessing":
                acc = accumulators(description, inputs, states[index])
                assert within(acc, layer.lowest, layer.highest), layer.name


def _shape(model):
    return model[0]["params"]["input_shape"]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_saturates_in_a_random_model_is_reported(seed):
    """Channels that the oracle sees saturate at D1, D2, D6 or D8 are among those of the report."""
    case, found = random_report(seed)
    by_name = {layer.name: layer for layer in found.layers}
    states = [{} for _ in case.model]
    call, results = case.calls[0], case.results[0]
    for index, description in enumerate(case.model):
        layer = by_name.get(description["name"])
        if layer is None or description["type"] in ("PicoPostProcessing", "Add"):
            continue
        read = [results[i] for i in description["inbounds"]] or [call.reshape(len(call), *_shape(case.model))]
        bits = oracle_layers.buffer_bits(description)
        sums = oracle_layers.exact_sums(description, read[0].astype(np.int64), states[index], Exact)
        acc = sat(sums, bits)
        bias = oracle_stage.variable(description, "bias") << oracle_stage.variable(description, "bias_shift")
        steps = [("sum", sums, sat(sums, bits)), ("bias", acc + bias, sat(acc + bias, bits))]
        products = scaled(description, sat(acc + bias, bits))
        post = oracle_stage.post_op_bits(description)
        steps.append(("product", products, np.clip(products, -(2**post), 2**post - 1)))
        shifted = Exact.rsh(steps[-1][2], oracle_stage.variable(description, "output_shift"))
        steps.append(("output", shifted, oracle_stage.output_format(description).saturate(shifted)))
        for point, before, after in steps:
            channels = np.flatnonzero(np.any((before != after).reshape(-1, before.shape[-1]), axis=0))
            reported = {c for s in layer.saturations if s.point == point for c in s.channels}
            assert reported.issuperset(channels.tolist()), (layer.name, point)


@pytest.mark.parametrize("seed", SEEDS)
def test_stuck_channels_of_a_random_model_never_change(seed):
    case, found = random_report(seed)
    for layer in found.layers:
        index = next(i for i, d in enumerate(case.model) if d["name"] == layer.name)
        for channel in (*layer.dead, *layer.saturated):
            assert layer.lowest_output[channel] == layer.highest_output[channel]
            for results in case.results:
                assert np.all(results[index][..., channel] == layer.lowest_output[channel])


def test_random_models_have_what_these_tests_are_about():
    found = [layer for seed in SEEDS for layer in random_report(seed)[1].layers]
    assert {s.point for layer in found for s in layer.saturations} >= {
        "input_shift",
        "sum",
        "bias",
        "index",
        "product",
        "output",
        "state",
        "prediction",
    }
    assert any(layer.dead for layer in found)
    assert any(layer.saturated for layer in found)
    assert any(layer.ties for layer in found)
    assert any(layer.wide_products for layer in found)
    assert sum(layer.attained for layer in found) > 50


@pytest.mark.parametrize("seed", SEEDS)
def test_ends_that_are_called_attained_are_reached(seed):
    """Of each channel an input is made by the signs of its weights, one for each window, and the oracle adds up."""
    case, found = random_report(seed)
    for layer in found.layers:
        description = next(d for d in case.model if d["name"] == layer.name)
        if not layer.attained or description["type"] not in WEIGHTED or layer.filters > 16:
            continue
        engine = next(one for one in built(case.model).layers if one.name == layer.name)
        low, high = (0, 255) if description["type"] == "InputConv2D" else _ends(engine)
        shape = (1, *engine.input_dims)
        if np.prod(shape) > 300:
            continue
        lowest, highest = (np.full(layer.filters, end) for end in (2**62, -(2**62)))
        # How each sum depends on each input, as sums are linear before they saturate.
        plain = {**description, "variables": {k: v for k, v in description["variables"].items() if k != "input_shift"}}
        plain = {**plain, "params": {**plain["params"], "buffer_bits": 32}}
        zero = oracle_layers.exact_sums(plain, np.zeros(shape, np.int64), {}, Exact)
        units = np.eye(int(np.prod(shape)), dtype=np.int64).reshape(-1, *shape[1:])
        slopes = oracle_layers.exact_sums(plain, units, {}, Exact) - zero
        positions = slopes.reshape(len(units), -1, layer.filters)
        read = _read_positions(description, zero.shape[1:3])
        for place in read:
            for channel in range(layer.filters):
                slope = positions[:, place, channel]
                for sign in (1, -1):
                    x = np.where(sign * slope > 0, high, low).reshape(shape)
                    acc = accumulators(description, [x], {}).reshape(-1, layer.filters)[place, channel]
                    lowest[channel], highest[channel] = min(lowest[channel], acc), max(highest[channel], acc)
        np.testing.assert_array_equal(lowest, layer.lowest, err_msg=layer.name)
        np.testing.assert_array_equal(highest, layer.highest, err_msg=layer.name)


def _ends(engine):
    bits = engine.input_bits
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if engine.input_signed else (0, 2**bits - 1)


def _read_positions(description, shape):
    """Positions of the convolution that the pooling reads, all of them without one."""
    params = description["params"]
    if params.get("pool_type") != "Max":
        return range(shape[0] * shape[1])
    size = params["pool_size"]
    stride = params.get("pool_stride") or size
    read = []
    for length in shape:
        count, before = axis_windows(length, size, stride, params["padding"])[:2]
        places = {i * stride - before + u for i in range(count) for u in range(size)}
        read.append(sorted(p for p in places if 0 <= p < length))
    return [i * shape[1] + j for i in read[0] for j in read[1]]


@pytest.mark.parametrize("seed", range(300))
def test_float32_differs_where_it_is_said_to_and_nowhere_else(seed):
    """All accumulators of a range, against the float32 steps of the oracle."""
    rng = np.random.default_rng(seed)
    scale, shift = int(rng.integers(1, 2 ** int(rng.choice([8, 16])))), -int(rng.integers(1, 30))
    limits = (-128, 127) if rng.random() < 0.5 else (0, 15)
    centre = int(rng.integers(-(2**27), 2**27)) if rng.random() < 0.3 else int(rng.normal(0, 64 * 2.0**-shift / scale))
    low, high = centre - 30_000, centre + 30_000
    acc = np.arange(low, high + 1)
    exact = np.clip(Exact.rsh(Exact.clip(Exact.product(acc, scale), 32), np.int64(shift)), *limits)
    rounded = np.clip(Float32.rsh(Float32.clip(Float32.product(acc, scale), 32), np.int64(shift)), *limits)
    steps, witness = float32.differing(low, high, scale, shift, limits, 32)
    wrong = acc[exact != rounded]
    assert (witness is None) == (not len(wrong)) == (steps == 0)
    if witness is not None:
        assert witness[0] in wrong
        place = witness[0] - low
        assert witness[1:] == (exact[place], rounded[place])
        moved = {code for code in range(limits[0], limits[1] + 1) if np.any((exact >= code) != (rounded >= code))}
        assert steps == len(moved)


def test_float32_differs_in_some_of_these_ranges():
    assert float32.differing(0, 600_000, 181, -20, (0, 127), 32)[0] > 0
    assert float32.differing(0, 60_000, 181, -17, (0, 127), 32) == (0, None)


@pytest.mark.parametrize("name", AKIDA2)
def test_reports_of_fixtures_hold_what_was_recorded(name):
    """Integers of all layers lie within their intervals, and layers that float32 cannot touch are those of Keras."""
    found, fixture = report_of(name), quantizeml_fixtures.load(name)
    assert isinstance(found, Akida2Report)
    assert found.equal
    by_name = {layer.name: layer for layer in found.layers}
    for index, description in enumerate(fixture.layers):
        layer, values = by_name.get(description["name"]), fixture.exact[index]
        if layer is None or values is None:
            continue
        assert within(values.astype(np.int64), layer.lowest_output, layer.highest_output), layer.name
        if layer.float32_equal and not recorded(name)[0]["differences"]:
            np.testing.assert_array_equal(fixture.out[index], values)


def test_a_layer_that_float32_rounds_in_the_recording_is_named():
    found = {layer.name: layer for layer in report_of("pico_int16").layers}
    meta, arrays = recorded("pico_int16")
    differing = [meta["layers"][k]["name"] for k in range(len(meta["layers"])) if f"{k}/exact" in arrays]
    assert differing
    assert all(not found[name].float32_equal for name in differing)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", AKIDA2)
def test_the_text_fits_its_width(name, width):
    found = report_of(name)
    lines = found.text(width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith(f'"{found.model}": ')
    rule = next(i for i, line in enumerate(lines) if line.startswith("---"))
    assert lines[rule - 1].split()[:2] == ["Layer", "Channels"]
    assert lines[rule + 1 + len(found.layers)] == ""
    assert [line.split()[1] for line in lines[rule + 1 :][: len(found.layers)]] == [
        f"{layer.filters:,}" for layer in found.layers
    ]


def test_everything_that_is_no_layer_of_the_result_is_told():
    found = {place.name: place for place in report_of("cnn_i8_w8_a8").folded}
    model = recorded("cnn_i8_w8_a8")[0]
    kept = {layer["name"] for layer in model["layers"]}
    for layer in model["layers"]:
        for member in layer["keras"]:
            assert member in kept or found[member].layer == layer["name"]
    assert found["softmax"].became == "not converted: behind the Dequantizer"
    assert {place.became for place in found.values()} >= {
        "the input",
        "input scaling, merged into the scales behind it",
        "activation of its layer",
        "pooling of its layer",
    }


def test_json_html_and_text_say_the_same(tmp_path):
    found = report_of("onnx_add")
    found.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved == found.to_dict()
    assert (saved["ip_version"], saved["equal"], saved["float32_equal"]) == ("v2", True, found.float32_equal)
    assert [layer["name"] for layer in saved["layers"]] == [layer.name for layer in found.layers]
    assert saved["layers"][0]["highest"] == found.layers[0].highest.tolist()
    html = found._repr_html_()
    assert html.startswith("<pre>")
    assert "/" not in found.model
    assert found.layers[0].name in html


def test_files_and_models_in_memory_are_reported_alike(tmp_path):
    model = small()
    in_memory = Functional(model)
    for layer in in_memory.layers:
        type(layer).__module__ = "quantizeml.layers"
    found = cnn2snn.conversion_report(in_memory)
    assert found.to_dict() == cnn2snn.conversion_report(model.save(tmp_path)).to_dict()
    onnx = pytest.importorskip("onnx")
    path = file_of("onnx_concat_int8")
    assert cnn2snn.conversion_report(onnx.load(path)).to_dict() == cnn2snn.conversion_report(path).to_dict()


def dense(weights, **variables):
    """A Dense1D on bytes, in a model."""
    matrix = np.array(weights, np.int8)
    model = akida.Model(layers=[akida.InputData((1, 1, len(matrix)), 8)])
    model.add(akida.Dense1D(matrix.shape[1], activation=akida.ActivationType.ReLU, output_bits=8, name="dense"))
    model.layers[1].set_variable("weights", matrix)
    for name, values in variables.items():
        model.layers[1].set_variable(name, np.array(values))
    return model


def test_worked_example_of_a_dense_layer():
    """Two inputs, weights 3 and -2, bias 10: -128·3 - 127·2 + 10 to 127·3 + 128·2 + 10."""
    model = dense([[3, 0], [-2, 0]], bias=np.array([10, -1], np.int8), output_shift=np.array([-3, 0], np.int8))
    (layer,) = report(model, "model", []).layers
    assert (layer.lowest.tolist(), layer.highest.tolist()) == ([-628, -1], [647, -1])
    assert (layer.lowest_output.tolist(), layer.highest_output.tolist()) == ([0, 0], [81, 0])
    assert (layer.dead, layer.saturated, layer.saturations, layer.attained) == ([1], [], [], True)
    text = report(model, "model", []).text(80)
    assert "dense, always 0: channel 1" in text
    assert "Inputs of the model reach the accumulators of dense." in text


def test_channels_at_the_bound_of_their_relu_are_saturated():
    model = dense([[0, 1]], bias=np.array([100, 0], np.int8), max_value=np.array([50, 50], np.int16))
    (layer,) = report(model, "model", []).layers
    assert (layer.dead, layer.saturated) == ([], [0])
    assert "dense, always 50, saturated: channel 0" in report(model, "model", []).text(80)


def test_a_channel_that_only_gives_the_highest_output_is_saturated():
    model = dense([[0, 1]], bias=np.array([100, 0], np.int8), bias_shift=np.array([3, 0], np.uint8))
    (layer,) = report(model, "model", []).layers
    assert (layer.dead, layer.saturated) == ([], [0])
    (clipped,) = layer.saturations
    assert (clipped.point, clipped.channels, clipped.highest, clipped.limits) == ("output", [0], 800, (-128, 127))


def test_products_beyond_a_register_of_32_bits_have_a_witness():
    """The example of D8: an accumulator of 28 bits at its end, scale 255, shift -26."""
    model = akida.Model(layers=[akida.InputData((1, 1, 1), 16)])
    model.add(akida.Dense1D(1, activation=akida.ActivationType.ReLU, output_bits=8, buffer_bits=28, name="dense"))
    layer = model.layers[1]
    layer.set_variable("weights", np.array([[127]], np.int8))
    layer.set_variable("input_shift", np.array([6], np.uint8))
    layer.set_variable("output_scales", np.array([255], np.uint16))
    layer.set_variable("output_shift", np.array([-26], np.int8))
    (found,) = report(model, "model", []).layers
    (wide,) = found.wide_products
    assert (wide.filter, wide.accumulator, wide.product) == (0, 2**27 - 1, 2**32 - 1)
    assert (wide.output, wide.narrow_output) == (64, 32)
    text = report(model, "model", []).text(80)
    assert "A chip with registers of 32 bits may differ in 1 layer." in " ".join(text.split())


def test_shifted_inputs_saturate_before_they_are_added_up():
    """16 bits shifted by 16 leave 28 bits; what is left of them fits, so that the sum saturates nowhere."""
    model = akida.Model(layers=[akida.InputData((1, 1, 1), 16)])
    model.add(akida.Dense1D(1, output_bits=32, buffer_bits=28, name="dense"))
    model.layers[1].set_variable("weights", np.array([[1]], np.int8))
    model.layers[1].set_variable("input_shift", np.array([16], np.uint8))
    (layer,) = report(model, "model", []).layers
    assert (layer.lowest.tolist(), layer.highest.tolist()) == ([-(2**27)], [2**27 - 1])
    (found,) = layer.saturations
    assert (found.point, found.lowest, found.highest) == ("input_shift", -(2**31), 2**31 - 2**16)
    assert found.limits == (-(2**27), 2**27 - 1)


def test_sums_of_a_border_are_those_of_its_windows():
    """A row of three images cells, kernel (1, 1, 1), border 200: the middle window alone has no border."""
    model = akida.Model(layers=[akida.InputConv2D((1, 3, 1), 1, 3, output_bits=8, name="image")])
    weights = np.zeros((3, 3, 1, 1), np.int8)
    weights[1] = 1
    model.layers[0].set_variable("weights", weights)
    model.layers[0].set_variable("padding_value", np.array([200], np.uint8))
    sums = sums_of(model.layers[0], Interval(np.array([0]), np.array([100])))
    assert (sums.low.tolist(), sums.high.tolist(), sums.magnitude.tolist()) == ([0], [400], [600])


def test_convert_gives_the_report(tmp_path):
    kept = []
    cnn2snn.convert(file_of("digits_trained"), report=kept.append)
    cnn2snn.convert(file_of("digits_trained"), report=tmp_path / "report.json")
    assert kept[0].to_dict() == report_of("digits_trained").to_dict()
    assert json.loads((tmp_path / "report.json").read_text()) == kept[0].to_dict()


@pytest.mark.parametrize("name", AKIDA2)
def test_scales_of_float_inputs_that_are_no_powers_of_two_are_told(name):
    found = report_of(name)
    scales = [] if found.inputs.scales is None else np.ravel(found.inputs.scales).astype(np.float64)
    assert found.inputs.exact is all(math.frexp(scale)[0] == 0.5 for scale in scales)
    assert ("no powers of two" in " ".join(found.text(200).split())) is not found.inputs.exact
