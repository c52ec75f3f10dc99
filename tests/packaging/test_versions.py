"""The version is stated once, in the workspace's Cargo.toml, and everything else agrees with it."""

import importlib.metadata
from pathlib import Path

import pytest

import cnn2snn

tomllib = pytest.importorskip("tomllib", reason="part of Python from 3.11 on")

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def workspace():
    return tomllib.loads((REPOSITORY / "Cargo.toml").read_text("utf-8"))["workspace"]


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]


def test_installed_version_is_that_of_the_workspace(workspace):
    assert importlib.metadata.version("akida-sim") == workspace["package"]["version"]
    assert cnn2snn.__version__ == workspace["package"]["version"]


def test_crates_take_their_version_from_the_workspace(workspace):
    for member in workspace["members"]:
        package = tomllib.loads((REPOSITORY / member / "Cargo.toml").read_text("utf-8"))["package"]
        assert package["version"] == {"workspace": True}, member


def test_crates_depend_on_each_other_at_the_same_version(workspace):
    inner = {k: v for k, v in workspace["dependencies"].items() if k.startswith("akida-")}
    assert inner
    assert {v["version"] for v in inner.values()} == {workspace["package"]["version"]}


def test_python_and_rust_state_the_same_licence(workspace, project):
    assert project["license"] == workspace["package"]["license"]


def test_oldest_python_in_the_classifiers_is_the_oldest_allowed(project):
    prefix = "Programming Language :: Python :: 3."
    minors = [int(c.removeprefix(prefix)) for c in project["classifiers"] if c.startswith(prefix)]
    assert project["requires-python"] == f">=3.{min(minors)}"


def test_command_is_installed():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="cnn2snn")
    assert entry.value == "cnn2snn.cli:main"
    assert callable(entry.load())
