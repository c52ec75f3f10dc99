"""The floors of the Python package: what ARCHITECTURE.md says that a part must not know, no module of it imports."""

import pytest

from tests.packaging.architecture import ROOT, part_of, parts
from tests.packaging.python_imports import Package, rings

FOLDER = ROOT / "python" / "cnn2snn"
PACKAGE = Package(FOLDER)
PARTS = parts("python/cnn2snn/")
IMPORTS = PACKAGE.imports(annotations=True)

# The frameworks, and the module that alone imports them.
FRAMEWORKS = {"keras", "tensorflow", "tf_keras"}
OWNER = "cnn2snn._keras"


def part(module):
    return part_of(PACKAGE.files[module].relative_to(ROOT).as_posix(), PARTS)


@pytest.mark.parametrize("module", PACKAGE.files)
def test_every_module_has_a_row_in_the_table(module):
    assert part(module) is not None, f"ARCHITECTURE.md does not say what {module} is"


def test_every_row_names_files_that_exist():
    missing = [path for row in PARTS for path in row.paths if not (ROOT / path).exists()]
    assert missing == []


def test_every_name_that_must_not_be_known_is_a_module():
    names = {f"cnn2snn.{name}" for row in PARTS for name in row.unknown}
    assert names <= PACKAGE.files.keys()


@pytest.mark.parametrize("module", PACKAGE.files)
def test_no_module_imports_what_its_part_must_not_know(module):
    unknown = [f"cnn2snn.{name}" for name in part(module).unknown]
    found = [name for name in IMPORTS[module] if any(name == u or name.startswith(f"{u}.") for u in unknown)]
    assert found == []


def test_no_modules_import_each_other_in_a_ring():
    assert rings(PACKAGE.imports(annotations=False)) == []


def test_one_module_alone_imports_tensorflow_and_keras():
    assert {module for module, names in IMPORTS.items() if names & FRAMEWORKS} == {OWNER}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from pack import b", {"pack.b"}),
        ("from pack.b import value", {"pack.b"}),
        ("from . import b", {"pack.b"}),
        ("def f():\n    from .b import value", {"pack.b"}),
        ("import numpy.linalg", {"numpy"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.b", {"typing"}),
    ],
)
def test_imports_of_all_forms_are_found(source, expected, tmp_path):
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, text in {"__init__": "", "a": source, "b": "import pack.a"}.items():
        (folder / f"{name}.py").write_text(text)
    graph = Package(folder).imports(annotations=False)
    assert graph["pack.a"] == expected
    assert rings(graph) == ([["pack.a", "pack.b"]] if "pack.b" in expected else [])
