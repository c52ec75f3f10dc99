"""`cnn2snn map`."""

import json
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
        "Mapping   Minimal, 3 NPs (2 CNP1, 1 FNP3) and the HRC, 1 pass",
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


def test_svg_tells_the_file_and_each_sequence_where_it_runs(command):
    network(conv={"weights_bits": 8}).save("m.fbz")
    assert command("map", "m.fbz", "-d", "AKD1500", "--mode", "Minimal", "--svg", "m.svg").code == 0
    texts = [element.text for element in ET.parse("m.svg").getroot().iter(f"{SVG}text")]
    assert texts[0] == "m.fbz on AKD1500 (BC.A1.003.009)"
    titles = [text for text in texts if text.startswith(("HW/", "SW/"))]
    assert titles == [
        "HW/image-image: 0 of 32 NPs",
        "SW/conv-conv: in software",
        "HW/separable-classes: 2 of 32 NPs",
    ]


def dense(count, inputs):
    """A model of `count` dense layers of 512 units and a last one of 10."""
    layers = [akida.InputData((1, 1, inputs), 4, name="input")]
    layers += [akida.FullyConnected(512, f"dense_{i}", weights_bits=4, act_bits=4) for i in range(count)]
    return akida.Model(layers=[*layers, akida.FullyConnected(10, "classes", weights_bits=4, activation=False)])


@pytest.mark.parametrize("device", ["AKD1000", "AKD1500", "TwoNodesIPv1"])
@pytest.mark.parametrize("mode", ["AllNps", "Minimal"])
def test_the_advice_names_units_that_are_scarce_and_its_remedy_helps(command, device, mode):
    dense(3, 512).save("m.fbz")
    text = " ".join(command("map", "m.fbz", "-d", device, "--mode", mode).out.split())
    assert "3 passes: 1 NP of the device can be FNP2, and dense_0, dense_1, dense_2 take 3" in text
    assert "Layers whose weights fit the memory of an NP take FNP3 instead" in text
    small = akida.Model(layers=[akida.InputData((1, 1, 64), 4, name="input")])
    for i in range(3):
        small.add(akida.FullyConnected(64, f"dense_{i}", weights_bits=4, act_bits=4))
    small.save("m.fbz")
    assert ", 1 pass\n" in command("map", "m.fbz", "-d", device, "--mode", mode).out


def test_passes_that_software_parts_are_not_put_down_to_the_chip(command):
    network(conv={"weights_bits": 8}).save("m.fbz")
    text = " ".join(command("map", "m.fbz").out.split())
    assert "2 passes, as layers in software stand between them" in text
    assert "all layers together" not in text


def test_columns_that_do_not_fit_are_named(command, saved, monkeypatch):
    titles = ("Input B", "Weight B", "Filters", "Rows")
    for width in (30, 60, 80, 100):
        monkeypatch.setenv("COLUMNS", str(width))
        table, _, note = command("map", "m.fbz", "-d", "AKD1500").out.partition("\n\n")[2].partition("\n\n")
        shown = [title for title in titles if title in table.splitlines()[0]]
        named = [title for title in titles if title in " ".join(note.split())]
        assert shown + named == sorted(titles, key=(shown + named).index)
        assert set(shown).isdisjoint(named)


def test_the_estimate_names_the_layers_that_take_most(report, command, saved):
    np.save("x.npy", np.ones((3, 32, 32, 1), np.uint8))
    layers = report("map", "m.fbz", "-d", "AKD1500", "-s", "x.npy")["estimate"]["layers"]
    times = {name: layer["latency_ms"] for name, layer in layers.items()}
    slowest = max(times, key=times.get)
    share = 100 * times[slowest] / sum(times.values())
    text = " ".join(command("map", "m.fbz", "-d", "AKD1500", "-s", "x.npy").out.split())
    assert f"most of it in {slowest} ({share:.0f} %)" in text


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
    names = "AKD1000, AKD1500, TwoNodesIPv1, TwoNodesIPv2, SixNodesIPv2, TwoNodesIPv2@2.10, SixNodesIPv2@2.10"
    assert f'device must be one of {names}, received "AKD9"' in result.err


OWN_MODEL = "Units of Akida 2.0 are counted by a model of this project, not by the vendor's."


@pytest.fixture
def akida2():
    """A model of Akida 2.0 with a skip connection, saved as `m.fbz`."""
    model = akida.Model(layers=[akida.InputConv2D((32, 32, 3), 8, 3, name="image"), akida.Conv2D(8, 3, name="stem")])
    stem = model.get_layer("stem")
    model.add(akida.Conv2D(8, 3, name="conv"))
    model.add(akida.Add(name="sum"), [model.get_layer("conv"), stem])
    model.add(akida.DepthwiseConv2D(3, kernel_stride=2, name="depthwise"))
    model.add(akida.Conv2D(16, 3, kernel_stride=2, name="half"))
    model.add(akida.Dense1D(4, name="classes"))
    model.add(akida.Dequantizer(name="floats"))
    model.save("m.fbz")
    return model


