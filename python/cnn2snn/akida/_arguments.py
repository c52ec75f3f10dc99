"""Checks of Python types, so that the engine is given what it can judge.

What values are allowed is the engine's to say; here only what it cannot even receive is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from enum import IntEnum
from numbers import Real
from typing import NoReturn, TypeVar

import numpy as np

from cnn2snn.errors import InvalidArgumentError, InvalidTypeError

E = TypeVar("E", bound=IntEnum)

# The engine's own limits are lower; this one keeps numbers inside its integer type.
_LARGEST = 2**31 - 1


def label(name: str) -> str:
    """Returns the beginning of an error message about the layer `name`, which may be empty."""
    return f'layer "{name}": ' if name else ""


def wrong_type(
    layer: str, argument: str, expected: str, received: object, remedy: str = "", *, kind: str = ""
) -> NoReturn:
    """Raises the error for an argument of the wrong type. `kind` names the argument where `argument` describes it."""
    raise InvalidTypeError(
        f"{label(layer)}{argument} must be {expected}, received {type(received).__name__}",
        layer=layer or None,
        kind=kind or argument,
        expected=expected,
        received=received,
        remedy=remedy or None,
    )


def wrong_value(
    layer: str, argument: str, expected: str, received: object, remedy: str = "", *, kind: str = ""
) -> NoReturn:
    """Raises the error for an argument of the right type whose value is not allowed; `kind` as for `wrong_type`."""
    raise InvalidArgumentError(
        f"{label(layer)}{argument} must be {expected}, received {received}",
        layer=layer or None,
        kind=kind or argument,
        expected=expected,
        received=received,
        remedy=remedy or None,
    )


def _index(value: object) -> int | None:
    """Returns `value` as an int, or None when it is not an integer. Booleans are not."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


def integer(layer: str, argument: str, value: object, *, low: int = 1, high: int = _LARGEST, kind: str = "") -> int:
    """Returns an integer in low … high; `kind` as for `wrong_type`."""
    number = _index(value)
    if number is None:
        wrong_type(layer, argument, "an integer", value, kind=kind)
    if not low <= number <= high:
        limit = f"an integer in {low}..={high}" if high < _LARGEST else f"at least {low}"
        if number > high == _LARGEST:
            limit = f"at most {high}"
        wrong_value(layer, argument, limit, number, kind=kind)
    return number


def bits(layer: str, argument: str, value: object) -> int:
    """Returns a number of bits; which ones are allowed is not decided here."""
    number = integer(layer, argument, value, low=-_LARGEST)
    if not 0 <= number <= 255:
        wrong_value(layer, argument, "a number of bits such as 4", number)
    return number


def _sizes(layer: str, argument: str, value: object, count: int, *, low: int = 1) -> tuple[int, ...]:
    """Returns a tuple of `count` integers."""
    axes = "(height, width)" if count == 2 else "(height, width, channels)"
    expected = f"a tuple of {count} integers {axes}"
    if _index(value) is not None:
        remedy = f"write ({value}, {value})" if count == 2 else ""
        wrong_type(layer, argument, expected, value, remedy)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        wrong_type(layer, argument, expected, value)
    numbers = tuple(_index(item) for item in value)
    if None in numbers:
        wrong_type(layer, argument, expected, value)
    if len(numbers) != count:
        wrong_value(layer, argument, expected, value)
    if not all(low <= number <= _LARGEST for number in numbers):  # type: ignore[operator]
        limit = "positive" if low == 1 else f"at least {low}"
        wrong_value(layer, argument, f"a tuple of {count} integers, each {limit}", value)
    return numbers  # type: ignore[return-value]


def pair(layer: str, argument: str, value: object, *, low: int = 1) -> tuple[int, int]:
    """Returns (height, width)."""
    height, width = _sizes(layer, argument, value, 2, low=low)
    return height, width


def square(layer: str, argument: str, value: object, *, low: int = 1) -> int:
    """Returns the height and width of a square."""
    if isinstance(value, (tuple, list)):
        is_square = len(value) == 2 and value[0] == value[1]
        remedy = f"write {value[0]}" if is_square else "windows are squares here"
        wrong_type(layer, argument, "an integer", value, remedy)
    return integer(layer, argument, value, low=low)


def triple(layer: str, argument: str, value: object) -> tuple[int, int, int]:
    """Returns (height, width, channels)."""
    height, width, channels = _sizes(layer, argument, value, 3)
    return height, width, channels


def reals(argument: str, value: object, count: int) -> tuple[float, ...]:
    """Returns a tuple of `count` real numbers; which ones are allowed is not decided here."""
    expected = f"a tuple of {count} numbers"
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, Sequence) or not all(isinstance(n, Real) and not isinstance(n, bool) for n in value):
        wrong_type("", argument, expected, value)
    if len(value) != count:
        wrong_value("", argument, expected, value)
    try:
        return tuple(map(float, value))
    except OverflowError:  # an integer beyond the range of float
        wrong_value("", argument, f"{expected} within the range of float", value)


def boolean(layer: str, argument: str, value: object) -> bool:
    """Returns a bool."""
    if not isinstance(value, (bool, np.bool_)):
        wrong_type(layer, argument, "a bool", value)
    return bool(value)


def member(layer: str, argument: str, value: object, enum: type[E]) -> E:
    """Returns a member of `enum`, given as such or as its number."""
    names = ", ".join(f"{enum.__name__}.{m.name}" for m in enum)
    if isinstance(value, enum):
        return value
    number = _index(value)
    if number is None or isinstance(value, IntEnum):
        wrong_type(layer, argument, f"one of {names}", value)
    try:
        return enum(number)
    except ValueError:
        wrong_value(layer, argument, f"one of {names}", value)


def string(argument: str, value: object) -> str:
    """Returns a str, of whole characters."""
    if not isinstance(value, str):
        wrong_type("", argument, "a str", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        wrong_value("", argument, "text without halves of surrogate pairs", ascii(value))
    return value
