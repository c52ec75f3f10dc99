"""Models as dictionaries and as JSON text."""

import copy
import json

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import Model
from cnn2snn.errors import FormatError, InvalidTypeError, UnsupportedModelError
from tests.akida.akida2_models import model_of_every_layer, stateful_model
from tests.oracle.engine import to_engine
from tests.oracle.random_networks import random_case


def test_dictionary_has_the_documented_keys(model):
    values = model.to_dict()
    assert list(values) == ["format", "format_version", "ip_version", "input_scaling", "layers"]
    image = values["layers"][0]
    assert list(image) == ["name", "inbounds", "input_shape", "output_shape", "parameters", "variables"]
    assert image["name"] == "image"
    assert image["inbounds"] == []
    assert image["input_shape"] == [8, 6, 3]
    assert image["output_shape"] == [8, 6, 4]
    assert image["parameters"]["layer_type"] == "InputConvolutional"
    assert image["parameters"]["kernel_size"] == [3, 3]
    assert image["parameters"]["padding"] == "Same"
    assert image["parameters"]["padding_value"] == 7
    assert np.array_equal(image["variables"]["weights"], model.layers[0].variables["weights"])
    assert image == model.layers[0].to_dict()
    assert values["layers"][1]["inbounds"] == ["image"]


@pytest.mark.parametrize("seed", range(40))
def test_random_networks_survive_both_forms(seed):
    model = to_engine(random_case(seed).network)
    buffer = model.to_buffer()
    assert Model.from_dict(model.to_dict()).to_buffer() == buffer
    assert Model.from_json(model.to_json()).to_buffer() == buffer
    assert Model.from_json(model.to_json().encode()).to_buffer() == buffer
    assert json.loads(model.to_json()) == model.to_dict()


def test_steps_at_the_ends_of_float32_are_exact(model):
    steps = np.array([1.401298464324817e-45, 3.4028234663852886e38, 0.1, 1 / 3, 16777217.0], np.float32)
    model.get_layer("separable").set_variable("act_step", steps)
    again = Model.from_json(model.to_json())
    assert np.array_equal(again.get_layer("separable").get_variable("act_step"), steps)


@pytest.mark.parametrize("scaling", [None, (127.5, 0.1), (1 / 3, -1e300)])
def test_input_scaling_is_kept(model, scaling):
    model.input_scaling = scaling
    assert Model.from_json(model.to_json()).input_scaling == scaling
    assert Model.from_dict(model.to_dict()).to_buffer() == model.to_buffer()


def test_text_has_one_line_per_layer(model):
    lines = model.to_json().splitlines()
    assert len(lines) == 2 + 4
    assert all(json.loads(line.rstrip(","))["name"] for line in lines[1:-1])


def test_dictionary_is_the_callers_own(model):
    values = model.to_dict()
    values["layers"][0]["variables"]["threshold"][0] += 1
    other = Model.from_dict(values)
    assert other.to_buffer() != model.to_buffer()
    values["layers"].clear()
    assert other.get_layer_count() == 4


def test_incomplete_model_has_no_dictionary():
    model = Model(layers=[akida.InputData((1, 1, 2), name="source"), akida.FullyConnected(2, "left")])
    model.add(akida.FullyConnected(2, "right"), [model.layers[0]])
    for write in (model.to_dict, model.to_json, Model().to_dict):
        with pytest.raises(UnsupportedModelError):
            write()
    assert model.layers[1].to_dict()["name"] == "left"
    with pytest.raises(UnsupportedModelError):
        akida.FullyConnected(2, "alone").to_dict()


def change(path, value):
    def apply(values):
        *outer, last = path
        for key in outer:
            values = values[key]
        values[last] = value

    return apply


def remove(*path):
    def apply(values):
        *outer, last = path
        for key in outer:
            values = values[key]
        del values[last]

    return apply


