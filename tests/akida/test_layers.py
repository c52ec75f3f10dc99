"""Constructors, parameters and variables of layers."""

import copy
import inspect
import pickle

import numpy as np
import pytest

from cnn2snn import _akida, akida
from cnn2snn.akida import LayerType, Padding, PoolType, _parameters
from cnn2snn.akida.layers import CLASSES
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError, UnsupportedModelError

CONVOLUTION = {
    "padding": Padding.Same,
    "kernel_stride": (1, 1),
    "weights_bits": 1,
    "pool_size": (-1, -1),
    "pool_type": PoolType.NoPooling,
    "pool_stride": (-1, -1),
    "activation": True,
    "act_bits": 1,
}


def test_every_type_of_the_engine_has_a_class_and_a_member_of_the_enumeration():
    assert list(CLASSES) == _akida.Spec.types()
    assert set(CLASSES) <= set(LayerType.__members__)


@pytest.mark.parametrize("cls", CLASSES.values())
def test_every_argument_of_a_constructor_has_a_type(cls):
    names = set(inspect.signature(cls).parameters) - {"name"}
    assert names <= set(_parameters.CHECKS[cls._ip_version])


def defaults(cls):
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


@pytest.mark.parametrize(
    ("cls", "required", "optional"),
    [
        (
            akida.InputData,
            ["input_shape"],
            {"input_bits": 4, "input_signed": False, "name": ""},
        ),
        (
            akida.InputConvolutional,
            ["input_shape", "kernel_size", "filters"],
            {"name": "", **CONVOLUTION, "padding_value": 0},
        ),
        (akida.Convolutional, ["kernel_size", "filters"], {"name": "", **CONVOLUTION}),
        (
            akida.SeparableConvolutional,
            ["kernel_size", "filters"],
            {"name": "", **CONVOLUTION, "weights_bits": 2},
        ),
        (
            akida.FullyConnected,
            ["units"],
            {"name": "", "weights_bits": 1, "activation": True, "act_bits": 1},
        ),
        (akida.Concat, [], {"name": ""}),
    ],
)
def test_signature_is_the_documented_one(cls, required, optional):
    assert list(inspect.signature(cls).parameters) == [*required, *optional]
    assert defaults(cls) == optional


def test_enums_have_the_documented_numbers():
    assert {m.name: m.value for m in Padding} == {"Valid": 0, "Same": 1, "SameUpper": 2}
    assert {m.name: m.value for m in PoolType} == {"NoPooling": 0, "Max": 1, "Average": 2}
    assert [m.name for m in LayerType] == [
        "Unknown",
        "InputData",
        "InputConvolutional",
        "FullyConnected",
        "Convolutional",
        "SeparableConvolutional",
        "Concat",
        *list(CLASSES)[6:],
    ]
    assert [m.value for m in LayerType] == list(range(21))
    # The bools of earlier releases are the first two numbers.
    assert {m.name: m.value for m in akida.ActivationType} == {"NoActivation": False, "ReLU": True, "LUT": 2}
    assert {m.name: m.value for m in akida.IpVersion} == {"v1": 1, "v2": 2}


def test_parameters_are_the_arguments_and_the_type():
    layer = akida.InputConvolutional(
        (8, 6, 3),
        (3, 5),
        4,
        "image",
        Padding.Valid,
        (2, 1),
        8,
        (2, 3),
        PoolType.Max,
        (1, 2),
        True,
        4,
        padding_value=9,
    )
    p = layer.parameters
    assert p.layer_type is LayerType.InputConvolutional
    assert (p.input_shape, p.kernel_size, p.filters) == ((8, 6, 3), (3, 5), 4)
    assert p.padding is Padding.Valid
    assert (p.kernel_stride, p.weights_bits) == ((2, 1), 8)
    assert p.pool_type is PoolType.Max
    assert (p.pool_size, p.pool_stride) == ((2, 3), (1, 2))
    assert (p.activation, p.act_bits, p.padding_value) == (True, 4, 9)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (
            akida.InputData((2, 3, 1)),
            "InputData(input_shape=(2, 3, 1), input_bits=4, input_signed=False)",
        ),
        (
            akida.FullyConnected(3),
            "FullyConnected(units=3, weights_bits=1, activation=True, act_bits=1)",
        ),
        (akida.Concat(), "Concat()"),
    ],
)
def test_parameters_read_like_a_constructor(layer, text):
    assert repr(layer.parameters) == text


def test_layer_shows_its_name_and_parameters():
    layer = akida.FullyConnected(3, "dense")
    expected = "<FullyConnected('dense', units=3, weights_bits=1, activation=True, act_bits=1)>"
    assert repr(layer) == expected
    assert repr(akida.Concat("join")) == "<Concat('join')>"


