"""Files of models, told apart without TensorFlow: which Keras can load, and what to do with others."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnn2snn.errors import InvalidArgumentError

__all__ = ["HDF5", "KERAS", "LOAD_UNDER_KERAS_2", "check_name", "explanation"]

HDF5 = (".h5", ".hdf5")
KERAS = (*HDF5, ".keras")

LOAD_UNDER_KERAS_2 = (
    "load it under Keras 2 (install tf_keras and set the environment variable TF_USE_LEGACY_KERAS=1), and save it "
    "there as a .h5 file if it is to be used under Keras 3"
)
_LOAD_UNDER_KERAS_3 = (
    "load it under Keras 3 (unset the environment variable TF_USE_LEGACY_KERAS), or make the model again under Keras 2 "
    "and give it the weights"
)

_PYTORCH = (
    "it is a PyTorch file, which holds no Keras model",
    "build the network with Keras layers and give it the weights, then use cnn2snn.quantize, or export it to ONNX and "
    "quantize that with QuantizeML, whose .onnx files cnn2snn.convert takes",
)
# What files of other makers are, and which way leads from them to a chip.
_OTHERS = {
    ".onnx": (
        "it is an ONNX file, which holds no Keras model",
        "give it to cnn2snn.convert if QuantizeML has quantized it; else quantize it with QuantizeML first, or build "
        "the network with Keras layers",
    ),
    ".tflite": (
        "it is a TensorFlow Lite file, which holds no Keras model",
        "take the Keras model that it was made from, and use cnn2snn.quantize",
    ),
    ".pt": _PYTORCH,
    ".pth": _PYTORCH,
    ".safetensors": _PYTORCH,
    ".pb": (
        "it is a TensorFlow graph, which holds no Keras layers",
        "take the Keras model that it was made from; the folder of a SavedModel loads under Keras 2 "
        "(TF_USE_LEGACY_KERAS=1)",
    ),
    ".fbz": ("it is a converted model", "load it with cnn2snn.akida.Model(path)"),
}

# What Keras 2 makes layers of where operations are applied to tensors.
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")


def check_name(path: Path, *others: str) -> None:
    """Raises an error where the name of a file is not that of a Keras model.

    Args:
        path: the path.
        others: other suffixes that are allowed.

    Raises:
        InvalidArgumentError: another suffix.
    """
    suffix = path.suffix.lower()
    if suffix in KERAS or suffix in others:
        return
    expected = " or ".join((*KERAS, *others))
    what, remedy = _OTHERS.get(suffix, (None, "save the model with model.save('name.keras')"))
    problem = f"the name of a Keras model must end in {expected}"
    raise InvalidArgumentError(
        f"{path}: {what}" if what else f"{problem}, received {str(path)!r}",
        kind="filepath",
        expected=expected,
        received=str(path),
        remedy=remedy,
    )


def explanation(path: Path, reason: str, *, legacy: bool) -> tuple[str, str]:
    """Why a file could not be loaded, and the remedy.

    Args:
        path: the file, whose name `check_name` takes.
        reason: what Keras says.
        legacy: whether Keras 2 is in use.
    """
    version, config = _version_and_config(path)
    if path.suffix.lower() == ".keras" and not zipfile.is_zipfile(path):
        return "it is not a Keras model that can be loaded: a .keras file is a zip archive", _WHOLE
    if config is None and version is not None:
        return "it holds weights without the model", "build the model in Python, and load them with model.load_weights"
    operations = sorted({name for name in _classes(config) if name in _OPERATIONS})
    if operations and not legacy:
        return (
            f"it holds operations on tensors ({', '.join(operations)}), which Keras 2 alone loads",
            "use Keras layers in their place, as they can be neither quantized nor converted; to look at the model, "
            "load it under Keras 2 (TF_USE_LEGACY_KERAS=1)",
        )
    if version is not None and version != ("2" if legacy else "3"):
        return (
            f"it was saved by Keras {version}, and Keras {'2' if legacy else '3'} cannot read it",
            _LOAD_UNDER_KERAS_3 if legacy else LOAD_UNDER_KERAS_2,
        )
    remedy = _WHOLE
    if version == "3" and reason.startswith("Unknown layer"):
        remedy += "; an operation on tensors, which HDF5 files cannot hold, needs a Keras layer in its place"
    return f"it is not a Keras model that can be loaded: {reason}", remedy


_WHOLE = "it must be a whole model saved with model.save, and classes of one's own must be given in custom_objects"


def _version_and_config(path: Path) -> tuple[str | None, Any]:
    """The generation of Keras that saved a file, and the configuration of the model in it; None for what it lacks."""
    import h5py

    unreadable = (OSError, KeyError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile)
    version: Any = None
    config = None
    if path.suffix.lower() == ".keras":
        with contextlib.suppress(*unreadable), zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json"))["keras_version"]
            config = json.loads(archive.read("config.json"))
    else:
        with contextlib.suppress(*unreadable), h5py.File(path, "r") as file:
            # Without a note, it is a file of weights, or one of another program.
            version = file.attrs.get("keras_version")
            if version is None and {"layers", "_layer_checkpoint_dependencies", "vars"} & set(file):
                version = "3"
            config = json.loads(file.attrs["model_config"])
    version = version.decode() if isinstance(version, bytes) else version
    return version[:1] if isinstance(version, str) else None, config


def _classes(value: Any) -> Iterator[str]:
    """The names of the classes in a configuration."""
    if isinstance(value, list):
        for item in value:
            yield from _classes(item)
    elif isinstance(value, dict):
        if isinstance(value.get("class_name"), str):
            yield value["class_name"]
        for item in value.values():
            yield from _classes(item)
