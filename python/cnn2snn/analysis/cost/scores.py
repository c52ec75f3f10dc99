"""How often outputs say the right class, or that of the float model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Classes", "Score", "Tally", "classes_of"]

_TOP = 5


def classes_of(outputs: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """The class of each output vector: the index of the largest value; of a single output 1 above a threshold, else 0.

    Args:
        outputs: (…, classes).
        threshold: what a single output must exceed to be class 1.
    """
    if outputs.shape[-1] == 1:
        return (outputs[..., 0] > threshold).astype(np.int64)
    return outputs.argmax(axis=-1)


@dataclass(frozen=True)
class Score:
    """What a network gave for the samples.

    Attributes:
        network: what was run, in words.
        accuracy: the share of right classes; None without labels.
        top5: the share of labels among the five largest outputs; None without labels, or with five classes or fewer.
        agreement: the share of classes that are those of the float model.
        sqnr: the signal-to-quantization-noise ratio of the outputs in dB, relative to the quantized model without its
            quantizers; None where that was not measured or there is no noise.
        confusion: (label, class) counts; None without labels.
    """

    network: str
    accuracy: float | None
    top5: float | None
    agreement: float
    sqnr: float | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None


@dataclass
class Classes:
    """The truth for a part of the samples.

    Attributes:
        float_model: the classes of the float model.
        labels: the labels; None without.
    """

    float_model: np.ndarray
    labels: np.ndarray | None

    @property
    def wanted(self) -> np.ndarray:
        """The labels, or else the classes of the float model."""
        return self.float_model if self.labels is None else self.labels


class Tally:
    """Counts of a network's classes over the samples.

    Args:
        classes: number of classes.
        threshold: as for `classes_of`.
    """

    def __init__(self, classes: int, threshold: float = 0.5) -> None:
        self._classes = max(classes, 2)
        self._threshold = threshold
        self._top5 = 0
        self._agreed = 0
        self._right: list[np.ndarray] = []
        self._labelled = False
        self._confusion = np.zeros((self._classes, self._classes), np.int64)

    def add(self, outputs: np.ndarray, truth: Classes) -> None:
        """Counts a part of the samples."""
        found = classes_of(outputs, self._threshold)
        self._agreed += int(np.count_nonzero(found == truth.float_model))
        self._right.append((found == truth.wanted).ravel())
        self._labelled = truth.labels is not None
        if truth.labels is None:
            return
        np.add.at(self._confusion, (truth.labels.ravel(), found.ravel()), 1)
        if self._classes > _TOP:
            top = np.argpartition(outputs, -_TOP, axis=-1)[..., -_TOP:]
            self._top5 += int(np.count_nonzero((top == truth.labels[..., np.newaxis]).any(axis=-1)))

    @property
    def right(self) -> np.ndarray:
        """Whether each class is the wanted one."""
        return np.concatenate(self._right)

    @property
    def share(self) -> float:
        """The share of wanted classes: the accuracy, or without labels the agreement."""
        return float(np.mean(self.right))

    def minus(self, other: Tally) -> tuple[float, float]:
        """By how much the share is larger than another one of the same samples, and the standard error of that."""
        change = self.right.astype(np.int64) - other.right
        return float(change.mean()), float(change.std()) / math.sqrt(len(change))

    def score(self, network: str, sqnr: float | None = None) -> Score:
        """The counts as shares."""
        count = len(self.right)
        agreement = self._agreed / count
        if not self._labelled:
            return Score(network, None, None, agreement, sqnr)
        top5 = self._top5 / count if self._classes > _TOP else None
        confusion = tuple(map(tuple, self._confusion.tolist()))
        return Score(network, self.share, top5, agreement, sqnr, confusion)
