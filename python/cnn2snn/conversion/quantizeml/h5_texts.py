"""Checks of texts in HDF5 files that the HDF5 library lacks.

A text of variable length lies in a collection of the file, which is a list of objects with their sizes. An attribute
refers to an object with its length. The library takes as much memory as the attribute says, and goes through a
collection for as long as its sizes lead on, which can be for ever. Format: "HDF5 File Format Specification", III.E
"Global Heap", IV.A.2.b "The Dataspace Message" and IV.A.2.m "The Attribute Message".
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator

__all__ = ["MOST_TEXTS", "damaged_text"]

# The longest list of texts that is checked, and may be read.
MOST_TEXTS = 64
# Signature and version; the library reads nothing else as a collection.
_COLLECTION = b"GCOL\x01"
# The sizes of the header of a collection and of that of an object.
_HEADER = 16
# The library refuses smaller collections.
_SMALLEST = 4096
# The class of types of variable length, and the size of a reference to a text.
_VARIABLE, _REFERENCE = 9, 16


def damaged_text(path: str | os.PathLike[str], attributes: tuple[str, ...]) -> int | None:
    """Where a file has a text that the library must not read; None without.

    Addresses and sizes are read as 8 bytes, as in all files of h5py.

    Args:
        path: the file.
        attributes: the names of attributes that are to be read: a text, or a list of at most `MOST_TEXTS`.
    """
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for place in _places(data, _COLLECTION):
                if _is_endless(data, place):
                    return place
            for attribute in attributes:
                name = attribute.encode() + b"\0"
                for place in _places(data, name):
                    if any(length > len(data) for length in _lengths(data, place, len(name))):
                        return place
    return None


def _places(data: mmap.mmap, wanted: bytes) -> Iterator[int]:
    place = data.find(wanted)
    while place >= 0:
        yield place
        place = data.find(wanted, place + 1)


def _is_endless(data: mmap.mmap, place: int) -> bool:
    """Whether one of the objects of a collection does not end behind its own header and within the collection."""
    if place + _HEADER > len(data):
        return False
    (size,) = struct.unpack_from("<Q", data, place + 8)
    if not _SMALLEST <= size <= len(data) - place:
        # The library refuses it. Weights that look like a signature by chance end here as well.
        return False
    at, end = place + _HEADER, place + size
    while at + _HEADER <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", data, at)
        # The object 0 is free space, whose length counts its header.
        taken = length if index == 0 else _HEADER + (length + 7) // 8 * 8
        if taken < _HEADER or at + taken > end:
            return True
        at += taken
    return False


def _lengths(data: mmap.mmap, place: int, size: int) -> Iterator[int]:
    """The lengths of the texts of attributes with their name at `place`, by each version of attributes."""
    for version, header, unit in ((1, 8, 8), (2, 8, 1), (3, 9, 1)):
        start = place - header
        if start < 0 or data[start] != version:
            continue
        sizes = struct.unpack_from("<HHH", data, start + 2)
        # Version 1 fills name, type and shape up to multiples of 8 bytes.
        name, kind, shape = (-(-part // unit) * unit for part in sizes)
        values = place + name + kind + shape
        if sizes[0] != size or values > len(data) or data[place + name] & 15 != _VARIABLE:
            continue
        count = min(_count(data[place + name + kind : values]), MOST_TEXTS)
        for value in range(values, min(values + count * _REFERENCE, len(data) - 3), _REFERENCE):
            yield struct.unpack_from("<I", data, value)[0]


def _count(shape: bytes) -> int:
    """How many values a shape says; 1 for one that the library refuses."""
    if len(shape) < 2 or shape[0] not in (1, 2):
        return 1
    first = 8 if shape[0] == 1 else 4
    dims = shape[first : first + 8 * shape[1]]
    return math.prod(struct.unpack(f"<{shape[1]}Q", dims)) if len(dims) == 8 * shape[1] else 1
