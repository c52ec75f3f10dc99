"""What the rule tests of Akida 2.0 run against: the oracle, and whatever else takes models in its form.

An implementation that is added here is held to every rule. It need not give outputs of all layers: the tests read the
last integer layer, float outputs, and refusals.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from . import akida2
from .akida2 import checks, counts

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
        shapes = counts.all_shapes(model)
        first = tuple(model[0]["params"]["input_shape"])
        inputs = [shapes[layer["inbounds"][0]] if layer["inbounds"] else first for layer in model]
        return sum(counts.macs(layer, shape) for layer, shape in zip(model, inputs, strict=True))


IMPLEMENTATIONS: dict[str, Implementation] = {"oracle": Oracle()}
