"""Files that are written: all of a file or nothing."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnn2snn.errors import InvalidArgumentError


def check_folder(path: Path) -> None:
    """Raises FileNotFoundError when `path` lies in no folder, before work is done in vain."""
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def check_suffix(path: Path, *allowed: str) -> None:
    """Raises an error when the name of a file ends in none of `allowed`."""
    if path.suffix.lower() not in allowed:
        expected = " or ".join(allowed)
        raise InvalidArgumentError(
            f"the name of the file must end in {expected}, received {path}",
            kind="suffix",
            expected=expected,
            received=str(path),
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside `path`, with the same suffix; the file made there takes its place.

    When the block raises an exception, the file at `path` stays as it was.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.stem}-{secrets.token_hex(6)}{target.suffix}")
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
