"""Akida 2.0: constructors, parameters, variables and places of layers."""

import inspect
import math

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import ActivationType, LayerType, Padding, PoolType
from cnn2snn.akida.layers import akida2
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError
from tests.akida.akida2_models import model_of_every_layer, stateful_model

WIDTHS = {"output_bits": 8, "buffer_bits": 32, "post_op_buffer_bits": 32}
END = {"output_signed": None, "name": ""}
POST = {"activation": ActivationType.ReLU, **WIDTHS, "weights_bits": 8, **END}
CONVOLUTION = {
    "padding": Padding.Same,
    "kernel_stride": 1,
    "pool_type": PoolType.NoPooling,
    "pool_size": -1,
    "pool_stride": -1,
    **POST,
}
SIGNATURES = {
    "Quantizer": (["input_shape"], {"output_bits": 8, "output_signed": True, "channels_first": False, "name": ""}),
    "InputConv2D": (["input_shape", "filters", "kernel_size"], CONVOLUTION),
    "Conv2D": (["filters", "kernel_size"], CONVOLUTION),
    "DepthwiseConv2D": (["kernel_size"], CONVOLUTION),
    "Conv2DTranspose": (["filters", "kernel_size"], POST),
    "DepthwiseConv2DTranspose": (["kernel_size"], POST),
    "Dense1D": (["units"], {**WIDTHS, "weights_bits": 8, "activation": ActivationType.NoActivation, **END}),
    "Add": ([], {**WIDTHS, "activation": None, **END}),
    "Concatenate": ([], {"name": ""}),
    "BufferTempConv": (["filters", "fifo_size"], POST),
    "DepthwiseBufferTempConv": (["fifo_size"], POST),
    "StatefulRecurrent": (
        ["stateful_channels", "output_channels"],
        {
            "subsample": 1,
            "activation": ActivationType.ReLU,
            "buffer_bits": 28,
            "post_op_buffer_bits": 32,
            "output_bits": 8,
            **END,
        },
    ),
    "PicoPostProcessing": ([], {"buffer_bits": 44, "name": ""}),
    "Dequantizer": ([], {"name": ""}),
}
REQUIRED = {
    "input_shape": (4, 4, 3),
    "filters": 5,
    "kernel_size": 3,
    "units": 5,
    "fifo_size": 3,
    "stateful_channels": 6,
    "output_channels": 5,
}


def make(kind, **arguments):
    required = {name: REQUIRED[name] for name in SIGNATURES[kind][0]}
    return getattr(akida, kind)(**required | {"name": "here"} | arguments)


def test_every_layer_has_a_signature_here():
    assert set(SIGNATURES) == set(akida2.__all__)


@pytest.mark.parametrize("kind", SIGNATURES)
def test_signature_is_the_documented_one(kind):
    required, optional = SIGNATURES[kind]
    parameters = inspect.signature(getattr(akida, kind)).parameters
    assert list(parameters) == [*required, *optional]
    defaults = {p.name: p.default for p in parameters.values() if p.default is not inspect.Parameter.empty}
    assert defaults == optional


@pytest.mark.parametrize("kind", SIGNATURES)
def test_parameters_make_an_equal_layer(kind):
    layer = make(kind)
    values = layer.parameters._values
    assert values["layer_type"] is LayerType[kind]
    assert set(values) - {"layer_type"} == set(type(layer)._argument_names())
    again = type(layer)(**{name: value for name, value in values.items() if name != "layer_type"})
    assert again.parameters == layer.parameters


def test_arguments_are_kept_in_their_places():
    layer = akida.InputConv2D(
        (8, 6, 3), 4, 5, Padding.Valid, 2, PoolType.Max, 3, 2, ActivationType.LUT, 4, 28, 30, 4, True, "image"
    )  # fmt: skip
    assert repr(layer) == (
        "<InputConv2D('image', input_shape=(8, 6, 3), filters=4, kernel_size=5, padding=Padding.Valid, "
        "kernel_stride=2, pool_type=PoolType.Max, pool_size=3, pool_stride=2, activation=ActivationType.LUT, "
        "output_bits=4, buffer_bits=28, post_op_buffer_bits=30, output_signed=True, weights_bits=4)>"
    )


