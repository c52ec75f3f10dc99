"""`cnn2snn info`."""

import os

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn._table import shorten


@pytest.fixture
def network():
    """`net.fbz`: image, separable and fully connected layers with sizes worked out by hand."""
    akida.Model(
        layers=[
            akida.InputConvolutional((8, 6, 1), (3, 3), 4, "image", weights_bits=8, act_bits=4),
            akida.SeparableConvolutional((3, 3), 5, "separable", weights_bits=2, act_bits=2),
            akida.FullyConnected(3, "classes", weights_bits=4, activation=False),
        ]
    ).save("net.fbz")


def test_json_has_every_number(report, network):
    result = report("info", "net.fbz")
    assert result["file_bytes"] == os.path.getsize("net.fbz")
    assert result["ip_version"] == "v1"
    assert (result["input_shape"], result["input_bits"]) == ([8, 6, 1], 8)
    assert (result["input_dtype"], result["output_dtype"], result["has_state"]) == ("uint8", "int32", False)
    assert result["input_scaling"] is None
    assert (result["output_shape"], result["output_bits"]) == ([1, 1, 3], None)
    assert result["layers"][1] == {
        "name": "separable",
        "type": "SeparableConvolutional",
        "inbounds": ["image"],
        "input_shape": [8, 6, 4],
        "output_shape": [8, 6, 5],
        "input_bits": 4,
        "input_dtype": "uint8",
        "weights_bits": 2,
        "output_bits": 2,
        "output_dtype": "uint8",
        "kernels": {"weights": [3, 3, 4, 1], "weights_pw": [1, 1, 4, 5]},
        "weights": 36 + 20,
        "weight_bytes": 9 + 5,
        "macs": 48 * (36 + 20),
        "bytes": 9 + 5 + 5 * (4 + 4),
        "histogram": {"weights": [[0, 36]], "weights_pw": [[0, 20]]},
        "ranges": {"threshold": [0, 0], "act_step": [1, 1]},
    }
    assert result["total"] == {
        "weights": 36 + 56 + 720,
        "weight_bytes": 36 + 14 + 360,
        "macs": 48 * 36 + 48 * 56 + 720,
    }


def test_odd_bits_fill_whole_bytes(report):
    layers = [akida.InputData((1, 1, 3)), akida.FullyConnected(3, weights_bits=1)]
    akida.Model(layers=layers).save("m.fbz")
    assert report("info", "m.fbz")["total"]["weight_bytes"] == 2


def test_table(command, network):
    result = command("info", "net.fbz")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].startswith("File      net.fbz (")
    assert lines[1:6] == [
        "Hardware  Akida 1.0",
        "Input     8×6×1, 8 bits",
        "Output    1×1×3, 32-bit potentials",
        "Weights   812 in 410 bytes",
        "MACs      5,136 per input",
    ]
    model = akida.Model("net.fbz")
    model.input_scaling = (255, -0.5)
    model.save("net.fbz")
    lines.insert(3, "          255 x - 0.5 for inputs x of the Keras model")
    assert command("info", "net.fbz").out.splitlines()[1:] == lines[1:]
    del lines[3]
    assert lines[7:12] == [
        "Layer      Type        Output  In  W  Act  Weights  Bytes   MACs",
        "----------------------------------------------------------------",
        "image      InputConv.  8×6×4    8  8    4       36     36  1,728",
        "separable  Sep.Conv.   8×6×5    4  2    2       56     14  2,688",
        "classes    Fully.      1×1×3    2  4    -      720    360    720",
    ]


