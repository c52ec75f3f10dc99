"""What was done to a model before its quantization."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Change", "Changes"]


@dataclass(frozen=True)
class Change:
    """A layer that was rewritten.

    Attributes:
        layer: its name.
        rule: the name of the rule, such as "fused_activation".
        text: what became of it, in words that follow its name.
    """

    layer: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f'layer "{self.layer}": {self.text}'


@dataclass
class Changes:
    """All that was done, in order. As a str, a line for each; true when there is any."""

    found: list[Change] = field(default_factory=list)

    def add(self, layer: str, rule: str, text: str) -> None:
        """Notes a change."""
        self.found.append(Change(layer, rule, text))

    def __len__(self) -> int:
        return len(self.found)

    def __str__(self) -> str:
        return "\n".join(map(str, self.found))

    def to_list(self) -> list[dict[str, Any]]:
        """The changes as dictionaries that JSON can hold."""
        return [asdict(change) for change in self.found]