@pytest.mark.parametrize(
    ("activation", "bits", "signed"),
    [
        (ActivationType.ReLU, 4, False),
        (ActivationType.ReLU, 7, False),
        (ActivationType.ReLU, 8, True),
        (ActivationType.NoActivation, 4, True),
        (ActivationType.LUT, 4, True),
        (ActivationType.ReLU, 32, True),
    ],
)
def test_the_sign_follows_from_activation_and_width(activation, bits, signed):
    layer = make("Conv2D", activation=activation, output_bits=bits)
    assert layer.parameters.output_signed is signed
    for given in (True, False):
        if given or bits <= 8:
            parameters = make("Conv2D", activation=activation, output_bits=bits, output_signed=given).parameters
            assert parameters.output_signed is given


def test_bools_of_earlier_releases_are_activations():
    assert make("Conv2D", activation=True).parameters.activation is ActivationType.ReLU
    assert make("Dense1D", activation=False).parameters.activation is ActivationType.NoActivation
    assert make("Dense1D", activation=1).parameters.activation is ActivationType.ReLU


def test_pool_stride_is_the_size_by_default():
    assert make("Conv2D", pool_type=PoolType.Max, pool_size=3).parameters.pool_stride == 3


def test_add_takes_no_activation_in_the_documented_words():
    for activation in (None, False, ActivationType.NoActivation):
        assert make("Add", activation=activation).parameters == make("Add").parameters
    with pytest.raises(InvalidArgumentError, match=r'layer "here": activation must be None: Add has no .*Conv2D'):
        make("Add", activation=ActivationType.ReLU)
    with pytest.raises(AttributeError, match="Add has no parameter 'activation'"):
        _ = make("Add").parameters.activation


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("Conv2D", {"filters": 0}, "filters must be at least 1, received 0"),
        ("Conv2D", {"kernel_size": 0}, "kernel_size must be at least 1, received 0"),
        ("Conv2D", {"weights_bits": 1}, "weights_bits must be one of 2, 4, 8, received 1"),
        ("Conv2D", {"output_bits": 33}, "output_bits must be in 2..=32, received 33"),
        ("Conv2D", {"output_bits": 1, "output_signed": True}, "output_bits must be in 2..=32, received 1"),
        ("Conv2D", {"output_bits": 16, "output_signed": False}, "output_signed must be True for more than 8 bits"),
        ("Conv2D", {"buffer_bits": 15}, "buffer_bits must be in 16..=32, received 15"),
        ("Conv2D", {"post_op_buffer_bits": 33}, "post_op_buffer_bits must be in 16..=32, received 33"),
        ("Conv2D", {"pool_size": 2}, "pool_size must be -1 without pool_type Max, received 2"),
        ("Conv2D", {"pool_type": PoolType.Max}, "pool_size must be a positive number, received -1"),
        ("Conv2D", {"activation": 3}, "activation must be one of ActivationType.NoActivation, ActivationType.ReLU, A"),
        (
            "Conv2D",
            {"padding": Padding.SameUpper, "pool_type": PoolType.Max, "pool_size": 2},
            "padding must be Same or Valid with pool_type Max, received SameUpper",
        ),
        ("Dense1D", {"activation": ActivationType.LUT}, "activation must be NoActivation or ReLU, received LUT"),
        ("BufferTempConv", {"activation": ActivationType.LUT}, "activation must be NoActivation or ReLU, received LUT"),
        ("BufferTempConv", {"fifo_size": 1025}, "fifo_size must be in 1..=1024, received 1025"),
        ("Conv2DTranspose", {"kernel_size": 2}, "kernel_size must be 3 or 4, received 2"),
        ("InputConv2D", {"input_shape": (4, 4, 2)}, "input_shape must be with 1 or 3 channels, received (4, 4, 2)"),
        ("Conv2D", {"output_bits": 9}, "output_bits must be at most 8, or 16, or more for accumulators, received 9"),
        ("PicoPostProcessing", {"buffer_bits": 32}, "buffer_bits must be in 33..=48, received 32"),
        ("Quantizer", {"output_bits": 4}, "output_bits must be one of 8, 16, received 4"),
        ("Quantizer", {"output_bits": 16, "output_signed": False}, "output_bits must be one of 8, received 16"),
    ],
)
def test_refused_value_is_named_with_what_is_allowed(kind, arguments, message):
    with pytest.raises(InvalidArgumentError) as error:
        make(kind, **arguments)
    assert str(error.value).startswith(f'layer "here": {message}')
    assert error.value.layer == "here"
    assert error.value.kind == message.split()[0]


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("Conv2D", {"kernel_size": (3, 3)}, "kernel_size must be an integer, received tuple; write 3"),
        ("Conv2D", {"pool_size": (2, 2)}, "pool_size must be an integer, received tuple; write 2"),
        (
            "Conv2D",
            {"kernel_stride": (2, 1)},
            "kernel_stride must be an integer, received tuple; windows are squares here",
        ),
        ("Conv2D", {"kernel_stride": "ab"}, "kernel_stride must be an integer, received str"),
        ("Conv2D", {"activation": "relu"}, "activation must be one of ActivationType.NoActivation, "),
        ("Conv2D", {"activation": None}, "activation must be one of ActivationType.NoActivation, "),
        ("Conv2D", {"activation": PoolType.Max}, "activation must be one of ActivationType.NoActivation, "),
        ("Conv2D", {"output_signed": 1}, "output_signed must be a bool, received int"),
        ("Quantizer", {"channels_first": 1}, "channels_first must be a bool, received int"),
        ("StatefulRecurrent", {"subsample": 2.0}, "subsample must be an integer, received float"),
    ],
)
def test_wrong_type_is_named_with_the_right_one(kind, arguments, message):
    with pytest.raises(InvalidTypeError) as error:
        make(kind, **arguments)
    assert str(error.value).startswith(f'layer "here": {message}')


