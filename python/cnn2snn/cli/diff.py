"""`cnn2snn diff`: where two `.fbz` files differ."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn.cli import _output
from cnn2snn.reports.diff import DiffReport


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diff",
        help="compare two .fbz files: layers, parameters, variables",
        description="Compare two converted models: their layers, which are matched by name, parameters and variables. "
        "The exit code is 0 when they are equal, 1 when they differ, 2 when they cannot be compared.",
    )
    parser.add_argument("left", type=Path, metavar="A", help="converted model, .fbz")
    parser.add_argument("right", type=Path, metavar="B", help="the model to compare it with, .fbz")
    parser.add_argument("--json", action="store_true", help="print JSON, with all details")
    parser.set_defaults(execute=_execute, code_of_errors=2)


def _execute(arguments: argparse.Namespace) -> int:
    from cnn2snn.akida import Model

    left, right = arguments.left, arguments.right
    report = DiffReport.of(Model(left), Model(right), left, right)
    _output.show(report, arguments.json)
    return 0 if report.equal else 1
