"""`cnn2snn convert`: a quantized Keras model becomes an `.fbz` file."""

from __future__ import annotations

import argparse
import math
import shutil
from pathlib import Path
from typing import Any

from cnn2snn import _table
from cnn2snn.cli import _files, _keras_files
from cnn2snn.errors import InvalidArgumentError


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "convert",
        help="convert a quantized Keras model to an .fbz file",
        description="Convert a quantized Keras model to integer layers and save them as an .fbz file.",
    )
    parser.add_argument(
        "-m",
        "--model",
        type=Path,
        required=True,
        metavar="FILE",
        help="quantized Keras model, .h5 or .keras",
    )
    parser.add_argument(
        "-sc",
        "--scale",
        type=_number,
        metavar="A",
        help="with -sh: integer inputs are A times those of the Keras model, plus B",
    )
    parser.add_argument("-sh", "--shift", type=_number, metavar="B", help="see -sc")
    parser.add_argument(
        "--no-image-input",
        dest="image",
        action="store_false",
        help="inputs are not 8-bit images but maps of at most 4 bits",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="converted model (default: the model's name with the ending .fbz)",
    )
    parser.set_defaults(execute=_execute)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return int(value) if value.is_integer() else value


def _scaling(scale: float | None, shift: float | None) -> tuple[float, float] | None:
    if scale is None and shift is None:
        return None
    if scale is None or shift is None:
        missing, neutral = ("-sc", "1") if scale is None else ("-sh", "0")
        raise InvalidArgumentError(
            f"-sc and -sh must be given together, received one of them; add {missing} {neutral} "
            "if that is what you mean",
            kind="input_scaling",
            expected="both or neither",
        )
    return scale, shift


def _execute(arguments: argparse.Namespace) -> None:
    source: Path = arguments.model
    _keras_files.check(source)
    scaling = _scaling(arguments.scale, arguments.shift)
    target: Path = arguments.output or source.with_suffix(".fbz")
    _files.check_suffix(target, ".fbz")
    _files.check_folder(target)
    model = _keras_files.load(source)

    from cnn2snn.conversion.convert import convert_blocks

    converted = convert_blocks(model, scaling, arguments.image)
    converted.model.save(target)
    print(f"Model converted and saved to {target}")
    print("\n".join(_boundaries(converted, shutil.get_terminal_size().columns)))


def _boundaries(converted: Any, width: int) -> list[str]:
    """Returns which activation levels begin at another integer than in the Keras model."""
    rows = []
    total = 0
    for block in converted.blocks:
        bits = block.layer.output_bits
        if block.ideal is None or bits is None:
            continue
        channels = len(block.mismatches)
        count = channels * (2**bits - 1)
        total += count
        if block.mismatches.any():
            differ = int(block.mismatches.sum(dtype=int))
            where = f"{int((block.mismatches > 0).sum())} of {channels}"
            rows.append((block.layer.name, f"{count:,}", f"{differ:,}", where))
    if not rows:
        return [f"All {total:,} activation boundaries are those of the Keras model."]
    headers = ("Layer", "Boundaries", "Shifted", "Channels")
    return [
        "Activation boundaries shifted to fit an integer threshold and one step per channel:",
        *_table.columns(headers, rows, width=width, right=(1, 2, 3)),
    ]
