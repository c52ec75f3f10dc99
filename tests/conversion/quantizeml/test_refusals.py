"""Models that have no counterpart: what is said about them."""

import numpy as np
import pytest

from cnn2snn._problems import Problems
from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.akida2.model import build_model
from cnn2snn.conversion.quantizeml import read_h5
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from tests.conversion.quantizeml.files import Model, changed, small


def refused(path, error=UnsupportedModelError):
    """The error that planning a file raises."""
    with pytest.raises(error) as caught:
        plan_model(read_h5(path))
    return caught.value


@pytest.mark.parametrize("name", ["QuantizedAttention", "Shiftmax", "AddPositionEmbs"])
def test_layers_of_transformers_are_named_with_the_version_that_took_them_out(tmp_path, name):
    def change(layers):
        layers["dense_1"]["class_name"] = f"Custom>{name}"

    error = refused(changed("flat_int8_tensor", tmp_path, change))
    assert error.layer == "dense_1"
    assert error.received == name
    assert "0.16" in str(error)


def test_an_unknown_class_is_named(tmp_path):
    def change(layers):
        layers["dense_1"]["class_name"] = "Custom>QuantizedFoo"

    error = refused(changed("flat_int8_tensor", tmp_path, change))
    assert (error.layer, error.kind, error.received) == ("dense_1", "class", "QuantizedFoo")
    assert "quantize_until" in error.remedy


def test_an_unknown_argument_is_named_with_those_that_are_known(tmp_path):
    def change(layers):
        layers["dense"]["config"]["sparsity"] = 0.5

    error = refused(changed("flat_int8_tensor", tmp_path, change))
    assert (error.layer, error.kind, error.received) == ("dense", "argument", "sparsity")
    assert "units" in str(error)


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("kernel_size", [3], "must be two integers"),
        ("kernel_size", [3, 0], r"an integer in 1\.\.2147483647"),
        ("kernel_size", [3, 10**40], r"an integer in 1\.\.2147483647"),
        ("kernel_size", "3, 3", "an integer"),
        ("padding", "causal", "one of 'valid', 'same'"),
        ("activation", "relu", "one of 'linear', None"),
        ("use_bias", 1, "true or false"),
        ("filters", True, "an integer"),
        ("padding_value", [], "at least one number"),
        ("padding_value", [float("nan")], "a finite number"),
        ("padding_value", [10**400], "a finite number"),
        ("quant_config", [], "a JSON object"),
        ("quant_config", {"weight_quantizer": 8}, "a JSON object"),
        ("quant_config", {"weight_quantizer": {"bitwidth": 9}}, r"in 2\.\.8"),
        ("quant_config", {"weight_quantizer": {"bitwidth": 8, "mode": "x"}}, "weight_quantizer.mode is not known"),
        ("quant_config", {"foo_quantizer": {}}, "quant_config.foo_quantizer is not known"),
        ("quant_config", {"output_quantizer": {"bitwidth": 1}}, "at least 2 for signed"),
        ("quant_config", {"output_quantizer": {"axis": 3}}, "one of 'per-tensor', 'per-axis'"),
        ("quant_config", {"buffer_bitwidth": 1}, r"in 16\.\.44"),
    ],
)
def test_an_argument_of_another_type_or_range_is_named(tmp_path, entry, value, message):
    def change(layers):
        layers["conv2d"]["config"][entry] = value

    with pytest.raises((InvalidArgumentError, UnsupportedModelError), match=message) as caught:
        plan_model(read_h5(changed("flat_int8_tensor", tmp_path, change)))
    assert caught.value.layer == "conv2d"


def test_a_missing_argument_is_named(tmp_path):
    def change(layers):
        del layers["dense"]["config"]["units"]

    error = refused(changed("flat_int8_tensor", tmp_path, change), InvalidArgumentError)
    assert "units must be given, received nothing" in str(error)


def test_configurations_are_never_evaluated(tmp_path):
    def change(layers):
        layers["dense"]["config"]["units"] = "__import__('os').system('false')"

    assert "units must be an integer" in str(refused(changed("flat_int8_tensor", tmp_path, change), ValueError))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_variable_that_is_not_finite_is_refused(tmp_path, value):
    kernel = np.ones((9, 5), np.float32)
    kernel[3, 2] = value
    error = refused(changed("flat_int8_tensor", tmp_path, variables={"dense_2/dense_2/kernel:0": kernel}))
    assert error.layer == "dense_2"
    assert "kernel must be finite" in str(error)


