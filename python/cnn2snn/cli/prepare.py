"""`cnn2snn prepare`: an ordinary Keras model is rewritten into one that can be quantized, with equal outputs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn.cli import _keras_files, _output, _parsers
from cnn2snn.reports.prepare import PrepareReport


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "prepare",
        help="rewrite a Keras model so that it can be quantized, with equal outputs",
        description="Rewrite an ordinary float Keras model into one that `cnn2snn quantize` takes, wherever that is "
        "the same network, and list what was done: fused activations become layers, layers that only train are left "
        "out, zero padding and normalizations are folded. `cnn2snn quantize` does this by itself, but keeps layers "
        "that training needs. The result is saved next to the model.",
        examples=("prepare -m model.keras     saves model_prepared.keras",),
    )
    _parsers.add_keras_model(parser)
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="prepared model (default: the model's name with _prepared)"
    )
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> None:
    source: Path = arguments.model
    target = _keras_files.target(source, arguments.output, f"{_keras_files.stem(source)}_prepared")
    model = _keras_files.load(source)

    from cnn2snn.transforms import prepare

    prepared, changes = prepare(model, return_changes=True)
    _keras_files.save(prepared, target)
    _output.show(PrepareReport(str(source), str(target), changes.to_list()), arguments.json)
