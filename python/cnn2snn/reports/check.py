"""The report of `cnn2snn check` and `check_model_compatibility`: what keeps a model from conversion or from a chip."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Change", "CompatibilityReport", "Problem"]

_NAMES = {"v1": "Akida 1.0", "v2": "Akida 2.0"}


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
        ip_version: the generation whose rule it is, "v1" or "v2".
    """

    layer: str | None
    rule: str
    received: str
    allowed: str
    remedy: str
    device: str | None
    message: str
    ip_version: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Change:
    """What quantization with QuantizeML changes in the structure of a float model. As a str, a sentence.

    Attributes:
        layer: name of the Keras layer.
        message: what becomes of it, such as "folded into the layer before it".
    """

    layer: str
    message: str

    def __str__(self) -> str:
        return f'layer "{self.layer}": {self.message}'


@dataclass(frozen=True)
class CompatibilityReport:
    """What `check_model_compatibility` found. As a str, text of 80 columns.

    It is true when a generation that the model was judged for has no problem.

    Attributes:
        model: name of the model.
        device: name of the device asked for; None when none was.
        ip_versions: the generations that the model was judged for, "v1" and "v2".
        problems: what keeps the model from conversion or from the device, for each generation rules of conversion
            first, each group in the order of layers.
        notes: what does not count: limits of a device that was not asked for, what may happen for some inputs,
            what was not checked.
        changes: what QuantizeML changes in a float model that is judged for Akida 2.0, in the order of its steps.
    """

    model: str
    device: str | None
    ip_versions: tuple[str, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def compatible_versions(self) -> tuple[str, ...]:
        """The generations for which there is no problem."""
        return tuple(version for version in self.ip_versions if not self._of(self.problems, version))

    @property
    def convertible_versions(self) -> tuple[str, ...]:
        """The generations to which the model can be converted (after quantization, when it is a float model)."""
        return tuple(
            version
            for version in self.ip_versions
            if all(problem.device is not None for problem in self._of(self.problems, version))
        )

    @property
    def convertible(self) -> bool:
        """Whether `cnn2snn.convert` accepts the model (after quantization, when it is a float model)."""
        return bool(self.convertible_versions)

    def __bool__(self) -> bool:
        return bool(self.compatible_versions)

    def __str__(self) -> str:
        return self.text()

    def text(self, width: int = 80) -> str:
        """Returns the report for people, in lines of at most `width` characters where words allow it."""
        lines: list[str] = []
        for version in self.ip_versions:
            # A verdict of one line stands directly under another one.
            own = self._verdict(version, width)
            lines += ["", *own] if lines and max(len(own), len(lines)) > 1 else own
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as a dictionary that JSON can hold."""
        return {
            "model": self.model,
            "device": self.device,
            "ip_versions": list(self.ip_versions),
            "compatible": bool(self),
            "compatible_versions": list(self.compatible_versions),
            "convertible": self.convertible,
            "convertible_versions": list(self.convertible_versions),
            "problems": [asdict(problem) for problem in self.problems],
            "notes": [asdict(note) for note in self.notes],
            "changes": [asdict(change) for change in self.changes],
        }

    def to_json(self) -> str:
        """Returns the report as JSON text."""
        return json.dumps(self.to_dict(), indent=2)

    @staticmethod
    def _of(problems: Iterable[Problem], version: str) -> list[Problem]:
        return [problem for problem in problems if problem.ip_version == version]

    def _changed(self) -> dict[str, list[str]]:
        """The layers of each change, those that change alike together."""
        found: dict[str, list[str]] = {}
        for change in self.changes:
            found.setdefault(change.message, []).append(change.layer)
        return found

    def _verdict(self, version: str, width: int) -> list[str]:
        """The lines on one generation."""
        target = self.device or _NAMES[version]
        problems, notes = self._of(self.problems, version), self._of(self.notes, version)
        if not problems:
            head = f'Model "{self.model}" is compatible with {target}.'
        else:
            found = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
            but = ", though it can be converted" if version in self.convertible_versions else ""
            head = f'Model "{self.model}" is not compatible with {target}{but}: {found}.'
        lines = _wrapped(head, width)
        for number, problem in enumerate(problems, start=1):
            lines += ["", *_item(f"{number:2}. ", problem, width)]
        if version == "v2" and self.changes:
            lines += ["", *_wrapped("Before it quantizes the model, QuantizeML changes it:", width)]
            for message, layers in self._changed().items():
                names = ", ".join(f'"{layer}"' for layer in layers)
                lines += _wrapped(f"{names}: {message}.", width, "  - ", "    ")
        # Those of conversion come before those of a device.
        for device in sorted({note.device for note in notes}, key=lambda name: name or ""):
            about = "" if device is None else f" on {device}"
            lines += ["", *_wrapped(f"Notes{about}, which do not count:", width)]
            for note in notes:
                if note.device == device:
                    lines += ["", *_item("  - ", note, width)]
        return lines


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
