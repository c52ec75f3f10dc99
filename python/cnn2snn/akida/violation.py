"""Broken limits of a device."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Violation:
    """A limit of a device that a layer breaks. As a str, a sentence.

    Attributes:
        layer: name of the layer.
        rule: stable name of the rule, e.g. "kernel_size".
        received: what was received, in words.
        allowed: what is allowed, in words.
        source: where the limit comes from.
        standing: how well the limit is known: "stated", "inferred" or "assumed".
        effect: "software": the layer cannot run on the chip, and is left to software or, with
            `hw_only`, refused. "refused": a value does not fit its register, or the layer is one of another
            generation, and mapping is refused.
            "possible": some inputs could lead out of a register, which may never happen; mapping
            goes on.
        remedy: smallest change that helps.
    """

    layer: str
    rule: str
    received: str
    allowed: str
    source: str
    standing: str
    effect: str
    remedy: str
    _text: str = field(repr=False)

    @classmethod
    def _of(cls, native: dict[str, str]) -> Violation:
        fields = dict(native)
        return cls(_text=fields.pop("text"), **fields)

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes by name, and the sentence as "message"."""
        names = ("layer", "rule", "received", "allowed", "source", "standing", "effect", "remedy")
        return {**{name: getattr(self, name) for name in names}, "message": self._text}

    def __str__(self) -> str:
        return self._text
