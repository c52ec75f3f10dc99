"""`cnn2snn check`: everything that keeps a Keras model from conversion or from a chip."""

from __future__ import annotations

import argparse
from typing import Any

from cnn2snn.cli import _keras_files, _output, _parsers


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "check",
        help="list everything that keeps a Keras model from conversion or a chip",
        description="Check a float or quantized Keras model against the rules of quantization and conversion, "
        "and against the limits of a chip. All problems are listed, each with its remedy. The exit code is 0 for a "
        "compatible model, 1 otherwise.",
        examples=("check -m model.h5", "check -m model_iq8_wq4_aq4.h5 -d AKD1000", "check -m model.keras --json"),
    )
    _parsers.add_keras_model(parser)
    parser.add_argument(
        "-d",
        "--device",
        metavar="NAME",
        help="chip whose limits count, such as AKD1000 (default: none; those of AKD1000 are noted)",
    )
    _parsers.add_input_is_image(parser)
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> int:
    model = _keras_files.load(arguments.model)

    import cnn2snn

    report = cnn2snn.check_model_compatibility(
        model, input_is_image=_parsers.input_is_image(arguments), device=arguments.device
    )
    _output.show(report, arguments.json, file=arguments.model)
    return 0 if report else 1
