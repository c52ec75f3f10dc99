"""Akida 1.0 from QuantizeML: recorded variables, exact boundaries, and the fit that takes them."""

from fractions import Fraction

import numpy as np
import pytest

from cnn2snn.conversion.akida1 import build_model, certificate
from cnn2snn.conversion.akida1.quantizeml import blocks_of
from cnn2snn.conversion.quantizeml import read_h5
from cnn2snn.conversion.quantizeml.akida1 import Ideal, plan_akida1
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from tests.conversion.quantizeml.files import FIXTURES, Model, changed, names, recorded

NAMES = names("v1", ".h5")
MIXED = "mixed_v1_i8_w4_a4"


def plan(name):
    return plan_akida1(read_h5(FIXTURES / f"{name}.h5"))


def refused(path, error=UnsupportedModelError):
    with pytest.raises(error) as caught:
        plan_akida1(read_h5(path))
    return caught.value


def test_every_fixture_is_found():
    assert len(NAMES) == 8


@pytest.mark.parametrize("name", NAMES)
def test_layers_are_those_of_the_published_converter(name):
    expected = recorded(name)[0]["layers"]
    found = plan(name).model.layers
    assert [layer.name for layer in found] == [layer["name"] for layer in expected]
    assert [layer.type_name for layer in found] == [layer["type"] for layer in expected]
    assert [list(layer.inbounds) for layer in found] == [layer["inbounds"] for layer in expected]
    assert [dict(layer.parameters) for layer in found] == [layer["params"] for layer in expected]
    assert [list(layer.keras) for layer in found] == [layer["keras"] for layer in expected]


@pytest.mark.parametrize("name", NAMES)
def test_variables_are_those_of_the_published_converter_before_it_fits_widths(name):
    meta, expected = recorded(name)
    layers = plan(name).model.layers
    for index, layer in enumerate(layers):
        assert sorted(layer.variables) == sorted(meta["layers"][index]["vars"])
        for variable, values in layer.variables.items():
            other = expected[f"{index}/{variable}"]
            assert (values.dtype, values.shape) == (other.dtype, other.shape)
            if layer is layers[-1] and variable == "act_step":
                # The recording has no step where nothing is quantized. A step is the potentials per unit of output.
                assert not other.any()
                continue
            np.testing.assert_array_equal(values, other, err_msg=f"{layer.name} {variable}")


