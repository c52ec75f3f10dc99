"""The report of `cnn2snn run`: what inputs gave, and how fast."""

from __future__ import annotations

import math
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn2snn import _table

if TYPE_CHECKING:
    from cnn2snn.reports.plan import PlanReport

__all__ = ["Classes", "Inputs", "Outputs", "RunReport"]

# Rows of the table of classes.
_MOST_CLASSES = 20


@dataclass(frozen=True)
class Inputs:
    """What a model was run on.

    Attributes:
        file: path of the file.
        shape: [n, height, width, channels]; of clips [steps, streams, height, width, channels], or without streams.
        dtype: name of the element type.
    """

    file: str
    shape: list[int]
    dtype: str

    @property
    def count(self) -> int:
        """The number of inputs: of clips, steps times streams."""
        return math.prod(self.shape[:-3])


@dataclass(frozen=True)
class Outputs:
    """What a run gave.

    Attributes:
        file: path of the file that they were saved to; None where they were not saved.
        shape: [n, height, width, channels], [n] for classes; of clips with the axes of the inputs in place of n.
        dtype: name of the element type.
        min, max: the smallest and the largest output; None without outputs.
    """

    file: str | None
    shape: list[int]
    dtype: str
    min: float | None
    max: float | None

    @classmethod
    def of(cls, values: np.ndarray, file: Path | None) -> Outputs:
        """Returns the description of outputs that were saved to `file`, if any."""
        low, high = (values.min().item(), values.max().item()) if values.size else (None, None)
        return cls(None if file is None else str(file), list(values.shape), str(values.dtype), low, high)


@dataclass(frozen=True)
class Classes:
    """The classes that a run gave.

    Attributes:
        counts: number of inputs by the number of their class, for classes that occur.
        correct: number of inputs whose class is their label; None without labels.
    """

    counts: dict[str, int]
    correct: int | None

    @classmethod
    def of(cls, classes: np.ndarray, labels: np.ndarray | None = None) -> Classes:
        """Counts classes.

        Args:
            classes: the class of each input, integers of shape (n,).
            labels: the true classes, integers of shape (n,).
        """
        numbers, counts = np.unique(classes, return_counts=True)
        correct = None if labels is None else int(np.count_nonzero(classes == labels))
        return cls({str(n): c for n, c in zip(numbers.tolist(), counts.tolist(), strict=True)}, correct)


@dataclass(frozen=True)
class RunReport:
    """What a run of a converted model gave.

    Attributes:
        model: path of the model's file.
        mode: "forward", "predict" or "classes".
        inputs: what it was run on.
        outputs: what it gave.
        seconds: time that the engine took.
        classes: the classes of the inputs, where they were asked for or compared with labels.
        plan: how the model runs on this host, where that was asked for.
        note: what to know about the outputs; None where nothing is.

    Example:
        >>> outputs = model.forward(images)  # doctest: +SKIP
        >>> inputs = Inputs("images.npy", list(images.shape), "uint8")  # doctest: +SKIP
        >>> RunReport("model.fbz", "forward", inputs, Outputs.of(outputs, None), 0.25).text()  # doctest: +SKIP
    """

    model: str
    mode: str
    inputs: Inputs
    outputs: Outputs
    seconds: float
    classes: Classes | None = None
    plan: PlanReport | None = None
    note: str | None = None

    @property
    def inputs_per_second(self) -> float | None:
        """The speed; None without inputs."""
        count = self.inputs.count
        return count / self.seconds if count and self.seconds else None

    @property
    def accuracy(self) -> float | None:
        """The share of inputs whose class is their label, 0 … 1; None without labels or inputs."""
        count = self.inputs.count
        if self.classes is None or self.classes.correct is None or not count:
            return None
        return self.classes.correct / count

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes, the speed and the accuracy; what was not asked for is left out."""
        values: dict[str, Any] = {
            "model": self.model,
            "mode": self.mode,
            "inputs": asdict(self.inputs),
            "outputs": asdict(self.outputs),
            "seconds": self.seconds,
            "inputs_per_second": self.inputs_per_second,
        }
        if self.classes is not None:
            values["classes"] = dict(self.classes.counts)
            if self.classes.correct is not None:
                values |= {"correct": self.classes.correct, "accuracy": self.accuracy}
        if self.plan is not None:
            values["plan"] = self.plan.to_dict()
        if self.note is not None:
            values["note"] = self.note
        return values

    def text(self, width: int = 80) -> str:
        """Returns a line or a paragraph for each fact, then the plan."""
        lines = []
        for title, text in self._facts():
            lines += textwrap.wrap(
                text,
                max(width, 40),
                initial_indent=f"{title:<10}",
                subsequent_indent=" " * 10,
                break_long_words=False,
            )
        if self.classes is not None and self.classes.counts:
            lines += ["", *self._class_table(width)]
        if self.plan is not None:
            lines += ["", self.plan.text(width)]
        return "\n".join(lines)

    def _facts(self) -> list[tuple[str, str]]:
        outputs = self.outputs
        limits = "" if outputs.min is None else f", {outputs.min:g} to {outputs.max:g}"
        saved = "not saved (-o saves them)" if outputs.file is None else outputs.file
        facts = [
            ("Inputs", f"{_table.shape(self.inputs.shape)} {self.inputs.dtype}"),
            ("Outputs", f"{_table.shape(outputs.shape)} {outputs.dtype}{limits}; {saved}"),
        ]
        if self.note is not None:
            facts.append(("Note", self.note))
        if self.classes is not None:
            occurring = len(self.classes.counts)
            facts.append(("Classes", f"{occurring:,} occur{'s' * (occurring == 1)}" if occurring else "none"))
            if self.accuracy is not None:
                total = self.inputs.count
                facts.append(("Accuracy", f"{self.accuracy:.2%} ({self.classes.correct:,} of {total:,})"))
        speed = self.inputs_per_second
        if speed is not None:
            facts.append(("Speed", f"{_rate(speed)} inputs/s ({self.seconds:.3f} s)"))
        return facts

    def _class_table(self, width: int) -> list[str]:
        """The classes that occur and how often: all, or the most frequent ones."""
        assert self.classes is not None
        counts, total = self.classes.counts, sum(self.classes.counts.values())
        shown = sorted(counts, key=lambda number: -counts[number])[:_MOST_CLASSES]
        rows = [
            (number, f"{counts[number]:,}", f"{100 * counts[number] / total:.1f} %")
            for number in counts
            if number in shown
        ]
        lines = _table.columns(("Class", "Inputs", "Share"), rows, width=width, right=(0, 1, 2))
        if len(counts) > len(shown):
            rest = total - sum(counts[number] for number in shown)
            lines.append(f"{len(counts) - len(shown):,} rarer classes have {rest:,} inputs; --json has all.")
        return lines


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
