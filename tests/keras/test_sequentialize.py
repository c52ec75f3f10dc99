"""`sequentialize` and `syncretize`: the form of the result, and what is refused."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.transforms import sequentialize, syncretize
from tests.keras.models import outputs, randomize

L = keras.layers


def branched():
    x = keras.Input((8, 8, 3), name="image")
    stem = L.ReLU(6.0, name="stem_relu")(L.Conv2D(4, 3, padding="same", name="stem")(x))
    left = L.ReLU(6.0, name="left_relu")(L.Conv2D(3, 3, padding="same", name="left")(stem))
    right = L.ReLU(6.0, name="right_relu")(L.Conv2D(2, 3, padding="same", name="right")(stem))
    y = L.Concatenate(name="join")([left, right])
    y = L.Dense(5, name="classes")(L.Flatten(name="flatten")(y))
    model = keras.Model(x, y, name="branched")
    randomize(model)
    return model


def test_a_chain_becomes_one_sequential_model():
    x = keras.Input((8, 8, 3), name="image")
    y = L.Flatten(name="flatten")(L.Conv2D(2, 3, name="conv")(x))
    sequential = sequentialize(keras.Model(x, y, name="chain"))
    assert isinstance(sequential, keras.Sequential)
    assert sequential.name == "chain"
    assert [layer.name for layer in sequential.layers] == ["conv", "flatten"]


def test_branches_become_sequential_models_joined_by_concatenate():
    model = branched()
    cut = sequentialize(model)
    assert [(layer.name, type(layer).__name__) for layer in cut.layers] == [
        ("image", "InputLayer"),
        ("sequential", "Sequential"),
        ("sequential_1", "Sequential"),
        ("sequential_2", "Sequential"),
        ("join", "Concatenate"),
        ("sequential_3", "Sequential"),
    ]
    assert [layer.name for layer in cut.get_layer("sequential").layers] == ["stem", "stem_relu"]
    assert [layer.name for layer in cut.get_layer("sequential_3").layers] == ["flatten", "classes"]
    images = np.random.default_rng(1).uniform(-1, 1, (3, 8, 8, 3))
    np.testing.assert_array_equal(outputs(cut, images), outputs(model, images))


def test_models_in_a_model_are_taken_apart():
    model = branched()
    cut = sequentialize(model)
    assert [layer.name for layer in sequentialize(cut).layers] == [layer.name for layer in cut.layers]
    outer = keras.Sequential([keras.Input((8, 8, 3)), cut, L.ReLU(6.0), L.Dense(2, name="top")], name="outer")
    quantized = cnn2snn.quantize(outer, 4, 4)
    assert {layer.name for layer in quantized.layers} >= {"stem", "left", "right", "join", "classes", "top"}


def test_a_cut_model_quantizes_and_converts_like_the_whole():
    model = branched()
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3), np.uint8)
    whole = cnn2snn.convert(cnn2snn.quantize(model, 4, 4))
    cut = cnn2snn.convert(sequentialize(cnn2snn.quantize(syncretize(model), 4, 4)))
    np.testing.assert_array_equal(whole.forward(images), cut.forward(images))


def test_max_pooling_comes_before_quantized_activations_as_well():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            cnn2snn.QuantizedConv2D(4, 3, cnn2snn.MaxPerAxisQuantizer(4)),
            cnn2snn.QuantizedReLU(4, 2.0),
            L.MaxPooling2D(2),
            L.SpatialDropout2D(0.5),
        ]
    )
    images = np.random.default_rng(1).uniform(-1, 1, (3, 8, 8, 1))
    synced = syncretize(model)
    assert [type(layer).__name__ for layer in synced.layers] == ["QuantizedConv2D", "MaxPooling2D", "QuantizedReLU"]
    np.testing.assert_array_equal(outputs(synced, images), outputs(model, images))


def test_a_normalization_that_one_scale_cannot_take_stays():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            cnn2snn.QuantizedConv2D(4, 3, cnn2snn.MaxQuantizer(4)),
            L.BatchNormalization(),
            cnn2snn.QuantizedReLU(4, 2.0),
        ]
    )
    randomize(model)
    kinds = [type(layer).__name__ for layer in syncretize(model).layers]
    assert kinds == ["QuantizedConv2D", "BatchNormalization", "QuantizedReLU"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: L.Add(name="sum")([x, x]), r'layer "sum" \(Add\) has 2 inputs; only Concatenate joins branches'),
        (lambda x: L.Concatenate(1, name="join")([x, x]), r'layer "join": branches are joined on the last axis'),
        (lambda x: L.Conv2D(2, 1, data_format="channels_first", name="c")(x), r'layer "c": data_format must be'),
    ],
)
def test_what_cannot_be_cut_is_refused(make, message):
    x = keras.Input((4, 4, 2))
    with pytest.raises(RuntimeError, match=message):
        sequentialize(keras.Model(x, make(x)))


def test_inputs_of_rank_three_are_refused():
    with pytest.raises(RuntimeError, match=r"inputs must have rank 2 or 4, the batch included, received 3"):
        sequentialize(keras.Sequential([keras.Input((4, 2)), L.Dense(2)]))
