"""`cnn2snn sweep` on files."""

import csv
import json
import os

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.sweeping import sweep


@pytest.fixture
def files():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", name="first"),
            layers.ReLU(6.0, name="relu"),
            layers.Flatten(name="flatten"),
            layers.Dense(7, name="classes"),
        ]
    )
    model.save("f.keras")
    rng = np.random.default_rng(0)
    np.save("x.npy", (rng.integers(0, 256, (40, 8, 8, 1)) / 255).astype(np.float32))
    np.save("y.npy", rng.integers(0, 7, 40))
    return ("sweep", "-m", "f.keras", "x.npy", "--labels", "y.npy")


def test_a_grid_of_widths_as_table_json_and_csv(command, report, files):
    options = ("-wq", "2,4", "-aq", "4,2", "-iq", "8", "-d", "AKD1500")
    result = command(*files, *options, "--csv", "t.csv")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[1].split()[:5] == ["Bits", "Accuracy", "Weights", "NPs", "Passes"]
    values = report(*files, *options)
    model = cnn2snn.load_quantized_model("f.keras", compile_model=False)
    widths = [(2, 4, 8), (2, 2, 8), (4, 4, 8), (4, 2, 8)]
    wanted = json.loads(sweep(model, widths, np.load("x.npy"), np.load("y.npy"), "AKD1500").to_json())
    for table in (values, wanted):
        for entry in table["results"]:
            del entry["seconds"]
    assert values == {"file": "f.keras", "samples_file": "x.npy", **wanted}
    with open("t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["accuracy"]) for row in rows] == [entry["accuracy"] for entry in wanted["results"]]


def test_configurations_come_from_a_file_and_results_from_the_journal(command, report, files):
    listed = [{"weights": 4, "activations": 4}, {"weights": 2, "activations": 4, "layers": {"classes": {"weights": 8}}}]
    with open("c.json", "w") as file:
        json.dump(listed, file)
    options = ("--configurations", "c.json", "--journal", "j.jsonl", "--calibration", "none", "--folder", "models")
    values = report(*files, *options)
    assert [entry["configuration"]["layers"] for entry in values["results"]] == [{}, {"classes": {"weights": 8}}]
    assert len(os.listdir("models")) == 2
    assert report(*files, *options) == values  # the very seconds are those of the journal
    result = command(*files, *options, "-wq", 4)
    assert (result.code, result.out) == (1, "")
    assert "must not be given with it" in result.err


def test_wrong_options_are_refused(command, files):
    assert "must be numbers with commas" in command(*files, "-wq", "four").err
    assert "must end in .csv" in command(*files, "--csv", "t.txt").err
    assert "must be in 2..8, received 9" in command(*files, "-wq", "9").out
    result = command(*files, "-wq", "4,4")
    assert (result.code, result.out) == (1, "")
    assert "are equal" in result.err
