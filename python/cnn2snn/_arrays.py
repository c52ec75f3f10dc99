"""Files of arrays that commands read."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn.errors import Cnn2SnnError, FormatError, InvalidArgumentError

# The names that numpy.savez gives, and that Keras users choose, for the only array that matters.
_NPZ_KEYS = ("arr_0", "x")


def load(path: Path) -> np.ndarray:
    """Returns the array of a file, `.npy` or `.npz` with one that matters; of a `.npy` file without reading it yet."""
    with _arrays(path) as arrays:
        return arrays if isinstance(arrays, np.ndarray) else _member(path, arrays, _name_of_inputs(path, arrays.files))


def load_all(path: Path) -> np.ndarray:
    """Returns the array of a `.npy` file, or all arrays of a `.npz` file one after the other along their first axis."""
    with _arrays(path) as arrays:
        if isinstance(arrays, np.ndarray):
            return arrays
        parts = [_member(path, arrays, name) for name in arrays.files]
    if len({(part.shape[1:], part.ndim) for part in parts}) != 1 or not parts[0].ndim:
        shapes = ", ".join(str(part.shape) for part in parts) or "none"
        raise InvalidArgumentError(
            f"{path}: its arrays must have one shape but for the first axis, received {shapes}",
            kind="samples",
            received=[part.shape for part in parts],
        )
    return np.concatenate(parts)


@contextmanager
def _arrays(path: Path) -> Iterator[Any]:
    """The array of a `.npy` file, or the open `.npz` file."""
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                file.seek(0)
                with np.load(file, allow_pickle=False) as arrays:
                    yield arrays
                return
        yield np.load(path, mmap_mode="r", allow_pickle=False)
    except Cnn2SnnError:
        raise
    # Zip files raise RuntimeError for members that are encrypted, or packed in a way that Python does not know.
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise FormatError(f"{path}: it is not a .npy or .npz file of plain numbers: {error}", kind="inputs") from error


def _member(path: Path, arrays: Any, name: str) -> np.ndarray:
    array = arrays[name]
    if not isinstance(array, np.ndarray):
        raise FormatError(
            f"{path}: its member {name} is no array",
            kind="inputs",
            received=name,
            remedy="write the file with numpy.savez, with arrays alone",
        )
    return array


def _name_of_inputs(path: Path, names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    for name in _NPZ_KEYS:
        if name in names:
            return name
    raise InvalidArgumentError(
        f"{path}: it must have one array, or one named arr_0 or x, received {', '.join(names)}",
        kind="inputs",
        received=names,
    )
