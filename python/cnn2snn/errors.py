"""The errors raised by this package.

Every error derives from `Cnn2SnnError` and from the built-in exception that the published documentation names,
so that ``except ValueError`` keeps working. The attributes let a tool branch on the cause without parsing text.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "Cnn2SnnError",
    "FormatError",
    "InvalidArgumentError",
    "InvalidStateError",
    "InvalidTypeError",
    "MappingError",
    "UnsupportedModelError",
]


class Cnn2SnnError(Exception):
    """Base of all errors of this package. Its text is the problem and, after a semicolon, the remedy.

    Attributes:
        layer: name of the layer concerned, or None.
        kind: short machine-readable name of the cause, e.g. ``"weights_bits"``, or None.
        expected: what is allowed, as text or value, or None.
        received: what was given, or None.
        remedy: what to do about it, or None where nothing is known.
    """

    def __init__(
        self,
        message: str,
        *,
        layer: str | None = None,
        kind: str | None = None,
        expected: object = None,
        received: object = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(f"{message}; {remedy}" if remedy else message)
        self.layer = layer
        self.kind = kind
        self.expected = expected
        self.received = received
        self.remedy = remedy


class InvalidArgumentError(Cnn2SnnError, ValueError):
    """An argument, array or parameter has a value that is not allowed."""


class InvalidTypeError(Cnn2SnnError, TypeError):
    """An argument has a type that is not allowed."""


class InvalidStateError(Cnn2SnnError, SystemError):
    """A call comes before another that it needs."""


class UnsupportedModelError(Cnn2SnnError, RuntimeError):
    """A model has a structure that cannot be handled; the message says where and what to do."""


class MappingError(Cnn2SnnError, RuntimeError):
    """A device refuses a model.

    Attributes:
        violations: every limit that stands in the way, as `cnn2snn.akida.Violation`.
    """

    def __init__(self, violations: list[Any]) -> None:
        first = violations[0]
        super().__init__(
            "\n".join(map(str, violations)),
            layer=first.layer,
            kind=first.rule,
            expected=first.allowed,
            received=first.received,
        )
        # Each line of the message has its own.
        self.remedy = first.remedy
        self.violations = violations


class FormatError(Cnn2SnnError, ValueError):
    """A file or buffer is not a valid `.fbz` model."""
