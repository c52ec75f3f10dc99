"""Commands that are run, what they print, and the reports that they print."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.cli import _output, main


@pytest.fixture(autouse=True)
def in_a_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def printed(capsys, monkeypatch):
    """Runs a command on a terminal of `width` columns; gives what it printed."""

    def run(*arguments, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        main([str(a) for a in arguments])
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return run


@pytest.fixture
def told(printed, monkeypatch):
    """Runs a command, as text and as JSON; checks both, and gives the report."""
    reports = []
    show = _output.show

    def record(report, as_json, **files):
        reports.append(report)
        show(report, as_json, **files)

    def run(*arguments, files=None):
        monkeypatch.setattr(_output, "show", record)
        out = printed(*arguments, "--json")
        report = reports[-1]
        assert json.loads(out) == json.loads(json.dumps({**(files or {}), **report.to_dict()}))
        for width in (40, 80, 200):
            assert printed(*arguments, width=width) == f"{reports[-1].text(width)}\n"
        return report

    return run


@pytest.fixture
def network():
    """`net.fbz`: a layer of each kind with weights, and variables of all signs."""
    model = akida.Model(
        layers=[
            akida.InputConvolutional((8, 6, 1), (3, 3), 4, "image", weights_bits=8, act_bits=4),
            akida.Convolutional((3, 3), 6, "conv", weights_bits=4, act_bits=4),
            akida.SeparableConvolutional((3, 3), 5, "separable", weights_bits=2, act_bits=2),
            akida.FullyConnected(3, "classes", weights_bits=4, activation=False),
        ]
    )
    random = np.random.default_rng(1)
    for layer in model.layers:
        largest = 2 ** (layer.parameters.weights_bits - 1) - 1
        for name, values in list(layer.variables.items()):
            if name.startswith("weights"):
                values = random.integers(-largest, largest, values.shape, np.int8, endpoint=True)
            elif name == "threshold":
                values = random.integers(-3000, 3000, values.shape, np.int32)
            else:
                values = random.uniform(1, 90, values.shape).astype(np.float32)
            layer.set_variable(name, values)
    model.input_scaling = (255, -0.5)
    model.save("net.fbz")
    return model


@pytest.fixture
def images():
    """`images.npy`: images for `network`."""
    values = np.random.default_rng(2).integers(0, 256, (7, 8, 6, 1), np.uint8)
    np.save("images.npy", values)
    return values
