"""`MapReport`."""

import json
from pathlib import Path

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.errors import MappingError
from cnn2snn.reports.map_ import MapReport, Measurement
from tests.reports.shown import foreign, numbers


def mapped(model, device, samples=None, mode=akida.MapMode.AllNps):
    model.map(device, mode=mode)
    measurement = None if samples is None else Measurement.of(model, model.measure(samples))
    return MapReport.of(model, Path("net.fbz"), device, mode.name, measurement)


@pytest.mark.parametrize("device", [akida.AKD1000(), akida.AKD1500()], ids=lambda device: device.name)
@pytest.mark.parametrize("mode", list(akida.MapMode), ids=lambda mode: mode.name)
def test_the_command_prints_the_report(told, network, images, device, mode):
    common = ("map", "net.fbz", "-d", device.name, "--mode", mode.name)
    assert told(*common) == mapped(network, device, mode=mode)
    assert told(*common, "--samples", "images.npy") == mapped(network, device, images, mode)


def wide():
    """A model with a layer that the chip cannot run: its weights are too wide."""
    model = akida.Model(
        layers=[
            akida.InputConvolutional((8, 6, 1), (3, 3), 4, "image", act_bits=4),
            akida.Convolutional((3, 3), 6, "conv", weights_bits=8, act_bits=4),
            akida.FullyConnected(3, "classes", weights_bits=4, activation=False),
        ]
    )
    model.save("wide.fbz")
    return model


def test_the_command_prints_a_refusal(told):
    model, device = wide(), akida.AKD1000()
    with pytest.raises(MappingError) as caught:
        model.map(device, hw_only=True)
    refused = MapReport.refused(Path("wide.fbz"), device, "AllNps", caught.value.violations)
    assert told("map", "wide.fbz", "--hw-only") == refused
    values = json.loads(json.dumps(refused.to_dict()))
    assert list(values) == ["file", "device", "version", "device_nps", "mode", "mapped", "violations"]
    assert (values["mapped"], len(values["violations"])) == (False, 1)


def test_layers_in_software_have_no_pass_and_no_units(told):
    wide()
    values = told("map", "wide.fbz").to_dict()
    layer = values["layers"][1]
    assert (layer["name"], layer["pass"], layer["components"], layer["units"]) == ("conv", None, {}, [])
    assert [sequence["program_bytes"] is None for sequence in values["sequences"]] == [False, True, False]
    assert values["program_bytes"] == sum(s["program_bytes"] or 0 for s in values["sequences"])


def test_text_shows_the_numbers_of_the_dictionary(network, images):
    report = mapped(network, akida.AKD1500(), images)
    values = report.to_dict()
    units = [unit for layer in values["layers"] for unit in layer["units"]]
    spans = [unit[key][1] - unit[key][0] for unit in units for key in ("filters", "rows")]
    statistics, estimate = values["statistics"], values["estimate"]
    percent = [100 * layer["sparsity"] for layer in statistics.values()]
    times = [layer["latency_ms"] for layer in estimate["layers"].values()]
    percent += [100 * time / sum(times) for time in times]
    percent += [100 * value for key in ("latency_error", "energy_error") for value in estimate[key].values()]
    text = report.text(200).partition("Constants")[0]
    assert foreign(text.replace(report.version, ""), values, *spans, *percent) == set()
    shown = numbers(text)
    assert {f"{values['program_bytes']:,}", f"{estimate['latency_ms']:.3f}", f"{estimate['energy_mj']:.3f}"} <= shown
    assert {f"{layer['latency_ms']:.3f}" for layer in estimate["layers"].values()} <= shown


def test_counts_are_those_of_the_units(network):
    values = mapped(network, akida.AKD1000()).to_dict()
    units = [unit["type"] for layer in values["layers"] for unit in layer["units"]]
    assert values["components"] == {kind: units.count(kind) for kind in values["components"]}
    assert values["nps"] == sum(kind != "HRC" for kind in units)


def test_without_an_estimate_the_reason_is_given(network, images):
    report = mapped(network, akida.AKD1000(), images)
    values = json.loads(json.dumps(report.to_dict()))
    assert values["estimate"] is None
    assert values["no_estimate"].startswith("no estimate")
    reason = values["no_estimate"].removeprefix("no estimate").strip()
    assert f"Estimate  {reason}" in report.text(10_000)


def test_many_samples_of_one_are_counted(network):
    report = mapped(network, akida.AKD1500(), np.zeros((1, 8, 6, 1), np.uint8))
    assert "from the events of 1 sample:" in report.text()
