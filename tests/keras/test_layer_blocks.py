"""Blocks of layers: their order, names and refusals."""

import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.layer_blocks import conv_block, dense_block, separable_conv_block


def layers_of(block, *arguments, shape=(8, 8, 3), **kwargs):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, block(inputs, *arguments, **kwargs))
    return model, [layer.name for layer in model.layers[1:]]


def test_convolution_block_has_the_order_of_the_chip():
    model, names = layers_of(conv_block, 4, 3, pooling="max", add_batchnorm=True, padding="same", name="a")
    assert names == ["a", "a_maxpool", "a_BN", "a_relu"]
    assert model.get_layer("a_maxpool").padding == "same"
    assert model.get_layer("a_relu").get_config()["max_value"] == 6


def test_global_average_comes_before_the_normalization_or_last():
    _, names = layers_of(conv_block, 4, 3, "global_avg", add_batchnorm=True, name="a")
    assert names == ["a", "a_global_avg", "a_BN", "a_relu"]
    _, names = layers_of(conv_block, 4, 3, "global_avg", True, add_batchnorm=True, name="a")
    assert names == ["a", "a_BN", "a_relu", "a_global_avg"]


def test_separable_block_is_one_layer_or_two():
    _, names = layers_of(separable_conv_block, 4, 3, add_batchnorm=True, name="a")
    assert names == ["a", "a_BN", "a_relu"]
    model, names = layers_of(separable_conv_block, 4, 3, add_activation=False, fused=False, name="a", strides=2)
    assert names == ["dw_a", "pw_a"]
    assert model.output_shape == (None, 4, 4, 4)
    assert not model.get_layer("dw_a").use_bias


def test_dense_block_has_a_normalization_and_an_activation_on_demand():
    _, names = layers_of(dense_block, 5, shape=(6,), name="a")
    assert names == ["a", "a_relu"]
    _, names = layers_of(dense_block, 5, True, False, shape=(6,), name="a")
    assert names == ["a", "a_BN"]


def test_blocks_without_name_are_called_after_keras_own_name():
    _, names = layers_of(conv_block, 4, 3)
    assert names[1] == f"{names[0]}_relu"


@pytest.mark.parametrize(
    ("block", "kwargs", "message"),
    [
        (conv_block, {"filters": 4, "kernel_size": 3, "pooling": "avg"}, 'pooling must be None, "max" or "global_avg"'),
        (conv_block, {"filters": 4, "kernel_size": 3, "activation": "relu"}, "use add_activation"),
        (conv_block, {"filters": 4, "kernel_size": 3, "dilation_rate": 2}, "dilation_rate must be 1"),
        (separable_conv_block, {"filters": 4, "kernel_size": 3, "pooling": "avg"}, "pooling must be"),
        (separable_conv_block, {"filters": 4, "kernel_size": 3, "fused": False}, "give name"),
        (dense_block, {"units": 4, "activation": "relu"}, "use add_activation"),
    ],
)
def test_what_no_block_has_is_refused(block, kwargs, message):
    with pytest.raises(InvalidArgumentError, match=message):
        block(keras.Input((8, 8, 3)), **kwargs)


def test_network_of_blocks_is_converted():
    inputs = keras.Input((12, 12, 1))
    x = conv_block(inputs, 4, 3, "max", add_batchnorm=True, padding="same", use_bias=False)
    x = separable_conv_block(x, 6, 3, pooling="global_avg", add_batchnorm=True)
    x = dense_block(x, 8)
    x = dense_block(x, 3, add_activation=False)
    converted = cnn2snn.convert(cnn2snn.quantize(keras.Model(inputs, x), 4, 4))
    assert [layer.parameters.layer_type.name for layer in converted.layers] == [
        "InputConvolutional",
        "SeparableConvolutional",
        "FullyConnected",
        "FullyConnected",
    ]
