"""The examples in docstrings run as they are printed."""

import doctest
import importlib
import pkgutil

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