def test_a_variable_of_another_shape_is_refused(tmp_path):
    wrong = {"dense_2/dense_2/kernel:0": np.ones((8, 5))}
    error = refused(changed("flat_int8_tensor", tmp_path, variables=wrong))
    assert "kernel must have shape (9, 5), received shape (8, 5)" in str(error)


@pytest.mark.parametrize("values", [np.ones(3), -1.0])
def test_a_range_of_another_shape_or_sign_is_refused(tmp_path, values):
    path = changed("flat_int8_tensor", tmp_path, variables={"re_lu_1/re_lu_1/output_quantizer/range_max:0": values})
    assert "range_max of its quantizer" in str(refused(path))


def test_all_problems_of_layers_are_told_at_once(tmp_path):
    def change(layers):
        layers["dense"]["config"]["foo"] = 1
        layers["dense_1"]["class_name"] = "QuantizedBar"
        layers["dense_2"]["config"]["units"] = 0

    text = str(refused(changed("flat_int8_tensor", tmp_path, change)))
    assert len(text.splitlines()) == 3
    assert all(name in text for name in ("foo", "QuantizedBar", "units"))


def test_problems_can_be_collected(tmp_path):
    problems = Problems(collect=True)
    model = Model((8, 8, 3))
    model.conv("a", 3, 4)
    model.add("QuantizedMaxPool2D", "pool", pool_size=[2, 2])
    model.conv("b", 4, 4)
    model.add("QuantizedPermute", "permute", dims=[2, 1, 3])
    model.relu("relu")
    plan = plan_model(read_h5(model.end().save(tmp_path)), problems)
    assert plan.layers == ()
    assert [error.kind for error in problems.found] == ["pattern"]


def pattern_error(tmp_path, build):
    model = Model((8, 8, 3))
    build(model)
    error = refused(model.end().save(tmp_path))
    assert error.kind == "pattern"
    return error


def test_a_pattern_is_named_with_its_layers_and_the_nearest(tmp_path):
    def build(model):
        model.conv("a", 3, 4)
        model.add("QuantizedMaxPool2D", "pool", padding="same")
        model.relu("relu", bits=None)
        quant = {"output_quantizer": {"bitwidth": 8}}
        model.add("QuantizedGlobalAveragePooling2D", "gap", variables=Model.ranges(), quant_config=quant)
        model.dense("dense", 4, 2)

    error = pattern_error(tmp_path, build)
    assert error.layer == "a"
    assert error.received == "Conv2D-MaxPool2D-ReLU-GlobalAveragePooling2D"
    for name in ('"a" (QuantizedConv2D)', '"pool" (QuantizedMaxPool2D)', '"gap" (QuantizedGlobalAveragePooling2D)'):
        assert name in str(error)
    assert error.expected[0] in ("Conv2D-ReLU-GlobalAveragePooling2D", "Conv2D-MaxPool2D-ReLU")
    assert "between the max pooling and the global average" in error.remedy


def test_a_max_pooling_without_relu_is_told_to_have_one(tmp_path):
    def build(model):
        model.conv("a", 3, 4)
        model.add("QuantizedMaxPool2D", "pool", padding="same")

    assert "put a ReLU behind the max pooling" in pattern_error(tmp_path, build).remedy


def test_a_relu_behind_an_add_is_told_of_the_identity_convolution(tmp_path):
    def build(model):
        model.conv("a", 3, 4)
        model.relu("relu")
        left = model.conv("left", 4, 4, output_bits=8)
        right = model.conv("right", 4, 4, ["relu"], output_bits=8)
        model.add("QuantizedAdd", "add", [left, right])
        model.relu("last")

    assert "kernel size 1 that changes nothing" in pattern_error(tmp_path, build).remedy


def test_a_separable_convolution_is_told_to_be_split(tmp_path):
    def build(model):
        model.add("QuantizedSeparableConv2D", "separable", kernel_size=[3, 3], filters=4)

    assert "DepthwiseConv2D and a Conv2D of kernel size 1" in pattern_error(tmp_path, build).remedy