def test_wide_terminal_shows_kernels(command, network, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    lines = command("info", "net.fbz").out.splitlines()
    assert "SeparableConvolutional  8×6×4  3×3×4×1 + 1×1×4×5  8×6×5 " in lines[10]


def test_large_model_with_long_names_fits_80_columns(command):
    name = "a_block_with_a_name_that_is_rather_long_{}/convolution"
    akida.Model(
        layers=[
            akida.InputConvolutional((224, 224, 3), (3, 3), 64, name.format(0), act_bits=4),
            akida.Convolutional((3, 3), 1024, name.format(1), weights_bits=4, act_bits=4),
        ]
    ).save("m.fbz")
    lines = command("info", "m.fbz").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[10].endswith(" 590 k  295 k  29.6 G")


@pytest.fixture
def filled():
    """`net.fbz`: a layer whose variables take known values, under a name that means something to a shell."""
    model = akida.Model(layers=[akida.InputData((1, 1, 3)), akida.FullyConnected(4, "../a b", weights_bits=2)])
    variables = model.layers[1].variables
    variables["weights"] = np.array([1, 1, -1, 0] * 3, np.int8).reshape(1, 1, 3, 4)
    variables["threshold"] = np.array([-7, 3, 2**31 - 1, 0], np.int32)
    variables["act_step"] = np.array([0.5, 1, 2, 4], np.float32)
    model.save("net.fbz")
    return model


def test_ranges_and_spread_of_the_variables(command, report, filled):
    layer = report("info", "net.fbz")["layers"][1]
    assert layer["bytes"] == 3 + 4 * 4 + 4 * 4
    assert layer["histogram"] == {"weights": [[-1, 3], [0, 3], [1, 6]]}
    assert layer["ranges"] == {"threshold": [-7, 2**31 - 1], "act_step": [0.5, 4]}
    assert command("info", "net.fbz").out.splitlines()[-3:] == [
        "Layer   In file  Values  Zero  Spread  Threshold          Step",
        "----------------------------------------------------------------",
        "../a b       35   -1..1   25%  ▄▄█     -7..2,147,483,647  0.5..4",
    ]


def test_kernels_have_a_table_of_their_own_where_one_does_not_fit(command, filled, monkeypatch):
    monkeypatch.setenv("COLUMNS", "55")
    assert command("info", "net.fbz").out.splitlines()[-7:] == [
        "Layer   In file  Values  Zero  Spread",
        "-------------------------------------",
        "../a b       35   -1..1   25%  ▄▄█",
        "",
        "Layer   Threshold          Step",
        "---------------------------------",
        "../a b  -7..2,147,483,647  0.5..4",
    ]


def test_dump_writes_every_variable_and_nothing_outside_its_folder(command, filled, tmp_path):
    before = sorted(os.listdir(tmp_path.parent))
    result = command("info", "net.fbz", "--dump", "out")
    assert result.out.splitlines()[-1] == "3 variables written into out"
    assert sorted(os.listdir("out")) == [f"001..._a_b.{name}.npy" for name in ("act_step", "threshold", "weights")]
    for name, values in filled.layers[1].variables.items():
        dumped = np.load(f"out/001..._a_b.{name}.npy")
        assert dumped.dtype == values.dtype
        np.testing.assert_array_equal(dumped, values)
    assert sorted(os.listdir(tmp_path.parent)) == before


def test_levels_are_named(command):
    akida.Model(layers=[akida.InputData((1, 1, 3), 2)]).save("m.fbz")
    assert "Output    1×1×3, 2-bit levels" in command("info", "m.fbz").out


@pytest.mark.parametrize("name", ["inputs.npy", "model.keras"])
def test_foreign_file_is_refused_with_advice(command, name):
    np.save("inputs.npy", np.zeros(3))
    with open("model.keras", "wb") as file:
        file.write(b"PK\x03\x04")
    result = command("info", name)
    assert result.code == 1
    assert result.err.startswith(f"cnn2snn: error: {name}: ")
    assert "cnn2snn convert" in result.err
    assert result.err.count("\n") == 1


def test_long_names_are_shortened_in_the_middle():
    assert shorten("abcdefghij", 10) == "abcdefghij"
    assert shorten("abcdefghij", 8) == "abc..hij"
    assert shorten("abcdefghij", 7) == "abc..ij"
