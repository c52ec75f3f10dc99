"""The command line as a whole."""

import os
import subprocess
import sys

import pytest

import cnn2snn
from cnn2snn import cli
from cnn2snn.cli import _output

COMMANDS = ("check", "quantize", "convert", "info", "diff", "run")


def test_no_command_prints_help_and_fails(command):
    result = command()
    assert result.code == 2
    for name in COMMANDS:
        assert f"    {name} " in result.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(command, name):
    result = command(name, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: cnn2snn {name} ")
    assert max(map(len, result.out.splitlines())) <= 80


def test_version(command):
    result = command("--version")
    assert (result.code, result.out) == (0, f"cnn2snn {cnn2snn.__version__}\n")


@pytest.mark.parametrize("arguments", [["unknown"], ["info"], ["run", "model.fbz"], ["quantize"]])
def test_wrong_usage_exits_with_2(command, arguments):
    result = command(*arguments)
    assert result.code == 2
    assert "usage: cnn2snn" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "missing.fbz"],
        ["run", "missing.fbz", "inputs.npy"],
        ["quantize", "-m", "missing.h5"],
        ["convert", "-m", "missing.keras"],
        ["check", "-m", "missing.keras"],
    ],
)
def test_missing_file_is_told_in_one_line(command, arguments):
    result = command(*arguments)
    assert result.code == 1
    assert result.out == ""
    missing = next(a for a in arguments if a.startswith("missing"))
    assert result.err == f"cnn2snn: error: {missing}: {os.strerror(2)}\n"


def test_module_runs_as_a_program(model, tmp_path):
    result = subprocess.run([sys.executable, "-m", "cnn2snn", "info", "model.fbz"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "classes" in result.stdout


def test_error_of_a_program_has_no_traceback(tmp_path):
    result = subprocess.run([sys.executable, "-m", "cnn2snn", "info", "none.fbz"], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [f"cnn2snn: error: none.fbz: {os.strerror(2)}"]


@pytest.mark.skipif(os.name == "nt", reason="no shell with head")
def test_reader_that_goes_away_is_no_error(model):
    program = f"{sys.executable} -m cnn2snn info model.fbz --json | head -c 1"
    result = subprocess.run(program, shell=True, capture_output=True, text=True)
    assert result.stdout == "{"
    assert result.stderr == ""


def test_characters_that_a_terminal_lacks_have_plain_ones_in_their_place(model):
    result = subprocess.run(
        [sys.executable, "-m", "cnn2snn", "info", "model.fbz"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert result.returncode == 0, result.stderr
    assert "Input     1x1x6, " in result.stdout
    assert "?" not in result.stdout
    assert result.stdout.splitlines()[-1].split()[4] == "#:"


def test_debug_shows_the_traceback_before_the_line(command):
    for arguments in (["--debug", "info", "none.fbz"], ["info", "none.fbz", "--debug"]):
        lines = command(*arguments).err.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[-1] == f"cnn2snn: error: none.fbz: {os.strerror(2)}"


def test_error_that_nobody_foresaw_is_told_in_one_line(command, monkeypatch):
    def fail(arguments):
        raise KeyError("two\nlines")

    monkeypatch.setattr(cli.info, "_execute", fail)
    result = command("info", "model.fbz")
    assert (result.code, result.out) == (1, "")
    assert result.err == "cnn2snn: error: KeyError: 'two\\nlines'\n"


@pytest.mark.parametrize("name", ["check", "quantize", "convert"])
def test_help_ends_with_examples_that_can_be_parsed(command, name):
    lines = command(name, "--help").out.split("examples:\n")[1].splitlines()
    assert lines
    for line in lines:
        words = line.partition("     ")[0].split()
        assert words[0] == "cnn2snn"
        assert cli._parser().parse_args(words[1:]).command == name


def test_errors_wrap_on_a_terminal_alone(command, monkeypatch, capsys):
    name = "of/a/path/" * 12 + "none.fbz"
    line = command("info", name).err
    assert line == f"cnn2snn: error: {name}: {os.strerror(2)}\n"
    _output.show_error("2 problems\n  layer one " + "word " * 30)
    assert len(capsys.readouterr().err.splitlines()) == 2
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    text = "2 problems\n  layer one " + "word " * 30
    _output.show_error(text)
    lines = capsys.readouterr().err.splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines).split()) == " ".join(f"cnn2snn: error: {text}".split())


def test_errors_of_commands_name_options(command):
    from cnn2snn._keras import keras

    layers = [keras.Input((1, 1, 6)), cnn2snn.QuantizedDense(3, cnn2snn.MaxPerAxisQuantizer(4))]
    keras.Sequential([layers[0], keras.layers.Flatten(), layers[1]]).save("dense.keras")
    refused = command("convert", "-m", "dense.keras")
    assert refused.code == 1
    assert "--no-image-input" in refused.err
    assert "input_is_image" not in refused.err
    assert command("convert", "-m", "dense.keras", "--no-image-input").code == 0
