"""The typed stub of the native module says what the binary has."""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_stub_agrees_with_the_binary(tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy.stubtest",
            "cnn2snn._akida",
            "--mypy-config-file",
            str(REPOSITORY / "pyproject.toml"),
        ],
        cwd=tmp_path,  # not the repository, whose python/ folder would shadow the installed package
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_package_is_marked_as_typed():
    package = files("cnn2snn")
    assert (package / "py.typed").is_file()
    assert (package / "_akida.pyi").is_file()
