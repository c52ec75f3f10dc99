"""A quantized Keras model as the network that a converted model is compared with."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from cnn2snn._keras import keras
from cnn2snn.graph import Graph, build

__all__ = ["KerasReference"]


class KerasReference:
    """A Keras model.

    Args:
        model: the model.
        graph: its graph.
        layers: the names of the layers whose outputs are asked for.
    """

    name: ClassVar[str] = "Keras"

    def __init__(self, model: keras.Model, graph: Graph, layers: list[str]) -> None:
        if not {layer.name for layer in model.layers}.issuperset(layers):
            model = build(graph)  # with the layers of nested models beside the others
        self._layers = layers
        self._shape = model.inputs[0].shape[1:]
        self._model = keras.Model(model.inputs[0], [model.get_layer(name).output for name in layers])

    def outputs(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of the layers that were asked for, by name."""
        found = self._model(inputs.reshape(len(inputs), *self._shape), training=False)
        found = found if isinstance(found, (list, tuple)) else [found]
        return {name: np.asarray(values) for name, values in zip(self._layers, found, strict=True)}
