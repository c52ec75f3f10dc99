"""`cnn2snn run`: a converted model applied to inputs in a file."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn import _arrays, _files, _images
from cnn2snn._progress import Progress
from cnn2snn.cli import _output
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.reports.plan import PlanReport
from cnn2snn.reports.run import Classes, Inputs, Outputs, RunReport

# Long enough to keep all threads busy, short enough for a lively progress bar.
_BATCH_SECONDS = 0.25
# What integers of a last layer are not.
_NO_SCORES = (
    "thresholds, steps or scales of channels are not applied to these integers, so the largest is not always the "
    "class; --predict applies them, --classes gives classes"
)
# Values of a file that are looked at together.
_CHECKED_VALUES = 1 << 22


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="run an .fbz file on inputs from a .npy file or a folder of images",
        description="Run a converted model on this host. Inputs are arrays (n, height, width, channels) of uint8, or "
        "of the type that `cnn2snn info` shows. A model with temporal or recurrent layers takes clips, time first: "
        "(steps, streams, height, width, channels), or (steps, height, width, channels) of one stream. Outputs are "
        "the integers of the last layer: levels, or potentials when it has no activation. With a Dequantizer at the "
        "end they are the integers that it reads.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="converted model, .fbz")
    parser.add_argument(
        "inputs",
        type=Path,
        metavar="INPUTS",
        help=".npy file, .npz file with one array or one named arr_0 or x, or folder of images: folders in it are "
        "classes, numbered in the order of their names, and the accuracy is reported",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="save the outputs to this .npy file")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--predict",
        dest="mode",
        action="store_const",
        const="predict",
        help="float outputs: (potential - threshold) / act_step, or those of a Dequantizer",
    )
    mode.add_argument(
        "--classes",
        dest="mode",
        action="store_const",
        const="classes",
        help="the class of each input: the index of its largest output",
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="true classes in a .npy file: report the accuracy; integers of shape (n,), or (steps, streams) for clips",
    )
    parser.add_argument(
        "-b",
        "--batch",
        type=int,
        default=0,
        metavar="N",
        help="inputs run at a time (default: chosen for the model)",
    )
    parser.add_argument("-t", "--threads", type=int, default=0, metavar="N", help="threads (default: all cores)")
    parser.add_argument(
        "--explain",
        action="store_true",
        help="tell which compute kernels run each layer on this host, why no faster ones, and the memory they take",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(execute=_execute, mode="forward")


def _execute(arguments: argparse.Namespace) -> None:
    from cnn2snn.akida import Model
    from cnn2snn.akida._classes import outputs_per_class

    if arguments.output is not None:
        _files.check_suffix(arguments.output, ".npy")
        _files.check_folder(arguments.output)
        _files.check_not_read(arguments.output, arguments.model, arguments.inputs, arguments.labels)
    for name in ("batch", "threads"):
        value = getattr(arguments, name)
        if value < 0:
            raise InvalidArgumentError(f"--{name} must be at least 0, received {value}", kind=name, received=value)
    model = Model(arguments.model)
    inputs, labels = _inputs(arguments.inputs, model)
    _check(model, inputs)
    leading = inputs.shape[:-3]
    if arguments.labels is not None or arguments.mode == "classes":
        outputs_per_class(model.layers[-1])  # refuses a model without classes before it is run
    if arguments.labels is not None:
        labels = _labels(arguments.labels, leading, model.output_shape[2])

    def run(mode: str) -> tuple[np.ndarray, float]:
        return _batches(_function(model, mode, leading, arguments.threads), inputs, arguments.batch, arguments.threads)

    outputs, seconds = run(arguments.mode)
    classes = None
    if arguments.mode == "classes":
        classes = outputs.ravel()
    elif labels is not None and arguments.mode == "predict":
        classes = outputs.reshape(-1, outputs.shape[-1]).argmax(axis=1)
    elif labels is not None:
        classes = model.classes_of(outputs).ravel()
    if arguments.output is not None:
        _files.save_array(arguments.output, outputs)

    report = RunReport(
        model=str(arguments.model),
        mode=arguments.mode,
        inputs=Inputs(str(arguments.inputs), list(inputs.shape), str(inputs.dtype)),
        outputs=Outputs.of(outputs, arguments.output),
        seconds=seconds,
        note=_NO_SCORES if arguments.mode == "forward" and model._predicts() else None,
        classes=None if classes is None else Classes.of(classes, labels),
        plan=PlanReport.of(model) if arguments.explain else None,
    )
    _output.show(report, arguments.json)


def _inputs(path: Path, model: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the inputs, and the class of each where they lie in folders by class and the model has classes."""
    if not path.is_dir():
        return _arrays.load(path), None
    inputs, labels, names = _images.read_folder(path, tuple(model.input_shape))
    height, width, classes = model.output_shape
    if labels is None or (height, width) != (1, 1):
        return inputs, None
    if len(names) > classes:
        raise InvalidArgumentError(
            f"{path}: the model has {classes} outputs, received {len(names)} folders with images",
            kind="labels",
            expected=classes,
            received=len(names),
            remedy="leave folders out, or put all images into one",
        )
    return inputs, labels


