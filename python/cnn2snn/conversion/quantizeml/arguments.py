"""Arguments of layers from a configuration: their types, ranges and defaults."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "REQUIRED",
    "Argument",
    "WrongValueError",
    "anything",
    "boolean",
    "choice",
    "integer",
    "number",
    "numbers",
    "optional",
    "pair",
    "sizes",
    "target_shape",
]

# The default of an argument that must be there.
REQUIRED: Any = object()


class WrongValueError(ValueError):
    """A value is not of the type or range that is allowed; the message says what is."""


Parse = Callable[[Any], Any]


@dataclass(frozen=True)
class Argument:
    """An argument of a class.

    Attributes:
        parse: gives the checked value, or raises `WrongValueError`.
        default: the value of an argument that is missing; `REQUIRED` where it must be there.
    """

    parse: Parse
    default: Any = REQUIRED

    def of(self, config: Mapping[str, Any], name: str) -> Any:
        """The checked value of this argument in a configuration."""
        if name not in config:
            if self.default is REQUIRED:
                raise WrongValueError("given")
            return self.default
        return self.parse(config[name])


def integer(low: int, high: int = 2**31 - 1) -> Parse:
    """Integers from `low` to `high`. A bool is none."""

    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise WrongValueError(f"an integer in {low}..{high}")
        return value

    return parse


def boolean(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise WrongValueError("true or false")
    return value


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WrongValueError("a number")
    try:
        converted = float(value)
    except OverflowError:
        converted = math.inf
    if not math.isfinite(converted):
        raise WrongValueError("a finite number")
    return converted


def numbers(value: Any) -> tuple[float, ...]:
    """A finite number, or a list of at least one."""
    if not isinstance(value, list):
        return (number(value),)
    if not value:
        raise WrongValueError("a list of at least one number")
    return tuple(map(number, value))


def pair(value: Any) -> tuple[int, int]:
    """Two positive integers, or one that stands for both."""
    items = value if isinstance(value, list) else [value, value]
    if len(items) != 2:
        raise WrongValueError("two integers")
    parse = integer(1)
    return parse(items[0]), parse(items[1])


def sizes(value: Any) -> tuple[int | None, ...]:
    """A shape: positive integers, None for a size that is not known."""
    if not isinstance(value, list):
        raise WrongValueError("a list of sizes")
    parse = integer(1)
    return tuple(None if size is None else parse(size) for size in value)


def target_shape(value: Any) -> tuple[int, ...]:
    """The shape that a Reshape gives: positive integers, one of which may be -1."""
    if not isinstance(value, list) or value.count(-1) > 1:
        raise WrongValueError("a list of sizes, one of which may be -1")
    parse = integer(1)
    return tuple(-1 if size == -1 else parse(size) for size in value)


def anything(value: Any) -> Any:
    """Any value, for arguments that do not matter after training."""
    return value


def choice(*allowed: Any) -> Parse:
    """One of a few values, of the same type."""

    def parse(value: Any) -> Any:
        for item in allowed:
            if value is None and item is None:
                return None
            if type(value) is type(item) and value == item:
                return item
        raise WrongValueError("one of " + ", ".join(repr(item) for item in allowed))

    return parse


def optional(parse: Parse) -> Parse:
    """What `parse` takes, or None."""

    def checked(value: Any) -> Any:
        return None if value is None else parse(value)

    return checked