def test_parameters_are_compared_listed_and_copied():
    one, two = (akida.FullyConnected(3, name).parameters for name in "ab")
    assert one == two
    assert hash(one) == hash(two)
    assert one != akida.FullyConnected(4).parameters
    assert {"units", "layer_type"} <= set(dir(one))
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one


def test_parameters_cannot_be_set():
    layer = akida.FullyConnected(3)
    with pytest.raises(AttributeError, match="'units' cannot be changed"):
        layer.parameters.units = 4
    with pytest.raises(AttributeError, match="no parameter 'filters'; it has layer_type, units"):
        _ = layer.parameters.filters


def test_pool_stride_is_the_size_by_default():
    layer = akida.Convolutional((3, 3), 4, pool_type=PoolType.Max, pool_size=(2, 3))
    assert layer.parameters.pool_stride == (2, 3)


@pytest.mark.parametrize("act_bits", [1, 2, 4])
def test_act_bits_have_no_effect_without_activation(act_bits):
    layer = akida.FullyConnected(3, activation=False, act_bits=act_bits)
    assert layer.parameters == akida.FullyConnected(3, activation=False).parameters


def test_numpy_integers_and_lists_are_taken():
    layer = akida.Convolutional(np.array([3, 3]), np.int64(4), kernel_stride=[2, 2], padding=0)
    assert layer.parameters.kernel_size == (3, 3)
    assert layer.parameters.padding is Padding.Valid


def conv(**arguments):
    return akida.Convolutional(**{"kernel_size": (3, 3), "filters": 4, "name": "c"} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights_bits": 3}, "weights_bits must be one of 1, 2, 4, 8, received 3"),
        ({"weights_bits": 0}, "weights_bits must be one of 1, 2, 4, 8, received 0"),
        ({"weights_bits": -4}, "weights_bits must be a number of bits such as 4, received -4"),
        ({"act_bits": 8}, "act_bits must be one of 1, 2, 4, received 8"),
        ({"act_bits": 3, "activation": False}, "act_bits must be one of 1, 2, 4, received 3"),
        ({"filters": 0}, "filters must be at least 1, received 0"),
        ({"filters": 2**40}, f"filters must be at most {2**31 - 1}, received {2**40}"),
        ({"kernel_size": (0, 3)}, "kernel_size must be a tuple of 2 integers, each positive"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size must be a tuple of 2 integers"),
        ({"kernel_size": (70000, 1)}, "kernel_size must be two numbers in 1..=65535"),
        ({"kernel_stride": (1, -1)}, "kernel_stride must be a tuple of 2 integers, each positive"),
        ({"padding": 3}, "padding must be one of Padding.Valid, Padding.Same, Padding.SameUpper, received 3"),
        ({"padding": Padding.SameUpper}, "padding must be Same or Valid, received SameUpper"),
        ({"pool_size": (2, 2)}, "pool_size must be (-1, -1) with pool_type NoPooling"),
        ({"pool_stride": (2, 2)}, "pool_stride must be (-1, -1) with pool_type NoPooling"),
        ({"pool_type": PoolType.Max}, "pool_size must be two positive numbers with pool_type Max"),
        (
            {"pool_type": PoolType.Max, "pool_size": (-1, 2)},
            "pool_size must be two positive numbers with pool_type Max, received (-1, 2)",
        ),
        (
            {"pool_type": PoolType.Max, "pool_size": (2, 2), "pool_stride": (2, -1)},
            "pool_stride must be two positive numbers with pool_type Max, received (2, -1)",
        ),
        (
            {"pool_type": PoolType.Average, "pool_size": (2, 2)},
            "pool_size must be (-1, -1) with pool_type Average",
        ),
    ],
)
def test_refused_value_is_named_with_what_is_allowed(arguments, message):
    with pytest.raises(InvalidArgumentError) as error:
        conv(**arguments)
    assert str(error.value).startswith(f'layer "c": {message}')
    assert isinstance(error.value, ValueError)
    assert error.value.layer == "c"
    assert error.value.kind == message.split()[0]
    assert error.value.expected
    assert error.value.received is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": 3}, "kernel_size must be a tuple of 2 integers (height, width), received"),
        ({"kernel_size": "33"}, "kernel_size must be a tuple of 2 integers"),
        ({"kernel_size": (3.0, 3)}, "kernel_size must be a tuple of 2 integers"),
        ({"filters": 4.0}, "filters must be an integer, received float"),
        ({"filters": True}, "filters must be an integer, received bool"),
        ({"weights_bits": None}, "weights_bits must be an integer, received NoneType"),
        ({"padding": "same"}, "padding must be one of Padding.Valid, Padding.Same, Padding.SameUpper, received str"),
        ({"padding": PoolType.Max}, "padding must be one of Padding.Valid, Padding.Same"),
        ({"pool_type": "max"}, "pool_type must be one of PoolType.NoPooling, PoolType.Max"),
        ({"activation": 1}, "activation must be a bool, received int"),
    ],
)
def test_wrong_type_is_named_with_the_right_one(arguments, message):
    with pytest.raises(InvalidTypeError) as error:
        conv(**arguments)
    assert str(error.value).startswith(f'layer "c": {message}')
    assert isinstance(error.value, TypeError)


