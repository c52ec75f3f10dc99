"""Python code in Keras files: found without running it."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnn2snn.errors import InvalidArgumentError

# The parts of a `Lambda` layer that can be code, each with the key that says so.
_TYPES = ("function_type", "output_shape_type", "mask_type")
# What the metadata of a SavedModel folder say of such a part, in JSON.
_MARKS = [f'"{key}": "lambda"'.encode() for key in _TYPES] + [b'"__lambda__"']


def check_no_code(path: Path) -> None:
    """Raises an error when a Keras file holds Python code. A file that cannot be read passes: loading it says why.

    Raises:
        InvalidArgumentError: a layer of the model is code.
    """
    names = list(_in_folder(path) if path.is_dir() else _layers(list(_configs(path)), None))
    if not names:
        return
    named = f'layer "{names[0]}"' if names[0] else "a layer"
    raise InvalidArgumentError(
        f"{path}: {named} is Python code, which would run in this process",
        layer=names[0],
        kind="safe_mode",
        received=str(path),
        remedy=(
            "if you trust whoever made the file, load it in Python with "
            "cnn2snn.load_quantized_model(path, safe_mode=False)"
        ),
    )


def _configs(path: Path) -> Iterator[Any]:
    """Every configuration in a file. What a zip archive says need not be what the same bytes say as an HDF5 file."""
    import h5py

    unreadable = (OSError, KeyError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile)
    if zipfile.is_zipfile(path):
        with contextlib.suppress(*unreadable), zipfile.ZipFile(path) as archive:
            yield json.loads(archive.read("config.json"))
    for attribute in ("model_config", "training_config"):
        with contextlib.suppress(*unreadable), h5py.File(path, "r") as file:
            yield json.loads(file.attrs[attribute])


def _layers(value: Any, name: str | None) -> Iterator[str | None]:
    """The names of the layers that are code, of a configuration inside the layer `name`."""
    if isinstance(value, list):
        for item in value:
            yield from _layers(item, name)
    elif isinstance(value, dict):
        own = value.get("name")
        name = own if isinstance(own, str) else name
        if value.get("class_name") == "__lambda__" or any(value.get(key) == "lambda" for key in _TYPES):
            yield name
        else:
            for item in value.values():
                yield from _layers(item, name)


def _in_folder(path: Path) -> Iterator[None]:
    metadata = path / "keras_metadata.pb"
    data = metadata.read_bytes() if metadata.is_file() else b""
    if any(mark in data for mark in _MARKS):
        yield None
