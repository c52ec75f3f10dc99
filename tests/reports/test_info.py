"""`InfoReport`."""

import json
from pathlib import Path

import numpy as np

from cnn2snn.reports.info import InfoReport
from tests.reports.shown import foreign


def test_the_command_prints_the_report(told, network):
    report = told("info", "net.fbz")
    assert report == InfoReport.of(network, Path("net.fbz"))
    assert told("info", "net.fbz", "--dump", "out").to_dict()["dump"]["folder"] == "out"


def test_text_shows_the_numbers_of_the_dictionary(network):
    report = InfoReport.of(network, Path("net.fbz"))
    values = report.to_dict()
    kernels = [h for layer in report.layers for h in layer.histogram.values()]
    shares = [round(100 * dict(h).get(0, 0) / sum(n for _, n in h)) for h in kernels]
    # The shift of inputs is shown after its sign.
    text = report.text(200).replace("Akida 1.0", "").replace("32-bit potentials", "")
    assert foreign(text, values, *shares, abs(report.input_scaling[1])) == set()


def test_sums_are_those_of_the_layers(network):
    values = InfoReport.of(network, Path("net.fbz")).to_dict()
    for key, total in values["total"].items():
        assert total == sum(layer[key] for layer in values["layers"])


def test_variables_that_were_edited_are_those_reported(network):
    network.get_layer("conv").set_variable("threshold", np.full(6, 12345, np.int32))
    report = InfoReport.of(network, Path("net.fbz"))
    assert report.layers[1].ranges["threshold"] == (12345, 12345)
    assert " 12,345 " in report.text(200)


def test_report_is_json_and_equal_models_give_equal_reports(network):
    one, two = (InfoReport.of(network, Path("net.fbz")) for _ in range(2))
    assert one == two
    assert json.loads(json.dumps(one.to_dict()))["input_scaling"] == [255, -0.5]
