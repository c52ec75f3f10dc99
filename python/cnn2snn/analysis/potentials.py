"""Potentials of single layers, computed by the engine from given inputs."""

from __future__ import annotations

import math

import numpy as np

from cnn2snn import akida
from cnn2snn.akida.layers import CLASSES

__all__ = ["Probe", "boundaries", "levels"]


class Probe:
    """A layer by itself, without its activation: what its potentials are after pooling.

    Args:
        layer: a layer with weights, in a model.
        weights: its variables by name where they are to be others.
        padding_value: the border of an image where it is to be another.
    """

    def __init__(
        self, layer: akida.Layer, weights: dict[str, np.ndarray] | None = None, padding_value: int | None = None
    ) -> None:
        arguments = dict(layer.parameters._values)
        kind = arguments.pop("layer_type").name
        arguments |= {"activation": False}
        if padding_value is not None and "padding_value" in arguments:
            arguments["padding_value"] = padding_value
        first = [] if kind == "InputConvolutional" else [akida.InputData(layer.input_dims, layer.input_bits)]
        self._model = akida.Model(layers=[*first, CLASSES[kind](**arguments)])
        own = {name: layer.get_variable(name) for name in layer.get_variable_names() if name.startswith("weights")}
        self._weights = {**own, **(weights or {})}
        self._set(self._weights)

    def _set(self, weights: dict[str, np.ndarray]) -> None:
        for name, values in weights.items():
            self._model.layers[-1].set_variable(name, values)

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Potentials, int32 of shape (n, height, width, channels), of uint8 inputs."""
        return self._model.forward(inputs)

    def magnitudes(self, inputs: np.ndarray, shift: float) -> np.ndarray:
        """An upper bound of the sums of absolute products where each input is first lessened by `shift`; float64."""
        absolute = {name: np.abs(values) for name, values in self._weights.items()}
        self._set(absolute)
        sums = self._model.forward(inputs).astype(np.float64)
        self._set(self._weights)
        return sums + abs(shift) * math.prod(w.sum(axis=(0, 1, 2), dtype=float) for w in absolute.values())

    @property
    def terms(self) -> int:
        """The number of products in the longest sum."""
        return max(int(np.prod(values.shape[:3])) for values in self._weights.values())


def boundaries(
    layer: akida.Layer, threshold: np.ndarray | None = None, act_step: np.ndarray | None = None
) -> np.ndarray:
    """The integer boundaries of each channel of a layer with activation (E3), int64 of shape (filters, levels).

    Args:
        layer: the layer.
        threshold: its thresholds where they are to be others.
        act_step: its steps where they are to be others.
    """
    bits = layer.parameters.act_bits
    threshold = layer.get_variable("threshold") if threshold is None else threshold
    act_step = layer.get_variable("act_step") if act_step is None else act_step
    interval = act_step.astype(np.float64) * 2.0 ** (4 - bits)
    ends = np.iinfo(np.int32)
    # Beyond 2^40 nothing changes any more, and floats are still exact.
    distance = np.floor(np.minimum(np.arange(2**bits - 1) * interval[:, np.newaxis], 2.0**40)).astype(np.int64)
    return np.clip(threshold.astype(np.int64)[:, np.newaxis] + distance, ends.min, ends.max)


def levels(potentials: np.ndarray, bounds: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """The levels of potentials, each with its channel: the number of boundaries that it exceeds."""
    found = np.zeros(potentials.shape, np.int64)
    for column in bounds.T:
        found += potentials > column[channels]
    return found
