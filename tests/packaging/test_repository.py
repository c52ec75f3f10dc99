"""Rules that every tracked file keeps."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# Absolute paths of one machine's folders, in code, data or text.
MACHINE_PATH = re.compile(rb"(?<![\w.~}/])/(?:home|root|Users|work|tmp|opt)/\w")
BINARY = {".fbz", ".h5", ".keras", ".npy", ".npz", ".png"}


@pytest.fixture(scope="module")
def tracked():
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    files = [REPOSITORY / name for name in listing.split("\0") if name]
    return [f for f in files if f.is_file()]


def test_no_tracked_file_mentions_a_path_of_one_machine(tracked):
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip().decode(errors='replace')}"
        for path in tracked
        if path.suffix not in BINARY
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


def test_tracked_files_are_small(tracked):
    """Test data and fixtures stay small; models and data sets are made by scripts."""
    large = [str(f.relative_to(REPOSITORY)) for f in tracked if f.stat().st_size > 1_000_000]
    assert not large


def test_no_build_product_is_tracked(tracked):
    products = {".so", ".pyd", ".pyc", ".whl", ".o", ".a"}
    assert not [str(f.relative_to(REPOSITORY)) for f in tracked if f.suffix in products]
