"""The command line: check, quantize, convert and compare Keras models, look into and run converted ones.

Each sub-command has a file of its own. TensorFlow is imported by those that read Keras models only.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

import cnn2snn
from cnn2snn.cli import (
    _output,
    _parsers,
    analyze,
    calibrate,
    check,
    compare,
    convert,
    diff,
    info,
    map_,
    prepare,
    quantize,
    reshape,
    run,
    sweep,
)
from cnn2snn.errors import Cnn2SnnError

_COMMANDS = (check, prepare, quantize, analyze, sweep, calibrate, reshape, convert, compare, info, diff, map_, run)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: arguments without the program's name; those of the process by default.

    Returns:
        The exit code: 0 on success, or what the command says; 1 for an error (told in one line on stderr, or in one for
        each of several problems, with `--debug` after its traceback), 2 of those whose code 1 says something else; 2
        without a command, 130 after Ctrl-C.

    Raises:
        SystemExit: wrong usage (code 2), `--help` and `--version` (code 0).
    """
    try:
        return _run(argv)
    except KeyboardInterrupt:
        print("cnn2snn: interrupted", file=sys.stderr)
        return 130


def _run(argv: Sequence[str] | None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return 2
    for stream in (sys.stdout, sys.stderr):
        _output.allow_plain(stream)
    try:
        with _output.told_warnings():
            code = arguments.execute(arguments) or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`). Nothing may be flushed to it when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    # Whatever went wrong, a line that says so is more use than a traceback, which can be asked for.
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        _output.show_error(_told(error))
        return getattr(arguments, "code_of_errors", 1)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cnn2snn",
        description="Quantize Keras networks, convert them for Akida processors, and run them on this host.",
        epilog="cnn2snn COMMAND --help describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"cnn2snn {cnn2snn.__version__}")
    _parsers.add_debug(parser, default=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in _COMMANDS:
        command.add_parser(commands)
    for subparser in commands.choices.values():
        _parsers.add_debug(subparser)
    return parser


def _told(error: Exception) -> str:
    """A line for an error; of problems that were collected, a line for each."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    # Messages name the arguments of functions; the reader of this one gives options.
    text = str(error).replace("input_is_image=False", "--no-image-input")
    lines = text.splitlines()
    if isinstance(error, Cnn2SnnError) and len(lines) > 1:
        return "\n  ".join([f"{len(lines)} problems", *lines])
    text = " ".join(text.split())
    return text if isinstance(error, (Cnn2SnnError, OSError, ImportError)) else f"{type(error).__name__}: {text}"