def test_permute_has_no_counterpart(tmp_path):
    def build(model):
        model.conv("a", 3, 4)
        model.relu("relu")
        model.add("QuantizedPermute", "permute", dims=[2, 1, 3])
        model.conv("b", 4, 4)

    assert "Permute" in pattern_error(tmp_path, build).remedy


def test_a_flatten_before_a_convolution_has_no_counterpart(tmp_path):
    def build(model):
        model.conv("a", 3, 4)
        model.relu("relu")
        model.add("QuantizedFlatten", "flatten")

    assert "Dense layer directly behind Flatten" in pattern_error(tmp_path, build).remedy


@pytest.mark.parametrize("channels", [2, 5])
def test_unsigned_inputs_that_are_no_images_are_refused(tmp_path, channels):
    model = Model((8, 8, channels))
    model.conv("a", channels, 4)
    model.relu("relu")
    error = refused(model.end().save(tmp_path), InvalidArgumentError)
    assert error.kind == "input_signed"
    assert "int8" in error.remedy


def test_an_image_layer_without_activation_is_refused(tmp_path):
    model = Model((8, 8, 3))
    model.conv("a", 3, 4, output_bits=8)
    error = refused(model.end().save(tmp_path), InvalidArgumentError)
    assert "only signed inputs are supported" in str(error)


def test_an_image_is_read_by_one_layer(tmp_path):
    model = Model((8, 8, 3))
    model.conv("a", 3, 4)
    model.relu("relu_a")
    model.conv("b", 3, 4, ["input_1"])
    model.relu("relu_b")
    model.add("QuantizedConcatenate", "join", ["relu_a", "relu_b"])
    model.conv("c", 8, 4)
    assert refused(model.end().save(tmp_path)).kind == "first_layer"


def test_floats_of_older_files_are_bytes_of_an_image(tmp_path):
    model = Model((8, 8, 3), "float32")
    model.conv("a", 3, 4)
    model.relu("relu")
    layers = plan_model(read_h5(model.end().save(tmp_path))).layers
    assert [layer.type_name for layer in layers] == ["InputConv2D", "Dequantizer"]


def test_floats_of_older_files_are_signed_bytes_elsewhere(tmp_path):
    model = Model((8, 8, 5), "float32")
    model.conv("a", 5, 4)
    model.relu("relu")
    first = plan_model(read_h5(model.end().save(tmp_path))).layers[0]
    assert (first.type_name, first.name, first.parameters["input_bits"]) == ("InputData", "input_1", 8)


@pytest.mark.parametrize("dtype", ["int32", "float16"])
def test_other_types_of_inputs_are_refused(tmp_path, dtype):
    model = Model((8, 8, 3), dtype)
    model.conv("a", 3, 4)
    model.relu("relu")
    assert refused(model.end().save(tmp_path), InvalidArgumentError).kind == "dtype"


def test_several_inputs_and_outputs_are_refused(tmp_path):
    model = small()
    model.add("InputLayer", "input_2", [], batch_input_shape=[None, 3], dtype="int8")
    config = model.config()
    model.config = lambda: config
    config["config"]["input_layers"].append(["input_2", 0, 0])
    config["config"]["output_layers"].append(["conv", 0, 0])
    error = refused(model.save(tmp_path))
    assert "it must have one input, received 2" in str(error)
    assert "it must have one output, received 2" in str(error)


def test_a_branch_that_nobody_reads_is_refused(tmp_path):
    model = Model((8, 8, 3))
    model.conv("a", 3, 4)
    model.relu("relu")
    model.conv("lost", 4, 4, ["relu"], output_bits=8)
    model.conv("b", 4, 4, ["relu"])
    error = refused(model.end().save(tmp_path))
    assert '"lost"' in str(error)


def test_a_model_without_quantized_layers_is_refused(tmp_path):
    model = Model((8,), "int8")
    model.add("QuantizedRescaling", "rescaling", scale=0.5)
    assert "no quantized layer" in str(refused(model.save(tmp_path)))


def test_an_input_of_unknown_size_is_refused(tmp_path):
    model = Model((None, None, 3))
    model.conv("a", 3, 4)
    model.relu("relu")
    error = refused(model.end().save(tmp_path))
    assert error.kind == "input_shape"
    assert "input_shape" in error.remedy


