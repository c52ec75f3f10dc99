"""JSON that people can read as well."""

from __future__ import annotations

import json
import re
from typing import Any

# A list of numbers over several lines. Strings have no bare line breaks: none is matched inside.
_NUMBERS = re.compile(r"\[\n\s*(-?[\d.e+-]+(?:,\n\s*-?[\d.e+-]+)*)\n\s*\]")


def dumps(value: Any) -> str:
    """Returns indented JSON with lists of numbers on one line."""
    text = json.dumps(value, indent=2)
    return _NUMBERS.sub(_one_line, text)


def _one_line(match: re.Match[str]) -> str:
    return f"[{' '.join(match[1].split())}]"
