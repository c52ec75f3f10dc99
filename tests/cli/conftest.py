"""Running commands, and files for them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.cli import main


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def command(capsys):
    """Runs a command in this process; gives its exit code and what it printed."""

    def run(*arguments):
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as error:
            code = error.code
        captured = capsys.readouterr()
        return SimpleNamespace(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def report(command):
    """Runs a command with --json; gives the report."""

    def run(*arguments):
        result = command(*arguments, "--json")
        assert result.code == 0, result.err
        assert result.err == ""
        return json.loads(result.out)

    return run


@pytest.fixture
def model():
    """`model.fbz`, whose six outputs are its six 4-bit inputs less 1, halved by predict."""
    model = akida.Model(
        layers=[
            akida.InputData((1, 1, 6), name="events"),
            akida.FullyConnected(6, "classes", weights_bits=2, activation=False),
        ]
    )
    variables = model.get_layer("classes").variables
    variables["weights"] = np.eye(6, dtype=np.int8)[np.newaxis, np.newaxis]
    variables["threshold"] = np.ones(6, np.int32)
    variables["act_step"] = np.full(6, 2, np.float32)
    model.save("model.fbz")
    return model


@pytest.fixture
def inputs():
    """`inputs.npy`: seven inputs of class 0, 1, 2, 3, 4, 5, 0."""
    values = np.zeros((7, 1, 1, 6), np.uint8)
    for i in range(7):
        values[i, 0, 0, i % 6] = i + 1
    np.save("inputs.npy", values)
    return values
