"""Tables of text that fit a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def columns(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int,
    right: Sequence[int] = (),
    gap: int = 2,
) -> list[str]:
    """Returns the lines of a table: headers, a rule, rows.

    When the table is wider than `width`, cells of the first column, which holds names, are
    shortened in the middle as far as that helps.

    Args:
        headers: titles of the columns.
        rows: cells, as many per row as there are headers.
        width: characters per line to aim at.
        right: indices of the columns to align at their right end.
        gap: spaces between columns.
    """
    table = [list(headers), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(headers))]
    surplus = sum(widths) + gap * (len(widths) - 1) - width
    if surplus > 0:
        widths[0] = max(widths[0] - surplus, min(widths[0], 12), len(headers[0]))
        for row in table:
            row[0] = shorten(row[0], widths[0])
    lines = [
        (" " * gap)
        .join(
            cell.rjust(size) if i in right else cell.ljust(size)
            for i, (cell, size) in enumerate(zip(row, widths, strict=True))
        )
        .rstrip()
        for row in table
    ]
    rule = "-" * (sum(widths) + gap * (len(widths) - 1))
    return [lines[0], rule, *lines[1:]]


def shorten(text: str, width: int) -> str:
    """Returns `text` with its middle replaced by two dots when it is longer than `width`."""
    if len(text) <= width:
        return text
    tail = (width - 2) // 2
    return f"{text[: width - 2 - tail]}..{text[len(text) - tail :]}"


def shape(sizes: Sequence[int]) -> str:
    """Returns a shape with its sizes joined by ×, such as ``28×28×1``."""
    return "×".join(str(size) for size in sizes)
