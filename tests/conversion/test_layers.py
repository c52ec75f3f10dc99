"""Which layer of the engine a block becomes, and how a model takes its inputs."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.conversion.akida1.inputs import ImageInput, input_data
from cnn2snn.conversion.akida1.layers import engine_layer
from cnn2snn.conversion.akida1.model import build_model
from cnn2snn.conversion.block import Activation, Kind, Window
from cnn2snn.conversion.scaling import InputScaling
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from tests.conversion.networks import branched_network, image_network

SAME = InputScaling.of(1.0, 0.0, "default")


def block(name="conv"):
    return {**image_network().blocks, **branched_network().blocks}[name]


def made(given, *, image=None, is_read=False, problems=None):
    return engine_layer(given, image=image, is_read=is_read, problems=problems or Problems())


def images_of(given, scaling=SAME, padding_value=0):
    """Images that a block reads."""
    return ImageInput(replace(image_network(), blocks={given.name: given}), scaling, padding_value)


def shifted(shift):
    return InputScaling.of(2.0, shift, "input_scaling")


def test_each_kind_of_block_becomes_its_layer_with_its_arguments():
    conv = replace(block("large"), window=Window((3, 5), (1, 2), "same"), max_pooling=Window((2, 3), (1, 2), "same"))
    layer = made(conv)
    assert type(layer) is akida.Convolutional
    p = layer.parameters
    assert (tuple(p.kernel_size), tuple(p.kernel_stride), p.filters) == ((3, 5), (1, 2), 3)
    assert (p.padding, p.pool_type) == (akida.Padding.Same, akida.PoolType.Max)
    assert (tuple(p.pool_size), tuple(p.pool_stride)) == ((2, 3), (1, 2))
    assert (p.weights_bits, p.activation, p.act_bits, layer.name) == (4, True, 4, "large")
    layer = made(block("separable"))
    assert type(layer) is akida.SeparableConvolutional
    assert (layer.parameters.pool_type, layer.parameters.act_bits) == (akida.PoolType.Average, 2)
    layer = made(block("dense"))
    assert type(layer) is akida.FullyConnected
    assert (layer.parameters.units, layer.parameters.activation) == (2, False)
    layer = made(block("conv"), image=images_of(block("conv"), padding_value=7))
    assert type(layer) is akida.InputConvolutional
    p = layer.parameters
    assert (tuple(p.input_shape), p.padding_value, p.padding) == ((3, 3, 1), 7, akida.Padding.Valid)
    assert p.pool_type == akida.PoolType.NoPooling


def test_a_block_that_is_read_is_judged_as_if_it_had_an_activation():
    layer = made(block("dense"), is_read=True)
    assert (layer.parameters.activation, layer.parameters.act_bits) == (True, 4)


@pytest.mark.parametrize(
    ("size", "of_kernel", "of_pool", "expected"),
    [
        ((1, 1), "valid", "same", akida.Padding.Same),
        ((1, 1), "same", "valid", akida.Padding.Valid),
        ((1, 3), "same", "valid", akida.Padding.Same),
        ((3, 1), "valid", "same", akida.Padding.Valid),
    ],
)
def test_a_kernel_without_border_takes_the_padding_of_its_pooling(size, of_kernel, of_pool, expected):
    given = replace(block("large"), window=Window(size, (1, 1), of_kernel), max_pooling=Window((2, 2), (2, 2), of_pool))
    assert made(given).parameters.padding == expected
    unpooled = replace(given, max_pooling=None)
    same = of_kernel == "same"
    assert made(unpooled).parameters.padding == (akida.Padding.Same if same else akida.Padding.Valid)


def test_widths_that_no_layer_has_are_named_and_the_nearest_are_taken():
    for bits, nearest in [(1, 2), (3, 2), (5, 4), (6, 4), (7, 8), (16, 8)]:
        given = block("large")
        given = replace(given, weights=replace(given.weights, bits=bits))
        words = rf'"large": the bitwidth of weights must be one of 2, 4, 8, received {bits}'
        with pytest.raises(InvalidArgumentError, match=words) as error:
            made(given)
        assert (error.value.kind, error.value.expected, error.value.received) == ("weights_bits", (2, 4, 8), bits)
        problems = Problems(collect=True)
        assert made(given, problems=problems).parameters.weights_bits == nearest
        assert len(problems.found) == 1
    for bits, nearest in [(3, 2), (5, 4), (8, 4)]:
        given = replace(block("large"), activation=Activation("relu", bits, 1.0))
        words = rf'"relu": the bitwidth of activations must be one of 1, 2, 4, received {bits}'
        with pytest.raises(InvalidArgumentError, match=words) as error:
            made(given)
        assert error.value.kind == "act_bits"
        assert made(given, problems=Problems(collect=True)).parameters.act_bits == nearest


def test_inputs_that_are_not_images_are_maps_or_vectors_of_4_bits():
    for shape, dims in [((4, 5, 2), (4, 5, 2)), ((8,), (1, 1, 8))]:
        layer = input_data(replace(image_network(), input_shape=shape), SAME, Problems())
        assert (tuple(layer.parameters.input_shape), layer.parameters.input_bits) == (dims, 4)
        assert layer.name == "input"


@pytest.mark.parametrize("input_is_image", [True, False])
@pytest.mark.parametrize("shape", [(4, 5), (), (4, 5, 2, 1), (None, 5, 3), (None,), (4, 5, None)])
def test_inputs_are_maps_or_vectors_of_known_sizes(shape, input_is_image):
    network = replace(image_network(), input_shape=shape)
    with pytest.raises(UnsupportedModelError, match="the input shape must be") as error:
        build_model(network, SAME, input_is_image)
    assert (error.value.layer, error.value.received) == ("input", shape)
    problems = Problems(collect=True)
    assert build_model(network, SAME, input_is_image, problems).model.layers == []
    assert [found.received for found in problems.found] == [shape]


def test_inputs_that_are_not_images_are_not_shifted():
    with pytest.raises(InvalidArgumentError, match=r"the shift must be 0, received -3\.5") as error:
        input_data(branched_network(), shifted(-3.5), Problems())
    assert error.value.remedy == "pass (2, 0) and train the model on inputs that begin at 0"
    assert (error.value.expected, error.value.received) == (0, -3.5)
    with pytest.raises(InvalidArgumentError, match="the shift must be 0") as error:
        input_data(branched_network(), InputScaling.of(8.0, 1.0, "Rescaling"), Problems())
    assert error.value.remedy == "use Rescaling(0.125) without offset and train again"


def test_the_border_of_images_is_the_integer_that_stands_for_0():
    same = replace(block(), window=Window((2, 2), (1, 1), "same"))

    def border(given, scaling, padding_value=None):
        return made(given, image=images_of(given, scaling, padding_value)).parameters.padding_value

    for shift in (0, 1, 128, 255):
        assert border(same, shifted(shift)) == border(block(), shifted(shift)) == shift
    for shift in (-1, 256, 0.5, 254.5):
        # Without a border any value does.
        assert border(block(), shifted(shift)) == 0
        assert border(same, shifted(shift), 9) == 9
        with pytest.raises(UnsupportedModelError, match=rf"an integer in 0\.\.255, received {shift:g}") as error:
            border(same, shifted(shift))
        assert (error.value.layer, error.value.kind, error.value.received) == ("conv", "padding_value", shift)
    assert border(same, shifted(3), 0) == 0


def test_images_are_read_by_a_convolution_and_have_1_or_3_channels():
    for shape in [(9, 9, 1), (5, 7, 3)]:
        image = replace(block(), input_shape=shape)
        assert tuple(made(image, image=images_of(image)).parameters.input_shape) == shape
    for shape in [(9, 9, 2), (9, 9, 4)]:
        image = replace(block(), inbounds=[""], input_shape=shape)
        with pytest.raises(UnsupportedModelError, match="an image must have 1 or 3 channels") as error:
            made(image, image=images_of(image))
        assert (error.value.layer, error.value.received) == ("conv", shape)
    for name, kind in (("dense", Kind.DENSE), ("separable", Kind.SEPARABLE)):
        assert block(name).kind is kind
        first = replace(block(name), inbounds=[""])
        with pytest.raises(UnsupportedModelError, match="first layer for images must be a QuantizedConv2D") as error:
            made(first, image=images_of(first))
        assert error.value.received == f"a {block(name).type}"


def test_scaling_of_images_is_exact():
    scaling = InputScaling.of(1 / (1 / 255), 0.1, "Rescaling")
    assert (scaling.scale, scaling.shift) == (Fraction(1 / (1 / 255)), Fraction(0.1))
    assert np.float64(scaling.given_shift) == 0.1
