"""Loading quantized Keras models, those of the original toolkit's Keras 2 files included."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py

from cnn2snn import _compilation, gamma_constraint, quantization_layers, quantization_ops
from cnn2snn._files import path_of
from cnn2snn._keras import LEGACY, keras
from cnn2snn._model_files import HDF5, LOAD_UNDER_KERAS_2, check_name, explanation
from cnn2snn._older_files import upgraded
from cnn2snn._python_code import check_no_code
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, InvalidTypeError, UnsupportedModelError

__all__ = ["cnn2snn_objects", "load_quantized_model"]

# Every class that a saved model can hold, by name.
cnn2snn_objects: dict[str, type] = {
    name: getattr(module, name)
    for module, names in (
        (
            quantization_ops,
            ("MaxQuantizer", "MaxPerAxisQuantizer", "StdWeightQuantizer", "StdPerAxisQuantizer"),
        ),
        (
            quantization_layers,
            (
                "QuantizedConv2D",
                "QuantizedSeparableConv2D",
                "QuantizedDepthwiseConv2D",
                "QuantizedDense",
                "QuantizedReLU",
                "ActivationDiscreteRelu",
            ),
        ),
        (gamma_constraint, ("MinValueConstraint",)),
    )
    for name in names
}


_QUANTIZERS = [cls for cls in cnn2snn_objects.values() if issubclass(cls, quantization_ops.WeightQuantizer)]


def load_quantized_model(
    filepath: str | Path,
    custom_objects: dict[str, type] | None = None,
    compile_model: bool = True,
    *,
    safe_mode: bool = True,
) -> keras.Model:
    """Loads a Keras model that may hold quantized layers.

    Reads `.keras` files and HDF5 files (`.h5`, `.hdf5`), among them those that the original toolkit wrote with Keras 2
    (older names of its quantizers and thresholds that were trained included), and under Keras 2 SavedModel folders.
    Layer names with a slash, which Keras 3 does not allow, get an underscore in its place.

    Args:
        filepath: the file or folder.
        custom_objects: classes of one's own by name, which win over the classes of this package.
        compile_model: whether the model is compiled as it was when it was saved, with the variables of its optimizer.
            Where that cannot be restored, the model is loaded all the same, and a warning says what is lost.
        safe_mode: whether files that hold Python code, as that of a `Lambda` layer, are refused. The code runs in this
            process. Switch it off for files of people whom you trust only.

    Returns:
        The Keras model.

    Raises:
        FileNotFoundError: there is no such file.
        InvalidArgumentError: the file has another suffix, is a SavedModel folder under Keras 3, which cannot read one,
            holds Python code, or cannot be loaded (the error of Keras is its cause).
        UnsupportedModelError: a `QuantizedReLU` of version 2.1.2 or older of the original toolkit, whose threshold is
            not half its step.

    Warns:
        UserWarning: the model is not compiled as it was.
    """
    path = Path(path_of("filepath", filepath))
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    is_saved_model = (path / "saved_model.pb").is_file()
    if is_saved_model and not LEGACY:
        raise InvalidArgumentError(
            f"{path}: it is a SavedModel folder, which Keras 3 cannot read",
            kind="filepath",
            expected=".keras or .h5",
            received=str(path),
            remedy=LOAD_UNDER_KERAS_2,
        )
    if path.is_dir() and not is_saved_model:
        raise InvalidArgumentError(
            f"{path}: it is a folder, and no SavedModel",
            kind="filepath",
            expected=".keras or .h5",
            received=str(path),
            remedy="name a file that was saved with model.save('name.keras')",
        )
    if not is_saved_model:
        check_name(path)
    own = {} if custom_objects is None else custom_objects
    if not isinstance(own, Mapping):
        raise InvalidTypeError(
            f"custom_objects must be a dictionary of classes by name, received {type(own).__name__}",
            kind="custom_objects",
            expected="a dictionary",
            received=own,
        )
    if path.suffix.lower() == ".keras":
        for name, cls in own.items():
            if name in cnn2snn_objects and cls.__name__ != name:
                raise InvalidArgumentError(
                    f"{path}: the class that takes the place of {name} must be called so in a .keras file, in which "
                    f"Keras finds weights by the names of classes, received {cls.__name__}",
                    kind="custom_objects",
                    expected=name,
                    received=cls.__name__,
                    remedy="give the class this name, or save the model as a .h5 file",
                )
    if safe_mode:
        check_no_code(path)
    # Keras raises whatever its parts raise: OSError, ValueError, TypeError, KeyError and others.
    try:
        try:
            model, lost = _load(path, own, compile_model, safe_mode)
        except (PermissionError, UnsupportedModelError):
            raise
        except Exception as error:
            if not compile_model:
                raise
            model, _ = _load(path, own, False, safe_mode)
            lost = f"the model is loaded but not compiled ({_first_line(error)}); call its compile method to train it"
    except (PermissionError, UnsupportedModelError):
        raise
    except Exception as error:
        problem, remedy = explanation(path, _first_line(error), legacy=LEGACY)
        raise InvalidArgumentError(f"{path}: {problem}", kind="filepath", received=str(path), remedy=remedy) from error
    if lost is not None:
        warnings.warn(f"{path}: {lost}", UserWarning, stacklevel=2)
    return model


def _first_line(error: Exception) -> str:
    """What an error says, without what Keras advises."""
    cause = error.__context__ if isinstance(error.__context__, Cnn2SnnError) else error
    line = next(iter(str(cause).splitlines()), type(error).__name__)
    for advice in (". Make sure ", ". Please ensure ", " Full object config: ", " using config="):
        line = line.partition(advice)[0]
    return line


def _load(path: Path, own: dict[str, Any], compile_model: bool, safe_mode: bool) -> tuple[keras.Model, str | None]:
    """The model in a file or folder, and what of its compilation is lost."""
    objects = {**cnn2snn_objects, **own}
    if path.is_dir():
        # In folders of the original toolkit quantizers are layers of their own, beside the configurations in the layers
        # that have them: Keras must not take ours for those.
        objects = {name: cls for name, cls in objects.items() if cls not in _QUANTIZERS}
    is_hdf5 = path.suffix.lower() in HDF5 and not path.is_dir()
    # Keras finds a class by its registered name before the user's own class of this name.
    replaced = {f"{_PACKAGE}>{name}": name for name in own if name in cnn2snn_objects}
    with tempfile.TemporaryDirectory() as folder, keras.utils.custom_object_scope(own):
        if is_hdf5:
            source = _readable(path, Path(folder), own, replaced)
        else:
            source = _with_names(path, Path(folder), replaced) if replaced and path.is_file() else path
        model = keras.models.load_model(
            source,
            custom_objects=objects,
            compile=compile_model and (LEGACY or not is_hdf5),
            safe_mode=safe_mode,
        )
    if not (compile_model and is_hdf5 and not LEGACY):
        return model, None
    with h5py.File(path, "r") as file:
        has_state = _compilation.restore(model, file, own)
    return model, None if has_state else "the model is loaded without the variables of its optimizer, which begin anew"


# The package that the classes here are registered under.
_PACKAGE = "cnn2snn"


# What Keras 2 writes of layers and Keras 3 refuses: arguments of a base class that mean nothing to the layer.
_UNUSED_ARGUMENTS = {
    "SeparableConv2D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    "DepthwiseConv2D": ("groups",),
    "SpatialDropout2D": ("trainable", "noise_shape"),
}


def _with_names(path: Path, folder: Path, names: dict[str, str]) -> Path:
    """A copy of a `.keras` file whose configuration has other names of classes."""
    copy = folder / "model.keras"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for item in source.infolist():
            data = source.read(item)
            if item.filename == "config.json":
                data = json.dumps(_renamed(json.loads(data), names)).encode()
            target.writestr(item, data)
    return copy


def _readable(path: Path, folder: Path, own: dict[str, type], replaced: dict[str, str]) -> Path:
    """The HDF5 file, or a copy of it that Keras can read.

    What older versions of the original toolkit wrote is put in the words of later ones, and for Keras 3 the copy has no
    slashes in layer names and nothing that it refuses.
    """
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            return path
        config = json.loads(file.attrs["model_config"])
        groups = dict(file["model_weights"])
        found = {name: group for group in groups.values() for name in map(_text, group.attrs.get("weight_names", ()))}
        readable, taken = upgraded(config, {name: group[name] for name, group in found.items()}, own)
    readable = _renamed(readable, replaced)
    names = {}
    if not LEGACY:
        names = {name: name.replace("/", "_") for name in _layer_names(readable) if "/" in name}
        readable = _renamed(_without_unused(readable), names)
    if readable == config:
        return path
    copy = folder / "model.h5"
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = json.dumps(readable)
        weights = file["model_weights"]
        for layer in groups if taken else ():
            kept = [name for name in map(_text, weights[layer].attrs["weight_names"]) if name not in taken]
            weights[layer].attrs["weight_names"] = [name.encode() for name in kept]
        weights.attrs["layer_names"] = [names.get(name, name) for name in map(_text, weights.attrs["layer_names"])]
        for old, new in names.items():
            if old in weights:
                weights.move(old, new)
    return copy


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _layer_names(config: Any) -> set[str]:
    """The names in every configuration that belongs to a class."""
    if isinstance(config, list):
        return set().union(*map(_layer_names, config))
    if not isinstance(config, dict):
        return set()
    names = set().union(*map(_layer_names, config.values()))
    inner = config.get("config")
    if "class_name" in config and isinstance(inner, dict) and isinstance(inner.get("name"), str):
        names.add(inner["name"])
    return names


def _without_unused(value: Any, is_first: bool = False) -> Any:
    """The same configuration without what Keras 3 refuses; `is_first` for the first layer of a model."""
    if isinstance(value, list):
        return [_without_unused(item, index == 0) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    value = {key: _without_unused(item) for key, item in value.items()}
    layer, config = value.get("class_name"), value.get("config")
    if isinstance(layer, str) and isinstance(config, dict):
        unused = set(_UNUSED_ARGUMENTS.get(layer, ()))
        if layer != "InputLayer" and not is_first:
            # The input layer says it.
            unused.add("batch_input_shape")
        value["config"] = {key: item for key, item in config.items() if key not in unused}
        for key in ("input_layers", "output_layers"):
            # A list of one tensor would be asked for on every call, with a warning where the tensor itself is given.
            if len(config.get(key, ())) == 1 and isinstance(config[key], list):
                value["config"][key] = config[key][0]
    return value


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """The same structure with every text that is an old name replaced."""
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
