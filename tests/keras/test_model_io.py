"""Loading models: what cannot be loaded is refused with the file and the reason."""

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import cnn2snn
from cnn2snn import _python_code
from cnn2snn._keras import LEGACY, keras
from cnn2snn.conversion.pipeline import convert_blocks
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from cnn2snn.quantization_ops import LinearWeightQuantizer
from tests.keras.models import outputs

L = keras.layers


class Unregistered(LinearWeightQuantizer):
    def scale_factor(self, w):
        return 10.0


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_that_are_not_models_are_refused(suffix, tmp_path):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"broken.*not a Keras model that can be loaded"):
        cnn2snn.load_quantized_model(path)


def test_missing_files_folders_and_other_suffixes_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        cnn2snn.load_quantized_model(tmp_path / "nowhere.h5")
    with pytest.raises(ValueError, match="it is a folder, and no SavedModel"):
        cnn2snn.load_quantized_model(tmp_path)
    (tmp_path / "model.txt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"must end in \.h5 or \.hdf5 or \.keras, received"):
        cnn2snn.load_quantized_model(tmp_path / "model.txt")


@pytest.mark.parametrize(
    ("suffix", "what", "way"),
    [
        (".onnx", "an ONNX file", "cnn2snn.convert if QuantizeML"),
        (".tflite", "a TensorFlow Lite file", "the Keras model that it was made from"),
        (".pt", "a PyTorch file", "export it to ONNX"),
        (".pth", "a PyTorch file", "Keras layers"),
        (".safetensors", "a PyTorch file", "Keras layers"),
        (".pb", "a TensorFlow graph", "TF_USE_LEGACY_KERAS=1"),
        (".fbz", "a converted model", "cnn2snn.akida.Model"),
    ],
)
def test_files_of_other_makers_are_named_with_the_way_that_leads_here(suffix, what, way, tmp_path):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match=f"it is {what}") as caught:
        cnn2snn.load_quantized_model(path)
    assert way in caught.value.remedy
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_classes_of_ones_own_are_given_by_name(suffix, tmp_path):
    model = keras.Sequential([keras.Input((4,)), cnn2snn.QuantizedDense(2, Unregistered(4))])
    path = tmp_path / f"own{suffix}"
    model.save(path)
    with pytest.raises(ValueError, match="custom_objects"):
        cnn2snn.load_quantized_model(path)
    loaded = cnn2snn.load_quantized_model(path, {"Unregistered": Unregistered}, compile_model=False)
    assert isinstance(loaded.layers[-1].quantizer, Unregistered)


@pytest.mark.skipif(not LEGACY, reason="Keras 3 neither writes nor reads SavedModel folders as models")
def test_saved_model_folders_load_under_keras_2(float_model, images, tmp_path):
    quantized = cnn2snn.quantize(float_model, 4, 4, 8)
    quantized.save(tmp_path / "folder")
    loaded = cnn2snn.load_quantized_model(tmp_path / "folder", compile_model=False)
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in quantized.layers]
    np.testing.assert_array_equal(outputs(loaded, images), outputs(quantized, images))
    assert cnn2snn.convert(loaded).to_buffer() == cnn2snn.convert(quantized).to_buffer()


@pytest.mark.skipif(not LEGACY, reason="Keras 3 neither writes nor reads SavedModel folders as models")
def test_saved_model_folders_whose_quantizers_are_layers_load(tmp_path):
    """As in folders of the original toolkit, which tracks its quantizers."""

    class LayerQuantizer(L.Layer):
        quantize = staticmethod(lambda w: w)

        def get_config(self):
            return {**super().get_config(), "bitwidth": 4}

    class Quantized(L.Dense):
        def __init__(self, units, **kwargs):
            super().__init__(units, **kwargs)
            self.quantizer = LayerQuantizer()

        def get_config(self):
            config = {**super().get_config(), "quantizer": keras.layers.serialize(self.quantizer)}
            del config["activation"]
            return config

    LayerQuantizer.__name__, Quantized.__name__ = "MaxQuantizer", "QuantizedDense"
    model = keras.Sequential([keras.Input((4,)), Quantized(3)])
    model.save(tmp_path / "folder")
    loaded = cnn2snn.load_quantized_model(tmp_path / "folder", compile_model=False)
    assert type(loaded.layers[0]) is cnn2snn.QuantizedDense
    assert type(loaded.layers[0].quantizer) is cnn2snn.MaxQuantizer
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


