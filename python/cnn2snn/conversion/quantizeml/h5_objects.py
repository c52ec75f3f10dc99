"""Objects of an HDF5 file from outside: read within limits, without following links out of the file.

A file is hostile until it has been checked. Nothing is read before its type and size are known, and all that is read
counts against a budget that the size of the file sets.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cnn2snn.conversion.quantizeml.h5_structure import MOST_TEXTS
from cnn2snn.errors import InvalidArgumentError

__all__ = ["H5Objects"]

# How many times the size of the file the texts and arrays in it may take, as objects can share their bytes.
_EXPANSION = 16
# The longest text that is read. The configuration of a network of a thousand layers has two megabytes.
_LONGEST_TEXT = 64 * 2**20
_REMEDY = "save the model again with quantizeml.save_model"


class H5Objects:
    """The objects of an open HDF5 file.

    Args:
        file: the open file.
        path: where it lies, for its size and for messages.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file = file
        self._path = path
        self._size = path.stat().st_size
        self._budget = _EXPANSION * self._size
        properties = file.id.get_create_plist()
        if properties.get_sizes() != (8, 8) or properties.get_userblock() != 0:
            raise self.error(
                f"it must have addresses and sizes of 8 bytes and no user block, received {properties.get_sizes()} and "
                f"{properties.get_userblock()}"
            )

    def group(self, path: tuple[str, ...]) -> h5py.Group:
        """The group at a path; each part is one link.

        Raises:
            InvalidArgumentError: there is none, or a link on the way leads elsewhere.
        """
        found: Any = self._file
        for i, part in enumerate(path):
            found = self._child(found, part, path[: i + 1])
            if not isinstance(found, h5py.Group):
                raise self.error(f"{_shown(path[: i + 1])} must be a group")
        return found

    def text(self, owner: h5py.Group, name: str) -> str:
        """An attribute that is one text.

        Raises:
            InvalidArgumentError: there is none, it is no text, it is too long, or it is not UTF-8.
        """
        self._check_attribute(owner, name, dimensions=0)
        value = owner.attrs[name]
        return self._decoded(value, name)

    def texts(self, owner: h5py.Group, name: str) -> list[str]:
        """An attribute that is a list of at most `MOST_TEXTS` texts; errors as for `text`."""
        self._check_attribute(owner, name, dimensions=1)
        return [self._decoded(value, name) for value in np.ravel(owner.attrs[name]).tolist()]

    def array(self, owner: h5py.Group, path: str) -> np.ndarray:
        """A float32 dataset below a group, in the byte order of this host.

        Args:
            owner: the group.
            path: where the dataset lies, with "/" between its parts.

        Raises:
            InvalidArgumentError: there is none, a link leads elsewhere, or it has another type. It is stored outside
                of the file or in chunks, or the file has no bytes for it.
        """
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        where = (*owner.name.strip("/").split("/"), *parts)
        found: Any = owner
        for part in parts:
            if not isinstance(found, h5py.Group):
                raise self.error(f"{_shown(where)} does not exist")
            found = self._child(found, part, where)
        if not isinstance(found, h5py.Dataset):
            raise self.error(f"{_shown(where)} must be a dataset")
        self._check_dataset(found, _shown(where))
        try:
            return np.asarray(found[()], dtype=np.float32)
        except (OSError, RuntimeError) as error:
            raise self.error(f"{_shown(where)} cannot be read ({error})") from error

    def error(self, problem: str) -> InvalidArgumentError:
        """The error for something in this file that is not as it must be."""
        return InvalidArgumentError(f"{self._path}: {problem}", kind="file", received=str(self._path), remedy=_REMEDY)

    def _child(self, group: h5py.Group, name: str, where: tuple[str, ...]) -> Any:
        try:
            link = group.get(name, getlink=True)
        except (KeyError, RuntimeError, OSError):
            link = None
        if link is None:
            raise self.error(f"{_shown(where)} does not exist")
        if not isinstance(link, h5py.HardLink):
            raise self.error(f"{_shown(where)} must be in the file itself, received a link")
        try:
            return group[name]
        except (KeyError, RuntimeError, OSError) as error:
            raise self.error(f"{_shown(where)} cannot be opened ({error})") from error

    def _check_dataset(self, dataset: h5py.Dataset, where: str) -> None:
        dtype = dataset.dtype
        if dtype.kind != "f" or dtype.itemsize != 4:
            raise self.error(f"{where} must be float32, received {dtype}")
        if dataset.shape is None or len(dataset.shape) > 5:
            raise self.error(f"{where} must have at most 5 dimensions, received shape {dataset.shape}")
        if dataset.is_virtual or dataset.external:
            raise self.error(f"{where} must be stored in the file itself")
        if dataset.chunks is not None:
            raise self.error(f"{where} must be stored in one piece, received chunks of {dataset.chunks}")
        # Python's integers do not overflow; shapes in a file can be any.
        size = 4 * math.prod(map(int, dataset.shape))
        if dataset.id.get_storage_size() != size:
            raise self.error(f"{where} has shape {dataset.shape}, for which the file holds no values")
        self._budget -= size
        if self._budget < 0:
            raise self.error(
                f"its arrays take more than {_EXPANSION} times its {self._size} bytes, received shape {dataset.shape} "
                f"for {where}"
            )

    def _check_attribute(self, owner: h5py.Group, name: str, dimensions: int) -> None:
        """Refuses an attribute that is no text of `dimensions` dimensions, before it is read."""
        where = f"the attribute {name!r} of {owner.name!r}"
        if name not in owner.attrs:
            raise self.error(f"{where} does not exist")
        attribute = owner.attrs.get_id(name)
        kind = attribute.get_type()
        # Keras writes an empty list as one of numbers.
        if not isinstance(kind, h5py.h5t.TypeStringID) and attribute.shape != (0,):
            raise self.error(f"{where} must be a text")
        # An empty list has the shape (0,). A null dataspace has None.
        if attribute.shape is None or len(attribute.shape) != dimensions:
            raise self.error(f"{where} must have {dimensions} dimensions, received shape {attribute.shape}")
        count = math.prod(map(int, attribute.shape))
        if count > MOST_TEXTS:
            # Many texts can lie at one place, so that the size of the file would be no limit.
            raise self.error(f"{where} must have at most {MOST_TEXTS} texts, received {count}")
        size = kind.get_size() * count
        if size > min(_LONGEST_TEXT, self._size):
            raise self.error(f"{where} must have at most {_LONGEST_TEXT} bytes, received {size}")

    def _decoded(self, value: Any, name: str) -> str:
        if isinstance(value, str):
            text = value
        else:
            try:
                text = bytes(value).decode("utf-8")
            except (UnicodeDecodeError, TypeError) as error:
                raise self.error(f"the attribute {name!r} must be UTF-8") from error
        if len(text) > _LONGEST_TEXT:
            raise self.error(f"the attribute {name!r} must have at most {_LONGEST_TEXT} characters")
        self._budget -= len(text)
        if self._budget < 0:
            raise self.error(f"its texts and arrays take more than {_EXPANSION} times its {self._size} bytes")
        return text


def _shown(parts: tuple[str, ...]) -> str:
    return repr("/".join(parts))
