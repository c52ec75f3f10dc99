"""`cnn2snn check`."""

import cnn2snn
from cnn2snn import zoo
from cnn2snn._keras import keras
from tests.conversion.quantizeml.files import FIXTURES


def save(name="net.keras", **arguments):
    layers = keras.layers
    keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(4, 3, name="conv", **arguments),
            layers.ReLU(6, name="relu"),
            layers.Flatten(name="flatten"),
            layers.Dense(3, name="dense"),
        ],
        name="net",
    ).save(name)


def test_compatible_model_ends_with_0(command):
    save()
    result = command("check", "-m", "net.keras")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(
        'Model "net" is compatible with Akida 1.0.\n\nModel "net" is compatible with Akida 2.0.'
    )
    result = command("check", "-m", "net.keras", "--akida", "v1")
    assert (result.code, result.out) == (0, 'Model "net" is compatible with Akida 1.0.\n')


def test_incompatible_model_ends_with_1_and_a_report(command, monkeypatch):
    save(dilation_rate=2)
    result = command("check", "-m", "net.keras", "--akida", "v1")
    assert (result.code, result.err) == (1, "")
    lines = result.out.splitlines()
    assert lines[0] == 'Model "net" is not compatible with Akida 1.0: 1 problem.'
    assert lines[2] == ' 1. Layer "conv": dilation_rate must be (1, 1), received (2, 2).'
    assert max(map(len, lines)) <= 80
    assert command("check", "-m", "net.keras").code == 1
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, command("check", "-m", "net.keras").out.splitlines())) <= 60


def test_limits_of_a_chip_count_on_demand(command):
    save("net.h5", strides=4)
    assert command("check", "-m", "net.h5").code == 0
    result = command("check", "-m", "net.h5", "-d", "akd1000")
    assert result.code == 1
    assert "kernel_stride" in result.out
    assert "AKD1000" in command("check", "-m", "net.h5", "-d", "AKD1").err


def test_report_is_json_on_demand(report, command):
    save()
    assert report("check", "-m", "net.keras")["compatible"] is True
    save(dilation_rate=2)
    result = command("check", "-m", "net.keras", "--json")
    assert result.code == 1
    assert '"rule": "dilation_rate"' in result.out


def test_inputs_that_are_no_images(command):
    cnn2snn.quantize(zoo.convtiny_dvs_gesture((16, 16, 10)), 4, 4).save("events.keras")
    assert command("check", "-m", "events.keras").code == 1
    assert command("check", "-m", "events.keras", "--no-image-input").code == 0


def test_a_quantizeml_file_is_checked_for_the_version_in_force(command, monkeypatch):
    path = FIXTURES / "cnn_i8_w8_a8.h5"
    assert "compatible with Akida 2.0" in command("check", "-m", path).out
    refused = command("check", "-m", path, "--akida", "v1")
    assert refused.code == 1
    assert "not compatible with Akida 1.0" in refused.out
    monkeypatch.setenv("CNN2SNN_TARGET_AKIDA_VERSION", "v3")
    result = command("check", "-m", path)
    assert (result.code, result.out) == (1, "")
    assert "must be v1 or v2, received 'v3'" in result.err
    # The option is asked first.
    assert command("check", "-m", path, "--akida", "v2").code == 0


def test_a_chip_of_another_generation_than_the_one_asked_for_is_refused(command):
    result = command("check", "-m", FIXTURES / "cnn_i8_w8_a8.h5", "--akida", "v2", "-d", "AKD1000")
    assert (result.code, result.out) == (1, "")
    assert "received AKD1000 of Akida 1.0" in result.err


def test_the_type_of_inputs_counts_for_akida_2(command):
    save()
    assert command("check", "-m", "net.keras", "--akida", "v2", "--input-dtype", "int8").code == 0
    assert command("check", "-m", "net.keras", "--akida", "v2", "--input-dtype", "int32").code == 1
    assert command("check", "-m", "net.keras", "--akida", "v1", "--input-dtype", "int8").code == 1
