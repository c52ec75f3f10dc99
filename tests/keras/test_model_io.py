"""Loading models: what cannot be loaded is refused with the file and the reason."""

import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.quantization_ops import LinearWeightQuantizer


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
