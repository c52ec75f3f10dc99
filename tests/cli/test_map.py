"""`cnn2snn map`."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from cnn2snn import akida

SVG = "{http://www.w3.org/2000/svg}"


def network(**changes):
    """Layers for images of 32×32, each of which `changes` may alter by its name."""
    common = {"weights_bits": 4, "act_bits": 4}
    classes = {"weights_bits": 4, "activation": False, **changes.get("classes", {})}
    image = {"input_shape": (32, 32, 1), "kernel_size": (3, 3), "filters": 8, "act_bits": 4}
    conv = {"kernel_size": (3, 3), "filters": 16, **common}
    return akida.Model(
        layers=[
            akida.InputConvolutional(**{**image, "name": "image", **changes.get("image", {})}),
            akida.Convolutional(**{**conv, "name": "conv", **changes.get("conv", {})}),
            akida.SeparableConvolutional(**{**conv, "name": "separable", **changes.get("separable", {})}),
            akida.FullyConnected(4, "classes", **classes),
        ]
    )


@pytest.fixture
def saved():
    network().save("m.fbz")


def test_table_at_80_columns(command, saved):
    result = command("map", "m.fbz", "--device", "AKD1500", "--mode", "Minimal")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Device    AKD1500 (BC.A1.003.009), 32 NPs",
        "Mapping   Minimal, 3 NPs (1 HRC, 2 CNP1, 1 FNP3), 1 pass",
        "Program   about 53,821 bytes",
        "",
        "Layer      Output    Units   Filters  Rows  Input B  Weight B  Pass",
        "-------------------------------------------------------------------",
        "image      32×32×8   1 HRC         8    32    1,024         9     1",
        "conv       32×32×16  1 CNP1       16    32    4,096       576     1",
        "separable  32×32×16  1 CNP1       16    32    8,192       128     1",
        "classes    1×1×4     1 FNP3        4    32    8,192    32,768     1",
    ]


def test_json_has_every_unit(report, saved):
    result = report("map", "m.fbz", "--device", "AKD1000")
    assert (result["device"], result["mode"], result["mapped"]) == ("AKD1000", "AllNps", True)
    assert (result["nps"], result["passes"], result["violations"]) == (33, 1, [])
    assert result["components"] == {"HRC": 1, "CNP1": 32, "FNP3": 1}
    assert [s["name"] for s in result["sequences"]] == ["HW/image-classes"]
    conv = result["layers"][1]
    assert (conv["name"], conv["pass"], conv["components"]) == ("conv", 1, {"CNP1": 16})
    assert sorted(unit["filters"] for unit in conv["units"]) == [[i, i + 1] for i in range(16)]
    places = [tuple(unit["place"]) for layer in result["layers"][1:] for unit in layer["units"]]
    assert len(set(places)) == len(places) == 33


def test_samples_give_an_estimate_that_is_no_measurement(command, report, saved):
    np.save("x.npy", np.ones((3, 32, 32, 1), np.uint8))
    result = report("map", "m.fbz", "-d", "AKD1500", "--samples", "x.npy")
    assert result["samples"] == 3
    assert result["statistics"]["image"]["events"] == 1024
    estimate = result["estimate"]
    assert estimate["note"] == "estimated, not measured"
    assert sum(layer["latency_ms"] for layer in estimate["layers"].values()) == pytest.approx(estimate["latency_ms"])
    out = command("map", "m.fbz", "-d", "AKD1500", "--samples", "x.npy").out
    assert "Estimate  (not a measurement) from the events of 3 samples:" in out
    assert max(map(len, out.splitlines())) <= 80
    out = command("map", "m.fbz", "-d", "AKD1000", "--samples", "x.npy").out
    assert "Estimate  for AKD1000: no public benchmark" in out


def test_svg_draws_each_unit_once_per_pass_and_says_that_it_is_schematic(command, saved):
    assert command("map", "m.fbz", "-d", "AKD1500", "--mode", "Minimal", "--svg", "m.svg").code == 0
    root = ET.parse("m.svg").getroot()
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "Schematic: the places of NPs on the chip are not public." in texts
    assert "separable: 1 CNP1" in texts
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert len(titles) == 33
    assert sum(title.endswith("not used") for title in titles) == 29
    assert "conv on CNP1: filters 0 to 15, input rows 0 to 31" in titles
    result = command("map", "m.fbz", "--svg", "m.png")
    assert (result.code, "must end in .svg" in result.err) == (1, True)


def test_layers_in_software_are_explained(command):
    network(conv={"weights_bits": 8}).save("m.fbz")
    result = command("map", "m.fbz")
    assert result.code == 0
    assert "3 sequences, 1 of them in software" in " ".join(result.out.split())
    assert "Why layers are in software (1):" in result.out
    assert "quantize it to 4 bits [1]" in " ".join(result.out.split())
    assert "[1] stated: Akida 1.0 hardware constraints page" in result.out


def test_refusal_lists_every_problem_and_fails(command):
    network(conv={"weights_bits": 8}, separable={"padding": akida.Padding.Valid}).save("m.fbz")
    result = command("map", "m.fbz", "--hw-only")
    assert (result.code, result.err) == (1, "")
    assert "Mapping   refused: 2 problems" in result.out
    assert max(map(len, result.out.splitlines())) <= 80


def test_a_value_too_wide_is_refused_as_documented(command, tmp_path):
    model = network()
    variables = model.get_layer("separable").variables
    variables["act_step"] = np.full(16, 77892.375, np.float32)
    model.save("m.fbz")
    result = command("map", "m.fbz")
    text = " ".join(result.out.split())
    assert result.code == 1
    assert "Error when programming layer 'separable': " in text
    assert "1246278 cannot fit in a 20-bit unsigned integer" in text
    assert "gamma" in text


def test_a_model_that_does_not_fit_fits_after_doing_what_the_command_says(report):
    changes = {
        "image": {"input_shape": (300, 300, 1), "kernel_size": (3, 9), "kernel_stride": (4, 4), "filters": 600},
        "conv": {"kernel_size": (4, 4), "weights_bits": 8, "padding": akida.Padding.Valid},
        "separable": {"kernel_stride": (2, 2), "kernel_size": (5, 5), "weights_bits": 1},
        "classes": {"weights_bits": 8},
    }
    fields = {"kernel_size with kernel_stride (2, 2)": "kernel_size"}
    for _ in range(4):
        network(**changes).save("m.fbz")
        found = report("map", "m.fbz")["violations"]
        if not found:
            break
        for violation in found:
            change, key = changes[violation["layer"]], violation["rule"]
            advice = violation["remedy"].split("; ")[0]
            if key == "padding":
                change[key] = akida.Padding[advice.split()[-1]]
            elif advice.startswith("use ("):
                change[fields.get(key, key)] = tuple(int(size) for size in advice[5:-1].split(", "))
            elif "input channels" in advice:
                changes["image"]["filters"] = int(advice.split()[3])
            elif key == "input width":
                change["input_shape"] = (300, int(advice.split()[-1]), 1)
            else:
                number = int("".join(filter(str.isdigit, advice.split(",")[0])))
                change["filters" if "filters" in advice else key] = number
    assert report("map", "m.fbz", "--hw-only")["passes"] == 1


def test_several_passes_come_with_advice(command):
    network(separable={"filters": 64}).save("m.fbz")
    out = command("map", "m.fbz", "-d", "TwoNodesIPv1", "--mode", "Minimal").out
    assert "passes:" not in out
    akida.Model(
        layers=[
            akida.InputConvolutional((160, 160, 3), (3, 3), 16, "image", act_bits=4),
            *(akida.Convolutional((3, 3), 16, f"conv_{i}", weights_bits=4, act_bits=4) for i in range(3)),
        ]
    ).save("m.fbz")
    out = command("map", "m.fbz", "-d", "TwoNodesIPv1").out
    assert "passes: all layers together take" in " ".join(out.split())


def test_an_unknown_device_is_refused_with_the_known_ones(command, saved):
    result = command("map", "m.fbz", "-d", "AKD9")
    assert result.code == 1
    assert 'device must be one of AKD1000, AKD1500, TwoNodesIPv1, received "AKD9"' in result.err
