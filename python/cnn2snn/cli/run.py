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

from cnn2snn import _files
from cnn2snn._progress import Progress
from cnn2snn.cli import _arrays, _output
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.reports.plan import PlanReport
from cnn2snn.reports.run import Classes, Inputs, Outputs, RunReport

# Long enough to keep all threads busy, short enough for a lively progress bar.
_BATCH_SECONDS = 0.25
# Values of a file that are looked at together.
_CHECKED_VALUES = 1 << 22


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="run an .fbz file on inputs from a .npy file",
        description="Run a converted model on this host. Inputs are uint8 arrays of shape "
        "(n, height, width, channels). Outputs are the integers of the last layer: levels, or "
        "potentials when it has no activation.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="converted model, .fbz")
    parser.add_argument(
        "inputs",
        type=Path,
        metavar="INPUTS",
        help=".npy file, or .npz file with one array or one named arr_0 or x",
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="save the outputs to this .npy file")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--predict",
        dest="mode",
        action="store_const",
        const="predict",
        help="float outputs: (potential - threshold) / act_step",
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
        help="true classes, integers of shape (n,) in a .npy file: report the accuracy",
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
    from cnn2snn.akida._classes import check_labels, classes_of, outputs_per_class

    if arguments.output is not None:
        _files.check_suffix(arguments.output, ".npy")
        _files.check_folder(arguments.output)
        _files.check_not_read(arguments.output, arguments.model, arguments.inputs, arguments.labels)
    for name in ("batch", "threads"):
        value = getattr(arguments, name)
        if value < 0:
            raise InvalidArgumentError(f"--{name} must be at least 0, received {value}", kind=name, received=value)
    model = Model(arguments.model)
    inputs = _arrays.load(arguments.inputs)
    _check(model, inputs)
    if arguments.labels is not None or arguments.mode == "classes":
        outputs_per_class(model.layers[-1])  # refuses a model without classes before it is run
    labels = None
    if arguments.labels is not None:
        labels = check_labels(_arrays.load(arguments.labels), model.output_shape[2])
        if labels.shape != inputs.shape[:1]:
            raise InvalidArgumentError(
                f"{arguments.labels}: labels must be of shape ({len(inputs)},), one per input, received {labels.shape}",
                kind="labels",
            )

    run = _functions(model, arguments.threads)
    outputs, seconds = _batches(run[arguments.mode], inputs, arguments.batch, arguments.threads)
    classes = None
    if arguments.mode == "classes":
        classes = outputs
    elif labels is not None and outputs.dtype == np.int32:
        # Classes are decided by (potential - threshold) / act_step, not by potentials.
        classes, _ = _batches(run["classes"], inputs, arguments.batch, arguments.threads)
    elif labels is not None:
        classes = classes_of(outputs)
    if arguments.output is not None:
        _files.save_array(arguments.output, outputs)

    report = RunReport(
        model=str(arguments.model),
        mode=arguments.mode,
        inputs=Inputs(str(arguments.inputs), list(inputs.shape)),
        outputs=Outputs.of(outputs, arguments.output),
        seconds=seconds,
        classes=None if classes is None else Classes.of(classes, labels),
        plan=PlanReport.of(model) if arguments.explain else None,
    )
    _output.show(report, arguments.json)


def _check(model: Any, inputs: np.ndarray) -> None:
    """Raises an error about inputs before anything is run, and in terms of the whole file."""
    sample = tuple(model.input_shape)
    if inputs.shape[1:] != sample or inputs.dtype != np.uint8:
        model.forward(inputs)  # tells what is wrong with dtype or shape
    bits = model.layers[0].input_bits
    limit = 2**bits - 1
    step = max(1, _CHECKED_VALUES // math.prod(sample))
    for begin in range(0, len(inputs) if limit < 255 else 0, step):
        wrong = np.argwhere(inputs[begin : begin + step] > limit)
        if len(wrong):
            place = [begin + int(wrong[0][0]), *wrong[0][1:].tolist()]
            raise InvalidArgumentError(
                f"inputs must be in 0..={limit} (input_bits {bits}), received {inputs[tuple(place)]} at {place}",
                kind="inputs",
            )


def _functions(model: Any, threads: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    return {
        "forward": lambda batch: model.forward(batch, threads=threads),
        "predict": lambda batch: model.predict(batch, threads=threads),
        "classes": lambda batch: model.predict_classes(batch, threads=threads),
    }


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
