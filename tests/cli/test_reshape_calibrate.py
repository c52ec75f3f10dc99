"""`cnn2snn reshape` and `cnn2snn calibrate` on files that Keras wrote."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cnn2snn
from cnn2snn._keras import keras
from cnn2snn.cli import main


def make_network(*top):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            layers.Input((8, 6, 1)),
            layers.Conv2D(4, 3, padding="same", name="conv"),
            layers.ReLU(6.0, name="relu"),
            layers.SeparableConv2D(5, 3, use_bias=False, name="separable"),
            *(top or [layers.GlobalAveragePooling2D(name="gap")]),
            layers.ReLU(6.0, name="relu_2"),
            layers.Dense(3, name="dense"),
        ]
    )


@pytest.fixture(params=[".h5", ".keras"])
def quantized_file(request):
    path = Path(f"my net-v1.2{request.param}")
    cnn2snn.quantize(make_network(), 2, 4).save(path)
    return path


def test_the_best_sequence_takes_the_float_model(command, report, samples):
    make_network().save("net.keras")
    cnn2snn.quantize(make_network(), 2, 4).save("q.keras")
    answer = report("calibrate", "auto", "-m", "q.keras", "-r", "net.keras", "-sa", "samples.npz", "-e", 2)
    assert (answer["method"], answer["output"], answer["samples"]) == ("auto", "q_auto_calibrated.keras", 30)
    assert [layer["name"] for layer in answer["layers"]] == ["conv", "separable", "dense"]
    assert any(layer["kept"] for layer in answer["layers"])
    assert answer["network_after"] != answer["network_before"] > 0
    found = cnn2snn.load_quantized_model("q_auto_calibrated.keras")
    expected = cnn2snn.calibration.calibrate(
        cnn2snn.load_quantized_model("q.keras"), samples, epochs=2, reference=make_network()
    )
    for a, b in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert found.get_layer("relu").max_value == pytest.approx(expected.get_layer("relu").max_value)
    result = command("calibrate", "auto", "-m", "q.keras", "-sa", "samples.npz", "-e", 0, "--limit", 9)
    assert result.out.startswith("Model calibrated with 9 samples and saved to q_auto_calibrated.keras\n")
    assert all(len(line) <= 80 for line in result.out.splitlines())


def test_images_in_folders_are_samples_with_the_scaling_of_convert(report):
    images = np.random.default_rng(1).integers(0, 256, (6, 8, 6), np.uint8)
    for number, image in enumerate(images):
        folder = Path("photos") / ("cat" if number < 3 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    cnn2snn.quantize(make_network(), 2, 4).save("q.keras")
    report("calibrate", "bc", "-m", "q.keras", "-sa", "photos", "-sc", 255, "-sh", 0)
    np.save("photos.npy", (images / 255).astype(np.float32)[..., np.newaxis])
    report("calibrate", "bc", "-m", "q.keras", "-sa", "photos.npy", "-o", "array.keras")
    found, expected = (cnn2snn.load_quantized_model(name) for name in ("q_bc_calibrated.keras", "array.keras"))
    for a, b in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.fixture
def samples():
    values = np.random.default_rng(1).normal(size=(30, 8, 6, 1)).astype(np.float32)
    np.savez("samples.npz", first=values[:11], second=values[11:])
    return values


def test_width_is_the_second_axis_and_comes_first_in_the_name(command, quantized_file):
    result = command("reshape", "-m", quantized_file, "-iw", 16, "-ih", 12)
    target = Path(f"my net-v1.2_16_12{quantized_file.suffix}")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"Model reshaped and saved to {target}\n"
    reshaped = cnn2snn.load_quantized_model(target)
    assert tuple(reshaped.inputs[0].shape) == (None, 12, 16, 1)
    kept = cnn2snn.load_quantized_model(quantized_file).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(kept, reshaped.get_weights(), strict=True))


def test_reshape_reports_shapes(report):
    make_network().save("net.keras")
    answer = report("reshape", "-m", "net.keras", "-iw", 16, "-ih", 12, "-o", "large.keras")
    assert answer == {
        "file": "net.keras",
        "output": "large.keras",
        "input_shape": [12, 16, 1],
        "output_shape": [3],
    }
    assert Path("large.keras").exists()


def test_a_model_whose_weights_depend_on_the_size_is_not_reshaped(command):
    make_network(keras.layers.Flatten()).save("net.keras")
    result = command("reshape", "-m", "net.keras", "-iw", 16, "-ih", 12)
    assert result.code == 1
    assert result.err.startswith('cnn2snn: error: layer "dense": for its input it needs weights of shape')
    assert result.err.count("\n") == 1
    assert list(Path().iterdir()) == [Path("net.keras")]
    assert command("reshape", "-m", "net.keras", "-iw", 16).code == 2
    result = command("reshape", "-m", "net.keras", "-iw", 0, "-ih", 12)
    assert (result.code, result.err) == (1, "cnn2snn: error: -iw must be at least 1, received 0\n")


def test_bias_correction_reports_errors_per_layer(command, quantized_file, samples):
    result = command("calibrate", "bc", "-m", quantized_file, "-sa", "samples.npz", "-bs", 7)
    target = Path(f"my net-v1.2_bc_calibrated{quantized_file.suffix}")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"Model calibrated with 30 samples and saved to {target}"
    assert [line.split()[0] for line in lines[6:-1]] == ["conv", "separable", "dense"]
    assert lines[-1].startswith("Whole quantized network: ")
    assert all(len(line) <= 80 for line in lines)

    model = cnn2snn.load_quantized_model(quantized_file)
    expected = cnn2snn.calibration.bias_correction(
        cnn2snn.transforms.normalize_separable_model(cnn2snn.calibration.activations_rescaling(model, samples)), samples
    )
    found = cnn2snn.load_quantized_model(target)
    assert found.get_layer("separable").use_bias
    for a, b in zip(found.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_adaround_saves_a_model_that_converts(report, quantized_file, samples):
    np.save("samples.npy", samples)
    answer = report(
        "calibrate", "adaround", "-m", quantized_file, "-sa", "samples.npy", "-e", 3, "-lr", 0.05, "-bs", 10, "-act"
    )
    target = f"my net-v1.2_adaround_calibrated{quantized_file.suffix}"
    assert (answer["output"], answer["method"], answer["samples"]) == (target, "adaround", 30)
    assert [layer["name"] for layer in answer["layers"]] == ["conv", "separable", "dense"]
    assert all(layer["after"] <= layer["before"] for layer in answer["layers"])
    assert len(cnn2snn.convert(cnn2snn.load_quantized_model(target)).layers) == 3


def with_notes(path, array):
    """A .npz file with a member that is no array."""
    np.savez(path, array)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("notes.txt", "recorded at noon")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-sa", "none.npz"), "none.npz: No such file or directory"),
        (("-sa", "text.npz"), "text.npz: it is not a .npy or .npz file of plain numbers"),
        (("-sa", "foreign.npz"), "foreign.npz: its member notes.txt is no array; write the file with numpy.savez"),
        (("-sa", "uneven.npz"), "its arrays must have one shape but for the first axis, received (2, 3), (2, 4)"),
        (("-sa", "wrong.npy"), "samples must have the shape (n, 8, 6, 1) with n at least 1, received (2, 3)"),
        (("-sa", "samples.npz", "-bs", 0), "batch_size must be a positive integer or None, received 0"),
        (("-sa", "samples.npz", "-lr", 0), "--learning_rate must be greater than zero, received 0.0"),
        (("-sa", "samples.npz", "-e", 0), "epochs must be a positive integer, received 0"),
        (("-sa", "samples.npz", "-o", "q.keras"), "would replace the model itself"),
        (("-sa", "samples.npz", "--limit", 0), "the number of samples must be a positive integer, received 0"),
        (("-sa", "samples.npz", "-sc", 0, "-sh", 0), "-sc must not be 0"),
        (("-sa", "."), "the folder has no images"),
    ],
)
def test_errors_are_told_in_one_line(command, samples, arguments, message):
    cnn2snn.quantize(make_network(), 2, 4).save("q.keras")
    Path("text.npz").write_text("no array")
    np.savez("uneven.npz", np.zeros((2, 3)), np.zeros((2, 4)))
    with_notes("foreign.npz", np.zeros((2, 3)))
    np.save("wrong.npy", np.zeros((2, 3)))
    result = command("calibrate", "adaround", "-m", "q.keras", *arguments)
    assert (result.code, result.out) == (1, "")
    assert message in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("method", ["auto", "bc"])
def test_a_float_model_is_not_calibrated(command, samples, method):
    make_network().save("net.keras")
    result = command("calibrate", method, "-m", "net.keras", "-sa", "samples.npz")
    assert result.code == 1
    assert "quantize it first" in result.err


def test_a_reference_with_other_layers_is_refused(command, samples):
    make_network(keras.layers.Flatten(name="flat")).save("net.keras")
    cnn2snn.quantize(make_network(), 2, 4).save("q.keras")
    result = command("calibrate", "auto", "-m", "q.keras", "-r", "net.keras", "-sa", "samples.npz")
    assert result.code == 1
    assert 'the reference must have the layers of the quantized model: it has no layer "gap"' in result.err


def test_calibrate_asks_for_a_method(command):
    result = command("calibrate")
    assert result.code == 2
    assert "METHOD" in result.err


@pytest.mark.parametrize(
    "arguments", [("reshape",), ("calibrate",), *(("calibrate", m) for m in ("auto", "bc", "adaround"))]
)
def test_help_has_an_example_and_fits_80_columns(capsys, arguments):
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    text = capsys.readouterr().out
    assert "examples:" in text
    assert all(len(line) <= 80 for line in text.splitlines())
