"""A progress bar on a terminal."""

from __future__ import annotations

import sys
import time


class Progress:
    """A bar on stderr that appears after two seconds, and only when stderr is a terminal.

    Args:
        total: number of steps in all.
    """

    _DELAY = 2.0
    _INTERVAL = 0.1
    _CELLS = 40

    def __init__(self, total: int) -> None:
        self._total = max(total, 1)
        self._begin = time.monotonic()
        self._last = self._begin
        self._shown = False
        self._terminal = sys.stderr.isatty()

    def update(self, done: int) -> None:
        """Shows that `done` steps are done."""
        now = time.monotonic()
        elapsed = now - self._begin
        if not self._terminal or elapsed < self._DELAY or now - self._last < self._INTERVAL:
            return
        self._last, self._shown = now, True
        share = done / self._total
        cells = round(share * self._CELLS)
        bar = "#" * cells + "." * (self._CELLS - cells)
        left = f"{elapsed / share - elapsed:.0f} s left" if share else ""
        sys.stderr.write(f"\r\x1b[K{bar} {share:4.0%}  {left}")
        sys.stderr.flush()

    def close(self) -> None:
        """Removes the bar."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
