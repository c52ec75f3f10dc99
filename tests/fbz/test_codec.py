"""Rust reads what the second implementation writes, and the reverse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnn2snn import _akida, akida
from tests.fbz import akida2, codec
from tests.fbz.complete import complete
from tests.fbz.generated import akida_generated as fb
from tests.oracle import random_akida2
from tests.oracle.engine import from_engine
from tests.oracle.random_networks import random_case

GOLDEN = sorted((Path(__file__).parents[2] / "crates" / "akida-fbz" / "tests" / "data").glob("*.fbz"))
OF_AKIDA1 = ("InputConvolutional", "Convolutional", "SeparableConvolutional", "FullyConnected", "Concat")


def golden(version):
    """The golden files of a generation."""
    files = [file for file in GOLDEN if codec.read_root(file.read_bytes()).ipVersion == version]
    assert files
    return files


def normal(network):
    """What a description says without what it leaves open: placeholders, and bits of no activation."""
    layers = []
    for layer in network:
        parameters = dict(layer.parameters)
        if parameters.get("pool_type") == "Max" and parameters["pool_stride"] == codec.NONE:
            parameters["pool_stride"] = parameters["pool_size"]
        parameters["act_bits"] = layer.act_bits
        if parameters.get("pool_type") not in (None, "Max"):
            parameters |= {"pool_size": codec.NONE, "pool_stride": codec.NONE}
        variables = {name: (v.dtype.str, v.shape, v.tolist()) for name, v in layer.variables.items()}
        layers.append((layer.type, layer.name, layer.inbounds, parameters, variables))
    return layers


@pytest.mark.parametrize("seed", range(40))
def test_both_implementations_read_what_the_other_writes(seed):
    network = random_case(seed).network
    scaling = None if seed % 2 else (0.1 * seed + 0.1, 0.3)
    for compress in (True, False):
        model = akida.Model.from_buffer(codec.write(network, scaling, compress))
        assert normal(from_engine(model)) == normal(network)
        assert model.input_scaling == scaling
    found, found_scaling = codec.read(model.to_buffer())
    assert normal(found) == normal(network)
    assert found_scaling == scaling
    np.testing.assert_array_equal(
        akida.Model.from_buffer(codec.write(found)).forward(random_case(seed).inputs),
        random_case(seed).results[-1].output,
    )


@pytest.mark.parametrize("file", golden(fb.IpVersion.V1), ids=lambda path: path.stem)
def test_golden_files_are_read_alike(file):
    network, scaling = codec.read(file.read_bytes())
    model = akida.Model(file)
    assert normal(network) == normal(from_engine(model))
    assert scaling == model.input_scaling


def test_the_random_networks_have_every_layer_type_and_width():
    layers = [layer for seed in range(40) for layer in random_case(seed).network]
    assert {layer.type for layer in layers} == {"InputData", *OF_AKIDA1}
    assert {layer.parameters.get("weights_bits") for layer in layers} == {None, 1, 2, 4, 8}


def plain(model):
    """Layers of Akida 2.0 as values that can be compared."""
    layers = []
    for layer in model:
        params = {name: tuple(v) if isinstance(v, (list, tuple)) else v for name, v in layer["params"].items()}
        variables = {name: (v.dtype.str, v.shape, v.tolist()) for name, v in layer["variables"].items()}
        layers.append((layer["name"], layer["type"], list(layer["inbounds"]), params, variables))
    return layers


def as_the_engine_has_it(model: _akida.Model):
    """The layers of a model of the engine, without what the form of the codec leaves out."""
    layers = []
    for index, native in enumerate(model.layers()):
        params = dict(native.spec.parameters)
        params.pop("input_signed", None)
        if params.get("pool_type") != "Max":
            params = {name: value for name, value in params.items() if name not in ("pool_size", "pool_stride")}
        layer = {
            "name": native.name,
            "type": native.spec.layer_type,
            "inbounds": native.inbounds,
            "params": params,
            "variables": {name: model.get_variable(index, name) for name in native.variables},
        }
        layers.append(layer)
    return layers


def with_floats(channels_first, signed):
    """A model whose inputs are floats, quantized for an image or for maps."""
    shape, image = (5, 4, 3), ((3, 5, 4) if channels_first else (5, 4, 3))
    quantizer = {"input_shape": image, "output_bits": 8, "output_signed": signed, "channels_first": channels_first}
    floats = {"scales": np.array([0.5, 3, 1e-30], np.float32)}
    if not signed:
        floats["zero_points"] = np.array([0, 128, 255], np.uint8)
    first = {"name": "floats", "type": "Quantizer", "inbounds": [], "params": quantizer, "variables": floats}
    if signed:
        params = {"input_shape": shape, "input_bits": 8}
        second = {"name": "maps", "type": "InputData", "params": params, "variables": {}}
    else:
        conv = {"kernel_size": 3, "filters": 2, "padding": "SameUpper", "kernel_stride": 2, "activation": "LUT"}
        weights = np.arange(-27, 27).reshape(3, 3, 3, 2).astype(np.int8)
        table = np.arange(-(2**31), 2**31, 2**21).astype(np.int32)
        variables = {"weights": weights, "lut_values": table, "output_shift": np.array([-30, -31], np.int8)}
        second = {"name": "image", "type": "InputConv2D", "params": {"input_shape": shape, **conv}}
        second["variables"] = variables
    return complete([first, second | {"inbounds": [0]}])


def model_of_akida2(number):
    """A random model; from 60 on a model of floats."""
    if number < 60:
        return complete(random_akida2.random_case(number).model)
    return with_floats(channels_first=number % 2 == 1, signed=number >= 62)


@pytest.mark.parametrize("number", range(64))
def test_both_implementations_read_what_the_other_writes_of_akida2(number):
    model = model_of_akida2(number)
    scaling = None if number % 2 else (0.1 * number + 0.1, 0.3)
    for compress in (True, False):
        native = _akida.Model.from_buffer(akida2.write(model, scaling, compress))
        assert plain(as_the_engine_has_it(native)) == plain(model)
        assert native.input_scaling == scaling
    found, found_scaling = akida2.read(native.to_buffer())
    assert plain(found) == plain(model)
    assert found_scaling == scaling


@pytest.mark.parametrize("file", golden(fb.IpVersion.V2), ids=lambda path: path.stem)
def test_golden_files_of_akida2_are_read_alike(file):
    model, scaling = akida2.read(file.read_bytes())
    native = _akida.Model.load(str(file))
    assert plain(as_the_engine_has_it(native)) == plain(model)
    assert native.input_scaling == scaling
    assert _akida.Model.from_buffer(akida2.write(model)).to_buffer() == native.to_buffer()


def test_the_random_models_have_every_layer_type_and_variable_of_akida2():
    layers = [layer for number in range(64) for layer in model_of_akida2(number)]
    assert {layer["type"] for layer in layers} == set(_akida.Spec.types()) - set(OF_AKIDA1)
    variables = {name for layer in layers for name in layer["variables"]}
    assert variables == {*akida2.TYPES, "weights", "in_proj", "out_proj", "threshold"}
    assert {layer["params"].get("padding") for layer in layers} == {None, "Same", "Valid", "SameUpper"}
    assert {layer["params"].get("pool_type") for layer in layers} == {None, "NoPooling", "Max", "Average"}
