"""`cnn2snn convert`: a quantized Keras model becomes an `.fbz` file."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from cnn2snn import _files, _json, _table
from cnn2snn.cli import _keras_files, _parsers


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "convert",
        help="convert a quantized Keras model to an .fbz file",
        description="Convert a quantized Keras model to integer layers and save them as an .fbz file.",
        examples=(
            "convert -m model_iq8_wq4_aq4.h5            saves model_iq8_wq4_aq4.fbz",
            "convert -m model_iq8_wq4_aq4.h5 -sc 255 -sh 0",
            "convert -m events_iq4_wq4_aq4.keras --no-image-input",
        ),
    )
    _parsers.add_keras_model(parser, "quantized Keras model")
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
    _keras_files.check(source)
    scaling = _parsers.input_scaling(arguments)
    target: Path = arguments.output or source.with_name(f"{_keras_files.stem(source)}.fbz")
    _files.check_suffix(target, ".fbz")
    _files.check_folder(target)
    if arguments.report is not None:
        _files.check_suffix(arguments.report, ".json")
        _files.check_folder(arguments.report)
    model = _keras_files.load(source)

    from cnn2snn.conversion.akida1.certificate import report as certify
    from cnn2snn.conversion.pipeline import convert_blocks

    image = _parsers.input_is_image(arguments)
    choices = {"thresholds": arguments.thresholds, "padding_value": arguments.padding_value}
    converted = convert_blocks(model, scaling, image, **choices)
    converted.model.save(target)
    certificate = None
    if arguments.report is not None:
        certificate = certify(converted, arguments.thresholds)
        certificate.save(arguments.report)
    report = {
        "file": str(source),
        "output": str(target),
        "input_scaling": converted.model.input_scaling,
        "layers": [_describe(block) for block in converted.blocks],
    }
    if arguments.json:
        print(_json.dumps(report))
    else:
        width = shutil.get_terminal_size().columns
        lines = _text(report, width)
        if certificate is not None:
            lines = [lines[0], f"Report saved to {arguments.report}", "", certificate.text(width)]
        print("\n".join(lines))


def _describe(block: Any) -> dict[str, Any]:
    """How many activation levels of a layer begin at another integer than in the Keras model."""
    bits = block.layer.output_bits
    channels = len(block.mismatches) if bits is not None else 0
    return {
        "name": block.layer.name,
        "type": block.layer.parameters.layer_type.name,
        "channels": channels,
        "boundaries": channels * (2**bits - 1) if channels else 0,
        "boundaries_shifted": int(block.mismatches.sum(dtype=int)),
        "channels_with_shifts": int((block.mismatches > 0).sum()),
    }


def _text(report: dict[str, Any], width: int) -> list[str]:
    lines = [f"Model converted and saved to {report['output']}"]
    shifted = [layer for layer in report["layers"] if layer["boundaries_shifted"]]
    if not shifted:
        total = sum(layer["boundaries"] for layer in report["layers"])
        return [*lines, f"All {total:,} activation boundaries are those of the Keras model."]
    headers = ("Layer", "Boundaries", "Shifted", "Channels")
    rows = [
        (
            layer["name"],
            f"{layer['boundaries']:,}",
            f"{layer['boundaries_shifted']:,}",
            f"{layer['channels_with_shifts']} of {layer['channels']}",
        )
        for layer in shifted
    ]
    why = "Boundaries shifted to fit an integer threshold and one step per channel:"
    return [*lines, why, *_table.columns(headers, rows, width=width, right=(1, 2, 3))]
