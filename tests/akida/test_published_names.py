"""Names of the published API that have no chip or no learning behind them here, and what they say."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn import akida
from cnn2snn.errors import InvalidStateError, UnsupportedModelError
from tests.fresh_interpreter import run_without_keras

MODEL = {
    "add",
    "add_classes",
    "compile",
    "evaluate",
    "fit",
    "forward",
    "from_dict",
    "from_json",
    "get_layer",
    "get_layer_count",
    "input_shape",
    "ip_version",
    "layer_count",
    "layers",
    "learning",
    "macs",
    "map",
    "metrics",
    "output_shape",
    "pop_layer",
    "power_events",
    "predict",
    "predict_classes",
    "save",
    "sequences",
    "statistics",
    "summary",
    "to_buffer",
    "to_dict",
    "to_json",
}
LAYER = {
    "get_learning_histogram",
    "get_variable",
    "get_variable_names",
    "inbounds",
    "input_bits",
    "input_dims",
    "mapping",
    "name",
    "output_dims",
    "output_signed",
    "parameters",
    "set_variable",
    "to_dict",
    "variables",
}


def test_models_and_layers_have_their_documented_members():
    assert set(dir(akida.Model)) >= MODEL
    assert set(dir(akida.Layer)) >= LAYER


def test_no_chip_is_found_and_virtual_ones_are_named():
    assert akida.devices() == []
    assert "AKD1000()" in akida.devices.__doc__
    assert akida.TwoNodesIP().version == akida.TwoNodesIPv1().version


@pytest.mark.parametrize("first", ["import cnn2snn.akida.devices", "from cnn2snn.akida.devices import Device"])
def test_the_list_of_devices_is_a_function_whatever_is_imported_first(first, tmp_path):
    result = run_without_keras(f"{first}\nfrom cnn2snn import akida\nassert akida.devices() == []", tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_simulator_has_the_version_of_the_package():
    assert akida.__version__ == cnn2snn.__version__


def test_the_module_that_was_removed_says_so():
    assert not hasattr(akida, "compatibility")
    with pytest.raises(AttributeError, match=r"removed from the published API; convert the Keras model again"):
        akida.compatibility  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        akida.nothing  # noqa: B018


@pytest.mark.parametrize("name", ["HardwareDevice", "SocDriver", "soc", "PowerMeter", "PowerEvent", "MapConstraints"])
def test_what_drives_chips_is_absent(name):
    assert not hasattr(akida, name)


@pytest.mark.parametrize("name", ["Dense2D", "Attention", "Shiftmax", "MadNorm", "Stem", "Permute", "ExtractToken"])
def test_layers_of_earlier_releases_are_absent(name):
    assert not hasattr(akida, name)
    assert name not in akida.LayerType.__members__


def test_nothing_is_measured_without_a_chip(model, inputs):
    model.forward(inputs)
    assert (model.metrics, model.power_events) == ({}, [])


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("Model.compile", lambda model: model.compile(num_weights=10, num_classes=2)),
        ("Model.compile", lambda model: model.compile("optimizer")),
        ("Model.fit", lambda model: model.fit(np.zeros((1, 8, 6, 3), np.uint8), 1)),
        ("Model.add_classes", lambda model: model.add_classes(3)),
        ("Model.learning", lambda model: model.learning),
        ("AkidaUnsupervised", lambda model: akida.AkidaUnsupervised(num_weights=10)),
        ("Layer.get_learning_histogram", lambda model: model.layers[0].get_learning_histogram()),
    ],
)
def test_edge_learning_is_refused_where_it_is_called(model, name, call):
    with pytest.raises(UnsupportedModelError, match=f"{name}: edge learning is not part of this project; train"):
        call(model)


def test_statistics_of_a_model_that_only_ran_say_how_to_have_them(model, inputs):
    model.forward(inputs)
    statistics = model.statistics
    assert not statistics
    assert statistics.samples == 0
    assert "Model.measure(inputs)" in str(statistics)
    for ask in (lambda: statistics.layers, lambda: statistics.effective_macs):
        with pytest.raises(InvalidStateError, match=r"no samples have been measured.*Model\.measure\(inputs\)"):
            ask()


def test_statistics_are_shown_as_a_table_of_layers(model, inputs):
    model.measure(inputs)
    lines = str(model.statistics).splitlines()
    assert lines[0] == "Statistics of 11 samples, means:"
    assert [line.split()[0] for line in lines[3:]] == [layer.name for layer in model.layers]
    assert f"{model.statistics.layers['conv'].sparsity:.1%}" in lines[5]
    assert all(len(line) <= 80 for line in lines)


def test_variables_have_names(model):
    layer = model.get_layer("separable")
    assert layer.variables.names == layer.get_variable_names() == list(layer.variables)
