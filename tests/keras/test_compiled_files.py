"""Files of compiled models: training goes on after loading, whichever generation of Keras wrote them."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import LEGACY, keras
from cnn2snn.errors import InvalidArgumentError
from tests.keras import compiled_files
from tests.keras.compiled_files import COMPILED, own_loss, train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The files that this generation writes."""
    folder = tmp_path_factory.mktemp("here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled_files.write(folder)
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The files that the other generation writes."""
    folder = tmp_path_factory.mktemp("other")
    path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))
    environment = {**os.environ, "PYTHONPATH": path, "TF_USE_LEGACY_KERAS": "0" if LEGACY else "1"}
    command = [sys.executable, "-m", "tests.keras.compiled_files", str(folder)]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return folder


def assert_training_goes_on(path, name):
    model = cnn2snn.load_quantized_model(path)
    train(model, name)
    expected = np.load(path.with_suffix(".npz"))
    for got, key in zip(model.get_weights(), expected.files, strict=True):
        np.testing.assert_allclose(got, expected[key], rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("name", [*(f"{name}.h5" for name in COMPILED), "object.keras"])
def test_training_goes_on_as_if_the_model_had_not_been_saved(name, here):
    assert_training_goes_on(here / name, name.partition(".")[0])


@pytest.mark.skipif(LEGACY, reason="Keras 2 reads none of the files of Keras 3")
@pytest.mark.parametrize("name", [*COMPILED, "older"])
def test_training_goes_on_with_files_of_keras_2(name, other):
    assert_training_goes_on(other / f"{name}.h5", name)


def test_metrics_are_restored(here):
    model = cnn2snn.load_quantized_model(here / "object.h5")
    found = model.evaluate(compiled_files.X, compiled_files.VALUES, verbose=0, return_dict=True)
    assert set(found) == {"loss", "mine"}


@pytest.mark.skipif(LEGACY, reason="Keras 2 reads its own")
def test_metrics_of_keras_2_are_restored(other):
    model = cnn2snn.load_quantized_model(other / "classes.h5")
    found = model.evaluate(compiled_files.X, compiled_files.CLASSES, verbose=0, return_dict=True)
    assert set(found) == {"loss", "accuracy"}


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_a_model_whose_loss_is_not_known_is_loaded_with_a_warning(suffix, here):
    with pytest.warns(UserWarning, match=rf"own\{suffix}: the model is loaded but not compiled .*own_loss.*compile"):
        model = cnn2snn.load_quantized_model(here / f"own{suffix}")
    assert model.get_layer("hidden").quantizer.bitwidth == 4
    with_loss = cnn2snn.load_quantized_model(here / f"own{suffix}", {"own_loss": own_loss})
    train(with_loss, "own")
    assert cnn2snn.load_quantized_model(here / f"own{suffix}", compile_model=False).name == model.name


@pytest.mark.skipif(LEGACY, reason="Keras 2 has the same optimizer")
def test_a_state_that_cannot_be_restored_is_named_and_training_begins_anew(other):
    with pytest.warns(UserWarning, match=r"unknown\.h5: the model is loaded without the variables of its optimizer"):
        model = cnn2snn.load_quantized_model(other / "unknown.h5")
    assert type(model.optimizer).__name__ == "Nadam"
    train(model, "unknown")


@pytest.mark.parametrize("name", ["operations.h5", "name.keras"])
def test_files_that_the_other_generation_alone_reads_are_named(name, other):
    path = other / name
    if LEGACY:
        text, way = "it was saved by Keras 3, and Keras 2 cannot read it", "unset the environment variable"
    elif name == "operations.h5":
        text, way = r"it holds operations on tensors \(TFOpLambda\), which Keras 2 alone loads", "TF_USE_LEGACY_KERAS=1"
    else:
        text, way = "it was saved by Keras 2, and Keras 3 cannot read it", "TF_USE_LEGACY_KERAS=1"
    with pytest.raises(InvalidArgumentError, match=text) as caught:
        cnn2snn.load_quantized_model(path)
    assert way in caught.value.remedy
    assert str(path) in str(caught.value)


def test_files_of_weights_alone_are_named(here, other):
    for folder in (here, other):
        with pytest.raises(InvalidArgumentError, match=r"holds weights without the model; .*load_weights"):
            cnn2snn.load_quantized_model(folder / "only.weights.h5")


def test_the_ending_hdf5_is_that_of_h5(here):
    assert cnn2snn.load_quantized_model(here / "ending.hdf5", compile_model=False).layers[-1].units == 2


@pytest.mark.skipif(LEGACY, reason="it is what Keras 2 reads")
def test_sequential_models_whose_configuration_is_a_list_load(tmp_path):
    """As Keras wrote them before 2.2.3."""
    path = tmp_path / "list.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="dense")]).save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        layer = config["config"]["layers"][-1]
        layer["config"] = {"name": "dense", "units": 2, "use_bias": True, "batch_input_shape": [None, 4]}
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": [layer]})
        kernel = np.asarray(next(v for v in walk(file["model_weights"]) if v.ndim == 2))
    loaded = cnn2snn.load_quantized_model(path, compile_model=False)
    np.testing.assert_array_equal(loaded.get_weights()[0], kernel)


def walk(group):
    for value in group.values():
        yield from walk(value) if isinstance(value, h5py.Group) else [value]


def own_class(base):
    """A class of the user's own that is called like one of this package."""
    return type(base.__name__, (base,), {"__module__": "mine"})


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_the_users_own_class_wins_in_files_of_this_package(suffix, here):
    layer, quantizer = own_class(cnn2snn.QuantizedDense), own_class(cnn2snn.MaxQuantizer)
    own = {"QuantizedDense": layer, "MaxQuantizer": quantizer}
    loaded = cnn2snn.load_quantized_model(here / f"object{suffix}", own, compile_model=False)
    assert type(loaded.get_layer("hidden")) is layer
    assert type(loaded.get_layer("hidden").quantizer) is quantizer
    again = cnn2snn.load_quantized_model(here / f"object{suffix}", compile_model=False)
    assert type(again.get_layer("hidden")) is cnn2snn.QuantizedDense


def test_a_class_of_another_name_takes_a_place_in_hdf5_files_alone(here):
    other_name = type("Mine", (cnn2snn.QuantizedDense,), {"__module__": "mine"})
    loaded = cnn2snn.load_quantized_model(here / "object.h5", {"QuantizedDense": other_name}, compile_model=False)
    assert type(loaded.get_layer("hidden")) is other_name
    with pytest.raises(InvalidArgumentError, match=r"must be called so in a \.keras file.*received Mine"):
        cnn2snn.load_quantized_model(here / "object.keras", {"QuantizedDense": other_name})


@pytest.mark.skipif(LEGACY, reason="Keras 2 knows TensorFlow alone")
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_of_keras_is_named_with_its_variable(backend, tmp_path):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", "import cnn2snn; cnn2snn.quantize"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert "environment variable KERAS_BACKEND says" in result.stderr
    assert f"Keras computes with {backend} here" in result.stderr
