"""How commands print what they have to say."""

from __future__ import annotations

import codecs
import shutil
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnn2snn import _json
from cnn2snn.reports import Report

# What stands for characters that a terminal lacks: bars by their height, and signs.
_PLAIN = {**dict(zip("▁▂▃▄▅▆▇█", ".:-=+*%#", strict=True)), "×": "x", "±": "+/-", "…": "...", "→": "->", "’": "'"}


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error("cnn2snn-plain", _plain)


def allow_plain(stream: Any) -> None:
    """Lets a stream show plain characters in place of those that its encoding lacks."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="cnn2snn-plain")


def show_error(text: str) -> None:
    """Prints an error: in lines of a terminal's width, and for others a line for each line of `text`."""
    _show("error", text)


@contextmanager
def told_warnings() -> Iterator[None]:
    """Prints the warnings to users that come up in the block, each once and in a line, when the block ends."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            texts = [str(warning.message) for warning in told if issubclass(warning.category, UserWarning)]
            for text in dict.fromkeys(texts):
                _show("warning", text)


def _show(kind: str, text: str) -> None:
    lines = f"cnn2snn: {kind}: {text}".splitlines()
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        lines = [
            part
            for line in lines
            for part in textwrap.wrap(
                line, max(width, 40), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
            )
        ]
    print("\n".join(lines), file=sys.stderr)


def show(report: Report, as_json: bool, **files: Path) -> None:
    """Prints a report.

    Args:
        report: the report.
        as_json: whether to print JSON instead of text of the terminal's width.
        files: paths that JSON names before what is in the report.
    """
    if as_json:
        print(_json.dumps({**{name: str(path) for name, path in files.items()}, **report.to_dict()}))
    else:
        print(report.text(shutil.get_terminal_size().columns))
