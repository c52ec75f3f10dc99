"""Loading models: what cannot be loaded is refused with the file and the reason."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import LEGACY, keras
from cnn2snn.conversion.convert import convert_blocks
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
    with pytest.raises(ValueError, match=r"suffix \.keras or \.h5"):
        cnn2snn.load_quantized_model(tmp_path)
    (tmp_path / "model.tflite").write_bytes(b"")
    with pytest.raises(ValueError, match=r"suffix \.keras or \.h5"):
        cnn2snn.load_quantized_model(tmp_path / "model.tflite")


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