def test_inputs_of_8_and_16_bits_are_signed():
    for bits, dtype in ((8, np.int8), (16, np.int16)):
        for signed in (False, True):
            model = akida.Model(layers=[akida.InputData((1, 1, 2), bits, signed)])
            assert model.layers[0].parameters.input_signed is True
            assert (model.input_dtype, model.output_dtype) == (dtype, dtype)
            assert model.ip_version is akida.IpVersion.v2
    assert akida.Model(layers=[akida.InputData((1, 1, 2))]).ip_version is akida.IpVersion.v1


RELU = ["bias", "bias_shift", "max_value", "max_value_shift", "output_scales", "output_shift"]
NONE = ["bias", "bias_shift", "output_scales", "output_shift"]
TABLE = ["bias", "bias_shift", "activation_scales", "activation_shift", "output_scales", "output_shift", "lut_values"]
STATES = [
    "in_proj",
    "input_shift",
    "new_state_scale",
    "new_state_shift",
    "A_real",
    "A_imag",
    "internal_state_outputs_shift",
    "out_proj",
]


@pytest.mark.parametrize("build", [model_of_every_layer, stateful_model])
def test_variables_have_their_names(build):
    names = {
        "quantizer": ["scales", "zero_points"],
        "image": ["weights", "padding_value", *RELU],
        "left": ["weights", "input_shift", *RELU],
        "right": ["weights", "input_shift", *NONE],
        "sum": ["a_shift", "b_shift", "output_shift"],
        "join": [],
        "table": ["weights", "input_shift", *TABLE],
        "pooled": ["weights", "input_shift", *RELU],
        "average": ["weights", "input_shift", *RELU],
        "classes": ["weights", "input_shift", *NONE],
        "floats": ["scales"],
        "rows": [],
        "queue": ["weights", "input_shift", *RELU],
        "depthwise": ["weights", "input_shift", *NONE],
        "states": [*STATES, *RELU],
        "decision": ["input_scales", "input_shift", "threshold"],
    }
    for layer in build().layers:
        assert layer.get_variable_names() == names[layer.name], layer.name


DTYPES = {
    "weights": "int8",
    "in_proj": "int8",
    "out_proj": "int8",
    "bias": "int8",
    "bias_shift": "uint8",
    "padding_value": "uint8",
    "max_value": "int16",
    "max_value_shift": "uint8",
    "activation_scales": "uint16",
    "activation_shift": "int8",
    "lut_values": "int32",
    "output_scales": "uint16",
    "output_shift": "int8",
    "a_shift": "uint8",
    "b_shift": "uint8",
    "scales": "float32",
    "zero_points": "uint8",
    "A_real": "int16",
    "A_imag": "int16",
    "new_state_scale": "uint16",
    "new_state_shift": "int8",
    "internal_state_outputs_shift": "int8",
    "input_scales": "uint16",
    "threshold": "uint16",
}


@pytest.mark.parametrize("build", [model_of_every_layer, stateful_model])
def test_variables_have_their_types_and_neutral_first_values(build):
    for old in build().layers:
        model = akida.Model()
        # The shifts of PicoPostProcessing go both ways.
        shifts = {"input_shift": "int8" if old.name == "decision" else "uint8"}
        sources = [akida.InputData(tuple(inbound.output_dims), 16) for inbound in old.inbounds]
        if len(sources) > 1 or not sources or isinstance(old, akida.InputConv2D):
            continue
        model.add(sources[0])
        fresh = type(old)(**{k: v for k, v in old.parameters._values.items() if k != "layer_type"})
        model.add(fresh)
        for name, values in fresh.variables.items():
            assert values.dtype == (DTYPES | shifts)[name]
            assert values.dtype == old.get_variable(name).dtype
            neutral = 1 if "scale" in name else -1 if name == "max_value" else 0
            assert (values == neutral).all(), name


