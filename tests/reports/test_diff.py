"""`DiffReport`."""

import json
from pathlib import Path

import numpy as np

from cnn2snn import akida
from cnn2snn.reports.diff import Difference, DiffReport, VariableDifference
from tests.reports.shown import foreign


def edited():
    model = akida.Model("net.fbz")
    layer = model.get_layer("classes")
    weights = layer.get_variable("weights")
    weights[0, 0, 5] = np.where(weights[0, 0, 5] > 0, -7, 7)
    layer.set_variable("weights", weights)
    model.input_scaling = (127.5, 1)
    model.save("edited.fbz")
    return model


def compared(left, right):
    return DiffReport.of(left, right, Path("net.fbz"), Path("edited.fbz"))


def test_the_command_prints_the_report(told, network):
    right = edited()
    found = told("diff", "net.fbz", "edited.fbz")
    assert found == compared(network, right)
    assert not found.equal
    assert told("diff", "net.fbz", "net.fbz").equal


def test_text_shows_the_numbers_of_the_dictionary(network):
    found = compared(network, edited())
    scaling, weights = found.differences
    assert scaling == Difference(None, "input_scaling", (255, -0.5), (127.5, 1))
    assert isinstance(weights, VariableDifference)
    assert (weights.differing, weights.values, weights.at) == (3, 720, [0, 0, 5, 0])
    assert foreign(found.text(), found.to_dict()) == set()


def test_report_is_json(network):
    values = json.loads(json.dumps(compared(network, edited()).to_dict()))
    assert values["equal"] is False
    assert list(values["differences"][0]) == ["layer", "what", "left", "right"]
    assert list(values["differences"][1])[4:] == ["differing", "values", "largest", "at"]
