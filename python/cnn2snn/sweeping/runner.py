"""Configurations given out to workers, their models mapped on a device, and results kept in a journal."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn._progress import Progress
from cnn2snn._samples import read_samples
from cnn2snn.akida.devices import Device, device_of
from cnn2snn.analysis.cost.scores import classes_of
from cnn2snn.conversion.scaling import found_scaling, integer_inputs, numbers_of
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, InvalidTypeError, MappingError
from cnn2snn.graph import applied, read
from cnn2snn.input_range import warn_of_samples
from cnn2snn.reports.info import LayerInfo
from cnn2snn.reports.placement import Placement
from cnn2snn.sweeping.configuration import Configuration
from cnn2snn.sweeping.job import CALIBRATIONS, Job, Outcome, digest_of, model_bytes
from cnn2snn.sweeping.journal import Journal
from cnn2snn.sweeping.result import SweepResult
from cnn2snn.sweeping.workers import workers_of
from cnn2snn.transforms.prepare import prepare_graph

__all__ = ["Options", "Runner"]

# Samples that calibrate by default, and samples whose events are counted for estimates.
_CALIBRATION = 256
_MEASURED = 64


class Options:
    """What sweeps and searches have in common beside model, samples and labels; as for `cnn2snn.sweep`."""

    def __init__(
        self,
        *,
        device: Device | str | None = None,
        client: Any = None,
        processes: int = 0,
        calibration: str = "ranges",
        calibration_samples: Any = None,
        retrain: Callable[[keras.Model], keras.Model] | None = None,
        input_scaling: tuple[float, float] | None = None,
        input_is_image: bool = True,
        journal: str | os.PathLike[str] | None = None,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        if calibration not in CALIBRATIONS:
            raise InvalidArgumentError(
                f"calibration must be {', '.join(map(repr, CALIBRATIONS[:-1]))} or {CALIBRATIONS[-1]!r}, received "
                f"{calibration!r}",
                kind="calibration",
                expected=CALIBRATIONS,
                received=calibration,
            )
        if retrain is not None and not callable(retrain):
            raise InvalidTypeError(
                f"retrain must be a function of a quantized model, received {type(retrain).__name__}", kind="retrain"
            )
        self.device = None if device is None else device_of(device)
        self.client = client
        self.processes = processes
        self.calibration = calibration
        self.calibration_samples = calibration_samples
        self.retrain = retrain
        self.input_scaling = input_scaling
        self.input_is_image = input_is_image
        self.journal = None if journal is None else Path(journal)
        self.folder = None if folder is None else Path(folder)


class Runner:
    """Evaluates configurations; each one once.

    Args:
        model: the float model.
        samples: as for `cnn2snn.sweep`.
        labels: as for `cnn2snn.sweep`.
        options: the other arguments.

    Attributes:
        samples: number of samples.
        metric: "accuracy" or "agreement".
        float_share: the share of right classes of the float model.
    """

    def __init__(self, model: keras.Model, samples: Any, labels: Any, options: Options) -> None:
        self._options = options
        graph = read(model)
        shape = graph.input.output_shape
        given = read_samples(samples, shape, labels)
        inputs, scaling, integers = _scaled(model, given.inputs, options)
        warn_of_samples(graph, inputs, stacklevel=4)
        classes = _classes(model, inputs)
        wanted = classes if given.labels is None else given.labels
        if wanted.shape != classes.shape:
            raise InvalidArgumentError(
                f"a sweep needs a model with outputs (n, classes), received {graph.nodes[graph.output].output_shape}",
                kind="model",
                received=graph.nodes[graph.output].output_shape,
            )
        calibration = inputs[:_CALIBRATION]
        if options.calibration_samples is not None:
            calibration = _scaled(model, read_samples(options.calibration_samples, shape).inputs, options)[0]
        self.samples = len(inputs)
        self.metric = "agreement" if given.labels is None else "accuracy"
        self.float_share = float(np.mean(classes == wanted))
        retrained = getattr(options.retrain, "__qualname__", None if options.retrain is None else "a function")
        fingerprint = digest_of(
            model.to_json(),
            *model.get_weights(),
            integers,
            wanted,
            options.calibration,
            calibration,
            retrained,
            scaling,
            options.input_is_image,
        )
        self._job = Job(
            digest=fingerprint,
            model=model_bytes(model),
            inputs=integers,
            wanted=wanted,
            calibration=options.calibration,
            calibration_samples=calibration,
            retrain=options.retrain,
            input_scaling=scaling,
            input_is_image=options.input_is_image,
        )
        self._journal = None
        if options.journal is not None:
            device = None if options.device is None else repr(options.device)
            self._journal = Journal(options.journal, digest_of(fingerprint, device))
        self._workers = workers_of(self._job, options.client, options.processes)
        self._results: dict[str, SweepResult] = {}

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.close()

    @property
    def tried(self) -> int:
        """How many configurations have a result."""
        return len(self._results)

    def run(self, configurations: Sequence[Configuration]) -> list[SweepResult]:
        """The results of configurations, in their order. Those in the journal are not computed again."""
        waiting = []
        for configuration in configurations:
            known = None if self._journal is None else self._journal.get(configuration)
            if known is not None:
                self._results[configuration.key] = known
            elif configuration.key not in self._results:
                waiting.append(configuration)
        progress = Progress(len(configurations))
        done = len(configurations) - len(waiting)
        try:
            progress.update(done)
            for place, outcome in self._workers.run(waiting):
                result = self._result(waiting[place], outcome)
                self._results[waiting[place].key] = result
                if self._journal is not None:
                    self._journal.add(result)
                done += 1
                progress.update(done)
        finally:
            progress.close()
        return [self._results[configuration.key].renamed(configuration) for configuration in configurations]

    def _result(self, configuration: Configuration, outcome: Outcome) -> SweepResult:
        result = SweepResult(configuration, outcome.share, refused=outcome.refused, seconds=outcome.seconds)
        if outcome.model is None:
            return result
        model = akida.Model.from_buffer(outcome.model)
        if self._options.folder is not None:
            self._options.folder.mkdir(parents=True, exist_ok=True)
            model.save(self._options.folder / f"{_file_name(configuration)}.fbz")
        result = replace(result, weight_bytes=sum(LayerInfo.of(layer).weight_bytes for layer in model.layers))
        return result if self._options.device is None else _mapped(result, model, self._options.device, self._job)


def _scaled(
    model: keras.Model, samples: np.ndarray, options: Options
) -> tuple[np.ndarray, tuple[float, float] | None, np.ndarray]:
    """Inputs of the Keras model, the input scaling of its conversion, and integers of the converted model."""
    graph = read(model)
    # A leading normalization becomes a Rescaling, which the Keras model then begins with.
    prepare_graph(graph, for_training=True)
    highest = 255 if options.input_is_image else 15
    if any(node.is_a("Rescaling") for node in graph):
        return samples, None, integer_inputs(samples, highest, (1.0, 0.0))
    scaling = options.input_scaling
    if scaling is None:
        scaling = found_scaling(samples, highest)
    elif samples.dtype.kind in "iu":
        scale, shift = numbers_of(scaling)
        samples = ((samples - shift) / scale).astype(np.float32)
    return samples, scaling, integer_inputs(samples, highest, numbers_of(scaling))


def _classes(model: keras.Model, samples: np.ndarray) -> np.ndarray:
    graph = read(model)
    threshold = 0.5 if applied(graph.nodes[graph.output]).name == "sigmoid" else 0.0
    parts = range(0, len(samples), _CALIBRATION)
    found = (np.asarray(model(samples[i : i + _CALIBRATION].astype(np.float32), training=False)) for i in parts)
    return np.concatenate([classes_of(outputs, threshold) for outputs in found])


def _mapped(result: SweepResult, model: akida.Model, device: Device, job: Job) -> SweepResult:
    """The result with what the model takes on a device."""
    try:
        model.map(device)
    except MappingError as error:
        return replace(result, refused=f"{device.name} refuses it: {error.violations[0]}")
    placement = Placement.of(model)
    software = sum(layer.pass_number is None for layer in placement.layers)
    result = replace(result, nps=placement.nps, passes=placement.passes, software_layers=software)
    model.measure(job.inputs[:_MEASURED].reshape(-1, *model.input_shape))
    try:
        estimate = model.estimate()
    except Cnn2SnnError:
        # No public benchmark, or a part in software.
        return result
    return replace(result, latency_ms=estimate.latency_ms, energy_mj=estimate.energy_mj)


def _file_name(configuration: Configuration) -> str:
    """The name of a model's file: that of the configuration, or its widths and what tells it from others."""
    if configuration.name:
        return "".join(c if c.isalnum() or c in "-_." else "_" for c in configuration.name)
    widths = f"iq{configuration.input_weights}_wq{configuration.weights}_aq{configuration.activations}"
    return widths + (f"_{digest_of(configuration.key)[:8]}" if configuration.layers else "")