@pytest.mark.skipif(LEGACY, reason="Keras 2 reads them")
def test_saved_model_folders_are_refused_under_keras_3(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match=r"SavedModel folder, which Keras 3 cannot read; .* TF_USE_LEGACY_KERAS=1"):
        cnn2snn.load_quantized_model(tmp_path)


VARIANTS = Path(__file__).parent.parent / "fixtures" / "keras2-variants"


@pytest.mark.parametrize("name", ["mobile", "gesture", "discrete"])
def test_what_keras_2_writes_is_read_alike_under_both_generations(name):
    """Slashes, arguments of base classes, batch shapes, constraints, quantizers in the form of the original toolkit."""
    recorded = np.load(VARIANTS / f"{name}.npz")
    model = cnn2snn.load_quantized_model(VARIANTS / f"{name}.h5")
    np.testing.assert_allclose(outputs(model, recorded["x"]), recorded["y"], rtol=1e-4, atol=1e-5)
    blocks = convert_blocks(model, input_is_image=name != "gesture").blocks
    derived = {name for name in recorded.files if "/" in name}
    assert {name.rpartition("/")[0] for name in derived} == {b.block.name for b in blocks}
    for b in blocks:
        for what in ("weights", "depthwise", "t", "s"):
            if f"{b.block.name}/{what}" in derived:
                np.testing.assert_array_equal(getattr(b.ideal, what), recorded[f"{b.block.name}/{what}"])


