"""The report of `cnn2snn check` and `check_model_compatibility`: what keeps a model from conversion or from a chip."""

from __future__ import annotations

import json
import textwrap
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["CompatibilityReport", "Problem"]


@dataclass(frozen=True)
class Problem:
    """One rule that a layer, or the model, breaks. As a str, a sentence.

    Attributes:
        layer: name of the Keras layer; None for the model as a whole.
        rule: short machine-readable name of the rule, e.g. "kernel_size" or "order".
        received: what was received, in words.
        allowed: what is allowed, in words.
        remedy: what to do about it; empty where nothing is known.
        device: name of the device whose limit it is; None for a rule of conversion, which holds for all.
        message: all of it in a sentence.
    """

    layer: str | None
    rule: str
    received: str
    allowed: str
    remedy: str
    device: str | None
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class CompatibilityReport:
    """What `check_model_compatibility` found. True when there is no problem. As a str, text of 80 columns.

    Attributes:
        model: name of the model.
        device: name of the device asked for; None when none was.
        problems: what keeps the model from conversion or from the device, rules of conversion first, each group in the
            order of layers.
        notes: what does not count: limits of a device that was not asked for, what may happen for some inputs, what was
            not checked.
    """

    model: str
    device: str | None
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]

    @property
    def convertible(self) -> bool:
        """Whether `cnn2snn.convert` accepts the model (after quantization, when it is a float model)."""
        return all(problem.device is not None for problem in self.problems)

    def __bool__(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = 80) -> str:
        """Returns the report for people, in lines of at most `width` characters where words allow it."""
        target = self.device or "Akida 1.0"
        if self:
            head = f'Model "{self.model}" is compatible with {target}.'
        else:
            count = len(self.problems)
            found = "1 problem" if count == 1 else f"{count} problems"
            but = ", though it can be converted" if self.convertible else ""
            head = f'Model "{self.model}" is not compatible with {target}{but}: {found}.'
        lines = _wrapped(head, width)
        for number, problem in enumerate(self.problems, start=1):
            lines += ["", *_item(f"{number:2}. ", problem, width)]
        if self.notes:
            lines += ["", *_wrapped(f"Notes on {self.notes[0].device}, which do not count:", width)]
        for note in self.notes:
            lines += ["", *_item("  - ", note, width)]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as a dictionary that JSON can hold."""
        return {
            "model": self.model,
            "device": self.device,
            "compatible": bool(self),
            "convertible": self.convertible,
            "problems": [asdict(problem) for problem in self.problems],
            "notes": [asdict(note) for note in self.notes],
        }

    def to_json(self) -> str:
        """Returns the report as JSON text."""
        return json.dumps(self.to_dict(), indent=2)


def _item(head: str, problem: Problem, width: int) -> list[str]:
    """A problem, its remedy on a line of its own."""
    text = problem.message
    if problem.remedy:
        text = text.removesuffix(f"; {problem.remedy}")
    indent = " " * 4
    lines = _wrapped(f"{text[0].upper()}{text[1:]}.", width, head, indent)
    if problem.remedy:
        lines += _wrapped(problem.remedy[0].upper() + problem.remedy[1:] + ".", width, f"{indent}-> ", f"{indent}   ")
    return lines


def _wrapped(text: str, width: int, head: str = "", indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
