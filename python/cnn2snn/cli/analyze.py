"""`cnn2snn analyze`: what quantization costs, layer by layer, and what would help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn.cli import _keras_files, _output, _parsers


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "analyze",
        help="tell what quantization costs, layer by layer, and what would help",
        description="Run the float, the quantized and the converted model on the same samples, and say what "
        "quantization costs: accuracies side by side, and for each layer the noise that it adds, clipped and zero "
        "activations, ranges beside what the grids hold, what is lost when it alone is quantized and won when it alone "
        "is not. Layers are ranked, and what would help is tried and listed with its gain. Without labels the classes "
        "of the float model count as right.",
        examples=(
            "analyze -m model.keras -q model_iq8_wq4_aq4.keras samples.npy --labels labels.npy",
            "analyze -m model.keras -q model_iq8_wq4_aq4.keras samples.npy --apart",
            "analyze -m model.keras -q model_iq8_wq4_aq4.keras images/ --fast --json",
        ),
    )
    _parsers.add_keras_model(parser, "float Keras model")
    parser.add_argument(
        "-q",
        "--quantized",
        type=Path,
        required=True,
        metavar="FILE",
        help="quantized model that was made of it, .h5 or .keras",
    )
    _parsers.add_samples(parser, "both models")
    parser.add_argument(
        "--apart", action="store_true", help="tell weights and activations of each layer apart; takes twice the time"
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="run on the integer engine alone, with one layer at a time at 8-bit weights and 4-bit activations",
    )
    _parsers.add_input_scaling(parser)
    _parsers.add_input_is_image(parser)
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> None:
    for path in (arguments.model, arguments.quantized):
        _keras_files.check(path)
    scaling = _parsers.input_scaling(arguments)

    from cnn2snn._samples import read_samples

    quantized = _keras_files.load(arguments.quantized)
    shape = tuple(quantized.inputs[0].shape)[1:]
    samples = read_samples(arguments.samples, shape, arguments.labels, limit=arguments.limit)
    model = _keras_files.load(arguments.model)

    from cnn2snn.analysis import quantization

    report = quantization(
        model,
        quantized,
        samples,
        apart=arguments.apart,
        fast=arguments.fast,
        input_scaling=scaling,
        input_is_image=_parsers.input_is_image(arguments),
    )
    files = {"file": arguments.model, "quantized": arguments.quantized, "samples_file": arguments.samples}
    _output.show(report, arguments.json, **files)