def test_a_model_of_akida2_has_the_same_table_and_says_whose_counts_these_are(command, akida2):
    result = command("map", "m.fbz", "--mode", "Minimal")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Device    SixNodesIPv2 (BC.A2.001.000), 24 NPs",
        "Mapping   Minimal, 5 NPs (4 CNP1, 1 FNP3) and the HRC, 1 pass, 1 skip",
        "          connection, 2 sequences, 1 of them in software",
        "          Units of Akida 2.0 are counted by a model of this project, not by the",
        "          vendor's.",
        "",
        "Layer      Output   Units   Filters  Rows  Input B  Weight B      Pass",
        "----------------------------------------------------------------------",
        "image      32×32×8  1 HRC         8    32    3,072       216         1",
        "stem       32×32×8  1 CNP1        8    32    8,192       576         1",
        "conv       32×32×8  1 CNP1        8    32    8,192       576         1",
        "sum        32×32×8  -             -     -        -         -         1",
        "depthwise  16×16×8  1 CNP1        8    32    8,192        72         1",
        "half       8×8×16   1 CNP1       16    16    2,048     1,152         1",
        "classes    1×1×4    1 FNP3        4     8    1,024     4,096         1",
        "floats     1×1×4    -             -     -        -         -  software",
    ]


def test_json_of_akida2_has_skip_connections_and_whose_counts_these_are(report, akida2):
    result = report("map", "m.fbz", "-d", "twonodesipv2@2.10", "--hw-only")
    assert (result["device"], result["device_nps"], result["note"]) == ("TwoNodesIPv2@2.10", 8, OWN_MODEL)
    assert result["skip_connections"] == [{"from": "stem", "to": "sum"}]
    assert [s["name"] for s in result["sequences"]] == ["HW/image-classes", "SW/floats-floats"]
    assert (result["program_bytes"], [s["program_bytes"] for s in result["sequences"]]) == (None, [None, None])


def test_json_of_akida1_has_neither(report, saved):
    assert not {"note", "skip_connections"} & set(report("map", "m.fbz"))


def test_samples_of_akida2_are_counted_and_nothing_is_estimated(command, report, akida2):
    samples = np.ones((3, 32, 32, 3), np.uint8)
    np.save("x.npy", samples)
    result = report("map", "m.fbz", "--samples", "x.npy")
    counted = akida2.measure(samples).layers
    assert result["statistics"]["image"]["events"] == 32 * 32 * 3
    assert result["estimate"] is None
    out = command("map", "m.fbz", "--samples", "x.npy").out
    events = sum(layer.events for layer in counted.values())
    macs = sum(layer.effective_macs for layer in counted.values())
    assert "Counted   per input, from 3 samples:" in out
    assert f"{events:,.0f} events, {macs:,.0f} effective multiply-accumulates" in out
    assert "Estimate  for SixNodesIPv2: no public benchmark tells how many cycles it takes" in out
    assert not {" ms", "mJ", "frames per second", "about"} & set(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_svg_of_akida2_draws_units_and_skip_connections(command, akida2):
    assert command("map", "m.fbz", "--svg", "m.svg").code == 0
    texts = [element.text for element in ET.parse("m.svg").getroot().iter(f"{SVG}text")]
    assert OWN_MODEL in texts
    assert "sum: no unit, with the map of stem" in texts
    titles = [text.partition(":")[0] for text in texts if text.startswith(("HW/", "SW/"))]
    assert titles == ["HW/image-classes", "SW/floats-floats"]


def test_the_default_device_is_of_the_generation_of_the_model(report, saved):
    assert report("map", "m.fbz")["device"] == "AKD1000"


def test_a_model_of_akida2_on_a_device_of_akida1_is_refused_once(command, akida2):
    result = command("map", "m.fbz", "-d", "AKD1000")
    text = " ".join(result.out.split())
    assert result.code == 1
    assert "Mapping refused: 8 problems" in text
    sentence = (
        'layer "image": generation must be that of AKD1000, Akida 1.0, received InputConv2D, a layer of Akida 2.0'
    )
    assert text.count("generation must be") == text.count(sentence) == 1
    assert "likewise stem, conv, sum, depthwise, half, classes, floats" in text


def test_passes_of_akida2_are_explained(command, akida2):
    akida.Model(
        layers=[
            akida.InputConv2D((32, 32, 3), 8, 3, name="image"),
            *(akida.Conv2D(8, 3, name=f"conv_{i}") for i in range(9)),
        ]
    ).save("m.fbz")
    out = " ".join(command("map", "m.fbz", "-d", "TwoNodesIPv2").out.split())
    assert "2 passes: all layers together take 9 NPs and 0 channels for skip connections, more than" in out


def test_passes_of_parts_between_layers_in_software_are_no_cuts(command, akida2):
    def save(convolutions):
        layers = [akida.Conv2D(8, 3, name=f"conv_{i}") for i in range(convolutions)]
        layers += [akida.Conv2D(8, 9, name="odd"), akida.Conv2D(8, 3, name="last")]
        akida.Model(layers=[akida.InputConv2D((32, 32, 3), 8, 3, name="image"), *layers]).save("m.fbz")

    save(2)
    assert json.loads(command("map", "m.fbz", "-d", "TwoNodesIPv2", "--json").out)["passes"] == 2
    assert "passes:" not in command("map", "m.fbz", "-d", "TwoNodesIPv2").out
    save(9)
    out = " ".join(command("map", "m.fbz", "-d", "TwoNodesIPv2", "--mode", "Minimal").out.split())
    assert "2 passes: the layers of HW/image-conv_8 together take 9 NPs and 0 channels" in out
    assert out.count("passes:") == 1
