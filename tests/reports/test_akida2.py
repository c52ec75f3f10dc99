"""Reports on models of Akida 2.0."""

import json
from pathlib import Path

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.reports.diff import DiffReport, VariableDifference
from cnn2snn.reports.info import InfoReport
from cnn2snn.reports.plan import PlanReport
from cnn2snn.reports.run import Inputs, Outputs, RunReport
from tests.akida.akida2_models import model_of_every_layer, queue_model, stateful_model

MODELS = [model_of_every_layer, stateful_model]


@pytest.fixture
def file():
    """The reports show the size of a file, whatever is in it."""
    Path("net.fbz").write_bytes(bytes(100))
    return Path("net.fbz")


def info(model, file):
    report = InfoReport.of(model, file)
    assert json.loads(json.dumps(report.to_dict()))["layers"]
    return report


@pytest.mark.parametrize("build", MODELS)
def test_info_has_every_variable_as_a_kernel_or_with_its_range(build, file):
    model = build()
    report = info(model, file)
    for layer, shown in zip(model.layers, report.layers, strict=True):
        assert [*shown.kernels, *shown.ranges] == sorted(
            layer.get_variable_names(), key=lambda name: name not in shown.kernels
        )
        for name, limits in shown.ranges.items():
            values = layer.get_variable(name)
            assert limits == (values.min(), values.max())
        for name, shape in shown.kernels.items():
            assert tuple(shape) == layer.get_variable(name).shape
            assert sum(count for _, count in shown.histogram[name]) == layer.get_variable(name).size
        assert shown.weights == sum(np.prod(shape) for shape in shown.kernels.values())
    assert report.ip_version == "v2"
    assert report.has_state == model.has_state
    assert (report.input_dtype, report.output_dtype) == (str(model.input_dtype), str(model.output_dtype))


def test_info_as_text(file):
    lines = info(model_of_every_layer(), file).text(80).splitlines()
    assert lines[1:4] == [
        "Hardware  Akida 2.0",
        "Input     8×6×3, float32",
        "Output    1×1×3, 32-bit accumulators, float32 by predict",
    ]
    table = {line.split()[0]: line.split()[1:] for line in lines[7:19] if line.strip("- ")}
    assert table["quantizer"][:5] == ["Quantizer", "8×6×3", "f32", "-", "8"]
    assert table["image"] == ["InputConv2D", "4×3×4", "8", "4", "4", "108", "54", "1,296"]
    assert table["classes"][2:5] == ["±16", "8", "±32"]
    titles = [line.split() for line in lines if line.startswith("Layer ")]
    kernels = ["Layer", "In", "file", "Values", "Zero", "Spread"]
    assert titles[1:] == [kernels, ["Layer", "Bias", "Bound", "Scale", "Shift"]]
    assert max(map(len, lines)) <= 80


def test_info_of_states(file):
    lines = info(stateful_model(), file).text(120).splitlines()
    assert lines[4] == "State     kept from input to input of a stream"
    assert any(line.startswith("  out_proj ") for line in lines)


def test_bounds_that_filters_lack_are_told(file):
    model = akida.Model(layers=[akida.InputData((1, 1, 2), 8, name="in"), akida.Conv2D(3, 1, name="conv")])
    assert "none" in info(model, file).text().splitlines()[-1]
    assert info(model, file).layers[1].ranges["max_value"] is None
    model.layers[1].set_variable("max_value", np.array([-1, 7, 200], np.int16))
    assert " 7..200 " in info(model, file).text().splitlines()[-1]
    assert info(model, file).layers[1].ranges["max_value"] == (7, 200)


@pytest.mark.parametrize("build", MODELS)
def test_equal_models_do_not_differ(build):
    assert DiffReport.of(build(), build(), Path("a"), Path("b")).equal


def test_diff_compares_parameters_and_variables():
    left, right = queue_model(), queue_model()
    right.pop_layer()
    right.add(akida.BufferTempConv(1, 2, output_bits=4, name="queue"))
    right.layers[1].set_variable("output_scales", np.array([300], np.uint16))
    differences = DiffReport.of(left, right, Path("a"), Path("b")).differences
    assert [(d.what, d.left, d.right) for d in differences] == [
        ("activation", "NoActivation", "ReLU"),
        ("output_bits", 8, 4),
        ("output_signed", True, False),
        ("weights", 10, 0),
        ("output_scales", 1, 300),
        ("max_value", "absent", [1]),
        ("max_value_shift", "absent", [1]),
    ]
    assert isinstance(differences[4], VariableDifference)


def test_diff_of_generations():
    old = akida.Model(layers=[akida.InputData((1, 1, 1), name="in")])
    report = DiffReport.of(old, queue_model(), Path("a"), Path("b"))
    assert report.text().splitlines()[:2] == ["ip_version: v1 -> v2", "in.input_bits: 4 -> 8"]


def test_a_plan_tells_every_layer():
    model = model_of_every_layer()
    assert [layer.layer for layer in PlanReport.of(model).layers] == [layer.name for layer in model.layers]


def test_inputs_of_clips_are_steps_of_streams():
    outputs = Outputs.of(np.zeros((5, 2, 1, 1, 1), np.int8), None)
    for shape, count in (([5, 2, 1, 1, 1], 10), ([5, 1, 1, 1], 5)):
        report = RunReport("net.fbz", "forward", Inputs("clip.npy", shape, "int8"), outputs, 0.5)
        assert report.inputs_per_second == 2 * count
    assert report.text().splitlines()[0] == "Inputs    5×1×1×1 int8"
