"""What commands print, as data: `reports/x.py` has the report of the command `cnn2snn x`.

A report is a data class. A class method `of` makes it of a model; where there is none, it is made of its parts.
`to_dict` gives what `--json` prints, `text` what people read: both show the same fields. `plan` and `placement` are
parts of reports, `map_svg` draws a mapping. No report imports TensorFlow, or knows the arguments of a command.

Two results of the documented API are reports as well, and live beside what makes them. `cnn2snn compare` prints an
`analysis.Comparison`; `cnn2snn convert --report` prints a `conversion.ConversionReport` after its own lines.
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