def _labels(path: Path, leading: tuple[int, ...], classes: int) -> np.ndarray:
    """Returns the label of each input, in order."""
    from cnn2snn.akida._classes import check_labels

    labels = _arrays.load(path)
    flat = check_labels(labels.reshape(-1) if labels.shape == leading else labels, classes)
    if labels.shape != leading:
        raise InvalidArgumentError(
            f"{path}: labels must be of shape {leading}, one per input, received {labels.shape}",
            kind="labels",
        )
    return flat


def _check(model: Any, inputs: np.ndarray) -> None:
    """Raises an error about inputs before anything is run, and in terms of the whole file."""
    axes = (4, 5) if model.has_state else (4,)
    if inputs.ndim not in axes or inputs.shape[-3:] != tuple(model.input_shape) or inputs.dtype != model.input_dtype:
        # Tells what is wrong with dtype or shape.
        if model.has_state:
            model.session().run_clip(inputs[:, np.newaxis] if inputs.ndim == 4 else inputs)
        model.forward(inputs)
    bits, limit = model.layers[0].input_bits, None
    if inputs.dtype == np.uint8 and bits < 8:
        limit = 2**bits - 1
    elif inputs.dtype.kind != "f":
        return
    step = max(1, _CHECKED_VALUES // max(1, math.prod(inputs.shape[1:])))
    for begin in range(0, len(inputs), step):
        part = inputs[begin : begin + step]
        wrong = np.argwhere(np.isnan(part) if limit is None else part > limit)
        if len(wrong):
            place = [begin + int(wrong[0][0]), *wrong[0][1:].tolist()]
            allowed, received = "numbers", "NaN"
            if limit is not None:
                allowed, received = f"in 0..={limit} (input_bits {bits})", str(inputs[tuple(place)])
            raise InvalidArgumentError(f"inputs must be {allowed}, received {received} at {place}", kind="inputs")


def _function(model: Any, mode: str, leading: tuple[int, ...], threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what runs a batch, or the next steps of clips."""
    if not model.has_state:
        run = {"forward": model.forward, "predict": model.predict, "classes": model.predict_classes}[mode]
        return lambda batch: run(batch, threads=threads)
    if mode == "predict":
        # Refuses a model without float outputs before it is run.
        model.dequantize(np.empty((0, *model.output_shape), model.output_dtype))
    session = model.session(leading[1]) if len(leading) == 2 else model.session()

    def run_clip(part: np.ndarray) -> np.ndarray:
        outputs = session.run_clip(part if len(leading) == 2 else part[:, np.newaxis])
        if mode == "classes":
            outputs = model.classes_of(outputs)
        elif mode == "predict":
            outputs = model.dequantize(outputs)
        return outputs.reshape(len(part), *leading[1:], *outputs.shape[2:])

    return run_clip


def _batches(
    run: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, batch: int, threads: int
) -> tuple[np.ndarray, float]:
    """Returns all outputs and the seconds that the engine took."""
    count = len(inputs)
    # Several inputs for each thread from the first batch on.
    size = batch or 4 * (threads or os.cpu_count() or 1)
    progress = Progress(count)
    outputs = None
    seconds = 0.0
    done = 0
    try:
        while outputs is None or done < count:
            part = inputs[done : done + size]
            begin = time.perf_counter()
            result = run(part)
            elapsed = time.perf_counter() - begin
            seconds += elapsed
            if outputs is None:
                outputs = np.empty((count, *result.shape[1:]), result.dtype)
            outputs[done : done + len(part)] = result
            done += len(part)
            progress.update(done)
            if not batch and elapsed < _BATCH_SECONDS:
                size *= 4
    finally:
        progress.close()
    return outputs, seconds
