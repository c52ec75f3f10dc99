"""Checks of the structure of HDF5 files that the HDF5 library lacks.

- A text of variable length lies in a collection of the file, which is a list of objects with their sizes. The library
  goes through a collection for as long as the sizes lead on, which can be for ever.
- An attribute refers to such a text with its length, and the library takes as much memory as the attribute says.
- The names in a group are a tree. Where a node leads to itself, the library descends until the process ends.
- The free blocks between names are a chain. Where it leads back, the library takes memory until none is left.

The checks look for signatures in the whole file. They hold for files without a user block whose addresses and sizes
have 8 bytes, as h5py writes them by default. Format: "HDF5 File Format Specification", III.A.1 "Version 1 B-trees",
III.D "Local Heaps", III.E "Global Heap", IV.A.2.b "The Dataspace Message" and IV.A.2.m "The Attribute Message".
"""

from __future__ import annotations

import math
import mmap
import os
import struct
from collections.abc import Iterator

__all__ = ["MOST_TEXTS", "damaged_place"]

# The longest list of texts that is checked, and may be read.
MOST_TEXTS = 16
_FILE = b"\x89HDF\r\n\x1a\n"
# Signature and version of a collection, and of a heap of names; signature and type of a node of names.
_COLLECTION = b"GCOL\x01"
_HEAP = b"HEAP\x00"
_NODE = b"TREE\x00"
# The sizes of the header of a collection, of that of an object in it, of an entry of a node, and of a free block.
_UNIT = 16
# Where a chain of free blocks ends.
_END = 1
# The library refuses smaller collections.
_SMALLEST = 4096
# The class of types of variable length, and the size of a reference to a text.
_VARIABLE, _REFERENCE = 9, 16


def damaged_place(path: str | os.PathLike[str], attributes: tuple[str, ...]) -> int | None:
    """The first byte of a structure that the library must not read; None without.

    The time is linear in the size of the file.

    Args:
        path: the file.
        attributes: the names of attributes that are to be read: a text, or a list of at most `MOST_TEXTS`.
    """
    with open(path, "rb") as file:
        if file.read(len(_FILE)) != _FILE:
            # It is no HDF5 file, or one with a user block.
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return next(_damaged(data, attributes), None)


def _damaged(data: mmap.mmap, attributes: tuple[str, ...]) -> Iterator[int]:
    # All objects, entries and free blocks of a sound file have their own bytes.
    left = len(data) // _UNIT
    for signature, steps_of in ((_COLLECTION, _objects), (_NODE, _entries), (_HEAP, _free_blocks)):
        for place in _places(data, signature):
            for is_sound in steps_of(data, place):
                left -= 1
                if not is_sound or left < 0:
                    yield place
    for attribute in attributes:
        name = attribute.encode() + b"\0"
        for place in _places(data, name):
            if any(length > len(data) for length in _lengths(data, place, len(name))):
                yield place


def _places(data: mmap.mmap, wanted: bytes) -> Iterator[int]:
    place = data.find(wanted)
    while place >= 0:
        yield place
        place = data.find(wanted, place + 1)


def _objects(data: mmap.mmap, place: int) -> Iterator[bool]:
    """Whether each object of a collection ends behind its own header and within the collection."""
    if place + _UNIT > len(data):
        return
    (size,) = struct.unpack_from("<Q", data, place + 8)
    if not _SMALLEST <= size <= len(data) - place:
        # The library refuses it. Weights that look like a signature by chance end here as well.
        return
    at, end = place + _UNIT, place + size
    while at + _UNIT <= end:
        index, _, _, length = struct.unpack_from("<HHIQ", data, at)
        # The object 0 is free space, whose length counts its header.
        taken = length if index == 0 else _UNIT + (length + 7) // 8 * 8
        is_sound = taken >= _UNIT and at + taken <= end
        yield is_sound
        if not is_sound:
            return
        at += taken


def _entries(data: mmap.mmap, place: int) -> Iterator[bool]:
    """Whether each entry of an inner node of names leads to no node of its own level or above."""
    if place + 8 > len(data) or data[place + 5] == 0:
        return
    level, used = struct.unpack_from("<BH", data, place + 5)
    first = place + 32
    for at in range(first, min(first + used * _UNIT, len(data) - 7), _UNIT):
        (child,) = struct.unpack_from("<Q", data, at)
        yield data[child : child + 4] != _NODE[:4] or data[child + 5 : child + 6] < bytes([level])


def _free_blocks(data: mmap.mmap, place: int) -> Iterator[bool]:
    """Whether each free block of a heap of names may be read: there are no more than have room in the heap."""
    if place + 32 > len(data):
        return
    size, offset, segment = struct.unpack_from("<QQQ", data, place + 8)
    count = 0
    while offset != _END and offset + _UNIT <= size and segment + offset + _UNIT <= len(data):
        count += 1
        yield count <= size // _UNIT
        (offset,) = struct.unpack_from("<Q", data, segment + offset)


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
