"""An interrupt ends what it meets, at once and anywhere; files that exist stay."""

import inspect
import logging
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import calibration
from cnn2snn._keras import keras
from cnn2snn.analysis import compare
from cnn2snn.cli import main
from cnn2snn.transforms import snap_to_chip

PACKAGE = str(Path(cnn2snn.__file__).parent)


class Interrupter:
    """Counts the calls of functions of the package, and interrupts one of them as Ctrl-C does."""

    def __init__(self, at=None):
        self.at, self.calls = at, 0

    def __call__(self, frame, event, argument):
        code = frame.f_code
        # Python ignores what is raised while it closes a generator that nobody reads any more.
        is_generator = code.co_flags & inspect.CO_GENERATOR
        if event == "call" and code.co_filename.startswith(PACKAGE) and not is_generator:
            self.calls += 1
            if self.calls == self.at:
                raise KeyboardInterrupt

    def run(self, work):
        sys.setprofile(self)
        try:
            return work()
        finally:
            sys.setprofile(None)


def assert_interrupts_end(work, check):
    work()  # compiles, and fills what is kept between calls
    counter = Interrupter()
    counter.run(work)
    calls = counter.calls
    assert calls > 20
    for at in np.unique(np.linspace(1, calls, 12).astype(int)).tolist():
        interrupter = Interrupter(at)
        with pytest.raises(KeyboardInterrupt):
            interrupter.run(work)
        # Nothing of importance runs after the interrupt: what tidies up at most.
        assert interrupter.calls == at
        check()


@pytest.fixture
def quantized(float_model):
    return cnn2snn.quantize(float_model, 4, 4, 8)


@pytest.fixture
def samples(images):
    return images.astype(np.float32)


FUNCTIONS = {
    "convert": lambda q, x, file: cnn2snn.convert(q, file, report=file.with_suffix(".json")),
    "conversion_report": lambda q, x, file: str(cnn2snn.conversion_report(q)),
    "snap_to_chip": lambda q, x, file: snap_to_chip(q),
    "bias_correction": lambda q, x, file: calibration.bias_correction(q, x, 4),
    "adaround": lambda q, x, file: calibration.adaround(q, x, keras.optimizers.Adam(1e-2), 2, batch_size=8),
    "activations_rescaling": lambda q, x, file: calibration.activations_rescaling(q, x, 4),
    "activation_ranges": lambda q, x, file: calibration.activation_ranges(q, x, batch_size=4),
    "calibrate": lambda q, x, file: calibration.calibrate(q, x, 4, epochs=0),
    "compare": lambda q, x, file: compare(q, cnn2snn.convert(q), x.astype(np.uint8)),
    "check": lambda q, x, file: cnn2snn.check_model_compatibility(q),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_end_at_an_interrupt(name, quantized, samples, tmp_path):
    file = tmp_path / "model.fbz"
    weights = [w.copy() for w in quantized.get_weights()]
    FUNCTIONS["convert"](quantized, samples, file)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def check():
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept
        for before, after in zip(weights, quantized.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)

    assert_interrupts_end(lambda: FUNCTIONS[name](quantized, samples, file), check)


COMMANDS = {
    "convert": ["convert", "-m", "q.h5", "-o", "kept.fbz"],
    "quantize": ["quantize", "-m", "float.h5", "-wq", "4", "-aq", "4", "-iq", "8", "-o", "kept.h5"],
    "calibrate": ["calibrate", "bc", "-m", "q.h5", "-sa", "samples.npy", "-o", "kept.h5"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_end_at_an_interrupt_and_leave_the_old_file(
    name, float_model, quantized, samples, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    from cnn2snn.cli import _keras_files

    _keras_files.save(float_model, Path("float.h5"))
    _keras_files.save(quantized, Path("q.h5"))
    np.save("samples.npy", samples)
    kept = Path(COMMANDS[name][-1])
    counter = Interrupter()
    assert counter.run(lambda: main(COMMANDS[name])) == 0
    kept.write_text("old")
    files = set(os.listdir())
    levels = [logging.getLogger(logger).level for logger in ("absl", "tensorflow")]
    for at in np.linspace(2, counter.calls, 10).astype(int).tolist()[:-1]:
        capfd.readouterr()
        assert Interrupter(at).run(lambda: main(COMMANDS[name])) == 130
        assert capfd.readouterr().err.endswith("cnn2snn: interrupted\n")
        assert set(os.listdir()) == files
        assert [logging.getLogger(logger).level for logger in ("absl", "tensorflow")] == levels
        if kept.read_text(errors="replace") != "old":
            # The interrupt came after the file had taken its place.
            assert at > counter.calls / 2
            kept.write_text("old")
