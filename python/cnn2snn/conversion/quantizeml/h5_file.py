"""QuantizeML models in `.h5` files, read with h5py alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnn2snn.conversion.quantizeml.classes import CLASSES
from cnn2snn.conversion.quantizeml.h5_structure import damaged_place
from cnn2snn.conversion.quantizeml.model_config import read_model_config
from cnn2snn.conversion.quantizeml.network import Network, Node, before_dequantizer
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError

if TYPE_CHECKING:
    from cnn2snn.conversion.quantizeml.h5_objects import H5Objects

__all__ = ["is_quantizeml_h5", "read_h5"]

# The attributes that hold the configuration of a model, and the names of the variables of a layer.
_CONFIG, _NAMES = "model_config", "weight_names"
_NEEDS_H5PY = "reading an .h5 file needs h5py: install it with `pip install h5py`"
# How the names of QuantizeML's own classes begin in files.
_OWN = ("Custom>Quantized", "Custom>Dequantizer", "Custom>InputQuantizer")


def is_quantizeml_h5(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds a QuantizeML model: one of its layers has a class of QuantizeML.

    Args:
        path: the file. False for one that is no HDF5 file of a whole model.

    Raises:
        ImportError: h5py is not installed.
        InvalidArgumentError: (ValueError) a file that no library of HDF5 finishes to read.
    """
    file_path = Path(path)
    _check_structure(file_path)
    try:
        with _opened(file_path) as objects:
            config = json.loads(objects.text(objects.group(()), _CONFIG))
        names = [str(layer["class_name"]) for layer in config["config"]["layers"]]
    except (OSError, RuntimeError, KeyError, ValueError, TypeError):
        # Whoever reads the file says what is wrong with it.
        return False
    return any(name.startswith(_OWN) for name in names)


def read_h5(path: str | os.PathLike[str]) -> Network:
    """Reads a QuantizeML model from an `.h5` file.

    The variables of layers up to the first Dequantizer are read, those behind it stay in the file. Memory is bounded
    by a multiple of the file's size.

    Args:
        path: the file, as `quantizeml.save_model` writes it.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: h5py is not installed.
        InvalidArgumentError: (ValueError) it is no HDF5 file of a whole model, or an object in it is missing, of
            another type, or beyond the limits.
        UnsupportedModelError: (RuntimeError) the structure of the model is not one of those that can be read.
    """
    file_path = Path(path)
    if not file_path.is_file():
        raise FileNotFoundError(f"there is no file {str(file_path)!r}")
    _check_structure(file_path)
    with _opened(file_path) as objects:
        try:
            return _network(objects)
        except Cnn2SnnError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            # Whatever the HDF5 library says of damaged structures.
            raise objects.error(f"it is damaged ({error})") from error


@contextmanager
def _opened(path: Path) -> Iterator[H5Objects]:
    """The objects of a file, for as long as it is open."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(_NEEDS_H5PY) from error
    from cnn2snn.conversion.quantizeml.h5_objects import H5Objects

    try:
        file = h5py.File(path, "r")
    except PermissionError:
        raise
    except OSError as error:
        raise _invalid(path, f"it is not an HDF5 file ({error})") from error
    with file:
        yield H5Objects(file, path)


def _check_structure(path: Path) -> None:
    place = damaged_place(path, (_CONFIG, _NAMES))
    if place is not None:
        raise _invalid(path, f"it is damaged (the structure at byte {place} is not sound)")


def _invalid(path: Path, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{path}: {problem}", kind="file", received=str(path), remedy="save the model with quantizeml.save_model"
    )


def _network(objects: H5Objects) -> Network:
    root = objects.group(())
    try:
        config = json.loads(objects.text(root, _CONFIG))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidArgumentError):
            raise
        raise objects.error(f"the configuration of the model must be JSON ({type(error).__name__}: {error})") from error
    skeleton = read_model_config(config)
    nodes, ignored = before_dequantizer(skeleton.nodes)
    filled = {name: replace(node, variables=_variables(objects, node)) for name, node in nodes.items()}
    return Network(skeleton.name, filled, skeleton.inputs, skeleton.outputs, ignored)


def _variables(objects: H5Objects, node: Node) -> dict[str, np.ndarray]:
    """The variables of a layer that its class knows."""
    known = CLASSES[node.class_name].variables if node.class_name in CLASSES else ()
    if not known:
        return {}
    # A layer name with slashes is a path of groups.
    group = objects.group(("model_weights", *(part for part in node.name.split("/") if part)))
    found: dict[str, np.ndarray] = {}
    for path in objects.texts(group, _NAMES):
        # The folders before the last part differ between versions of QuantizeML.
        name = path.rpartition("/")[2].partition(":")[0]
        if name not in known:
            raise objects.error(f'layer "{node.name}" ({node.class_name}) has no variable {path!r}')
        if name in found:
            raise objects.error(f'layer "{node.name}" ({node.class_name}) has two variables {name!r}')
        found[name] = objects.array(group, path)
    return found
