"""Functions that worker processes import: trainings that go wrong on purpose."""

import os
import signal
from pathlib import Path

# The folder in which workers leave notes.
NOTES = "CNN2SNN_TEST_NOTES"


def note(folder, model):
    """Leaves a note that a model was trained."""
    name = f"{model.get_layer('conv_b').quantizer.bitwidth}-{model.get_layer('relu').bitwidth}"
    Path(folder, f"{name}-{os.getpid()}-{os.urandom(4).hex()}").touch()


def die_once(folder, model):
    """Ends the process in the middle of work, the first time that a model of 2 bits comes."""
    note(folder, model)
    marker = Path(folder, "died")
    if model.get_layer("conv_b").quantizer.bitwidth == 2 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return model


def die_once_here(model):
    """`die_once` with the folder that the environment names."""
    return die_once(os.environ[NOTES], model)
