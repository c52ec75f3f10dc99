"""`cnn2snn check`: everything that keeps a model from conversion or from a chip."""

from __future__ import annotations

import argparse
from typing import Any

from cnn2snn.cli import _keras_files, _output, _parsers


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "check",
        help="list everything that keeps a model from conversion or a chip",
        description="Check a float or quantized model against the rules of quantization and conversion, and against "
        "the limits of a chip. A float model is checked for Akida 1.0 and for Akida 2.0, unless a chip or --akida says "
        "which. Models that `cnn2snn quantize` made are of Akida 1.0, QuantizeML models (.h5, .onnx) of Akida 2.0 by "
        "default. All problems are listed, each with its remedy. The exit code is 0 for a model that is compatible "
        "with a generation, 1 otherwise.",
        examples=(
            "check -m model.h5",
            "check -m model.h5 --akida v2",
            "check -m model_iq8_wq4_aq4.h5 -d AKD1000",
            "check -m model.keras --json",
        ),
    )
    _parsers.add_keras_model(parser, "Keras or QuantizeML model", ".h5, .hdf5, .keras or .onnx")
    parser.add_argument(
        "-d",
        "--device",
        metavar="NAME",
        help="chip whose limits count, such as AKD1000 (default: none; those of AKD1000 are noted for Akida 1.0)",
    )
    _parsers.add_akida_version(parser)
    parser.add_argument(
        "--input-dtype",
        default="uint8",
        metavar="TYPE",
        help="type of the inputs, which QuantizeML takes as well: uint8 (default), int8 or int16",
    )
    _parsers.add_input_is_image(parser)
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> int:
    _keras_files.check(arguments.model, ".onnx")

    from cnn2snn.compatibility import check_model_compatibility
    from cnn2snn.conversion.source import is_quantizeml_file

    # A Keras model is loaded as all commands do, QuantizeML models without TensorFlow.
    model = arguments.model if is_quantizeml_file(arguments.model) else _keras_files.load(arguments.model)
    with _parsers.akida_version(arguments):
        report = check_model_compatibility(
            model,
            input_is_image=_parsers.input_is_image(arguments),
            device=arguments.device,
            input_dtype=arguments.input_dtype,
        )
    _output.show(report, arguments.json, file=arguments.model)
    return 0 if report else 1
