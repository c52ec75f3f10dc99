"""`cnn2snn info`: what is in an `.fbz` file."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from cnn2snn import _files
from cnn2snn.cli import _output
from cnn2snn.reports.info import Dump, InfoReport


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "info",
        help="show the layers and sizes of an .fbz file",
        description="Show the layers of a converted model: shapes, bits, weights, multiply-accumulates (MACs); "
        "and what their variables consist of: bytes in the file, the range of the weights, how many are zero, how they "
        "are spread over the range of their bits, the ranges of thresholds and steps.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="converted model, .fbz")
    parser.add_argument("--json", action="store_true", help="print JSON, with all details")
    parser.add_argument(
        "--dump",
        type=Path,
        metavar="FOLDER",
        help="write every variable as a .npy file into this folder, which is made when it is missing",
    )
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> None:
    from cnn2snn.akida import Model

    model = Model(arguments.model)
    report = InfoReport.of(model, arguments.model)
    if arguments.dump is not None:
        report = replace(report, dump=Dump(str(arguments.dump), _dump(model, arguments.model, arguments.dump)))
    _output.show(report, arguments.json)


def _dump(model: Any, source: Path, folder: Path) -> list[str]:
    """Writes every variable to a file of its own; gives the names of the files."""
    folder.mkdir(exist_ok=True)
    names = []
    for index, layer in enumerate(model.layers):
        # A name may hold anything, so only what is harmless in a path is taken from it.
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", layer.name)[:64]
        for variable in layer.get_variable_names():
            path = folder / f"{index:03d}.{name}.{variable}.npy"
            _files.check_not_read(path, source)
            _files.save_array(path, layer.get_variable(variable))
            names.append(path.name)
    return names
