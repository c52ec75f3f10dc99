"""`cnn2snn convert`: a quantized model becomes an `.fbz` file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn import _files
from cnn2snn.cli import _keras_files, _output, _parsers
from cnn2snn.reports.convert import Certificate, ConvertReport


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "convert",
        help="convert a quantized model to an .fbz file",
        description=(
            "Convert a quantized model to integer layers and save them as an .fbz file. Models that `cnn2snn quantize` "
            "made become models of Akida 1.0. QuantizeML models (.h5, .onnx) become models of Akida 2.0, or of Akida "
            "1.0 where --akida or the environment variable CNN2SNN_TARGET_AKIDA_VERSION is v1. They hold their own "
            "scales, and -sc, -sh, --no-image-input and --padding-value have no effect on them."
        ),
        examples=(
            "convert -m model_iq8_wq4_aq4.h5            saves model_iq8_wq4_aq4.fbz",
            "convert -m model_iq8_wq4_aq4.h5 -sc 255 -sh 0",
            "convert -m events_iq4_wq4_aq4.keras --no-image-input",
            "convert -m ds_cnn_kws_i8_w8_a8.h5          a QuantizeML model",
            "convert -m ds_cnn_kws_i8_w4_a4.h5 --akida v1",
        ),
    )
    _parsers.add_keras_model(parser, "quantized model", ".h5, .hdf5, .keras or .onnx")
    _parsers.add_akida_version(parser)
    _parsers.add_input_scaling(parser)
    _parsers.add_input_is_image(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="converted model (default: the model's name with the ending .fbz)",
    )
    _parsers.add_json(parser)
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write what is proved of every layer and filter to a .json file, and print it in short",
    )
    parser.add_argument(
        "--thresholds",
        choices=("fit", "floor"),
        default="fit",
        help="fit as many activation boundaries as possible, or floor as the original toolkit does (default: fit)",
    )
    parser.add_argument(
        "--padding-value",
        type=int,
        metavar="N",
        help="border of the first layer where the shift is no integer in 0..255; borders are then inexact",
    )
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> None:
    source: Path = arguments.model
    _keras_files.check(source, ".onnx")
    target: Path = arguments.output or source.with_name(f"{_keras_files.stem(source)}.fbz")
    _files.check_suffix(target, ".fbz")
    _files.check_folder(target)
    _files.check_not_read(target, source)
    if arguments.report is not None:
        _files.check_suffix(arguments.report, ".json")
        _files.check_folder(arguments.report)
        _files.check_not_read(arguments.report, source)

    from cnn2snn.conversion.pipeline import convert_blocks, convert_quantizeml
    from cnn2snn.conversion.scaling import stand_for
    from cnn2snn.conversion.source import quantizeml_of
    from cnn2snn.conversion.versions import Conversion

    image = _parsers.input_is_image(arguments)
    choices: dict[str, Any] = {"thresholds": arguments.thresholds, "padding_value": arguments.padding_value}
    with _parsers.akida_version(arguments):
        network = quantizeml_of(source)
        if network is None:
            scaling = _parsers.input_scaling(arguments)
            conversion = Conversion.of(convert_blocks(_keras_files.load(source), scaling, image, **choices))
        else:
            # One of the two is as much without effect as both.
            given = (arguments.scale, arguments.shift)
            scaling = None if given == (None, None) else given
            conversion = convert_quantizeml(network, scaling, image, **choices)
    model, converted = conversion.model, conversion.blocks
    model.save(target)
    certificate = None
    if arguments.report is not None:
        proved = conversion.report(arguments.thresholds)
        proved.save(arguments.report)
        certificate = Certificate(str(arguments.report), proved)
    layers = [(block.layer, block.mismatches) for block in converted.blocks] if converted is not None else []
    inputs = None
    if network is None:
        inputs = stand_for(model.input_scaling, 2 ** model.layers[0].input_bits - 1)
    _output.show(ConvertReport.of(source, target, model, layers, certificate, inputs), arguments.json)