LAST = ("layers", 3)
WRONG = {
    "format must be": change(("format",), "another"),
    "format_version must be 1": change(("format_version",), 2),
    "format_version must be 1, received True": change(("format_version",), True),
    "ip_version must be v1, as the layers have it, received v2": change(("ip_version",), "v2"),
    "ip_version must be one of v1, v2, received v3": change(("ip_version",), "v3"),
    "ip_version must be one of v1, v2, received 1": change(("ip_version",), 1),
    "input_scaling must be a tuple of 2 numbers": change(("input_scaling",), [1]),
    "input_scaling must be a tuple of 2 numbers, received str": change(("input_scaling",), "12"),
    "input_scaling must be a finite scale": change(("input_scaling",), [0, 1]),
    "input_scaling must be .* within the range of float": change(("input_scaling",), [10**400, 1]),
    "the model must be an object with the keys .*, received without layers": remove("layers"),
    "the model must be an object with the keys .*, received with more": change(("more",), 1),
    "layers must be a list, received dict": change(("layers",), {}),
    r"layers\[1\] must be an object": change(("layers", 1), None),
    r"layers\[3\]\.name must be a string": change((*LAST, "name"), 3),
    r"layers\[3\]\.name must be a string of at least one": change((*LAST, "name"), ""),
    r"layers\[3\]: .*name": change((*LAST, "name"), "image"),
    r"layers\[3\]: name must be text without halves": change((*LAST, "name"), "\ud800"),
    r"layers\[3\]\.inbounds must be names of earlier layers, received classes": change(
        (*LAST, "inbounds"), ["classes"]
    ),
    r"layers\[3\]\.inbounds must be names of earlier layers, received \['conv'\]": change(
        (*LAST, "inbounds"), [["conv"]]
    ),
    r"layers\[3\]\.inbounds must be empty for the first": change((*LAST, "inbounds"), []),
    r"layers\[3\]\.output_shape must be \[1, 1, 10\]": change((*LAST, "output_shape"), [1, 1, 11]),
    r"layers\[0\]\.input_shape must be \[8, 6, 3\]": change(("layers", 0, "input_shape"), None),
    r"layers\[3\]\.parameters must be an object": change((*LAST, "parameters"), []),
    r"layers\[3\]\.parameters\.layer_type must be one of": change((*LAST, "parameters", "layer_type"), "Unknown"),
    r"layers\[3\]\.parameters\.layer_type must be one of .*, received None": remove(*LAST, "parameters", "layer_type"),
    r"layers\[3\]\.parameters must be .* received with filters": change((*LAST, "parameters", "filters"), 3),
    r"layers\[3\]\.parameters must be .* received without units": remove(*LAST, "parameters", "units"),
    r'layers\[3\]: layer "classes": units must be an integer': change((*LAST, "parameters", "units"), 1.5),
    r'layers\[3\]: layer "classes": weights_bits must be': change((*LAST, "parameters", "weights_bits"), 3),
    r"layers\[2\]\.parameters\.padding must be one of Valid, Same": change(("layers", 2, "parameters", "padding"), 1),
    r"layers\[2\]\.parameters\.pool_type must be one of": change(("layers", 2, "parameters", "pool_type"), "Min"),
    r'layers\[2\]: layer "conv": kernel_size must be': change(("layers", 2, "parameters", "kernel_size"), "33"),
    r"layers\[3\]\.variables must be .* received without threshold": remove(*LAST, "variables", "threshold"),
    r"threshold must be nested lists of numbers, received int": change((*LAST, "variables", "threshold"), 5),
    r"threshold must be nested lists of integers, .* received float": change(
        (*LAST, "variables", "threshold"), [0.5] * 10
    ),
    r"threshold must be nested lists of integers, .* received bool": change(
        (*LAST, "variables", "threshold"), [True] + [0] * 9
    ),
    r"threshold must be nested lists of int32 values, received 2147483648": change(
        (*LAST, "variables", "threshold"), [2**31] * 10
    ),
    r"threshold must be nested lists of int32 values, received -2147483649": change(
        (*LAST, "variables", "threshold"), [-(2**31) - 1] * 10
    ),
    r"weights must be nested lists of int8 values, received 128": change(
        (*LAST, "variables", "weights", 0, 0, 0, 0), 128
    ),
    r"weights must be nested lists of int8 values, received -129": change(
        (*LAST, "variables", "weights", 0, 0, 0, 0), -129
    ),
    r"act_step must be nested lists of float32 values, received -1e\+39": change(
        (*LAST, "variables", "act_step"), [-1e39] * 10
    ),
    r"threshold must be nested lists of int32 values, received a number": change(
        (*LAST, "variables", "threshold"), [2**63] * 10
    ),
    r'layers\[3\]: layer "classes": threshold must be': change((*LAST, "variables", "threshold"), [0] * 9),
    r"weights must be nested lists of integers, equally long at each level, received list": change(
        (*LAST, "variables", "weights", 0, 0, 0), [0]
    ),
    r'layers\[3\]: layer "classes": weights must be': change((*LAST, "variables", "weights", 0, 0, 0, 0), 8),
    r"act_step must be nested lists of numbers, .* received str": change((*LAST, "variables", "act_step"), ["1"] * 10),
    r"act_step must be nested lists of float32 values": change((*LAST, "variables", "act_step"), [1e39] * 10),
    r'layers\[3\]: layer "classes": act_step must be': change((*LAST, "variables", "act_step"), [0] * 10),
    "classes": lambda values: values["layers"].append({**copy.deepcopy(values["layers"][3]), "name": "more"}),
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_dictionary_is_refused_at_its_key(model, message):
    values = model.to_dict()
    WRONG[message](values)
    with pytest.raises(FormatError, match=message):
        Model.from_dict(values)
    with pytest.raises(FormatError, match=message):
        Model.from_json(json.dumps(values))


@pytest.mark.parametrize("build", [model_of_every_layer, stateful_model])
def test_models_of_akida2_survive_both_forms(build):
    model = build()
    values = model.to_dict()
    assert values["ip_version"] == "v2"
    assert Model.from_dict(values).to_dict() == values
    again = Model.from_json(model.to_json())
    assert json.loads(model.to_json()) == again.to_dict() == values
    for ours, theirs in zip(model.layers, again.layers, strict=True):
        assert type(ours) is type(theirs)
        assert ours.parameters == theirs.parameters
        assert all(np.array_equal(v, theirs.get_variable(name)) for name, v in ours.variables.items())


def test_parameters_of_akida2_are_written_as_they_are_used():
    values = model_of_every_layer().to_dict()["layers"]
    parameters = {layer["name"]: layer["parameters"] for layer in values}
    assert parameters["left"]["activation"] == "ReLU"
    assert parameters["image"]["output_signed"] is False
    assert parameters["pooled"]["pool_size"] == parameters["pooled"]["pool_stride"] == 2
    assert set(parameters["sum"]) == {
        "layer_type",
        "output_bits",
        "buffer_bits",
        "post_op_buffer_bits",
        "output_signed",
    }


WRONG_AKIDA2 = {
    "ip_version must be v2, as the layers have it, received v1": change(("ip_version",), "v1"),
    r"layers\[2\]\.parameters\.activation must be one of NoActivation, ReLU, LUT, received True": change(
        ("layers", 2, "parameters", "activation"), True
    ),
    r"layers\[2\]\.parameters must be .* received without output_signed": remove(
        "layers", 2, "parameters", "output_signed"
    ),
    r"layers\[4\]\.parameters must be .* received with activation": change(
        ("layers", 4, "parameters", "activation"), None
    ),
    r'layers\[2\]: layer "left": kernel_size must be an integer': change(
        ("layers", 2, "parameters", "kernel_size"), [3, 3]
    ),
    r"layers\[2\]\.variables\.output_scales must be nested lists of uint16 values, received 65536": change(
        ("layers", 2, "variables", "output_scales", 0), 65536
    ),
    r"layers\[2\]\.variables\.bias must be nested lists of int8 values, received -129": change(
        ("layers", 2, "variables", "bias", 0), -129
    ),
    r'layers\[2\]: layer "left": max_value must be in -1\.\.=255, received 256': change(
        ("layers", 2, "variables", "max_value", 0), 256
    ),
    r'layers\[0\]: layer "quantizer": scales must be finite and greater': change(
        ("layers", 0, "variables", "scales", 0), 0
    ),
}


@pytest.mark.parametrize("message", WRONG_AKIDA2)
def test_wrong_dictionary_of_akida2_is_refused_at_its_key(message):
    values = model_of_every_layer().to_dict()
    WRONG_AKIDA2[message](values)
    with pytest.raises(FormatError, match=message):
        Model.from_dict(values)


def test_numbers_that_are_not_finite_are_refused(model):
    values = model.to_dict()
    for wrong in (float("nan"), float("inf")):
        values["layers"][3]["variables"]["act_step"][0] = wrong
        with pytest.raises(FormatError, match=r'layer "classes": act_step|float32'):
            Model.from_dict(values)
        with pytest.raises(FormatError, match="numbers must be finite"):
            Model.from_json(json.dumps(values))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        (b"\xff", "not JSON"),
        ("[]", "the model must be an object, received list"),
        ('{"format": 1, "format": 1}', "'format' stands twice"),
        ("[" * 100_000, "nested too deeply|not JSON"),
        ("9" * 10_000, "not JSON|an object"),
    ],
)
def test_text_that_is_no_model_is_refused(text, message):
    with pytest.raises(FormatError, match=message):
        Model.from_json(text)


def test_other_types_are_refused():
    with pytest.raises(InvalidTypeError, match="values must be a dictionary"):
        Model.from_dict([])
    with pytest.raises(InvalidTypeError, match="text must be a str or bytes"):
        Model.from_json({})
