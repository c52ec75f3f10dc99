"""What the parsers of commands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from cnn2snn.akida_versions import AkidaVersion, set_akida_version
from cnn2snn.errors import InvalidArgumentError


def add_command(
    commands: Any, name: str, *, help: str, description: str, examples: Sequence[str]
) -> argparse.ArgumentParser:
    """Adds a command with examples below its help.

    Args:
        commands: the sub-parsers.
        name: name of the command.
        help: what it does, in a few words.
        description: what it does, in a few sentences.
        examples: command lines without the program's name.
    """
    lines = "\n".join(f"  cnn2snn {example}" for example in examples)
    return commands.add_parser(
        name,
        help=help,
        description=description,
        epilog=f"examples:\n{lines}",
        formatter_class=_Help,
    )


class _Help(argparse.HelpFormatter):
    """Help whose examples keep their lines."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return text
        return super()._fill_text(text, width, indent)


def add_keras_model(
    parser: argparse.ArgumentParser, what: str = "Keras model", suffixes: str = ".h5, .hdf5 or .keras"
) -> None:
    """Adds the option that names the Keras model to read."""
    parser.add_argument(
        "-m",
        "--model",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"{what}, {suffixes} (a SavedModel folder too under Keras 2)",
    )


def add_akida_version(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says which generation of Akida is meant."""
    parser.add_argument(
        "--akida",
        choices=("v1", "v2"),
        help="generation of Akida (default: the environment variable CNN2SNN_TARGET_AKIDA_VERSION)",
    )


def akida_version(arguments: argparse.Namespace) -> AbstractContextManager[None]:
    """The generation by the option of `add_akida_version`, for a `with` block."""
    return nullcontext() if arguments.akida is None else set_akida_version(AkidaVersion(arguments.akida))


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds the option that asks for JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON, with all details")


def add_debug(parser: argparse.ArgumentParser, default: bool | str = argparse.SUPPRESS) -> None:
    """Adds the option that asks for tracebacks; the default is that of the outermost parser."""
    parser.add_argument("--debug", action="store_true", default=default, help="show the traceback of an error")


def add_input_is_image(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say what inputs are."""
    parser.add_argument(
        "--no-image-input",
        dest="image",
        action="store_false",
        help="inputs are not 8-bit images of 1 or 3 channels but values of at most 4 bits",
    )
    parser.add_argument(
        "-sp",
        "--sparse",
        nargs="?",
        const=True,
        default=False,
        type=_truth,
        metavar="True",
        help="older form of --no-image-input",
    )


def add_samples(parser: argparse.ArgumentParser, readers: str) -> None:
    """Adds the samples that `readers` run on, their labels, and how many to use."""
    parser.add_argument(
        "samples",
        type=Path,
        metavar="SAMPLES",
        help=f"inputs of {readers}: .npy or .npz file, or a folder with a folder of images for each class",
    )
    parser.add_argument("--labels", type=Path, metavar="FILE", help="the class of each sample: .npy file of shape (n,)")
    parser.add_argument("-n", "--limit", type=int, metavar="N", help="samples to use at most (default: all)")


def input_is_image(arguments: argparse.Namespace) -> bool:
    """Whether inputs are images, by the options of `add_input_is_image`."""
    return arguments.image and not arguments.sparse


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"must be True or False, received {text!r}")
    return words[text.lower()]


def add_input_scaling(parser: argparse.ArgumentParser) -> None:
    """Adds the options that relate integer inputs to those of the Keras model."""
    parser.add_argument(
        "-sc",
        "--scale",
        type=_number,
        metavar="A",
        help="with -sh: integer inputs are A times those of the Keras model, plus B",
    )
    parser.add_argument("-sh", "--shift", type=_number, metavar="B", help="see -sc")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"must be a number, received {text!r}")
    return int(value) if value.is_integer() else value


def input_scaling(arguments: argparse.Namespace) -> tuple[float, float] | None:
    """The input scaling by the options of `add_input_scaling`; None where none is given."""
    scale, shift = arguments.scale, arguments.shift
    if scale is None and shift is None:
        return None
    if scale is None or shift is None:
        missing, neutral = ("-sc", "1") if scale is None else ("-sh", "0")
        raise InvalidArgumentError(
            "-sc and -sh must be given together, received one of them",
            kind="input_scaling",
            expected="both or neither",
            remedy=f"add {missing} {neutral} if that is what you mean",
        )
    return scale, shift