def potentials(layer, inputs):
    """Sums of a layer without pooling, by the definition."""
    weights = layer.variables["weights"].astype(np.int64)
    if layer.type_name == "FullyConnected":
        # The first axis goes fastest.
        flat = inputs.transpose(0, 3, 2, 1).reshape(len(inputs), -1)
        return (flat.astype(np.int64) @ weights[0, 0])[:, None, None]
    size, stride = layer.parameters["kernel_size"][0], layer.parameters["kernel_stride"][0]
    before = 0
    if layer.parameters["padding"] == "Same":
        before, weights = size // 2, weights[::-1, ::-1]
        inputs = np.pad(inputs, ((0, 0), (before, before), (before, before), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(inputs.astype(np.int64), (size, size), (1, 2))
    return np.einsum("nxycij,ijcf->nxyf", windows[:, ::stride, ::stride], weights)


@pytest.mark.parametrize("name", NAMES)
def test_levels_of_ideal_boundaries_are_those_of_the_quantized_network(name):
    """Levels of the published rule differ from Keras' here and there; exact boundaries do not."""
    found, (_, arrays) = plan(name), recorded(name)
    for index, layer in enumerate(found.layers[:-1]):
        parameters = layer.plan.parameters
        same = parameters.get("padding") == "Same"
        if layer.plan.type_name == "SeparableConvolutional" or "pool_type" in parameters:
            continue
        if same and (parameters["kernel_stride"] != [1, 1] or layer.plan.type_name == "InputConvolutional"):
            continue
        inputs = arrays["x"] if index == 0 else arrays[f"{index - 1}/out"]
        sums = potentials(layer.plan, inputs)
        levels = (sums[..., None] > layer.ideal.boundaries(parameters["act_bits"])).sum(axis=-1)
        np.testing.assert_array_equal(levels, arrays[f"{index}/out"], err_msg=layer.plan.name)


def test_a_boundary_belongs_to_the_level_above_it():
    """With a step of 4 level 1 is given from 2 on, as floor(2 / 4 + 1 / 2) is 1."""
    ideal = Ideal((Fraction(4), Fraction(9, 2)), (0, 1), (3, 3))
    assert ideal.boundaries(2).tolist() == [[1, 5, 9], [1, 5, 10]]


def test_a_bound_cuts_levels_off():
    ideal = Ideal((Fraction(4),), (0,), (1,))
    assert ideal.boundaries(2).tolist() == [[1, 2**31 - 1, 2**31 - 1]]


@pytest.mark.parametrize("name", NAMES)
def test_the_fit_takes_the_exact_boundaries(name):
    found = blocks_of(plan(name))
    converted = build_model(found.blocks, found.scaling, found.input_is_image, ideals=found.ideals)
    meta, arrays = recorded(name)
    assert [layer.name for layer in converted.model.layers] == [layer["name"] for layer in meta["layers"]]
    for index, layer in enumerate(converted.model.layers):
        assert layer.parameters.layer_type.name == meta["layers"][index]["type"]
        np.testing.assert_array_equal(layer.get_variable("weights"), arrays[f"{index}/weights"])
    report = certificate.report(converted, "fit")
    differences = sum(len(layer.differences) for layer in report.layers)
    assert differences == sum(int(block.mismatches.sum()) for block in converted.blocks)
    assert all(layer.border_error is None for layer in report.layers)


# In these fixtures no recorded input reaches a boundary that the fit moves.
EXACT = ["akidanet_v1_0125_32", "ds_cnn_kws_v1_i8_w4_a4", "mixed_v1_i4_w4_a4", "mixed_v1_i8_w4_a4"]


@pytest.mark.parametrize("name", EXACT)
def test_the_engine_gives_the_outputs_of_the_quantized_network(name):
    found, arrays = blocks_of(plan(name)), recorded(name)[1]
    model = build_model(found.blocks, found.scaling, found.input_is_image, ideals=found.ideals).model
    outputs = model.predict(arrays["x"]).reshape(arrays["y"].shape)
    np.testing.assert_allclose(outputs, arrays["y"], rtol=1e-5, atol=1e-6)


def test_activations_per_axis_are_refused(tmp_path):
    def change(layers):
        for entry in layers.values():
            quant = entry["config"].get("quant_config", {})
            if entry["class_name"] == "Custom>QuantizedReLU":
                quant["output_quantizer"]["axis"] = "per-axis"

    variables = {}
    for name, channels in (("re_lu", 8), ("re_lu_1", 12), ("re_lu_2", 16), ("re_lu_3", 16), ("re_lu_4", 14)):
        for variable in ("range_max", "rescaling_rate"):
            variables[f"{name}/{name}/output_quantizer/{variable}:0"] = np.full(channels, 4.0)
    error = refused(changed(MIXED, tmp_path, change, variables), (InvalidArgumentError, UnsupportedModelError))
    assert "per_tensor_activations" in str(error)


def test_an_unbounded_relu_is_refused(tmp_path):
    def change(layers):
        layers["re_lu_1"]["config"]["max_value"] = None

    error = refused(changed(MIXED, tmp_path, change))
    assert (error.layer, error.kind) == ("re_lu_1", "max_value")


@pytest.mark.parametrize("bits", [3, 8])
def test_levels_of_other_widths_are_refused(tmp_path, bits):
    def change(layers):
        layers["re_lu"]["config"]["quant_config"]["output_quantizer"]["bitwidth"] = bits

    error = refused(changed(MIXED, tmp_path, change), InvalidArgumentError)
    assert (error.kind, error.received) == ("act_bits", bits)


def test_weights_of_8_bits_behind_the_first_layer_are_refused(tmp_path):
    def change(layers):
        layers["conv2d_1"]["config"]["quant_config"]["weight_quantizer"]["bitwidth"] = 8

    error = refused(changed(MIXED, tmp_path, change), InvalidArgumentError)
    assert (error.layer, error.kind) == ("conv2d_1", "weights_bits")


def test_layers_of_akida_2_are_refused_with_the_remedy():
    error = refused(FIXTURES / "cnn_i4_w4_a4.h5")
    assert error.kind == "pattern"
    assert "Akida 2.0" in error.remedy or "before the ReLU" in error.remedy


def test_floats_that_a_quantizer_reads_are_refused(tmp_path):
    model = Model((8, 8, 3), "float32")
    ranges = {"range_min": 0, "range_max": 1}
    model.add("InputQuantizer", "quantizer", variables=ranges, bitwidth=8, signed=False)
    model.conv("conv", 3, 4)
    model.relu("relu", bits=4)
    error = refused(model.end().save(tmp_path))
    assert error.layer == "quantizer"
    assert "uint8" in error.remedy


def test_inputs_that_are_no_images_have_4_bits(tmp_path):
    model = Model((6,))
    quant = {"weight_quantizer": {"bitwidth": 4}}
    model.dense("hidden", 6, 5, quant_config=quant)
    model.relu("relu", bits=4)
    model.dense("dense", 5, 3, quant_config=quant)
    found = plan_akida1(read_h5(model.end().save(tmp_path)))
    first, second, third = found.model.layers
    assert (first.type_name, first.parameters) == ("InputData", {"input_shape": [1, 1, 6], "input_bits": 4})
    assert (second.inbounds, third.inbounds) == ((0,), (1,))
    blocks = blocks_of(found)
    converted = build_model(blocks.blocks, blocks.scaling, blocks.input_is_image, ideals=blocks.ideals)
    assert [layer.name for layer in converted.model.layers] == ["input_1", "hidden", "dense"]
