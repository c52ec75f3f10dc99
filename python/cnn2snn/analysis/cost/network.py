"""A quantized Keras model whose quantizers are switched one by one, run layer by layer from wherever it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node, read
from cnn2snn.transforms.prepare import prepare_graph

__all__ = ["FLOAT", "QUANTIZED", "Network", "Setting", "Unit", "Values"]

# How a layer computes: without its quantizers, with them, or with as many bits.
Mode = str | int
FLOAT, QUANTIZED = "float", "quantized"

# The modes of layers that differ from that of all others.
Setting = Mapping[str, Mode]

# Outputs of layers by name, one tensor each.
Values = dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """A layer with quantized weights and the quantized activation behind it, or one of the two.

    Attributes:
        name: the name of the layer with weights, or else of the activation.
        weights: the name of the layer with quantized weights; None for an activation that stands alone.
        activation: the name of the quantized activation; None without.
        tail: the layers between both.
    """

    name: str
    weights: str | None
    activation: str | None
    tail: tuple[str, ...] = ()

    def setting(self, mode: Mode, *, weights: bool = True, activation: bool = True) -> dict[str, Mode]:
        """The unit, or one of its parts, in a mode."""
        parts = ((self.weights, weights), (self.activation, activation))
        return {name: mode for name, wanted in parts if wanted and name is not None}


class Network:
    """The layers of a quantized model.

    Without its quantizer an activation is a ReLU. It has a bound where the activation of this name in the float model
    has one: that bound, or the `max_value` where it is larger, as scales may have moved between layers.

    Args:
        model: the quantized model.
        float_model: the float model that it was made of.

    Raises:
        UnsupportedModelError: nothing in the model is quantized.
    """

    def __init__(self, model: keras.Model, float_model: keras.Model) -> None:
        self.graph = read(model)
        self.nodes = list(self.graph)[1:]
        self.units = _units(self.graph)
        self._bounds = _bounds(float_model)
        self._functions: dict[tuple[str, Mode], Callable[..., Any]] = {}
        self._places = {node.name: i for i, node in enumerate(self.nodes)}

    def place(self, name: str) -> int:
        """The index of a layer among `nodes`."""
        return self._places[name]

    def inputs(self, samples: np.ndarray) -> Values:
        """The values before the first layer."""
        dtype = self.graph.input.config.get("dtype") or "float32"
        return {self.graph.input.name: tf.convert_to_tensor(samples.astype(dtype))}

    def step(self, node: Node, values: Values, mode: Mode) -> Any:
        """The output of a layer for values that hold what it reads."""
        return self.call(node, [values[name] for name in node.inbounds], mode)

    def call(self, node: Node, inputs: list[Any], mode: Mode) -> Any:
        """The output of a layer for its inputs."""
        is_switched = self.is_quantized(node)
        key = (node.name, mode if is_switched else FLOAT)
        if key not in self._functions:
            self._functions[key] = _compiled(self._function(node, mode), inputs)
        return self._functions[key](*inputs)

    @staticmethod
    def is_quantized(node: Node) -> bool:
        """Whether a layer has quantizers."""
        return _has_quantized_weights(node) or node.is_a("QuantizedActivation")

    def run(self, values: Values, first: int, mode: Mode, setting: Setting) -> Any:
        """The output of the model from layer number `first` on.

        Args:
            values: outputs of earlier layers that are still read; they are not changed.
            first: the number of the first layer to run.
            mode: how layers compute.
            setting: the layers that compute in another mode.
        """
        values = dict(values)
        for place in range(first, len(self.nodes)):
            self.advance(values, place, setting.get(self.nodes[place].name, mode))
        return values[self.graph.output]

    def advance(self, values: Values, place: int, mode: Mode) -> None:
        """Runs layer number `place`, and drops the values that no later layer reads."""
        node = self.nodes[place]
        values[node.name] = self.step(node, values, mode)
        for name in set(node.inbounds):
            read_later = any(self._places[reader.name] > place for reader in self.graph.consumers(name))
            if not read_later and name != self.graph.output:
                values.pop(name, None)

    def _function(self, node: Node, mode: Mode) -> Callable[..., Any]:
        layer = node.layer
        if _has_quantized_weights(node):
            # Constants: kernels are quantized once, not for every batch.
            kernels = [tf.constant(kernel) for kernel in kernels_of(node, mode)]
            return lambda x: layer.compute(x, *kernels)
        if node.is_a("QuantizedActivation"):
            if mode == FLOAT:
                bound = self.bound(node)
                return tf.nn.relu if bound is None else lambda x: tf.clip_by_value(x, 0.0, bound)
            activation = layer if mode == QUANTIZED else widened(layer, mode)
            return lambda x: activation.levels_of(x) * tf.cast(activation.step, x.dtype)
        return lambda *x: layer(x[0] if len(x) == 1 else list(x), training=False, **_without_training(node))

    def bound(self, node: Node) -> float | None:
        """The largest output of an activation without its quantizer; None where it has none."""
        bound = self._bounds.get(node.name)
        return None if bound is None else max(bound, largest(node.layer))


def _without_training(node: Node) -> dict[str, Any]:
    return {name: value for name, value in node.call.items() if name != "training"}


def largest(activation: Any) -> float:
    """The largest output of a quantized activation."""
    return float(np.asarray(activation.step)) * activation.levels


def widened(activation: Any, bits: int) -> Any:
    """A quantized activation like another one, with as many bits, as `quantize` makes it.

    The largest output stays, unless it is 2^bits - 1, which an activation without bound gets.
    """
    config = {**activation.get_config(), "bitwidth": bits}
    if config.get("max_value") == activation.levels:
        config["max_value"] = 2.0**bits - 1
    return type(activation).from_config(config)


def quantizers_of(node: Node, bits: int | None = None) -> list[tuple[np.ndarray, Any]]:
    """The float kernels of a layer, each with its quantizer, or one like it with as many bits."""
    pairs = []
    for kernel, name in node.layer.quantized_kernels.items():
        quantizer = getattr(node.layer, name)
        if bits is not None:
            quantizer = type(quantizer).from_config({**quantizer.get_config(), "bitwidth": bits})
        pairs.append((np.asarray(getattr(node.layer, kernel)), quantizer))
    return pairs


def kernels_of(node: Node, mode: Mode) -> list[np.ndarray]:
    """The kernels that a layer computes with."""
    if mode == FLOAT:
        return [kernel for kernel, _ in quantizers_of(node)]
    pairs = quantizers_of(node, None if mode == QUANTIZED else int(mode))
    return [np.asarray(quantizer.quantize(kernel)) for kernel, quantizer in pairs]


def _has_quantized_weights(node: Node) -> bool:
    return hasattr(node.layer, "quantized_kernels")


def _units(graph: Graph) -> list[Unit]:
    units, taken = [], set()
    for node in graph:
        if _has_quantized_weights(node):
            tail, activation = [], None
            reader = graph.only_consumer(node.name)
            while reader is not None and not _has_quantized_weights(reader):
                if reader.is_a("QuantizedActivation"):
                    activation = reader.name
                    break
                tail.append(reader.name)
                reader = graph.only_consumer(reader.name)
            taken.add(activation)
            units.append(Unit(node.name, node.name, activation, tuple(tail) if activation else ()))
        elif node.is_a("QuantizedActivation") and node.name not in taken:
            units.append(Unit(node.name, None, node.name))
    if not units:
        raise UnsupportedModelError(
            f'model "{graph.name}" has no quantized layer to analyze',
            kind="structure",
            remedy="quantize it first, with cnn2snn.quantize",
        )
    return units


def _bounds(float_model: keras.Model) -> dict[str, float]:
    """The bounds of the activations of a float model, by the names that they have once it is quantized."""
    graph = read(float_model)
    prepare_graph(graph, for_training=True)
    bounds = {}
    for node in graph:
        if node.is_a("QuantizedActivation"):
            bounds[node.name] = largest(node.layer)
        elif node.is_exactly("ReLU") and node.config.get("max_value") is not None:
            bounds[node.name] = float(node.config["max_value"])
    return bounds


def _compiled(function: Callable[..., Any], inputs: list[Any]) -> Callable[..., Any]:
    specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in inputs]
    return tf.function(function).get_concrete_function(*specs)
