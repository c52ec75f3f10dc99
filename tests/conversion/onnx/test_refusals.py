"""ONNX models that have no counterpart, and files that are broken or hostile."""

import numpy as np
import onnx
import pytest

from cnn2snn._problems import Problems
from cnn2snn.conversion.onnx import plan_onnx, read_onnx, read_onnx_model
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from tests.conversion.onnx.files import load, node_of, set_attribute, set_constant
from tests.conversion.quantizeml.files import FIXTURES


def refused(model, error=UnsupportedModelError):
    with pytest.raises(error) as caught:
        plan_onnx(read_onnx_model(model))
    return caught.value


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.onnx"):
        read_onnx(tmp_path / "none.onnx")


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_bytes(b"\xff" * 100)
    with pytest.raises(InvalidArgumentError, match="not an ONNX file"):
        read_onnx(path)


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.onnx"
    path.write_bytes(b"")
    with pytest.raises((InvalidArgumentError, UnsupportedModelError)):
        read_onnx(path)


@pytest.mark.parametrize("size", [100, 5000, 12000])
def test_a_truncated_file_is_refused(tmp_path, size):
    path = tmp_path / "cut.onnx"
    path.write_bytes((FIXTURES / "onnx_add.onnx").read_bytes()[:size])
    with pytest.raises((InvalidArgumentError, UnsupportedModelError)):
        plan_onnx(read_onnx(path))


def test_constants_in_other_files_are_refused(tmp_path):
    model = load("onnx_add")
    path = tmp_path / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(InvalidArgumentError, match="lies in another file"):
        read_onnx(path)


def test_a_constant_without_the_values_of_its_shape_is_refused():
    model = load("onnx_add")
    model.graph.initializer[2].dims[0] = 2**40
    assert "values of its shape" in str(refused(model, InvalidArgumentError))


def test_a_model_that_is_not_quantized_is_refused():
    model = load("onnx_add")
    del model.graph.node[-1]
    assert "no Dequantizer" in str(refused(model))


def test_a_node_of_onnx_itself_before_the_dequantizer_is_named():
    model = load("onnx_add")
    node_of(model, "add19").domain = ""
    error = refused(model)
    assert (error.layer, error.received) == ("add19", "QuantizedAddScaled")


def test_an_unknown_function_is_named():
    model = load("onnx_add")
    node_of(model, "add19").op_type = "QuantizedMulScaled"
    next(f for f in model.functions if f.name == "QuantizedAddScaled").name = "QuantizedMulScaled"
    error = refused(model)
    assert (error.layer, error.kind, error.received) == ("add19", "class", "QuantizedMulScaled")


def test_a_function_with_unknown_parts_is_named():
    model = load("onnx_add")
    node_of(model, "add19").op_type = "QuantizedAddFooScaled"
    next(f for f in model.functions if f.name == "QuantizedAddScaled").name = "QuantizedAddFooScaled"
    assert refused(model).layer == "add19"


def test_a_missing_function_is_refused():
    model = load("onnx_add")
    del model.functions[:]
    assert refused(model).kind == "structure"


def test_a_tensor_that_no_node_gives_is_named():
    model = load("onnx_add")
    node_of(model, "conv7").input[0] = "nothing"
    error = refused(model)
    assert (error.layer, error.received) == ("conv7", "nothing")


def test_an_add_of_one_tensor_with_itself_is_refused():
    model = load("onnx_add")
    node = node_of(model, "add19")
    node.input[1] = node.input[0]
    del model.graph.node[4]
    assert "two different tensors" in str(refused(model))


def test_a_node_that_nobody_reads_is_refused():
    model = load("onnx_add")
    node_of(model, "add19").input[1] = node_of(model, "add19").input[0]
    assert refused(model).received == ["conv17"]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("conv7_S_out", lambda v: v * 3, "powers of two"),
        ("conv7_S_out", lambda v: v * np.float32(2.0**40), "powers of two"),
        ("conv7_S_out", lambda v: -v, "powers of two"),
        ("conv7_S_out", lambda v: v * np.nan, "powers of two"),
        ("conv7_M", lambda v: v.astype(np.int32) + 200, r"0\.\.255"),
        ("conv7_M", lambda v: v[:, :3], "1 or 12"),
        ("conv7_M", lambda v: v.astype(np.float32), "must be integers"),
        ("conv7_B", lambda v: v + 1234567, "bias must be integers of 7 bits"),
        ("conv7_max_value", lambda v: -v, "must not be negative"),
        ("conv7_Wi", lambda v: v.astype(np.int32), "must be int8"),
        ("conv7_Wi", lambda v: v[:, :3], r"\(filters, 8, size, size\)"),
        ("conv7_pads", lambda v: v + 1, "8 sizes of height and width"),
        ("conv7_pads", lambda v: np.where(v > 0, 3, v), "no padding of Akida"),
        ("conv3_Xpad", lambda v: v + 200, r"0\.\.255"),
        ("add19_x1_shift", lambda v: v * 3, "powers of two"),
        ("gemm28_Wi", lambda v: v[:, :-1], r"\(units, 16\)"),
        ("quantize_scale", lambda v: v * 0, "greater than zero"),
    ],
)
def test_constants_that_do_not_fit_are_named(name, change, message):
    model = load("onnx_add")
    set_constant(model, name, change)
    with pytest.raises((InvalidArgumentError, UnsupportedModelError), match=message) as caught:
        plan_onnx(read_onnx_model(model))
    assert caught.value.layer == {"quantize_scale": "quantize"}.get(name, name.partition("_")[0])


