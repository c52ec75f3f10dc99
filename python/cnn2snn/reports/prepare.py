"""The report of `cnn2snn prepare`: what was rewritten in a Keras model."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["PrepareReport", "changes_text"]


@dataclass(frozen=True)
class PrepareReport:
    """A Keras model that was prepared for quantization.

    Attributes:
        file: path of the model.
        output: path of the prepared model.
        changes: what was done, each with the keys "layer", "rule" and "text".

    Example:
        >>> PrepareReport("net.h5", "net_prepared.h5", []).text()
        'Nothing to prepare; saved to net_prepared.h5'
    """

    file: str
    output: str
    changes: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes."""
        return asdict(self)

    def text(self, width: int = 80) -> str:
        """Returns where the prepared model is, then what was done to each layer, in lines of at most `width`."""
        if not self.changes:
            return f"Nothing to prepare; saved to {self.output}"
        return "\n".join([f"Model prepared and saved to {self.output}", *changes_text(self.changes, width)])


def changes_text(changes: Sequence[dict[str, Any]], width: int) -> list[str]:
    """Returns a paragraph for each change, its lines of at most `width` characters where words allow it.

    Args:
        changes: dictionaries with the keys "layer" and "text".
        width: characters in a line.
    """
    lines = []
    for change in changes:
        text = f"{change['layer']}: {change['text']}"
        lines += textwrap.wrap(
            text, max(width, 40), initial_indent="  ", subsequent_indent="    ", break_long_words=False
        )
    return lines
