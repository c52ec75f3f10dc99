"""`cnn2snn calibrate`: a quantized Keras model adjusted with samples, without training."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn import _arrays, _files
from cnn2snn._samples import read_samples
from cnn2snn.cli import _keras_files, _output, _parsers
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.reports.calibrate import CalibrateReport

_AUTO = "calibrate auto -m model_iq8_wq2_aq4.h5 -r model.h5 -sa samples.npz"
_BC = "calibrate bc -m model_iq8_wq2_aq4.h5 -sa samples.npz"
_ADAROUND = "calibrate adaround -m model.h5 -sa samples.npz -bs 100 -e 100"


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "calibrate",
        help="adjust a quantized Keras model with samples, without training",
        description="Adjust a quantized Keras model with samples, without labels and without training. The method "
        "auto does the best sequence. bc and adaround are its parts as the original toolkit has them: first the "
        "largest outputs of activations are lowered to what occurs, and depthwise kernels brought to one range; "
        "then biases or roundings are adjusted. The result is saved next to the model.",
        examples=(_AUTO, _BC, _ADAROUND, "calibrate auto --help"),
    )
    methods = parser.add_subparsers(dest="method", metavar="METHOD", title="methods", required=True)
    auto = _parsers.add_command(
        methods,
        "auto",
        help="set ranges of activations and weights, biases and roundings, and keep what helps",
        description="Set the bounds of activations, then for each layer its bias, the range of its weights and their "
        "rounding, so that the network comes nearer to the float one. What does not bring it nearer for samples held "
        "back is taken back. Saves MODEL_auto_calibrated.",
        examples=(_AUTO, "calibrate auto -m q.keras -r net.keras -sa photos/ --limit 300"),
    )
    biases = _parsers.add_command(
        methods,
        "bc",
        help="correct biases by the mean error against the float network",
        description="Correct biases by the mean error of the quantized network against the float one, layer after "
        "layer. What does not bring the network nearer for samples held back is taken back. Saves "
        "MODEL_bc_calibrated.",
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
    for method in (auto, biases, roundings):
        _add_common(method)
    for method in (auto, biases):
        method.add_argument(
            "-r",
            "--reference",
            type=Path,
            metavar="FILE",
            help="float Keras model that was quantized (default: the float weights that the model stores)",
        )
    for method, epochs in ((auto, 40), (roundings, 10)):
        method.add_argument(
            "-e",
            "--epochs",
            type=int,
            default=epochs,
            metavar="N",
            help=f"passes over the samples for the rounding of each layer (default: {epochs})",
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
        help="inputs of the model: .npz, all its arrays one after the other, or .npy, or a folder with a folder of "
        "images for each class",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="samples to use: the first N, or N of all images (default: all)"
    )
    _parsers.add_input_scaling(parser)
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
    float_model: Path | None = getattr(arguments, "reference", None)
    if float_model is not None:
        _files.check_not_read(target, float_model)
    scaling = _parsers.input_scaling(arguments)
    if scaling is not None and scaling[0] == 0:
        raise InvalidArgumentError("-sc must not be 0", kind="input_scaling", received=scaling)
    samples: Any = arguments.samples
    if not samples.is_dir():
        # Told before TensorFlow is started.
        samples = _arrays.load_all(samples)
    model = _keras_files.load(source)
    reference = None if float_model is None else _keras_files.load(float_model)

    from cnn2snn.graph import read

    inputs = read_samples(samples, read(model).input.output_shape, limit=arguments.limit).inputs
    if scaling is not None:
        inputs = ((inputs.astype(np.float64) - scaling[1]) / scaling[0]).astype(np.float32)
    calibrate = {"auto": _calibrate, "bc": _correct_biases, "adaround": _round}[arguments.method]
    calibrated = calibrate(model, inputs, reference, arguments)
    _keras_files.save(calibrated.model, target)
    report = CalibrateReport.of(str(source), str(target), arguments.method, len(inputs), calibrated)
    _output.show(report, arguments.json)


def _calibrate(model: Any, samples: np.ndarray, reference: Any, arguments: argparse.Namespace) -> Any:
    from cnn2snn.calibration.calibrate import calibrate_all

    return calibrate_all(model, samples, arguments.batch_size, arguments.epochs, reference)


def _prepared(model: Any, samples: np.ndarray, arguments: argparse.Namespace) -> Any:
    """The model with the ranges of activations and depthwise kernels that the original toolkit gives it first."""
    from cnn2snn.calibration import activations_rescaling
    from cnn2snn.transforms import normalize_separable_model

    return normalize_separable_model(activations_rescaling(model, samples, arguments.batch_size))


def _correct_biases(model: Any, samples: np.ndarray, reference: Any, arguments: argparse.Namespace) -> Any:
    from cnn2snn.calibration.bias_correction import correct_biases

    return correct_biases(_prepared(model, samples, arguments), samples, arguments.batch_size, reference)


def _round(model: Any, samples: np.ndarray, reference: None, arguments: argparse.Namespace) -> Any:
    from cnn2snn._keras import keras
    from cnn2snn.calibration.adaround import round_adaptively

    rate = arguments.learning_rate
    if not (math.isfinite(rate) and rate > 0):
        raise InvalidArgumentError(
            f"--learning_rate must be greater than zero, received {rate}", kind="learning_rate", received=rate
        )
    return round_adaptively(
        _prepared(model, samples, arguments),
        samples,
        keras.optimizers.Adam(rate),
        arguments.epochs,
        keras.losses.MeanSquaredError(),
        arguments.batch_size,
        arguments.include_activation,
    )