def test_strides_that_are_not_square_are_refused():
    model = load("onnx_add")
    set_attribute(node_of(model, "conv7"), "strides", [1, 2])
    assert refused(model, InvalidArgumentError).kind == "strides"


def test_a_transposed_convolution_of_another_size_is_refused():
    model = load("onnx_lut_transposed")
    set_attribute(node_of(model, "/convtranspose_15/ConvTranspose"), "pads", [0, 0, 0, 0])
    assert refused(model, InvalidArgumentError).kind == "transposed"


def test_a_max_pooling_that_cuts_is_refused_with_the_remedy():
    model = load("onnx_concat_int8")
    set_attribute(node_of(model, "/conv_21/Conv"), "pool_size", [3, 3])
    error = refused(model)
    assert error.kind == "padding"
    assert "max pooling" in error.remedy


def test_pads_that_no_padding_gives_are_refused_with_those_that_one_gives():
    model = load("onnx_torch")
    name = "/conv_38/Conv"
    set_constant(model, f"{name}_Wi", lambda values: np.pad(values, ((0, 0), (0, 0), (1, 1), (1, 1))))
    set_constant(model, f"{name}_pads", lambda _: np.array([0, 0, 2, 2, 0, 0, 1, 1]))
    error = refused(model)
    assert (error.layer, error.received) == (name, [(2, 1), (2, 1)])
    assert error.remedy == "export the convolution with pads [(1, 2), (1, 2)], or with none"
    set_constant(model, f"{name}_pads", lambda _: np.array([0, 0, 1, 1, 0, 0, 2, 2]))
    (layer,) = [layer for layer in plan_onnx(read_onnx_model(model)).layers if layer.name == name]
    assert layer.parameters["padding"] == "Same"


def test_a_max_pooling_behind_the_padding_of_exporters_is_refused_with_pads_that_it_takes():
    model = load("onnx_torch")
    node = node_of(model, "/conv_38/Conv")
    new = node.op_type.replace("ReLU", "MaxPoolReLU")
    next(function for function in model.functions if function.name == node.op_type).name = new
    node.op_type = new
    for attribute, value in (("pool_size", [1, 1]), ("pool_strides", [1, 1]), ("pool_pads", [0, 0, 0, 0])):
        set_attribute(node, attribute, value)
    assert refused(model).remedy == "export the convolution with pads [(0, 1), (0, 1)], or with none"
    set_constant(model, f"{node.name}_pads", lambda _: np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    assert plan_onnx(read_onnx_model(model)).layers


def test_a_table_of_another_size_is_refused():
    model = load("onnx_lut_transposed")
    set_constant(model, "/conv_3/Conv_LUT", lambda v: v[:100])
    assert "1 or 2048" in str(refused(model))


def test_an_input_of_unknown_size_is_refused():
    model = load("onnx_add")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "H"
    assert refused(model).kind == "input_shape"


def test_channels_that_fill_the_memory_are_refused():
    model = load("onnx_lut_transposed")
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**62
    assert "at most 1048576 channels" in str(refused(model))


def test_unsigned_inputs_of_other_layers_than_images_are_refused():
    model = load("onnx_concat_int8")
    set_constant(model, "quantize_zp", lambda v: v.astype(np.uint8))
    assert refused(model, UnsupportedModelError).kind == "input_signed"


def test_all_problems_are_told_at_once():
    model = load("onnx_concat_int8")
    set_constant(model, "/conv_7/Conv_M", lambda v: v.astype(np.float32))
    set_constant(model, "/conv_11/Conv_B", lambda v: v + 1234567)
    assert len(str(refused(model)).splitlines()) == 2
    problems = Problems(collect=True)
    plan = plan_onnx(read_onnx_model(model), problems)
    assert [error.layer for error in problems.found] == ["/conv_7/Conv", "/conv_11/Conv"]
    assert [layer.name for layer in plan.layers] == ["quantize", "inputdata", "/conv_3/Conv"]


@pytest.mark.parametrize("change", [np.uint8, np.int32])
def test_an_error_without_a_remedy_of_its_own_says_to_quantize_again(change):
    model = load("onnx_add")
    set_constant(model, "gemm28_Wi", lambda values: values.astype(change))
    error = refused(model)
    assert "must be int8" in str(error)
    assert error.remedy == "quantize the model again with quantizeml.models.quantize"
