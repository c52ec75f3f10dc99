"""`RunReport` and `PlanReport`."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from cnn2snn.reports.plan import PlanReport
from cnn2snn.reports.run import Classes, Inputs, Outputs, RunReport
from tests.reports.shown import foreign, numbers


def report(model, images, **changes):
    outputs = Outputs.of(model.forward(images), Path("outputs.npy"))
    parts = {
        "inputs": Inputs("images.npy", list(images.shape), "uint8"),
        "outputs": outputs,
        "seconds": 0.25,
        **changes,
    }
    return RunReport(model="net.fbz", mode="forward", **parts)


@pytest.mark.parametrize("options", [[], ["--predict", "-o", "o.npy"], ["--classes"], ["--explain"]])
def test_the_command_prints_the_report(told, network, images, options):
    found = told("run", "net.fbz", "images.npy", *options)
    assert found.inputs == Inputs("images.npy", [7, 8, 6, 1], "uint8")
    if options == []:
        assert found.outputs == Outputs.of(network.forward(images), None)
    if options == ["--explain"]:
        assert found.plan == PlanReport.of(network)


def test_the_command_prints_classes_and_accuracy(told, network, images):
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    np.save("labels.npy", labels)
    found = told("run", "net.fbz", "images.npy", "--labels", "labels.npy")
    assert found.classes == Classes.of(network.predict_classes(images), labels)


def test_text_shows_the_numbers_of_the_dictionary(network, images):
    classes = Classes.of(np.array([0, 1, 1, 2, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0, 0]))
    found = report(network, images, classes=classes)
    values = found.to_dict()
    assert (values["correct"], values["accuracy"], values["inputs_per_second"]) == (5, 5 / 7, 28)
    text = found.text(200)
    shares = [100 * count / 7 for count in values["classes"].values()]
    assert foreign(text, values, *map(int, values["classes"]), 71.43, *shares, len(values["classes"])) == set()
    assert {"71.43", "5", "7", "28"} <= numbers(text)


def test_what_was_not_asked_for_is_left_out(network, images):
    values = report(network, images).to_dict()
    assert list(values) == ["model", "mode", "inputs", "outputs", "seconds", "inputs_per_second"]
    values = report(network, images, classes=Classes.of(np.array([0] * 7))).to_dict()
    assert list(values)[-1] == "classes"


def test_without_inputs_there_is_no_speed_and_no_accuracy(network, images):
    none = images[:0]
    labels = np.zeros(0, int)
    found = report(network, none, classes=Classes.of(labels, labels))
    values = json.loads(json.dumps(found.to_dict()))
    assert (values["outputs"]["min"], values["inputs_per_second"], values["accuracy"]) == (None, None, None)
    assert (values["classes"], values["correct"]) == ({}, 0)
    assert found.text().splitlines()[2:] == ["Classes   none"]


def test_a_plan_tells_the_same_as_text_and_as_a_dictionary(network):
    plan = PlanReport.of(network)
    values = json.loads(json.dumps(plan.to_dict()))
    assert [layer["layer"] for layer in values["layers"]] == [layer.name for layer in network.layers]
    sizes = [layer["packed_bytes"] for layer in values["layers"]]
    lines = plan.text(200).splitlines()
    for layer, size in zip(values["layers"], sizes, strict=True):
        line = next(line for line in lines if line.startswith(layer["layer"]))
        assert line.endswith(f" {size / 1024:,.1f} KiB")
    scratch = values["scratch_bytes_per_thread"]
    assert lines[-1] == (
        f"Memory: {sum(sizes) / 1024:,.1f} KiB of packed weights, {scratch / 1024:,.1f} KiB for each thread"
    )
    text = " ".join(plan.text(40).split())
    for layer in values["layers"]:
        for kernel in layer["kernels"]:
            assert kernel["kernel"] in text
            for declined in kernel["declined"]:
                names, layers = re.search(rf"Not ([^:]*), as {re.escape(declined['reason'])}: ([^:]*)\.", text).groups()
                assert declined["kernel"] in names.split(", ")
                assert layer["layer"] in layers.split(", ")