def test_channels_that_fill_the_memory_are_refused(tmp_path):
    model = Model((4, 4, 2**30), "int8")
    model.relu("relu")
    assert "at most 1048576 channels" in str(refused(model.end().save(tmp_path)))


def test_an_input_of_another_rank_is_refused(tmp_path):
    model = Model((8, 3), "int8")
    model.dense("dense", 3, 4)
    assert "received (8, 3)" in str(refused(model.end().save(tmp_path)))


@pytest.mark.parametrize(
    ("entry", "value"), [("data_format", "channels_first"), ("dilation_rate", [2, 2]), ("groups", 2)]
)
def test_what_no_layer_computes_is_refused(tmp_path, entry, value):
    def change(layers):
        layers["conv2d"]["config"][entry] = value

    error = refused(changed("flat_int8_tensor", tmp_path, change))
    assert (error.layer, error.kind) == ("conv2d", entry)


def test_an_offset_that_is_not_folded_is_refused(tmp_path):
    model = Model((8,), "int8")
    model.add("QuantizedRescaling", "rescaling", scale=0.5, offset=-1.0)
    model.dense("dense", 8, 4)
    assert refused(model.end().save(tmp_path)).kind == "offset"


def test_a_depthwise_convolution_behind_a_rescaling_is_refused(tmp_path):
    model = Model((8, 8, 3), "int8")
    model.add("QuantizedRescaling", "rescaling", scale=0.5)
    kernel = {"depthwise_kernel": np.ones((3, 3, 3, 1))}
    model.add("QuantizedDepthwiseConv2D", "dw", variables=kernel, kernel_size=[3, 3], use_bias=False)
    error = refused(model.end().save(tmp_path))
    assert "without a float scale" in str(error)


def test_a_window_that_is_not_square_is_refused(tmp_path):
    model = Model((8, 8, 3))
    model.conv("a", 3, 4, kernel_size=[3, 5])
    model.relu("relu")
    assert refused(model.end().save(tmp_path), InvalidArgumentError).kind == "kernel_size"


@pytest.mark.parametrize("bits", [2, 6])
def test_weights_of_other_widths_are_refused(tmp_path, bits):
    model = Model((8, 8, 3))
    model.conv("a", 3, 4, quant_config={"weight_quantizer": {"bitwidth": bits}})
    model.relu("relu")
    error = refused(model.end().save(tmp_path), InvalidArgumentError)
    assert (error.kind, error.received) == ("weights_bits", bits)


def test_paddings_of_a_convolution_and_its_pooling_must_agree(tmp_path):
    model = Model((9, 9, 3))
    model.conv("a", 3, 4)
    model.add("QuantizedMaxPool2D", "pool", padding="valid")
    model.relu("relu")
    error = refused(model.end().save(tmp_path))
    assert (error.layer, error.kind) == ("pool", "padding")


@pytest.mark.parametrize(
    ("size", "conv", "pool", "expected"),
    [
        # Windows of 2 fill a map of 8 rows.
        (8, "same", "valid", "Same"),
        (10, "valid", "same", "Valid"),
        # A kernel of 1x1 has no border: the padding of the pooling rules.
        (9, "1x1", "valid", "Valid"),
        (9, "1x1", "same", "Same"),
    ],
)
def test_paddings_that_give_the_same_windows_agree(size, conv, pool, expected):
    model = Model((size, size, 3))
    options = {"kernel_size": [1, 1], "padding": "valid"} if conv == "1x1" else {"padding": conv}
    model.conv("a", 3, 4, **options)
    model.add("QuantizedMaxPool2D", "pool", padding=pool)
    model.relu("relu")
    plan = plan_model(model.end().network())
    assert plan.layers[0].parameters["padding"] == expected
    height = size - 2 if conv == "valid" else size
    rows = height // 2 if pool == "valid" else -(-height // 2)
    assert build_model(plan).layers[-1].output_dims[:2] == [rows, rows]


def test_a_bias_that_saturates_the_accumulator_is_refused(tmp_path):
    kernel, bias = np.zeros((3, 3, 5, 8)), np.full(8, 1e6)
    kernel[..., 1:] = 1
    places = {"conv2d/conv2d/kernel:0": kernel, "conv2d/conv2d/bias:0": bias}
    error = refused(changed("flat_int8_tensor", tmp_path, variables=places))
    assert (error.kind, error.received) == ("bias", 0)


