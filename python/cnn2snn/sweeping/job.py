"""What a worker computes for a configuration: a converted model and how often it is right."""

from __future__ import annotations

import hashlib
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn2snn import akida
from cnn2snn.analysis.cost.scores import classes_of
from cnn2snn.errors import Cnn2SnnError
from cnn2snn.sweeping.configuration import Configuration

if TYPE_CHECKING:
    from cnn2snn._keras import keras

__all__ = ["CALIBRATIONS", "Job", "Outcome", "digest_of", "evaluate", "model_bytes"]

CALIBRATIONS = ("none", "ranges", "auto")


@dataclass(frozen=True)
class Job:
    """What all configurations of a sweep have in common. It travels to workers.

    Attributes:
        digest: names the job among those that a worker knows.
        model: the float model, as the bytes of a `.keras` file.
        inputs: integer inputs of converted models, uint8.
        wanted: the class that is right for each input.
        calibration: "none", "ranges" or "auto".
        calibration_samples: inputs of the float model to calibrate with.
        retrain: takes a quantized Keras model and gives the trained one; None for no training.
        input_scaling: as for `convert`.
        input_is_image: as for `convert`.
        threads: threads of the engine; 0 for one per core.
    """

    digest: str
    model: bytes
    inputs: np.ndarray
    wanted: np.ndarray
    calibration: str
    calibration_samples: np.ndarray
    retrain: Callable[[Any], Any] | None
    input_scaling: tuple[float, float] | None
    input_is_image: bool
    threads: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of a configuration.

    Attributes:
        model: the converted model, as the bytes of an `.fbz` file; None where it was refused.
        share: the share of right classes; None where the model was refused.
        refused: why; None otherwise.
        seconds: how long it took.
    """

    model: bytes | None
    share: float | None
    refused: str | None
    seconds: float


# The float model of the last job, and what keeps threads of a worker from each other: Keras builds one model at a time.
_known: dict[str, Any] = {}
_one_at_a_time = threading.Lock()


def evaluate(job: Job, configuration: Configuration) -> Outcome:
    """Quantizes, calibrates, trains, converts and evaluates.

    Raises:
        Exception: whatever `job.retrain` raises.
    """
    begin = time.perf_counter()
    with _one_at_a_time:
        if job.digest not in _known:
            _known.clear()
            _known[job.digest] = _load(job.model)
        try:
            model, share = _evaluate(_known[job.digest], job, configuration)
        except Cnn2SnnError as error:
            return Outcome(None, None, " ".join(str(error).split()), time.perf_counter() - begin)
    return Outcome(model.to_buffer(), share, None, time.perf_counter() - begin)


def _evaluate(float_model: keras.Model, job: Job, configuration: Configuration) -> tuple[akida.Model, float]:
    from cnn2snn.conversion import convert
    from cnn2snn.quantization import quantize

    model = quantize(
        float_model,
        configuration.weights,
        configuration.activations,
        configuration.input_weights,
        config=configuration.layers or None,
    )
    if job.calibration != "none":
        model = _calibrated(model, float_model, job)
    if job.retrain is not None:
        model = job.retrain(model)
    converted = convert(model, input_scaling=job.input_scaling, input_is_image=job.input_is_image)
    run = converted.predict if converted.layers[-1].output_bits is None else converted.forward
    outputs = run(job.inputs, threads=job.threads)
    return converted, float(np.mean(classes_of(outputs[:, 0, 0], 0.0) == job.wanted))


def _calibrated(model: keras.Model, float_model: keras.Model, job: Job) -> keras.Model:
    from cnn2snn.calibration import activation_ranges, calibrate

    method = activation_ranges if job.calibration == "ranges" else calibrate
    return method(model, job.calibration_samples, reference=float_model)


def model_bytes(model: keras.Model) -> bytes:
    """A Keras model as the bytes of a `.keras` file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(str(path))
        return path.read_bytes()


def _load(content: bytes) -> keras.Model:
    from cnn2snn.model_io import load_quantized_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        path.write_bytes(content)
        return load_quantized_model(str(path), compile_model=False)


def digest_of(*parts: Any) -> str:
    """A name for arrays, bytes and texts: equal ones have equal names."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype}{part.shape}".encode())
            part = np.ascontiguousarray(part).data
        elif not isinstance(part, bytes):
            part = str(part).encode()
        found.update(part)
        found.update(b"\0")
    return found.hexdigest()
