"""`ConvertReport`, of layers whose shifted boundaries are made up: no Keras is needed."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cnn2snn import akida
from cnn2snn.reports.convert import Certificate, ConvertReport, LayerBoundaries
from tests.reports.shown import foreign


def converted(network, mismatches, certificate=None):
    pairs = zip(network.layers, mismatches, strict=True)
    return ConvertReport.of(Path("q.h5"), Path("q.fbz"), network, pairs, certificate)


def test_boundaries_are_counted_by_layer(network):
    mismatches = [np.array(counts) for counts in ([0, 2, 0, 1], [0] * 6, [3, 0, 0, 0, 0], [0, 0, 0])]
    report = converted(network, mismatches)
    values = json.loads(json.dumps(report.to_dict()))
    assert values["input_scaling"] == [255, -0.5]
    assert values["layers"][0] == {
        "name": "image",
        "type": "InputConvolutional",
        "channels": 4,
        "boundaries": 60,
        "boundaries_shifted": 3,
        "channels_with_shifts": 2,
    }
    # The last layer has no activation.
    assert [layer["boundaries"] for layer in values["layers"]] == [60, 90, 15, 0]
    assert report.text().splitlines()[2:] == [
        "Layer      Boundaries  Shifted  Channels",
        "----------------------------------------",
        "image              60        3    2 of 4",
        "separable          15        3    1 of 5",
    ]


@given(st.lists(st.tuples(*[st.integers(0, 10**9)] * 4), min_size=1, max_size=5))
def test_text_shows_the_numbers_of_the_dictionary(counts):
    layers = [LayerBoundaries("layer", "Convolutional", *numbers) for numbers in counts]
    report = ConvertReport("q.h5", "q.fbz", None, layers)
    assert foreign(report.text(), report.to_dict(), sum(layer.boundaries for layer in layers)) == set()
    for line in report.text().splitlines()[4:]:
        numbers = [int(word.replace(",", "")) for word in line.replace(" of ", " ").split()[1:]]
        boundaries, shifted, channels_with_shifts, channels = numbers
        assert LayerBoundaries("layer", "Convolutional", channels, boundaries, shifted, channels_with_shifts) in layers


def test_without_shifts_all_boundaries_are_those_of_the_model(network):
    report = converted(network, [np.zeros(layer.output_dims[2], int) for layer in network.layers])
    assert report.text() == (
        "Model converted and saved to q.fbz\nAll 165 activation boundaries are those of the Keras model."
    )


def test_a_certificate_takes_the_place_of_the_table_and_is_not_in_the_dictionary(network):
    none = [np.zeros(layer.output_dims[2], int) for layer in network.layers]
    proved = SimpleNamespace(text=lambda width: f"proved in {width} columns")
    report = converted(network, none, Certificate("report.json", proved))
    assert report.to_dict() == converted(network, none).to_dict()
    assert report.text(72).splitlines() == [
        "Model converted and saved to q.fbz",
        "Report saved to report.json",
        "",
        "proved in 72 columns",
    ]


def test_akida_2_has_no_boundaries_that_move():
    network = akida.Model(layers=[akida.InputData((1, 1, 4), input_bits=8), akida.Dense1D(2)])
    report = ConvertReport.of(Path("q.onnx"), Path("q.fbz"), network, [])
    assert report.to_dict() == {
        "file": "q.onnx",
        "output": "q.fbz",
        "ip_version": "v2",
        "input_scaling": None,
        "layers": [],
    }
    assert report.text().splitlines() == [
        "Model converted and saved to q.fbz",
        "Every layer of Akida 2.0 gives the integers of the quantized network.",
    ]
