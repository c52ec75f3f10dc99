"""Keras models that commands read and write. TensorFlow is imported by the functions only."""

from __future__ import annotations

import errno
import logging
import os
import warnings
from pathlib import Path
from typing import Any

from cnn2snn import _files
from cnn2snn._model_files import KERAS, check_name
from cnn2snn._quiet import quiet
from cnn2snn.errors import InvalidArgumentError

__all__ = ["beside", "check", "load", "quiet", "save", "stem", "target"]


def check(path: Path, *others: str) -> None:
    """Raises an error when there is no file at `path`, or one whose name is not that of a Keras model.

    Args:
        path: the path.
        others: other suffixes that are allowed.
    """
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    # Folders can be SavedModels; loading says what is wrong with one.
    if not path.is_dir():
        check_name(path, *others)


def stem(path: Path) -> str:
    """The name of a model without its suffix; a folder has none."""
    return path.name if path.is_dir() else path.stem


def beside(path: Path, name: str) -> Path:
    """The default path of a result called `name`: next to the model at `path`, with its suffix; .h5 for a folder."""
    return path.with_name(name + (".h5" if path.is_dir() else path.suffix))


def target(source: Path, output: Path | None, name: str, *others: Path) -> Path:
    """Returns where a command saves the Keras model that it makes of the one at `source`, after checks of both.

    Args:
        source: path of the model.
        output: the path that was asked for, or None.
        name: what the result is called otherwise; see `beside`.
        others: other files that the command reads.
    """
    check(source)
    path = output or beside(source, name)
    _files.check_suffix(path, *KERAS)
    _files.check_folder(path)
    if path.exists() and path.samefile(source):
        raise InvalidArgumentError(
            f"{path}: the result would replace the model itself",
            kind="output",
            received=str(path),
            remedy="name another file with -o",
        )
    _files.check_not_read(path, *others)
    return path


def load(path: Path) -> Any:
    """Returns the Keras model in a file, quantized layers included, not compiled."""
    check(path)
    with quiet():
        from cnn2snn import load_quantized_model

        return load_quantized_model(str(path), compile_model=False)


def save(model: Any, path: Path) -> None:
    """Writes a Keras model, all of it or nothing."""
    # Keras calls HDF5 a legacy format each time, Keras 3 in its log and Keras 2 as a warning; here the user chose it by
    # the name of the file.
    # Keras 2 also notes that the model is not compiled.
    loggers = [logging.getLogger(name) for name in ("absl", "tensorflow")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with _files.replacing(path) as temporary, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are saving your model as an HDF5 file", UserWarning)
            model.save(str(temporary))
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
