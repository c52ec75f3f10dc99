"""`cnn2snn quantize --config` takes the bits of single layers from a JSON file."""

import json
from pathlib import Path

import cnn2snn
from tests.cli.test_reshape_calibrate import make_network

CONFIG = {"conv": {"weights": 8}, "sep*": {"weights": 2, "activations": 1}}


def test_the_file_prevails_and_gives_its_name(command, report):
    make_network().save("net.keras")
    Path("few bits.json").write_text(json.dumps(CONFIG))
    result = command("quantize", "-m", "net.keras", "--config", "few bits.json", "-iq", 4)
    target = "net_iq4_wq4_aq4_few bits.keras"
    assert (result.code, result.err, result.out) == (0, "", f"Model quantized and saved to {target}\n")
    found = cnn2snn.bits(cnn2snn.load_quantized_model(target))
    assert found == cnn2snn.bits(cnn2snn.quantize(make_network(), 4, 4, config=CONFIG))
    answer = report("quantize", "-m", "net.keras", "--config", "few bits.json", "-o", "other.keras")
    assert {layer["name"]: layer.get("weights_bits", layer.get("act_bits")) for layer in answer["layers"]} == {
        "conv": 8,
        "relu": 4,
        "separable": 2,
        "relu_2": 1,
        "dense": 4,
    }


def test_wrong_files_are_told_in_one_line(command):
    make_network().save("net.keras")
    Path("bits.json").write_text("conv: 8")
    for arguments, message in [
        (("--config", "bits.json"), "bits.json: it is not JSON"),
        (("--config", "none.json"), "none.json: No such file or directory"),
    ]:
        result = command("quantize", "-m", "net.keras", *arguments)
        assert (result.code, result.out) == (1, "")
        assert message in result.err
        assert result.err.count("\n") == 1
    assert sorted(path.name for path in Path().iterdir()) == ["bits.json", "net.keras"]
