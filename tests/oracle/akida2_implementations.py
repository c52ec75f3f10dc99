"""What the rule tests of Akida 2.0 run against: the oracle, and whatever else takes models in its form.

An implementation that is added here is held to every rule. It need not give outputs of all layers: the tests read the
last integer layer, float outputs, and refusals.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from . import akida2
from .akida2 import checks, counts
from .akida2_engine import Engine

Model = list[dict[str, Any]]


class Session(Protocol):
    """The states of the streams of a batch."""

    def forward(self, x: np.ndarray) -> np.ndarray: ...

    def reset(self) -> None: ...


class Implementation(Protocol):
    """Models come as lists of dictionaries; `tests.oracle.akida2` says what is in them.

    A model or an input that the page refuses raises an exception whose base is ValueError.
    """

    def check(self, model: Model) -> None:
        """Raises for a model that is refused."""

    def forward(self, model: Model, x: np.ndarray) -> np.ndarray:
        """The integers of the last integer layer, in their type (L2)."""

    def predict(self, model: Model, x: np.ndarray) -> np.ndarray:
        """Float outputs (L3)."""

    def session(self, model: Model) -> Session:
        """A session without streams."""

    def shapes(self, model: Model) -> list[tuple[int, int, int]]:
        """The output shape of every layer."""

    def macs(self, model: Model) -> int:
        """Multiply-accumulates of a call (M4)."""

    def events(self, model: Model, x: np.ndarray) -> list[tuple[float, float]]:
        """Events and effective multiply-accumulates of every layer of a model without state, per sample (M5)."""


class _OracleSession:
    def __init__(self, model: Model) -> None:
        self.session = akida2.Session(model)
        self.reset = self.session.reset

    def forward(self, x: np.ndarray) -> np.ndarray:
        outputs = self.session.run(x)
        return outputs[-2] if self.session.model[-1]["type"] == "Dequantizer" else outputs[-1]


class Oracle:
    """The NumPy oracle."""

    check = staticmethod(checks.check)
    session = _OracleSession

    def forward(self, model: Model, x: np.ndarray) -> np.ndarray:
        checks.check(model)
        return akida2.forward(model, x)

    def predict(self, model: Model, x: np.ndarray) -> np.ndarray:
        checks.check(model)
        return akida2.predict(model, x)

    def shapes(self, model: Model) -> list[tuple[int, int, int]]:
        return counts.all_shapes(model)

    def macs(self, model: Model) -> int:
        return sum(counts.macs(layer, shapes[0]) for layer, shapes in zip(model, counts.inputs(model), strict=True))

    def events(self, model: Model, x: np.ndarray) -> list[tuple[float, float]]:
        results, found = akida2.run(model, x), []
        for layer, shapes in zip(model, counts.inputs(model), strict=True):
            read = [results[i] for i in layer["inbounds"]] or [x]
            events = sum(map(counts.events, read)) / len(x)
            density = events / sum(map(math.prod, shapes))
            found.append((events, counts.macs(layer, shapes[0]) * density))
        return found


IMPLEMENTATIONS: dict[str, Implementation] = {"oracle": Oracle(), "engine": Engine()}
