"""Which numbers a text shows, and whether they are those of a dictionary."""

from __future__ import annotations

import re

# A number that is no part of a word, such as 1,234, -0.5 or 2.15e+09.
_NUMBER = re.compile(r"(?<![\w.,])-?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?(?![\w,]*\w)")

# How texts write numbers.
_FORMATS = ("", ",", "g", ".3g", ".9g", ".10g", ".0f", ".1f", ",.1f", ".3f", ",.0f")


def numbers(text):
    """Returns the numbers in a text as they are written there."""
    return {number.rstrip(",") for number in _NUMBER.findall(text.replace("..", " ").replace("×", " "))}


def leaves(values):
    """Returns all numbers in nested dictionaries and lists."""
    if isinstance(values, bool) or values is None or isinstance(values, str):
        return []
    if isinstance(values, dict):
        return [leaf for item in values.items() for leaf in leaves(list(item))]
    if isinstance(values, (list, tuple)):
        return [leaf for item in values for leaf in leaves(item)]
    return [values]


def foreign(text, values, *derived):
    """Returns the numbers of a text that are neither in `values` nor `derived` from them by the test."""
    known = {format(leaf, form) for leaf in [*leaves(values), *derived] for form in _FORMATS}
    return numbers(text) - known
