"""Entries of a report of compatibility: errors of rules, and limits of chips, as data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cnn2snn import akida
from cnn2snn.akida.devices import device_of
from cnn2snn.errors import Cnn2SnnError, UnsupportedModelError
from cnn2snn.reports.check import Change, Problem

__all__ = ["Findings", "judge_limits", "problem_of"]

# The chip whose limits are noted where no device is asked for: the production chip of a generation.
_NOTED = {"v1": "AKD1000"}


@dataclass(frozen=True)
class Findings:
    """What was found for one generation.

    Attributes:
        ip_version: the generation, "v1" or "v2".
        problems: what counts.
        notes: what does not count.
        changes: what QuantizeML changes.
    """

    ip_version: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def add_rules(self, errors: Iterable[Cnn2SnnError], order: Iterable[str]) -> None:
        """Adds errors of rules, in the order of layers; `order` has the names of these."""
        places = {layer: place for place, layer in enumerate(order)}
        for error in sorted(errors, key=lambda error: places.get(error.layer or "", -1)):
            self.problems.append(problem_of(error, self.ip_version))

    def note(self, message: str, layer: str | None = None, remedy: str = "") -> None:
        """Adds a note of conversion."""
        text = f"{message}; {remedy}" if remedy else message
        self.notes.append(Problem(layer, "conversion", "", "", remedy, None, text, self.ip_version))


def problem_of(error: Cnn2SnnError, ip_version: str) -> Problem:
    """The entry of an error."""

    def words(value: object) -> str:
        if value is None:
            return ""
        return (
            ", ".join(map(str, value))
            if error.kind in ("weights_bits", "act_bits") and isinstance(value, tuple)
            else str(value)
        )

    return Problem(
        layer=error.layer,
        rule=error.kind or "structure",
        received=words(error.received),
        allowed=words(error.expected),
        remedy=error.remedy or "",
        device=None,
        message=str(error),
        ip_version=ip_version,
    )


def judge_limits(
    findings: Findings, model: akida.Model | None, device: akida.Device | None, *, values_count: bool
) -> None:
    """Adds the limits of a chip that a model breaks.

    Without a device, the limits of the generation's production chip are noted, where there is one.

    Args:
        findings: receives the limits.
        model: the engine's model; None where parts of it are missing, so that limits cannot be told.
        device: the device asked for, or None.
        values_count: whether values of variables are those that the model will have.
    """
    version = findings.ip_version
    if device is None and version not in _NOTED:
        return
    chip = device_of(_NOTED[version]) if device is None else device
    violations = None
    if model is not None:
        try:
            violations = model.check(chip)
        except UnsupportedModelError:
            # The model is not complete.
            violations = None
    if violations is None:
        remedy = "correct the problems first"
        text = f"its limits were not checked, as not all layers can be told; {remedy}"
        findings.notes.append(Problem(None, "limits", "", "", remedy, chip.name, text, version))
        return
    for violation in violations:
        # Some inputs never occur.
        counts = violation.effect in ("software", "refused")
        if counts and device is not None:
            findings.problems.append(_limit(violation, chip, version))
        # Values of a float model change with training.
        elif device is not None or violation.effect == "software" or (counts and values_count):
            findings.notes.append(_limit(violation, chip, version))


def _limit(violation: akida.Violation, chip: akida.Device, version: str) -> Problem:
    return Problem(
        layer=violation.layer,
        rule=violation.rule,
        received=violation.received,
        allowed=violation.allowed,
        remedy=violation.remedy,
        device=chip.name,
        message=str(violation),
        ip_version=version,
    )
