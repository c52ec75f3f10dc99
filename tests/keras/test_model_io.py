"""Loading models: what cannot be loaded is refused with the file and the reason."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import LEGACY, keras
from cnn2snn.quantization_ops import LinearWeightQuantizer
from tests.keras.models import outputs


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


@pytest.mark.skipif(LEGACY, reason="Keras 2 reads them")
def test_saved_model_folders_are_refused_under_keras_3(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ValueError, match=r"SavedModel folder, which Keras 3 cannot read; .* TF_USE_LEGACY_KERAS=1"):
        cnn2snn.load_quantized_model(tmp_path)
