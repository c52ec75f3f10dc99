"""What a model to convert is: one of QuantizeML, which is read here, or a Keras model."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn2snn._model_files import HDF5
from cnn2snn.conversion.onnx import Graph, read_onnx, read_onnx_model
from cnn2snn.conversion.quantizeml import (
    Network,
    is_quantizeml_h5,
    is_quantizeml_model,
    read_h5,
    read_keras_model,
)

if TYPE_CHECKING:
    from cnn2snn._keras import keras

__all__ = ["is_quantizeml_file", "keras_model_of", "quantizeml_of"]


def quantizeml_of(model: Any) -> Network | Graph | None:
    """The neutral form of a QuantizeML model; None for any other model.

    Neither TensorFlow nor Keras is imported.

    Args:
        model: the path of a file, or a model in memory.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: h5py or onnx is needed and not installed.
        InvalidArgumentError: (ValueError) a file that is damaged.
        UnsupportedModelError: (RuntimeError) a structure that cannot be read.
    """
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        if not is_quantizeml_file(path):
            return None
        return read_onnx(path) if _is_onnx(path) else read_h5(path)
    if type(model).__name__ == "ModelProto":
        return read_onnx_model(model)
    return read_keras_model(model) if is_quantizeml_model(model) else None


def is_quantizeml_file(path: Path) -> bool:
    """Whether a file is read as a QuantizeML model: all `.onnx` files, and HDF5 files that hold one."""
    return _is_onnx(path) or (path.suffix.lower() in HDF5 and path.is_file() and is_quantizeml_h5(path))


def _is_onnx(path: Path) -> bool:
    return path.suffix.lower() == ".onnx"


def keras_model_of(model: Any) -> keras.Model:
    """A Keras model that is none of QuantizeML; a path is loaded.

    Args:
        model: the path of a file or folder, or a model in memory.
    """
    if not isinstance(model, (str, os.PathLike)):
        return model
    from cnn2snn.model_io import load_quantized_model

    return load_quantized_model(Path(model), compile_model=False)
