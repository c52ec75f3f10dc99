"""What reports, commands and the simulator know of each other, by what they import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cnn2snn

PACKAGE = Path(cnn2snn.__file__).parent


def imported(path):
    """Returns the modules that a file imports, those of type hints left out; `from a import b` gives a and a.b."""
    found = set()

    def visit(node):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def files(folder):
    return sorted((PACKAGE / folder).glob("*.py"))


@pytest.mark.parametrize("path", files("reports"), ids=lambda path: path.stem)
def test_reports_know_neither_commands_nor_keras(path):
    names = imported(path)
    assert not names & {"argparse", "sys", "cnn2snn._keras"}
    allowed = ("cnn2snn.akida", "cnn2snn.reports", "cnn2snn._table")
    ours = {name for name in names if name.startswith("cnn2snn.")}
    assert all(name.startswith(allowed) for name in ours), ours


@pytest.mark.parametrize("path", [path for path in files("cli") if path.stem != "_output"], ids=lambda path: path.stem)
def test_commands_know_nothing_of_how_reports_look(path):
    assert not imported(path) & {"json", "shutil", "textwrap", "cnn2snn._table", "cnn2snn._json"}


@pytest.mark.parametrize("path", files("akida"), ids=lambda path: path.stem)
def test_the_simulator_knows_neither_reports_nor_commands(path):
    assert not [name for name in imported(path) if name.startswith(("cnn2snn.reports", "cnn2snn.cli"))]


def test_reports_are_imported_without_tensorflow():
    modules = [f"cnn2snn.reports.{path.stem}" for path in files("reports") if path.stem != "__init__"]
    code = (
        "import importlib, sys\n"
        "sys.modules.update(dict.fromkeys(['tensorflow', 'keras', 'tf_keras']))\n"
        f"for name in {modules}: importlib.import_module(name)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