def test_scalar_kernel_size_gets_advice():
    with pytest.raises(InvalidTypeError, match=r"write \(3, 3\)"):
        akida.Convolutional(3, 4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: akida.InputData((2, 2, 1), 3), "input_bits must be one of 1, 2, 4, 8, 16, received 3"),
        (lambda: akida.InputData((2, 2, 1), 32), "input_bits must be one of 1, 2, 4, 8, 16, received 32"),
        (lambda: akida.InputData((2, 2, 1), 4, True), "input_signed must be False, received True; inputs of 8 and 16"),
        (lambda: akida.InputData((2, 0, 1)), "input_shape must be a tuple of 3 integers, each"),
        (
            lambda: akida.InputConvolutional((8, 8, 2), (3, 3), 1),
            "the number of input channels must be 1 or 3, received 2",
        ),
        (
            lambda: akida.InputConvolutional((8, 8, 1), (3, 3), 1, padding_value=256),
            "padding_value must be an integer in 0..=255, received 256",
        ),
        (lambda: akida.FullyConnected(0), "units must be at least 1, received 0"),
        (
            lambda: akida.SeparableConvolutional((3, 3), 1, weights_bits=5),
            "weights_bits must be one of 1, 2, 4, 8, received 5",
        ),
    ],
)
def test_every_layer_type_checks_its_arguments(make, message):
    with pytest.raises(InvalidArgumentError) as error:
        make()
    assert str(error.value).startswith(message)


def test_base_class_is_not_a_layer():
    with pytest.raises(TypeError):
        akida.Layer(None, "")


def test_variables_have_documented_dtypes_shapes_and_initial_values(model):
    shapes = {
        "image": {"weights": (3, 3, 3, 4)},
        "separable": {"weights": (3, 3, 4, 1), "weights_pw": (1, 1, 4, 5)},
        "conv": {"weights": (3, 1, 5, 6)},
        "classes": {"weights": (1, 1, 4 * 3 * 6, 10)},
    }
    fresh = akida.Model()
    for old in model.layers:
        model_filters = old.output_dims[2]
        expected = shapes[old.name] | {"threshold": (model_filters,), "act_step": (model_filters,)}
        assert old.get_variable_names() == list(expected)
        assert {k: v.shape for k, v in old.variables.items()} == expected
    layer = akida.InputConvolutional((4, 4, 1), (3, 3), 2)
    fresh.add(layer)
    assert {k: v.dtype for k, v in layer.variables.items()} == {
        "weights": np.int8,
        "threshold": np.int32,
        "act_step": np.float32,
    }
    assert not layer.variables["weights"].any()
    assert not layer.variables["threshold"].any()
    np.testing.assert_array_equal(layer.variables["act_step"], np.ones(2))


def test_layers_without_weights_have_no_variables(events):
    (layer,) = events.layers
    assert layer.get_variable_names() == []
    assert dict(layer.variables) == {}
    with pytest.raises(InvalidArgumentError, match="InputData has no variables"):
        layer.get_variable("weights")


def test_narrower_integers_are_taken_and_become_the_documented_type(model):
    layer = model.get_layer("classes")
    for dtype in (np.uint8, np.int8, np.uint16, ">i4"):
        layer.set_variable("threshold", np.arange(10).astype(dtype))
        assert layer.get_variable("threshold").dtype == np.int32
        assert layer.get_variable("threshold").tolist() == list(range(10))


def test_set_variable_is_read_back(model):
    layer = model.get_layer("separable")
    for name, values in layer.variables.items():
        new = values[::-1].copy() if values.ndim == 1 else -values
        layer.set_variable(name, new)
        np.testing.assert_array_equal(layer.get_variable(name), new)


def test_arrays_read_and_written_are_not_shared_with_the_model(model):
    layer = model.get_layer("conv")
    before = layer.get_variable("weights")
    read = layer.get_variable("weights")
    read[:] = 1
    np.testing.assert_array_equal(layer.get_variable("weights"), before)
    written = np.ones_like(before)
    layer.set_variable("weights", written)
    written[:] = 0
    assert layer.get_variable("weights").all()


def test_variables_are_a_mapping(model):
    variables = model.get_layer("classes").variables
    assert list(variables) == ["weights", "threshold", "act_step"]
    assert "threshold" in variables
    assert "bias" not in variables
    assert len(variables) == 3
    with pytest.raises(KeyError):
        variables["bias"]
    variables["threshold"] = np.arange(10, dtype=np.int32)
    np.testing.assert_array_equal(variables["threshold"], np.arange(10))
    assert "threshold: int32 (10,)" in repr(variables)


