"""Files that are written: all of a file or nothing."""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cnn2snn.errors import InvalidArgumentError, InvalidTypeError


def path_of(argument: str, value: object) -> str:
    """Returns the path of a file as a str; raises an error where an argument is no path."""
    try:
        return os.fsdecode(os.fspath(value))  # type: ignore[call-overload]
    except TypeError:
        raise InvalidTypeError(
            f"{argument} must be a str or a path, received {type(value).__name__}",
            kind=argument,
            expected="a str or a path",
            received=value,
        ) from None


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


def check_not_read(path: Path, *sources: Path | None) -> None:
    """Raises an error when a result at `path` would replace one of the files that the command reads."""
    for source in sources:
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise InvalidArgumentError(
                f"{path}: the result would replace {source}, which is read",
                kind="output",
                received=str(path),
                remedy="name another file for the result",
            )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives the path of an empty file beside `path`, with the same suffix; the file takes the place of `path`.

    The file is flushed, renamed, and its folder flushed, so that a reader finds the old file or the new one, also after
    a crash. A link is followed. An existing file keeps its permissions, and one that may not be written is refused.
    What is no file (a device, a pipe) is written to directly.

    When the block raises an exception, the file at `path` stays as it was.

    Raises:
        OSError: the system refuses to write, with its number and the name `path`; whatever the block has made of it.
    """
    temporary = None
    try:
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            yield target
            return
        temporary = _create(target)
        yield temporary
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        _flush(temporary)
        os.replace(temporary, target)
        _flush_folder(target.parent)
    except Exception as error:
        number = _system_error(error, temporary)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def save_array(path: Path, array: np.ndarray) -> None:
    """Writes a `.npy` file, all of it or nothing."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        # NumPy hides the number of the system's error where it writes to a file itself.
        np.lib.format.write_array(_Writer(file), np.asarray(array), allow_pickle=False)


class _Writer:
    """What NumPy writes to piece by piece."""

    def __init__(self, file: BinaryIO) -> None:
        self.write = file.write


def _mode(target: Path) -> int | None:
    """The mode of a file that may be written; None where there is none."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode):
        # A rename needs no right to write to the old file. To open it for writing needs the right, and changes nothing.
        os.close(os.open(target, os.O_WRONLY))
    return mode


_numbers = itertools.count()


def _create(target: Path) -> Path:
    """A new empty file beside `target`, under a name that no file has: that of the engine's own files and a suffix."""
    for number in itertools.islice(_numbers, 1000):
        temporary = target.with_name(f".fbz-{os.getpid()}-{number}.tmp{target.suffix}")
        try:
            os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            continue
        return temporary
    raise FileExistsError(
        errno.EEXIST, "no free name for a temporary file: remove old .fbz-*.tmp* files beside it", str(target)
    )


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDWR)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _flush_folder(folder: Path) -> None:
    """Makes a rename in `folder` last through a crash, where the system can do that and the folder may be read."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(number)


# HDF5 tells the number in its text alone, and its last error may be that a file with an error cannot be closed.
_NUMBER_IN_TEXT = re.compile(r"\berrno = (\d+)")


def _system_error(error: BaseException | None, temporary: Path | None) -> int | None:
    """The number of the system's error on the file that is written, if that is what an exception is about."""
    while error is not None:
        found = _NUMBER_IN_TEXT.search(str(error))
        if found is not None:
            return int(found[1])
        if isinstance(error, OSError) and error.errno is not None:
            names = (None, str(temporary))
            return error.errno if error.filename in names or temporary is None else None
        error = error.__cause__ or error.__context__
    return None
