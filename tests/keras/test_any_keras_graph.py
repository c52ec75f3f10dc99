"""Any model that Keras builds gets a result, a report or an error of this package."""

import pytest

import cnn2snn
from cnn2snn import transforms
from cnn2snn._keras import keras
from cnn2snn.errors import UnsupportedModelError
from tests.keras.any_keras_graph import CLASSES, findings, random_model

L = keras.layers


SEEDS = range(30)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_model_gets_a_result_or_an_error_of_this_package(seed):
    assert findings(seed) == []


def test_random_models_are_of_many_layers_and_of_every_form():
    models = [model for model in map(random_model, SEEDS) if model is not None]
    assert len(models) > 20
    graphs = [model for model in models if getattr(model, "inputs", None)]
    assert any(len(model.inputs) > 1 for model in graphs)
    assert any(len(model.outputs) > 1 for model in graphs)
    assert any(None in model.inputs[0].shape[1:] for model in graphs)
    layers = {type(layer) for model in models for layer in model._flatten_layers()}
    assert len(layers & set(CLASSES)) > 20


def rules(*layers, shape):
    report = cnn2snn.check_model_compatibility(keras.Sequential([keras.Input(shape), *layers]))
    assert str(report)
    return {problem.rule for problem in report.problems}


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_global_average_of_a_map_of_unknown_size_is_reported(padding):
    layers = [L.Conv2D(4, 3, padding=padding), L.GlobalAveragePooling2D(), L.ReLU(6.0), L.Dense(2)]
    assert "input_shape" in rules(*layers, shape=(None, None, 3))


@pytest.mark.parametrize("shape", [(), (None,), (8, 8, None)])
@pytest.mark.parametrize("layer", [L.Rescaling([0.5]), L.Rescaling([0.5, 1.0], [1.0, 2.0]), L.Rescaling(2.0, -1.0)])
def test_a_rescaling_of_an_unknown_number_of_channels_stays(shape, layer):
    source = keras.Input(shape)
    model = keras.Model(source, layer(source))
    for transform in (transforms.prepare, transforms.fold_rescaling):
        assert transform(model).layers[-1].get_config()["scale"] == layer.get_config()["scale"]
    assert not cnn2snn.check_model_compatibility(model)


def test_a_reshape_that_joins_channels_of_different_precision_is_reported():
    layers = [L.Dense(4), L.Reshape((-1,), name="flat"), L.Dense(2)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    report = cnn2snn.check_model_compatibility(model)
    assert ("flat", "v2", "axis") in {(p.layer, p.ip_version, p.rule) for p in report.problems}


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.Conv2D(4, 3, data_format="channels_first", name="it"),
        lambda: L.MaxPooling2D(2, data_format="channels_first", name="it"),
        lambda: L.GlobalAveragePooling2D(data_format="channels_first", name="it"),
        lambda: L.Flatten(data_format="channels_first", name="it"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda model: cnn2snn.quantize(model, 4, 4),
        transforms.cross_layer_scaling,
        transforms.fold_batchnorm,
        transforms.syncretize,
    ],
)
def test_layers_with_channels_first_are_refused_wherever_a_model_is_read(layer, use):
    model = keras.Sequential([keras.Input((8, 8, 8)), layer()])
    with pytest.raises(UnsupportedModelError, match=r'layer "it": data_format must be channels_last'):
        use(model)
    found = [p for p in cnn2snn.check_model_compatibility(model).problems if p.rule == "data_format"]
    assert {p.ip_version for p in found} == {"v1", "v2"}
    assert len(found) == 2


def test_inputs_of_strings_are_refused_once():
    source = keras.Input((1,), dtype="string", name="text")
    model = keras.Model(source, L.Identity()(source))
    problems = cnn2snn.check_model_compatibility(model).problems
    assert [p.ip_version for p in problems if (p.layer, p.rule) == ("text", "dtype")] == ["v1", "v2"]
    with pytest.raises(UnsupportedModelError, match=r'"text": inputs must be numbers, received strings'):
        transforms.sequentialize(model)