@pytest.mark.parametrize("layer", [L.SeparableConv2D(2, 3), L.DepthwiseConv2D(3), L.SpatialDropout2D(0.5)])
def test_float_layers_load_from_what_the_other_generation_wrote(layer, tmp_path):
    """Keras 2 writes arguments that Keras 3 refuses; here they are written by hand."""
    keras.Sequential([keras.Input((6, 6, 2)), layer]).save(tmp_path / "float.h5")
    with h5py.File(tmp_path / "float.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        entry = config["config"]["layers"][-1]
        entry["config"] |= {"SpatialDropout2D": {"noise_shape": None, "trainable": True}}.get(
            entry["class_name"], {"groups": 1}
        )
        file.attrs["model_config"] = json.dumps(config)
    loaded = cnn2snn.load_quantized_model(tmp_path / "float.h5", compile_model=False)
    assert type(loaded.layers[-1]) is type(layer)


def older_file(path, edit):
    """A model as an older version of the original toolkit wrote it; `edit` gets each layer's entry and its weights."""
    model = keras.Sequential(
        [
            keras.Input((5,)),
            cnn2snn.QuantizedDense(4, cnn2snn.StdWeightQuantizer(3, bitwidth=4), name="hidden"),
            cnn2snn.QuantizedReLU(4, name="relu"),
            cnn2snn.QuantizedDense(2, cnn2snn.StdWeightQuantizer(2.5, bitwidth=4), name="classes"),
        ]
    )
    model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for entry in config["config"]["layers"][1:]:
            edit(entry, file["model_weights"][entry["config"]["name"]])
        file.attrs["model_config"] = json.dumps(config)
    return model


def add_weight(group, name, value):
    names = [n if isinstance(n, bytes) else n.encode() for n in group.attrs["weight_names"]]
    group.attrs["weight_names"] = [*names, name.encode()]
    group[name] = np.float32(value)


def test_thresholds_that_older_versions_trained_become_those_of_the_quantizer(tmp_path):
    def edit(entry, group):
        name = entry["config"]["name"]
        if name != "relu":
            config = {"name": f"of_{name}", "bitwidth": 4, "threshold": 1.0}
            entry["config"]["quantizer"] = {"class_name": "TrainableStdWeightQuantizer", "config": config}
            add_weight(group, f"of_{name}/threshold:0", {"hidden": 3.0, "classes": 2.5}[name])

    model = older_file(tmp_path / "old.h5", edit)
    loaded = cnn2snn.load_quantized_model(tmp_path / "old.h5", compile_model=False)
    assert [loaded.get_layer(name).quantizer.threshold for name in ("hidden", "classes")] == [3.0, 2.5]
    x = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    np.testing.assert_array_equal(outputs(loaded, x), outputs(model, x))


def test_the_oldest_name_of_the_std_quantizer_is_known(tmp_path):
    def edit(entry, _):
        if "quantizer" in entry["config"]:
            threshold = {"hidden": 3.0, "classes": 2.5}[entry["config"]["name"]]
            config = {"bitwidth": 4, "threshold": threshold}
            entry["config"]["quantizer"] = {"class_name": "WeightQuantizer", "config": config}

    model = older_file(tmp_path / "old.h5", edit)
    loaded = cnn2snn.load_quantized_model(tmp_path / "old.h5", compile_model=False)
    x = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    np.testing.assert_array_equal(outputs(loaded, x), outputs(model, x))


def test_activations_of_older_versions_are_refused_with_the_remedy(tmp_path):
    def edit(entry, group):
        if entry["config"]["name"] == "relu":
            entry["class_name"] = "QuantizedReLU"
            del entry["config"]["max_value"]
            add_weight(group, "relu/threshold:0", 0.2)
            add_weight(group, "relu/step:0", 0.4)

    older_file(tmp_path / "old.h5", edit)
    with pytest.raises(UnsupportedModelError, match=r'"relu".*2\.1\.2 and older.*max_value = 16'):
        cnn2snn.load_quantized_model(tmp_path / "old.h5")


def with_a_lambda():
    return keras.Sequential([keras.Input((4,)), L.Lambda(lambda x: 2 * x, output_shape=(4,), name="twice")])


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_python_code_in_a_file_is_refused_unless_asked_for(suffix, tmp_path):
    path = tmp_path / f"code{suffix}"
    with_a_lambda().save(path)
    with pytest.raises(InvalidArgumentError, match=r'code.*: layer "twice" is Python code') as caught:
        cnn2snn.load_quantized_model(path, compile_model=False)
    assert (caught.value.layer, caught.value.kind) == ("twice", "safe_mode")
    assert "cnn2snn.load_quantized_model(path, safe_mode=False)" in caught.value.remedy
    loaded = cnn2snn.load_quantized_model(path, compile_model=False, safe_mode=False)
    np.testing.assert_array_equal(outputs(loaded, np.ones((1, 4))), np.full((1, 4), 2))


def test_python_code_inside_a_model_of_a_model_is_found(tmp_path):
    inner = with_a_lambda()
    model = keras.Sequential([keras.Input((4,)), L.Dense(4), inner])
    model.save(tmp_path / "nested.h5")
    with pytest.raises(InvalidArgumentError, match=r'layer "twice" is Python code'):
        cnn2snn.load_quantized_model(tmp_path / "nested.h5", compile_model=False)


def test_python_code_of_an_output_shape_is_found():
    layer = {"class_name": "Lambda", "config": {"name": "shape", "output_shape_type": "lambda"}}
    assert list(_python_code._layers({"config": {"layers": [layer]}}, None)) == ["shape"]


def test_a_zip_archive_in_front_hides_no_python_code(tmp_path):
    path = tmp_path / "both.h5"
    with_a_lambda().save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", "{}")
    assert h5py.is_hdf5(path)
    with pytest.raises(InvalidArgumentError, match=r'layer "twice" is Python code'):
        cnn2snn.load_quantized_model(path, compile_model=False)


@pytest.mark.skipif(not LEGACY, reason="Keras 3 neither writes nor reads SavedModel folders as models")
def test_python_code_in_a_folder_is_refused_unless_asked_for(tmp_path):
    with_a_lambda().save(tmp_path / "folder")
    with pytest.raises(InvalidArgumentError, match="a layer is Python code"):
        cnn2snn.load_quantized_model(tmp_path / "folder", compile_model=False)
    loaded = cnn2snn.load_quantized_model(tmp_path / "folder", compile_model=False, safe_mode=False)
    np.testing.assert_array_equal(outputs(loaded, np.ones((1, 4))), np.full((1, 4), 2))
