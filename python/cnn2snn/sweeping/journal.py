"""The journal of a sweep: a file with a line for each result, from which an interrupted sweep goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cnn2snn.errors import FormatError, InvalidArgumentError
from cnn2snn.sweeping.configuration import Configuration
from cnn2snn.sweeping.result import SweepResult

__all__ = ["Journal"]

_FORMAT = "cnn2snn sweep"


class Journal:
    """A journal. Each result is on the disk before the next one is asked for.

    Args:
        path: the file; it is made where there is none.
        fingerprint: names the model, the samples and the options; a journal of others is refused.

    Attributes:
        results: the results in the file, by `Configuration.key`.

    Raises:
        InvalidArgumentError: the journal is of another sweep.
        FormatError: the file is no journal.
        OSError: the file cannot be read or written.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self._path = path
        self.results: dict[str, SweepResult] = {}
        lines, whole = _lines(path)
        if not lines:
            self._append({"format": _FORMAT, "fingerprint": fingerprint})
            return
        _check(path, lines[0], fingerprint)
        for number, line in enumerate(lines[1:], 2):
            try:
                result = SweepResult.of(line)
            except (KeyError, TypeError, InvalidArgumentError) as error:
                raise FormatError(f"{path}: line {number} is no result: {error}", kind="journal") from error
            self.results[result.configuration.key] = result
        # The line that an interruption cut off is computed again.
        with path.open("r+b") as file:
            file.truncate(whole)

    def add(self, result: SweepResult) -> None:
        """Adds a result."""
        self.results[result.configuration.key] = result
        self._append(result.to_dict())

    def get(self, configuration: Configuration) -> SweepResult | None:
        """The result of a configuration, under its name of now; None where there is none."""
        found = self.results.get(configuration.key)
        return None if found is None else found.renamed(configuration)

    def _append(self, values: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(values).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _lines(path: Path) -> tuple[list[Any], int]:
    """The whole lines of a journal, and the bytes that they take."""
    if not path.exists():
        return [], 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    lines = []
    for number, line in enumerate(content[:whole].splitlines(), 1):
        try:
            lines.append(json.loads(line))
        except ValueError as error:
            raise FormatError(f"{path}: line {number} is no JSON: {error}", kind="journal") from error
    if content and not lines:
        raise FormatError(f"{path}: it is not the journal of a sweep", kind="journal", remedy="name another file")
    return lines, whole


def _check(path: Path, head: Any, fingerprint: str) -> None:
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise FormatError(f"{path}: it is not the journal of a sweep", kind="journal", remedy="name another file")
    if head.get("fingerprint") != fingerprint:
        raise InvalidArgumentError(
            f"{path}: the journal is of another model, other samples or other options",
            kind="journal",
            remedy="name another file, or delete this one",
        )
