"""The quantized network itself, in double precision: stored scales, biases and steps as real numbers, integer weights.

`float64_twin` gives a Keras model of float layers that computes in float64 what the quantized model stands for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from .keras_networks import NEURAL, Block, integer_kernels, keras

FLOAT = {
    "QuantizedConv2D": keras.layers.Conv2D,
    "QuantizedSeparableConv2D": keras.layers.SeparableConv2D,
    "QuantizedDense": keras.layers.Dense,
}


class Levels(keras.layers.Layer):
    """step · clip(ceil((x - step / 2) / step), 0, levels) in float64."""

    def __init__(self, step: float, levels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step, self.levels = step, levels

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return self.step * tf.clip_by_value(tf.math.ceil((x - self.step / 2) / self.step), 0.0, float(self.levels))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


def _twin(layer: Any) -> Any:
    name = type(layer).__name__
    if hasattr(layer, "bitwidth"):
        return Levels(float(np.float32(layer.step)), 2**layer.bitwidth - 1, name=layer.name, dtype="float64")
    if name not in NEURAL:
        return type(layer).from_config({**layer.get_config(), "dtype": "float64"})
    common = {"use_bias": layer.use_bias, "name": layer.name, "dtype": "float64"}
    if name == "QuantizedDense":
        return FLOAT[name](layer.units, **common)
    return FLOAT[name](layer.filters, layer.kernel_size, strides=layer.strides, padding=layer.padding, **common)


def float64_twin(model: Any) -> Any:
    """A functional model of the same layers by name, whose outputs are those of every layer."""
    tensors: dict[str, Any] = {}
    source = keras.Input(model.inputs[0].shape[1:], dtype="float64")
    inbounds = _inbounds(model)
    for layer in model.layers:
        if type(layer).__name__ == "InputLayer":
            tensors[layer.name] = source
            continue
        twin = _twin(layer)
        sources = [tensors[name] if name else source for name in inbounds[layer.name]]
        tensors[layer.name] = twin(sources[0] if len(sources) == 1 else sources)
        weights = [np.asarray(w, np.float64) for w in layer.get_weights()]
        if type(layer).__name__ in NEURAL:
            kernels = [
                integers / factor.astype(np.float64) for integers, factor in integer_kernels(Block(layer)).values()
            ]
            weights[: len(kernels)] = kernels
        if weights:
            twin.set_weights(weights)
    return keras.Model(source, tensors)


def _inbounds(model: Any) -> dict[str, list[str]]:
    """The layers that each layer reads; "" is the input."""
    if isinstance(model, keras.Sequential):
        names = [layer.name for layer in model.layers]
        return {name: [before] for before, name in zip(["", *names], names, strict=False)}
    producers = {}
    for layer in model.layers:
        producers.update({id(tensor): layer.name for tensor in _list(layer.output)})
    return {layer.name: [producers[id(t)] for t in _list(layer.input)] for layer in model.layers}


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
