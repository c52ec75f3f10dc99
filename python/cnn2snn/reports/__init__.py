"""What commands print, as data: `reports/x.py` has the report of the command `cnn2snn x`.

A report is a data class made by a class method `of`. Its `to_dict` gives what `--json` prints, its `text` what people
read; both show the same fields. No report imports TensorFlow, or knows the arguments of a command.

Two results of the documented API are reports as well, and live beside what makes them: `analysis.Comparison`, which
`cnn2snn compare` prints, and `conversion.ConversionReport`, a part of what `cnn2snn convert --report` prints.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Report"]


class Report(Protocol):
    """What all reports can do."""

    def to_dict(self) -> dict[str, Any]:
        """Returns the report in dictionaries, lists, numbers and strings, as JSON has them."""
        ...

    def text(self, width: int = 80) -> str:
        """Returns the report for people.

        Args:
            width: characters per line to aim at.
        """
        ...
