"""`cnn2snn calibrate`: a quantized Keras model adjusted with samples, without training."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from cnn2snn.cli import _arrays, _keras_files, _output, _parsers
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.reports.calibrate import CalibrateReport

_BC = "calibrate bc -m model_iq8_wq2_aq4.h5 -sa samples.npz"
_ADAROUND = "calibrate adaround -m model.h5 -sa samples.npz -bs 100 -e 100"


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "calibrate",
        help="adjust a quantized Keras model with samples, without training",
        description="Adjust a quantized Keras model with samples, without labels and without training. First the "
        "largest outputs of activations are lowered to what occurs, and depthwise kernels brought to one range; "
        "then biases or roundings are adjusted. The result is saved next to the model.",
        examples=(_BC, _ADAROUND, "calibrate adaround --help"),
    )
    methods = parser.add_subparsers(dest="method", metavar="METHOD", title="methods", required=True)
    biases = _parsers.add_command(
        methods,
        "bc",
        help="correct biases by the mean error of quantized weights",
        description="Correct biases by the mean error that quantized weights cause. Saves MODEL_bc_calibrated.",
        examples=(_BC,),
    )
    roundings = _parsers.add_command(
        methods,
        "adaround",
        help="round weights so that the outputs of their layers change least",
        description="Round each weight up or down so that the outputs of its layer change least. Saves "
        "MODEL_adaround_calibrated.",
        examples=(_ADAROUND,),
    )
    for method in (biases, roundings):
        _add_common(method)
    roundings.add_argument(
        "-e", "--epochs", type=int, default=10, metavar="N", help="passes over the samples per layer (default: 10)"
    )
    roundings.add_argument(
        "-lr",
        "--learning_rate",
        "--learning-rate",
        type=float,
        default=1e-2,
        metavar="R",
        help="learning rate of Adam (default: 0.01)",
    )
    roundings.add_argument(
        "-act",
        "--include_activation",
        "--include-activation",
        action="store_true",
        help="compare the outputs of activations, not of the layers before them",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    _parsers.add_keras_model(parser, "quantized Keras model")
    parser.add_argument(
        "-sa",
        "--samples",
        type=Path,
        required=True,
        metavar="FILE",
        help="inputs of the model: .npz, all its arrays one after the other, or .npy",
    )
    parser.add_argument(
        "-bs",
        "--batch_size",
        "--batch-size",
        type=int,
        metavar="N",
        help="samples that are computed at once (default: all)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="calibrated model (default: the model's name and the method)"
    )
    _parsers.add_json(parser)
    _parsers.add_debug(parser)
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> None:
    source: Path = arguments.model
    target = _keras_files.target(
        source, arguments.output, f"{_keras_files.stem(source)}_{arguments.method}_calibrated", arguments.samples
    )
    samples = _arrays.load_all(arguments.samples)
    model = _keras_files.load(source)

    from cnn2snn.calibration import activations_rescaling
    from cnn2snn.transforms import normalize_separable_model

    model = normalize_separable_model(activations_rescaling(model, samples, arguments.batch_size))
    calibrated = (_correct_biases if arguments.method == "bc" else _round)(model, samples, arguments)
    _keras_files.save(calibrated.model, target)
    report = CalibrateReport(str(source), str(target), arguments.method, len(samples), calibrated.errors)
    _output.show(report, arguments.json)


def _correct_biases(model: Any, samples: Any, arguments: argparse.Namespace) -> Any:
    from cnn2snn.calibration.bias_correction import correct_biases

    return correct_biases(model, samples, arguments.batch_size)


def _round(model: Any, samples: Any, arguments: argparse.Namespace) -> Any:
    from cnn2snn._keras import keras
    from cnn2snn.calibration.adaround import round_adaptively

    rate = arguments.learning_rate
    if not (math.isfinite(rate) and rate > 0):
        raise InvalidArgumentError(
            f"--learning_rate must be greater than zero, received {rate}", kind="learning_rate", received=rate
        )
    return round_adaptively(
        model,
        samples,
        keras.optimizers.Adam(rate),
        arguments.epochs,
        keras.losses.MeanSquaredError(),
        arguments.batch_size,
        arguments.include_activation,
    )
