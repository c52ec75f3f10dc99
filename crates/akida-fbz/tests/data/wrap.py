"""Puts a payload into the container of docs/file-format.md, without using the Rust code.

Usage: wrap.py PAYLOAD OUTPUT
"""

import struct
import sys
import zlib


def wrap(payload: bytes) -> bytes:
    """Returns the uncompressed .fbz file around a payload."""
    size = len(payload)

    def file(crc: int) -> bytes:
        header = struct.pack("<8sHBBIQQ", b"\x89FBZ\r\n\x1a\n", 1, 0, 0, crc, size, size)
        return header + payload

    return file(zlib.crc32(file(0)))


if __name__ == "__main__":
    source, output = sys.argv[1:]
    with open(source, "rb") as stream:
        data = stream.read()
    with open(output, "wb") as stream:
        stream.write(wrap(data))
