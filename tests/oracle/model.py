"""Sections B5 and G: whole models, described plainly and evaluated layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import activation, layers

CONVOLUTIONS = ("InputConvolutional", "Convolutional", "SeparableConvolutional")
NEURAL_TYPES = (*CONVOLUTIONS, "FullyConnected")
POTENTIAL_MAX = 2**31 - 1


@dataclass
class LayerDescription:
    """One layer in plain values.

    Attributes:
        type: the layer's type, e.g. ``"Convolutional"``.
        name: unique in the model.
        inbounds: names of the layers read, in order.
        parameters: the constructor's arguments; enumerations as the names of their members.
        variables: arrays by name; empty for `InputData` and `Concat`.
    """

    type: str
    name: str
    inbounds: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def act_bits(self) -> int | None:
        """Bits of the output levels; None for a layer without activation (G2)."""
        if self.type == "InputData":
            return self.parameters["input_bits"]
        return self.parameters["act_bits"] if self.parameters["activation"] else None


@dataclass
class LayerResult:
    """What a layer gives: `levels` (uint8) or, without activation, `potentials` (int64) alone.

    `potentials` are those after pooling, and None for layers without arithmetic.
    """

    potentials: np.ndarray | None
    levels: np.ndarray | None

    @property
    def output(self) -> np.ndarray:
        """What `forward` and `forward_taps` give (E5, F1)."""
        return self.potentials.astype(np.int32) if self.levels is None else self.levels


def weight_max(weights_bits: int) -> int:
    """B2: the largest absolute weight."""
    return 1 if weights_bits == 1 else 2 ** (weights_bits - 1) - 1


def potentials_of(layer: LayerDescription, x: np.ndarray) -> np.ndarray:
    """The potentials of a neural layer before pooling (C3 to C6)."""
    p, v = layer.parameters, layer.variables
    if layer.type == "FullyConnected":
        return layers.fully_connected(x, v["weights"])
    stride, padding = p["kernel_stride"], p["padding"]
    if layer.type == "InputConvolutional":
        value = p["padding_value"]
        return layers.input_convolutional(x, v["weights"], stride, padding, value)
    if layer.type == "Convolutional":
        return layers.convolutional(x, v["weights"], stride, padding)
    if layer.type == "SeparableConvolutional":
        return layers.separable_convolutional(x, v["weights"], v["weights_pw"], stride, padding)
    raise ValueError(f"no arithmetic for {layer.type}")


def pooled(layer: LayerDescription, potentials: np.ndarray) -> np.ndarray:
    """Section D."""
    p = layer.parameters
    pool_type = p.get("pool_type", "NoPooling")
    if pool_type == "NoPooling":
        return potentials
    if pool_type == "Average":
        return layers.global_average(potentials)
    stride = p["pool_size"] if p["pool_stride"] == (-1, -1) else p["pool_stride"]
    return layers.max_pool(potentials, p["pool_size"], stride, p["padding"])


def evaluate_layer(layer: LayerDescription, inputs: list[np.ndarray]) -> LayerResult:
    """One layer on the levels of its inbounds."""
    if layer.type == "InputData":
        return LayerResult(None, inputs[0].astype(np.uint8))
    if layer.type == "Concat":
        return LayerResult(None, layers.concat(inputs))
    potentials = pooled(layer, potentials_of(layer, inputs[0].astype(np.int64)))
    assert np.abs(potentials).max(initial=0) <= POTENTIAL_MAX
    if layer.act_bits is None:
        return LayerResult(potentials, None)
    v = layer.variables
    found = activation.levels(potentials, v["threshold"], v["act_step"], layer.act_bits)
    return LayerResult(potentials, found)


def evaluate(network: list[LayerDescription], inputs: np.ndarray) -> list[LayerResult]:
    """Every layer of a network, in order (G1)."""
    results: dict[str, LayerResult] = {}
    for layer in network:
        read = [results[name].levels for name in layer.inbounds]
        results[layer.name] = evaluate_layer(layer, read or [inputs])
    return list(results.values())


def predict(network: list[LayerDescription], result: LayerResult) -> np.ndarray:
    """F2 for the result of the last layer, which has no activation."""
    v = network[-1].variables
    return activation.float_outputs(result.potentials, v["threshold"], v["act_step"])


def classes(outputs: np.ndarray, num_classes: int = 0) -> np.ndarray:
    """G3: the index of the largest output, or its group; the lowest index wins a tie."""
    units = outputs.shape[-1]
    chosen = []
    for sample in outputs.reshape(outputs.shape[0], units).tolist():
        index = sample.index(max(sample))
        chosen.append(index // (units // num_classes) if num_classes else index)
    return np.array(chosen)


def potential_bound(layer: LayerDescription, input_shape: tuple, input_bits: int) -> int:
    """B5: the largest possible absolute potential."""
    height, width, channels = input_shape
    p = layer.parameters
    x_max, w_max = 2**input_bits - 1, weight_max(p["weights_bits"])
    if layer.type == "FullyConnected":
        return height * width * channels * x_max * w_max
    (kh, kw), (sh, sw) = p["kernel_size"], p["kernel_stride"]
    positions = 1
    if p.get("pool_type") == "Average":
        rows, _ = layers.axis_windows(height, kh, sh, p["padding"])
        columns, _ = layers.axis_windows(width, kw, sw, p["padding"])
        positions = rows * columns
    bound = kh * kw * channels * x_max * w_max * positions
    return bound * w_max if layer.type == "SeparableConvolutional" else bound


def macs(layer: LayerDescription, input_shape: tuple) -> int:
    """G4: multiply-accumulates of a layer, padding counted as work."""
    height, width, channels = input_shape
    if layer.type not in NEURAL_TYPES:
        return 0
    p = layer.parameters
    if layer.type == "FullyConnected":
        return height * width * channels * p["units"]
    (kh, kw), (sh, sw) = p["kernel_size"], p["kernel_stride"]
    rows, _ = layers.axis_windows(height, kh, sh, p["padding"])
    columns, _ = layers.axis_windows(width, kw, sw, p["padding"])
    if layer.type == "SeparableConvolutional":
        return rows * columns * (kh * kw * channels + channels * p["filters"])
    return rows * columns * kh * kw * channels * p["filters"]
