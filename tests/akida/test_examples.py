"""The examples in docstrings run as they are printed."""

import doctest
import importlib
import pkgutil
import runpy
from pathlib import Path

import pytest

from cnn2snn import akida

MODULES = [info.name for info in pkgutil.walk_packages(akida.__path__, f"{akida.__name__}.")]


@pytest.mark.parametrize("name", [akida.__name__, *MODULES])
def test_examples_run_as_they_are_printed(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("cls", [*akida.layers.akida2.__all__, "InputData", "Session"])
def test_layers_of_akida2_and_sessions_have_an_example(cls):
    finder = doctest.DocTestFinder(recurse=False)
    assert [test for test in finder.find(getattr(akida, cls), cls) if test.examples]


def test_the_example_of_a_stream_sees_the_movement(capsys):
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "stream.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("movement")] == ["3", "4", "5", "6"]
