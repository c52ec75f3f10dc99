"""`cnn2snn run`."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnn2snn import _progress, akida


def test_forward_is_saved(command, model, inputs):
    result = command("run", "model.fbz", "inputs.npy", "-o", "outputs.npy")
    assert (result.code, result.err) == (0, "")
    outputs = np.load("outputs.npy")
    assert outputs.dtype == np.int32
    np.testing.assert_array_equal(outputs, model.forward(inputs))
    lines = result.out.splitlines()
    assert lines[0] == "Inputs    7×1×1×6 uint8"
    assert lines[1] == "Outputs   7×1×1×6 int32, 0 to 7; outputs.npy"
    note = " ".join(line.strip() for line in lines[2:5]).split(maxsplit=1)
    assert note[0] == "Note"
    assert note[1].startswith("thresholds, steps or scales of channels are not applied to these integers")
    assert note[1].endswith("--predict applies them, --classes gives classes")
    assert lines[5].startswith("Speed ")
    assert max(map(len, lines)) <= 80


def test_integers_that_are_no_scores_are_noted_where_they_are_given(command, report, model, inputs):
    assert "largest is not always the class" in report("run", "model.fbz", "inputs.npy")["note"]
    for mode in ("--predict", "--classes"):
        assert "note" not in report("run", "model.fbz", "inputs.npy", mode)
    akida.Model(layers=[akida.InputData((1, 1, 6))]).save("levels.fbz")
    assert "note" not in report("run", "levels.fbz", "inputs.npy")


def test_predict_and_classes(command, model, inputs):
    assert command("run", "model.fbz", "inputs.npy", "-o", "p.npy", "--predict").code == 0
    np.testing.assert_array_equal(np.load("p.npy"), model.predict(inputs))
    assert command("run", "model.fbz", "inputs.npy", "-o", "c.npy", "--classes").code == 0
    assert np.load("c.npy").dtype == np.int32
    assert np.load("c.npy").tolist() == [0, 1, 2, 3, 4, 5, 0]


def test_explain_tells_kernels_reasons_and_memory(command, report, model, inputs):
    out = command("run", "model.fbz", "inputs.npy", "--explain").out
    for part in ("Kernels", "dense-", "KiB for each thread"):
        assert part in out
    assert max(map(len, out.splitlines())) <= 80
    plan = report("run", "model.fbz", "inputs.npy", "--explain")["plan"]
    assert [layer["layer"] for layer in plan["layers"]] == [layer.name for layer in model.layers]
    for layer in plan["layers"]:
        for kernel in layer["kernels"]:
            assert all(declined["reason"] for declined in kernel["declined"])
    assert plan["scratch_bytes_per_thread"] > 0


def test_modes_exclude_each_other(command, model, inputs):
    assert command("run", "model.fbz", "inputs.npy", "--classes", "--predict").code == 2


@pytest.mark.parametrize("mode", [[], ["--predict"], ["--classes"]])
def test_labels_give_the_accuracy(report, model, inputs, mode):
    np.save("labels.npy", np.array([0, 1, 2, 3, 4, 5, 5]))
    result = report("run", "model.fbz", "inputs.npy", "--labels", "labels.npy", *mode)
    assert (result["correct"], result["accuracy"]) == (6, 6 / 7)
    assert result["classes"] == {"0": 2, "1": 1, "2": 1, "3": 1, "4": 1, "5": 1}


def test_images_lie_in_folders_by_class(command, report):
    model = akida.Model(layers=[akida.InputConvolutional((6, 5, 3), (3, 3), 2, "image", act_bits=4)])
    model.add(akida.FullyConnected(3, "classes", weights_bits=2, activation=False))
    model.save("m.fbz")
    images = np.random.default_rng(0).integers(0, 256, (5, 6, 5, 3), np.uint8)
    for number, name in enumerate(("cat/a", "cat/b", "dog/a", "eel/x", "eel/y")):
        Path("set", name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[number]).save(f"set/{name}.png")
    labels = np.array([0, 0, 1, 2, 2])
    result = report("run", "m.fbz", "set", "--classes", "-o", "c.npy")
    classes = model.predict_classes(images)
    np.testing.assert_array_equal(np.load("c.npy"), classes)
    assert (result["inputs"]["shape"], result["correct"]) == ([5, 6, 5, 3], int(np.sum(classes == labels)))
    os.rename("set/dog/a.png", "set/dog/a.txt")
    assert report("run", "m.fbz", "set")["correct"] == int(np.sum((classes == labels)[[0, 1, 3, 4]]))
    for name in ("fox", "gnu"):
        Path("set", name).mkdir()
        Image.fromarray(images[0]).save(f"set/{name}/a.png")
    refused = command("run", "m.fbz", "set")
    assert (refused.code, "the model has 3 outputs, received 5 folders with images" in refused.err) == (1, True)
    np.save("own.npy", np.zeros(6, int))
    assert command("run", "m.fbz", "set", "--labels", "own.npy").code == 1


def test_accuracy_is_printed(command, model, inputs):
    np.save("labels.npy", np.zeros(7, int))
    out = command("run", "model.fbz", "inputs.npy", "--labels", "labels.npy").out
    assert "Classes   6 occur\n" in out
    assert out.endswith(
        "Class  Inputs   Share\n"
        "---------------------\n"
        "    0       2  28.6 %\n"
        "    1       1  14.3 %\n"
        "    2       1  14.3 %\n"
        "    3       1  14.3 %\n"
        "    4       1  14.3 %\n"
        "    5       1  14.3 %\n"
    )
    assert "Accuracy  28.57% (2 of 7)\n" in out


def test_of_many_classes_the_most_frequent_are_shown(command):
    akida.Model(layers=[akida.InputData((1, 1, 300))]).save("m.fbz")
    classes = [*range(300), *[250] * 4, 7]
    np.save("x.npy", np.eye(300, dtype=np.uint8)[classes].reshape(-1, 1, 1, 300))
    lines = command("run", "m.fbz", "x.npy", "--classes").out.splitlines()
    assert max(map(len, lines)) <= 80
    table = [line.split() for line in lines[lines.index("Class  Inputs  Share") + 2 : -1]]
    assert len(table) == 20
    assert {"250": "5", "7": "2"}.items() <= {row[0]: row[1] for row in table}.items()
    assert lines[-1] == "280 rarer classes have 280 inputs; --json has all."


def test_json_has_the_facts(report, model, inputs):
    result = report("run", "model.fbz", "inputs.npy", "--predict")
    assert result["model"] == "model.fbz"
    assert result["mode"] == "predict"
    assert result["inputs"] == {"file": "inputs.npy", "shape": [7, 1, 1, 6], "dtype": "uint8"}
    assert result["outputs"] == {
        "file": None,
        "shape": [7, 1, 1, 6],
        "dtype": "float32",
        "min": -0.5,
        "max": 3.0,
    }
    assert result["seconds"] > 0
    assert result["inputs_per_second"] > 0


@pytest.mark.parametrize("options", [["-b", "1"], ["-b", "3"], ["-b", "100"], ["-t", "1"]])
def test_batch_and_threads_do_not_change_outputs(command, model, inputs, options):
    assert command("run", "model.fbz", "inputs.npy", "-o", "o.npy", *options).code == 0
    np.testing.assert_array_equal(np.load("o.npy"), model.forward(inputs))


def test_many_inputs_are_all_run(command, model):
    values = np.random.default_rng(0).integers(0, 16, (10_001, 1, 1, 6), np.uint8)
    np.save("many.npy", values)
    assert command("run", "model.fbz", "many.npy", "-o", "o.npy").code == 0
    np.testing.assert_array_equal(np.load("o.npy"), model.forward(values))


@pytest.mark.parametrize("names", [["x"], ["arr_0"], ["only"], ["x", "y"], ["other", "arr_0"]])
def test_npz_is_read(report, model, inputs, names):
    arrays = {name: inputs if name in ("x", "arr_0", "only") else np.zeros(2) for name in names}
    np.savez("inputs.npz", **arrays)
    assert report("run", "model.fbz", "inputs.npz")["outputs"]["shape"] == [7, 1, 1, 6]


def test_no_inputs(report, command, model, inputs):
    np.save("none.npy", inputs[:0])
    result = report("run", "model.fbz", "none.npy")
    assert result["outputs"]["shape"] == [0, 1, 1, 6]
    assert result["outputs"]["min"] is None
    assert command("run", "model.fbz", "none.npy").code == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 1, 1, 5), np.uint8), "inputs must be of shape (n, 1, 1, 6), received (3, 1,"),
        (np.zeros((1, 1, 6), np.uint8), "inputs must be of shape (n, 1, 1, 6), received (1, 1, 6)"),
        (np.uint8(3), "inputs must be of shape (n, 1, 1, 6), received ()"),
        (np.zeros((3, 1, 1, 6)), "inputs must be of dtype uint8, received float64"),
    ],
)
def test_refused_inputs_are_told_in_one_line(command, model, values, message):
    np.save("x.npy", values)
    result = command("run", "model.fbz", "x.npy", "-o", "o.npy")
    assert result.code == 1
    assert result.err.startswith(f"cnn2snn: error: {message}")
    assert result.err.count("\n") == 1
    assert not os.path.exists("o.npy")


def test_value_beyond_input_bits_is_found_in_the_file(command, model, monkeypatch):
    monkeypatch.setattr("cnn2snn.cli.run._CHECKED_VALUES", 60)
    values = np.zeros((100, 1, 1, 6), np.uint8)
    values[77, 0, 0, 2] = 16
    np.save("x.npy", values)
    result = command("run", "model.fbz", "x.npy")
    assert result.err == ("cnn2snn: error: inputs must be in 0..=15 (input_bits 4), received 16 at [77, 0, 0, 2]\n")


def test_file_that_is_no_array_is_refused(command, model):
    for name, content in (("x.npy", b"text"), ("y.npy", b""), ("z.npz", b"PK\x03\x04")):
        with open(name, "wb") as file:
            file.write(content)
        result = command("run", "model.fbz", name)
        assert result.code == 1
        assert result.err.startswith(f"cnn2snn: error: {name}: it is not a .npy or .npz file")


def test_npz_without_a_clear_choice_is_refused(command, model):
    np.savez("two.npz", a=np.zeros(2), b=np.zeros(2))
    result = command("run", "model.fbz", "two.npz")
    assert result.code == 1
    assert "one named arr_0 or x, received a, b" in result.err


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            np.zeros(6, int),
            "labels.npy: labels must be of shape (7,), one per input, received (6,)",
        ),
        (np.full(7, 6), "labels must be in 0..=5, received 6 at index 0"),
        (np.zeros(7), "labels must be integers, received dtype float64"),
    ],
)
def test_refused_labels(command, model, inputs, labels, message):
    np.save("labels.npy", labels)
    result = command("run", "model.fbz", "inputs.npy", "--labels", "labels.npy")
    assert (result.code, result.err) == (1, f"cnn2snn: error: {message}\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-b", "-1"], "--batch must be at least 0, received -1"),
        (["-t", "-1"], "--threads must be at least 0, received -1"),
        (["-o", "o.txt"], "the name of the file must end in .npy, received o.txt"),
        (["-o", "no/o.npy"], f"{os.path.join('no', 'o.npy')}: {os.strerror(2)}"),
    ],
)
def test_refused_options(command, model, inputs, options, message):
    result = command("run", "model.fbz", "inputs.npy", *options)
    assert (result.code, result.err) == (1, f"cnn2snn: error: {message}\n")


def test_predict_with_activation_is_refused(command, inputs):
    akida.Model(layers=[akida.InputData((1, 1, 6), name="events")]).save("m.fbz")
    result = command("run", "m.fbz", "inputs.npy", "--predict")
    assert result.code == 1
    assert 'layer "events": predict needs a Dequantizer' in result.err


def test_failed_run_leaves_the_old_outputs(command, model, inputs, monkeypatch):
    np.save("o.npy", np.arange(3))

    def fail(file, array, **options):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np.lib.format, "write_array", fail)
    assert command("run", "model.fbz", "inputs.npy", "-o", "o.npy").code == 1
    assert np.load("o.npy").tolist() == [0, 1, 2]
    assert sorted(os.listdir()) == ["inputs.npy", "model.fbz", "o.npy"]


class Terminal:
    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_appears_after_two_seconds_on_a_terminal(monkeypatch):
    terminal = Terminal()
    now = [0.0]
    monkeypatch.setattr(_progress.sys, "stderr", terminal)
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    progress = _progress.Progress(100)
    now[0] = 1.9
    progress.update(10)
    assert terminal.text == ""
    now[0] = 2.5
    progress.update(25)
    assert terminal.text.endswith("##########..............................  25%  8 s left")
    progress.close()
    assert terminal.text.endswith("\r\x1b[K")


def test_progress_that_was_not_needed_leaves_no_trace(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(_progress.sys, "stderr", terminal)
    progress = _progress.Progress(10)
    progress.update(10)
    progress.close()
    assert terminal.text == ""


def test_labels_need_a_model_with_classes(command):
    akida.Model(layers=[akida.InputData((2, 1, 1), name="events")]).save("m.fbz")
    np.save("x.npy", np.zeros((1, 2, 1, 1), np.uint8))
    np.save("labels.npy", np.zeros(1, int))
    result = command("run", "m.fbz", "x.npy", "--labels", "labels.npy")
    assert result.code == 1
    assert 'layer "events": classes need an output of shape (1, 1, C)' in result.err


def test_labels_of_levels(report):
    akida.Model(layers=[akida.InputData((1, 1, 3))]).save("m.fbz")
    np.save("x.npy", np.eye(3, dtype=np.uint8).reshape(3, 1, 1, 3))
    np.save("labels.npy", np.array([0, 1, 1]))
    assert report("run", "m.fbz", "x.npy", "--labels", "labels.npy")["correct"] == 2


def test_labels_are_compared_with_predict_not_with_potentials(report, model, inputs):
    variables = model.get_layer("classes").variables
    variables["act_step"] = np.array([100, 1, 1, 1, 1, 1], np.float32)
    variables["threshold"] = np.array([0, 0, 9, 0, 0, 0], np.int32)
    model.save("model.fbz")
    labels = model.predict_classes(inputs)
    assert labels.tolist() != inputs.reshape(7, 6).argmax(axis=1).tolist()
    np.save("labels.npy", labels)
    assert report("run", "model.fbz", "inputs.npy", "--labels", "labels.npy")["accuracy"] == 1


def test_interrupt_ends_the_command(command, model, inputs, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(akida.Model, "forward", interrupted)
    result = command("run", "model.fbz", "inputs.npy", "-o", "o.npy")
    assert (result.code, result.err) == (130, "cnn2snn: interrupted\n")
    assert not os.path.exists("o.npy")


def test_a_result_in_place_of_the_inputs_is_refused(command, model, inputs):
    np.save("labels.npy", np.zeros(7, int))
    os.link("inputs.npy", "same.npy")
    for output in ("inputs.npy", "same.npy", "labels.npy"):
        before = Path(output).read_bytes()
        result = command("run", "model.fbz", "inputs.npy", "--labels", "labels.npy", "-o", output)
        assert result.code == 1
        assert "would replace" in result.err
        assert "name another file" in result.err
        assert Path(output).read_bytes() == before


def test_a_full_disk_names_the_file(command, model, inputs, monkeypatch):
    Path("outputs.npy").symlink_to("/dev/full")
    result = command("run", "model.fbz", "inputs.npy", "-o", "outputs.npy")
    assert (result.code, result.err) == (1, "cnn2snn: error: outputs.npy: No space left on device\n")


def test_members_that_are_no_arrays_are_told_or_left_alone(command, model, inputs):
    with zipfile.ZipFile("notes.npz", "w") as archive:
        archive.writestr("notes.txt", "recorded at noon")
    result = command("run", "model.fbz", "notes.npz")
    message = "notes.npz: its member notes.txt is no array; write the file with numpy.savez, with arrays alone"
    assert (result.code, result.err) == (1, f"cnn2snn: error: {message}\n")
    np.savez("inputs.npz", inputs)
    with zipfile.ZipFile("inputs.npz", "a") as archive:
        archive.writestr("notes.txt", "recorded at noon")
    assert command("run", "model.fbz", "inputs.npz").code == 0


def test_a_damaged_archive_is_no_array(command, model, inputs):
    np.savez_compressed("inputs.npz", inputs)
    data = bytearray(Path("inputs.npz").read_bytes())
    data[60:70] = bytes(10)
    Path("inputs.npz").write_bytes(data)
    result = command("run", "model.fbz", "inputs.npz")
    assert result.code == 1
    assert "inputs.npz: it is not a .npy or .npz file of plain numbers" in result.err
