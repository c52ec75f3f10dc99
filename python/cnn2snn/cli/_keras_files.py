"""Keras models that commands read and write. Importing TensorFlow is left to the functions."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Any

from cnn2snn.cli import _files
from cnn2snn.errors import Cnn2SnnError, FormatError

SUFFIXES = (".h5", ".keras")


def load(path: Path) -> Any:
    """Returns the Keras model in a file, quantized layers included, not compiled."""
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    _files.check_suffix(path, *SUFFIXES)
    # TensorFlow reads it when it is imported: no notes on instruction sets and missing GPUs.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from cnn2snn import load_quantized_model

    try:
        return load_quantized_model(str(path), compile_model=False)
    except (Cnn2SnnError, ImportError):
        raise
    # Keras raises whatever its parts raise: OSError, ValueError, TypeError, KeyError and others.
    except Exception as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise FormatError(
            f"{path}: it is not a Keras model that can be loaded: {reason}",
            kind="keras_file",
            received=str(path),
        ) from error


def save(model: Any, path: Path) -> None:
    """Writes a Keras model without its optimizer, all of it or nothing."""
    # Keras calls HDF5 a legacy format each time; here the user chose it by the name of the file.
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with _files.replacing(path) as temporary:
            model.save(str(temporary), include_optimizer=False)
    finally:
        logger.setLevel(level)