def test_uint8_arrays_are_taken_where_16_bits_are_held():
    layer = model_of_every_layer().get_layer("pooled")
    for name, dtype in (("output_scales", np.uint8), ("max_value", np.uint8), ("max_value", np.int8)):
        layer.set_variable(name, np.arange(5).astype(dtype))
        assert layer.get_variable(name).dtype == DTYPES[name]
        assert layer.get_variable(name).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(InvalidArgumentError, match=r'"pooled": output_scales must be of dtype uint16, received int8'):
        layer.set_variable("output_scales", np.zeros(5, np.int8))
    with pytest.raises(
        InvalidArgumentError, match=r'"pooled": max_value must be in -1\.\.=255, received 256 at index 1'
    ):
        layer.set_variable("max_value", np.array([0, 256, 0, 0, 0], np.int16))


def test_weights_of_matrices_have_two_axes():
    layer = model_of_every_layer().get_layer("classes")
    assert layer.get_variable("weights").shape == (6, 3)
    with pytest.raises(
        InvalidArgumentError, match=r'"classes": weights must be of shape \(6, 3\), received \(1, 1, 6, 3\)'
    ):
        layer.set_variable("weights", np.zeros((1, 1, 6, 3), np.int8))
    with pytest.raises(InvalidArgumentError, match=r'"classes": weights must be in -127\.\.=127'):
        layer.set_variable("weights", np.full((6, 3), -128, np.int8))


def test_layers_know_their_formats():
    model = model_of_every_layer()
    formats = {layer.name: (layer.input_bits, layer.input_signed, str(layer.input_dtype)) for layer in model.layers}
    assert formats["quantizer"] == (32, True, "float32")
    assert formats["image"] == (8, False, "uint8")
    assert formats["left"] == (4, False, "uint8")
    assert formats["classes"] == (16, True, "int16")
    outputs = {layer.name: (layer.output_bits, layer.output_signed, str(layer.output_dtype)) for layer in model.layers}
    assert outputs["quantizer"] == (8, False, "uint8")
    assert outputs["image"] == (4, False, "uint8")
    assert outputs["average"] == (16, True, "int16")
    assert outputs["classes"] == outputs["floats"] == (32, True, "int32")
    assert (model.input_dtype, model.output_dtype) == (np.float32, np.int32)
    assert stateful_model().get_layer("decision").output_bits == 1


def test_macs_are_those_of_the_windows():
    model = model_of_every_layer()
    assert model.get_layer("pooled").macs == 8 * 6 * 3 * 3 * 8 * 5
    assert model.get_layer("classes").macs == 6 * 3
    assert model.get_layer("sum").macs == 0
    assert math.prod(model.output_shape) == 3


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            [akida.InputData((2, 2, 1), 8, name="in"), akida.Convolutional((1, 1), 1, name="old")],
            'layer "old": every layer must be of Akida 2.0, as the layers before it, '
            "received Convolutional of Akida 1.0",
        ),
        (
            [akida.InputData((2, 2, 1), 8, name="in"), akida.Dequantizer("d"), akida.Dense1D(1, name="more")],
            'layer "more": every inbound must be a layer with integer outputs, received "d", whose outputs are floats',
        ),
        (
            [
                akida.InputData((2, 2, 1), 8, name="in"),
                akida.Dense1D(1, 32, name="wide"),
                akida.Dense1D(1, name="more"),
            ],
            'layer "more": every inbound must be a layer with outputs of at most 16 bits',
        ),
        (
            [akida.InputData((2, 2, 1), 8, name="in"), akida.Add(name="sum")],
            'layer "sum": the number of inbounds must be 2, received 1',
        ),
        (
            [akida.Quantizer((2, 2, 1), 16, name="q"), akida.InputData((2, 2, 1), 8, name="in")],
            'layer "in": the inbound must be int8 of shape (2, 2, 1), received int16 of shape (2, 2, 1)',
        ),
        (
            [akida.InputData((2, 3, 1), 16, name="in"), akida.StatefulRecurrent(2, 2, name="states")],
            'layer "states": the input\'s shape must be one row of a multiple of 1 steps',
        ),
    ],
)
def test_refused_places_are_explained(layers, message):
    with pytest.raises(InvalidArgumentError) as error:
        akida.Model(layers=layers)
    assert str(error.value).startswith(message)
