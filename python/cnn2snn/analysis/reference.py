"""The quantized network that a converted model is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np

from cnn2snn.analysis.float32 import Evaluator
from cnn2snn.conversion.quantizeml import Network

__all__ = ["QuantizemlReference", "Reference"]


class Reference(Protocol):
    """A network that gives the outputs of its layers.

    Attributes:
        name: what it is called in texts.
    """

    name: ClassVar[str]

    def outputs(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of layers by their names.

        Args:
            inputs: float32 inputs of the network, shape (n, height, width, channels).
        """


class QuantizemlReference:
    """A QuantizeML network, for models of Akida 1.0: its integers where they are levels, else floats.

    Args:
        network: the network.
        layers: the names of the layers whose outputs are asked for, and whether these are levels.
    """

    name: ClassVar[str] = "QuantizeML"

    def __init__(self, network: Network, layers: Mapping[str, bool]) -> None:
        self._evaluator = Evaluator(network)
        self._layers = layers

    def outputs(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of the layers that were asked for, by name."""
        found = self._evaluator.run(inputs, self._layers)
        return {name: found[name].values if levels else found[name].floats() for name, levels in self._layers.items()}
