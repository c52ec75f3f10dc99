"""`cnn2snn reshape`: the same Keras model for images of another size."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn.cli import _keras_files, _output, _parsers
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.reports.reshape import ReshapeReport


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "reshape",
        help="change the size of the images that a Keras model takes",
        description="Make a Keras model, float or quantized, for images of another size, with the same weights. The "
        "result is saved next to the model, with width and height in its name.",
        examples=("reshape -m model.h5 -iw 160 -ih 96     saves model_160_96.h5",),
    )
    _parsers.add_keras_model(parser)
    parser.add_argument(
        "-iw",
        "--input_width",
        "--input-width",
        type=int,
        required=True,
        metavar="N",
        help="pixels in a row, the second axis of an image",
    )
    parser.add_argument(
        "-ih",
        "--input_height",
        "--input-height",
        type=int,
        required=True,
        metavar="N",
        help="rows, the first axis of an image",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="reshaped model (default: the model's name with both sizes)"
    )
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> None:
    source: Path = arguments.model
    width, height = arguments.input_width, arguments.input_height
    for option, size in (("-iw", width), ("-ih", height)):
        if size < 1:
            raise InvalidArgumentError(f"{option} must be at least 1, received {size}", kind="size", received=size)
    target = _keras_files.target(source, arguments.output, f"{_keras_files.stem(source)}_{width}_{height}")
    model = _keras_files.load(source)

    from cnn2snn.transforms import reshape

    reshaped = reshape(model, height, width)
    _keras_files.save(reshaped, target)
    _output.show(ReshapeReport.of(source, target, reshaped), arguments.json)
