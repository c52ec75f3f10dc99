"""Files that Python writes: all of a file or nothing, as the engine does."""

import errno
import os
import re
import signal
import stat
from contextlib import contextmanager

import numpy as np
import pytest

from cnn2snn import _files
from cnn2snn.errors import InvalidArgumentError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes, devices and limits of POSIX systems")

ARRAY = np.arange(100_000)


@contextmanager
def files_of_at_most(size):
    """The system refuses longer files, as a full disk does."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_an_existing_file_keeps_its_permissions(tmp_path, mode):
    path = tmp_path / "a.npy"
    path.write_text("old")
    path.chmod(mode)
    _files.save_array(path, ARRAY)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    np.testing.assert_array_equal(np.load(path), ARRAY)


def test_a_new_file_has_the_permissions_that_the_user_gives_to_files(tmp_path):
    old = os.umask(0o027)
    try:
        _files.save_array(tmp_path / "a.npy", ARRAY)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.npy").stat().st_mode) == 0o640


def test_the_file_is_flushed_before_it_is_renamed_and_the_folder_after(tmp_path, monkeypatch):
    steps = []
    fsync, rename = os.fsync, os.replace

    def flush(number):
        kind = "folder" if stat.S_ISDIR(os.fstat(number).st_mode) else "file"
        steps.append((kind, os.fstat(number).st_ino, os.fstat(number).st_size))
        fsync(number)

    def replace(source, target):
        steps.append(("rename", os.stat(source).st_ino, os.stat(source).st_size))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", replace)
    path = tmp_path / "a.npy"
    _files.save_array(path, ARRAY)
    whole = (path.stat().st_ino, path.stat().st_size)
    assert [step[0] for step in steps] == ["file", "rename", "folder"]
    assert steps[0][1:] == steps[1][1:] == whole
    assert steps[2][1] == tmp_path.stat().st_ino


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch):
    fsync = os.fsync

    def flush(number):
        if stat.S_ISDIR(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "no")
        fsync(number)

    monkeypatch.setattr(os, "fsync", flush)
    _files.save_array(tmp_path / "a.npy", ARRAY)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), ARRAY)


def test_temporary_files_are_named_as_those_of_the_engine(tmp_path):
    names = []
    for _ in range(2):
        with _files.replacing(tmp_path / "model.h5") as temporary:
            assert temporary.parent == tmp_path
            names.append(temporary.name)
    assert len(set(names)) == 2
    assert all(re.fullmatch(rf"\.fbz-{os.getpid()}-\d+\.tmp\.h5", name) for name in names)
    assert os.listdir(tmp_path) == ["model.h5"]


def test_a_temporary_name_that_is_taken_is_left_alone(tmp_path):
    with _files.replacing(tmp_path / "a.txt") as temporary:
        number = int(temporary.name.split("-")[2].split(".")[0])
    taken = tmp_path / f".fbz-{os.getpid()}-{number + 1}.tmp.txt"
    taken.write_text("of somebody else")
    with _files.replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (taken.read_text(), (tmp_path / "a.txt").read_text()) == ("of somebody else", "new")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with _files.replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_file_that_finds_no_room_is_named_and_stays(tmp_path):
    path = tmp_path / "a.npy"
    path.write_text("old")
    with files_of_at_most(50_000), pytest.raises(OSError, match="File too large") as caught:
        _files.save_array(path, ARRAY)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.npy"]


def test_errors_that_are_not_of_the_file_stay_as_they_are(tmp_path):
    def write():
        with _files.replacing(tmp_path / "a.txt"):
            (tmp_path / "other").read_text()

    with pytest.raises(FileNotFoundError) as caught:
        write()
    assert caught.value.filename == str(tmp_path / "other")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_devices_are_written_to_directly(tmp_path):
    link = tmp_path / "null.npy"
    link.symlink_to("/dev/null")
    _files.save_array(link, ARRAY)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    full = tmp_path / "full.npy"
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        _files.save_array(full, ARRAY)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(full))
    assert full.is_symlink()


def test_links_are_followed(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to("a.txt")
    with _files.replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_file_that_may_not_be_written_is_refused_before_work(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("old")
    opened = os.open

    def refuse(name, flags, *rest):
        if name == path and flags & os.O_WRONLY:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(name))
        return opened(name, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(PermissionError, match=re.escape(str(path))), _files.replacing(path):
        pytest.fail("work is done")
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_result_in_place_of_what_is_read_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    _files.check_not_read(path, path, None)
    path.write_text("")
    (tmp_path / "link.npy").symlink_to(path)
    with pytest.raises(InvalidArgumentError, match=r"would replace .*a\.npy, which is read; name another file"):
        _files.check_not_read(tmp_path / "link.npy", None, path)
    _files.check_not_read(tmp_path / "b.npy", path)