def test_sums_that_several_layers_read_must_be_quantized(tmp_path):
    model = Model((8, 8, 3))
    model.conv("a", 3, 4)
    model.relu("relu", bits=None)
    model.conv("left", 4, 4, ["relu"], output_bits=8)
    model.conv("right", 4, 4, ["relu"], output_bits=8)
    model.add("QuantizedAdd", "add", ["left", "right"])
    error = refused(model.end().save(tmp_path))
    assert error.kind == "output_quantizer"
    assert '"relu"' in error.remedy


def test_ranges_of_another_number_of_channels_are_refused(tmp_path):
    places = {f"re_lu/re_lu/output_quantizer/{name}:0": np.ones(5) for name in ("range_max", "rescaling_rate")}
    error = refused(changed("flat_int8_axis", tmp_path, variables=places))
    assert (error.layer, error.expected) == ("re_lu", (8,))


def test_a_quantizer_that_is_null_is_the_default_one(tmp_path):
    def change(layers):
        layers["dense"]["config"]["quant_config"]["weight_quantizer"] = None

    assert len(plan_model(read_h5(changed("flat_int8_tensor", tmp_path, change))).layers) == 6


def test_a_scale_beyond_float32_is_refused(tmp_path):
    places = {"re_lu_1/re_lu_1/output_quantizer/rescaling_rate:0": np.float32(1e-45)}
    places["dense/dense/kernel:0"] = np.full((96, 12), 1e-3)
    assert refused(changed("flat_int8_tensor", tmp_path, variables=places)).kind == "scale"


def test_a_dense_layer_on_a_map_is_refused(tmp_path):
    model = Model((8, 8, 3), "int8")
    model.dense("dense", 3, 4)
    assert "Flatten" in refused(model.end().save(tmp_path)).remedy


def test_an_image_with_channels_of_different_precision_is_refused(tmp_path):
    model = Model((8, 8, 3), "float32")
    ranges = {"range_min": [0, 0, 0], "range_max": [1, 2, 4]}
    model.add("InputQuantizer", "quantizer", variables=ranges, bitwidth=8, signed=False, axis="per-axis")
    model.conv("a", 3, 4)
    model.relu("relu")
    error = refused(model.end().save(tmp_path))
    assert error.kind == "input_shift"
    assert "per_tensor" in error.remedy


def test_a_border_of_inputs_that_are_no_images_must_be_zero(tmp_path):
    model = Model((8, 8, 5), "int8")
    model.conv("a", 5, 4, padding="valid", padding_value=[3.0])
    error = refused(model.end().save(tmp_path), InvalidArgumentError)
    assert error.kind == "padding_value"


def test_a_target_that_is_not_the_input_is_refused(tmp_path):
    def change(layers):
        layers["pico"]["inbound_nodes"] = [[["b1_out", 0, 0, {"y_true": ["b0_relu", 0, 0]}]]]

    assert refused(changed("pico_int16", tmp_path, change)).layer == "pico"


@pytest.mark.parametrize("threshold", [-1, 0.5, 70000])
def test_a_threshold_that_is_no_integer_of_16_bits_is_refused(tmp_path, threshold):
    def change(layers):
        layers["pico"]["config"]["threshold"] = threshold

    assert refused(changed("pico_int16", tmp_path, change), InvalidArgumentError).kind == "threshold"


def test_a_projection_with_subsampling_before_states_is_refused(tmp_path):
    def change(layers):
        layers["b0_in"]["config"]["subsample"] = 2

    error = refused(changed("recurrent_int16", tmp_path, change))
    assert error.layer == "b0_in"


def test_shifts_below_those_of_the_published_converter_stay_exact(tmp_path):
    """Raising the shift of a channel next to zero would double its outputs."""
    kernel = np.zeros((3, 3, 5, 8), np.float32)
    kernel[..., 1:] = 1
    bias = np.full(8, 1e-3, np.float32)
    places = {"conv2d/conv2d/kernel:0": kernel, "conv2d/conv2d/bias:0": bias}
    places["re_lu/re_lu/output_quantizer/range_max:0"] = np.float32(8192)
    conv = plan_model(read_h5(changed("flat_int8_tensor", tmp_path, variables=places))).layers[1]
    assert conv.variables["output_shift"][0] < -27
