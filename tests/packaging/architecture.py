"""The table of ARCHITECTURE.md that says where things are and what each part must not know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Part:
    """A row of the table.

    Attributes:
        paths: its files and folders, relative to the repository; folders end in "/".
        unknown: the names in backticks of the column "Must not know".
    """

    paths: tuple[str, ...]
    unknown: tuple[str, ...]


def parts(prefix: str) -> list[Part]:
    """The rows whose first path begins with `prefix`.

    A path without a slash, or one that continues a row, lies in the folder of the row's first path.
    """
    lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| Path |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        where, _, unknown = (cell.strip() for cell in line.strip("|").split("|"))
        first, *others = re.findall(r"`([^`]+)`", where)
        folder = first.rstrip("/").rpartition("/")[0]
        if first.startswith(prefix):
            paths = (first, *(f"{folder}/{other}" for other in others))
            found.append(Part(paths, tuple(re.findall(r"`([^`]+)`", unknown))))
    return found


def part_of(file: PurePosixPath | str, among: list[Part]) -> Part | None:
    """The row that names a file, or the smallest folder around it."""
    matches = [
        (len(path), part)
        for part in among
        for path in part.paths
        if str(file) == path or (path.endswith("/") and str(file).startswith(path))
    ]
    return max(matches, key=lambda match: match[0])[1] if matches else None