@pytest.mark.parametrize("order", ["F", "sliced", "unaligned"])
def test_any_memory_layout_is_written(model, order):
    layer = model.get_layer("classes")
    values = np.arange(720, dtype=np.int8).reshape(1, 1, 72, 10) % 7
    thresholds = np.arange(10, dtype=np.int32)
    if order == "F":
        values = np.asfortranarray(values)
    elif order == "sliced":
        values = np.repeat(values, 2, axis=2)[:, :, ::2]
        thresholds = np.repeat(thresholds, 3)[::3]
    else:
        raw = np.empty(41, np.uint8)[1:]
        view = raw.view(np.int32)
        view[:] = thresholds
        thresholds = view
        assert not thresholds.flags.aligned
    layer.set_variable("weights", values)
    layer.set_variable("threshold", thresholds)
    np.testing.assert_array_equal(layer.get_variable("weights"), values)
    np.testing.assert_array_equal(layer.get_variable("threshold"), thresholds)


@pytest.mark.parametrize(
    ("name", "values", "error", "message"),
    [
        (
            "weights",
            np.zeros((1, 1, 72, 10), np.int32),
            ValueError,
            "weights must be of dtype int",
        ),
        ("weights", np.zeros((72, 10), np.int8), ValueError, "weights must be of shape (1, 1, 72"),
        ("weights", np.full((1, 1, 72, 10), -8, np.int8), ValueError, "weights must be in -7..=7"),
        ("threshold", np.zeros(9, np.int32), ValueError, "threshold must be of shape (10,)"),
        ("threshold", np.zeros(10, np.int64), ValueError, "threshold must be of dtype int32"),
        ("threshold", [0] * 10, TypeError, "threshold must be a numpy.ndarray, received list"),
        ("act_step", np.zeros(10, np.float32), ValueError, "act_step must be finite and greater"),
        ("act_step", np.full(10, np.nan, np.float32), ValueError, "act_step must be finite"),
        ("act_step", np.ones(10), ValueError, "act_step must be of dtype float32"),
        ("weights_pw", np.zeros(10, np.int8), ValueError, "the variable must be one of weights, "),
        ("bias", np.zeros(10, np.int8), ValueError, "the variable must be one of weights, "),
        (3, np.zeros(10, np.int8), TypeError, ""),
    ],
)
def test_refused_variable_leaves_the_model_as_it_was(model, name, values, error, message):
    before = model.to_buffer()
    layer = model.get_layer("classes")
    with pytest.raises(error) as caught:
        layer.set_variable(name, values)
    if message:
        assert str(caught.value).startswith(f'layer "classes": {message}')
        assert caught.value.layer == "classes"
    assert model.to_buffer() == before


def test_layer_knows_its_place(model):
    image, separable, convolutional, classes = model.layers
    assert (image.input_dims, image.output_dims) == ([8, 6, 3], [8, 6, 4])
    assert (separable.input_dims, separable.output_dims) == ([8, 6, 4], [4, 3, 5])
    assert (classes.input_dims, classes.output_dims) == ([4, 3, 6], [1, 1, 10])
    assert [layer.input_bits for layer in model.layers] == [8, 4, 2, 4]
    assert [layer.output_bits for layer in model.layers] == [4, 2, 4, None]
    assert [layer.output_signed for layer in model.layers] == [False, False, False, True]
    assert [str(layer.output_dtype) for layer in model.layers] == ["uint8", "uint8", "uint8", "int32"]
    assert {str(layer.input_dtype) for layer in model.layers} == {"uint8"}
    assert not any(layer.input_signed for layer in model.layers)
    assert (model.input_dtype, model.output_dtype) == (np.uint8, np.int32)
    assert image.inbounds == []
    assert convolutional.inbounds == [separable]
    assert image.macs == 8 * 6 * 3 * 3 * 3 * 4
    assert separable.macs == 8 * 6 * (3 * 3 * 4 + 4 * 5)


@pytest.mark.parametrize(
    "read",
    [
        lambda layer: layer.input_dims,
        lambda layer: layer.output_dims,
        lambda layer: layer.inbounds,
        lambda layer: layer.input_bits,
        lambda layer: list(layer.variables),
        lambda layer: layer.get_variable("weights"),
        lambda layer: layer.set_variable("weights", np.zeros(1, np.int8)),
    ],
)
def test_layer_outside_a_model_has_no_place(read):
    with pytest.raises(UnsupportedModelError, match=r'layer "dense": .*Model\.add'):
        read(akida.FullyConnected(2, "dense"))


def test_layer_is_not_copied_by_itself(model):
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(InvalidTypeError, match="copy its model"):
            act(model.layers[0])
