"""Widths of single layers are chosen by data, and read off models in the same form."""

import json

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras

L = keras.layers


def network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            L.Conv2D(4, 3, use_bias=False, name="conv"),
            L.BatchNormalization(name="conv_bn"),
            L.ReLU(6.0, name="conv_relu"),
            L.SeparableConv2D(5, 3, activation="relu", name="sep_2"),
            L.SeparableConv2D(6, 3, name="sep_3"),
            L.MaxPooling2D(2, name="pool"),
            L.ReLU(name="last_relu"),
            L.Flatten(),
            L.Dense(3, name="dense"),
        ]
    )


UNIFORM = {
    "conv": {"weights": 4},
    "conv_relu": {"activations": 4},
    "sep_2": {"weights": 4},
    "sep_2_relu": {"activations": 4},
    "sep_3": {"weights": 4},
    "last_relu": {"activations": 4},
    "dense": {"weights": 4},
}


def changed(**widths):
    return {name: {**old, **widths.get(name, {})} for name, old in UNIFORM.items()}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, UNIFORM),
        ({"conv": {"weights": 8}}, changed(conv={"weights": 8})),
        # The activation behind a layer of the name, and one that has the name.
        ({"sep_3": {"activations": 2}}, changed(last_relu={"activations": 2})),
        ({"last_relu": {"activations": 2}}, changed(last_relu={"activations": 2})),
        (
            {"sep*": {"weights": 2, "activations": 1}},
            changed(
                sep_2={"weights": 2}, sep_2_relu={"activations": 1}, sep_3={"weights": 2}, last_relu={"activations": 1}
            ),
        ),
        # A name prevails wherever it stands, then the later of two patterns.
        (
            {"sep_3": {"weights": 8}, "*": {"weights": 3}, "sep*": {"weights": 2}},
            changed(conv={"weights": 3}, sep_2={"weights": 2}, sep_3={"weights": 8}, dense={"weights": 3}),
        ),
        (
            {"last_relu": {"activations": 1}, "sep_3": {"activations": 2}},
            changed(last_relu={"activations": 2}),
        ),
        (
            {"sep_?": {"depthwise_weights": 8}, "sep_3": {"depthwise_weights": 4}},
            changed(sep_2={"depthwise_weights": 8}),
        ),
    ],
)
def test_a_configuration_prevails_over_the_arguments(config, expected):
    assert cnn2snn.bits(cnn2snn.quantize(network(), 4, 4, config=config)) == expected


def test_layers_that_nobody_chooses_stay_what_they_are():
    part = cnn2snn.quantize(network(), config={"dense": {"weights": 2}, "conv": {"activations": 2}})
    assert cnn2snn.bits(part) == {"conv_relu": {"activations": 2}, "dense": {"weights": 2}}
    whole = cnn2snn.quantize(network(), 4, 2, 8)
    again = cnn2snn.quantize(whole, config={"sep_2": {"depthwise_weights": 8}, "dense": {"weights": 2}})
    expected = {**cnn2snn.bits(whole), "sep_2": {"weights": 4, "depthwise_weights": 8}, "dense": {"weights": 2}}
    assert cnn2snn.bits(again) == expected


def test_the_widths_of_a_model_are_a_configuration():
    model = network()
    mixed = cnn2snn.quantize(model, 4, 4, 8, config={"sep*": {"weights": 2, "activations": 1}})
    again = cnn2snn.quantize(model, config=cnn2snn.bits(mixed))
    assert cnn2snn.bits(again) == cnn2snn.bits(mixed)
    images = np.random.default_rng(1).normal(size=(4, 8, 8, 1)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(again(images)), np.asarray(mixed(images)))
    assert cnn2snn.bits(model) == {}


def test_a_quantizer_function_is_asked_with_the_chosen_width():
    asked = {}

    def function(layer, default):
        asked.setdefault(layer.name, []).append(default.bitwidth)
        return cnn2snn.StdPerAxisQuantizer(2.0, bitwidth=default.bitwidth)

    cnn2snn.quantize(network(), 4, 4, quantizer_function=function, config={"sep_2": {"weights": 2}})
    assert asked == {"conv": [4], "sep_2": [2, 2], "sep_3": [4, 4], "dense": [4]}


def test_a_configuration_comes_from_a_file(tmp_path):
    path = tmp_path / "bits.json"
    path.write_text(json.dumps({"dense": {"weights": 8}}))
    for source in (path, str(path)):
        assert cnn2snn.bits(cnn2snn.quantize(network(), 4, 4, config=source)) == changed(dense={"weights": 8})
    path.write_text("{")
    with pytest.raises(cnn2snn.FormatError, match=r"bits\.json: it is not JSON: "):
        cnn2snn.quantize(network(), 4, 4, config=path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"conf": {"weights": 4}}, r"config\['conf'\]: no layer has this name; the layers are conv, conv_relu, sep_2"),
        ({"conv_bn": {"weights": 4}}, r"config\['conv_bn'\]: no layer has this name"),
        ({"pool": {"weights": 4}}, r"config\['pool'\]: no layer of this name has weights to quantize"),
        ({"dense": {"activations": 4}}, r"config\['dense'\]: no layer of this name has an activation to quantize"),
        ({"conv": {"depthwise_weights": 4}}, "no layer of this name has depthwise weights to quantize"),
        ({"conv": {"bits": 4}}, r"the keys are weights, depthwise_weights, activations, received 'bits'; for example"),
        ({"conv": {"weights": 9}}, r'layer "conv": MaxPerAxisQuantizer: bitwidth must be in 2\.\.8, received 9'),
        ({"conv": {"activations": 25}}, 'layer "conv_relu": bitwidth must be an integer of at least 1 and at most 24'),
        ({"conv": {"activations": "4"}}, 'layer "conv_relu": bitwidth must be an integer'),
    ],
)
def test_a_configuration_that_means_nothing_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        cnn2snn.quantize(network(), 4, 4, config=config)


@pytest.mark.parametrize("config", [[], {"conv": 4}, 3])
def test_a_configuration_is_a_dictionary_of_dictionaries(config):
    with pytest.raises(TypeError, match="config must have a dictionary of widths for each name or pattern of layers"):
        cnn2snn.quantize(network(), 4, 4, config=config)
