"""The walk through a network that gives every layer its integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.integers.activations import global_average, relu, table
from cnn2snn.conversion.quantizeml.integers.interface import input_quantizer, model_input, rescaling
from cnn2snn.conversion.quantizeml.integers.joining import add, concatenate, flatten, move
from cnn2snn.conversion.quantizeml.integers.neural import neural, separable
from cnn2snn.conversion.quantizeml.integers.records import Record
from cnn2snn.conversion.quantizeml.integers.recurrent import pico, recurrent, token
from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.shapes import Shape

__all__ = ["Walk", "walk"]

Rule = Callable[[Layer, list[Tensor], list[Shape]], Record]

_RULES: dict[str, Rule] = {
    "InputLayer": model_input,
    "InputQuantizer": input_quantizer,
    "Rescaling": rescaling,
    "Conv2D": neural,
    "DepthwiseConv2D": neural,
    "SeparableConv2D": separable,
    "Conv2DTranspose": neural,
    "DepthwiseConv2DTranspose": neural,
    "Dense": neural,
    "BufferTempConv": neural,
    "DepthwiseBufferTempConv": neural,
    "StatefulProjection": neural,
    "StatefulRecurrent": recurrent,
    "ExtractToken": token,
    "PicoPostProcessing": pico,
    "ReLU": relu,
    "LUT": table,
    "GlobalAveragePooling2D": global_average,
    "Add": add,
    "Concatenate": concatenate,
    "Flatten": flatten,
    "Reshape": move,
    "MaxPool2D": move,
    "Dropout": move,
    "Activation": move,
    "Dequantizer": move,
}


@dataclass
class Walk:
    """A network with its integers.

    Attributes:
        layers: its layers, each after those that it reads.
        shapes: the shape of what each gives, without the batch.
        records: the integers of each; layers that were refused, and those that read them, are missing.
    """

    layers: Mapping[str, Layer]
    shapes: Mapping[str, Shape]
    records: dict[str, Record] = field(default_factory=dict)


def walk(layers: Mapping[str, Layer], shapes: Mapping[str, Shape], problems: Problems) -> Walk:
    """Gives every layer its integers.

    Args:
        layers: the layers, each after those that it reads. Kinds that no pattern holds get no integers: they have been
            refused.
        shapes: the shapes of their outputs.
        problems: receives what is refused; by default the first error is raised.
    """
    result = Walk(layers, shapes)
    for layer in layers.values():
        if layer.kind in _RULES and all(name in result.records for name in layer.inbounds):
            inputs = [result.records[name].output for name in layer.inbounds]
            with problems.catch(), np.errstate(over="ignore", under="ignore"):
                _check_ranges(layer, shapes[layer.name][-1])
                record = _RULES[layer.kind](layer, inputs, [shapes[name] for name in layer.inbounds])
                result.records[layer.name] = record
    return result


def _check_ranges(layer: Layer, channels: int) -> None:
    """Refuses ranges of quantizers that are for another number of channels."""
    for name in ("range_min", "range_max", "rescaling_rate"):
        values = layer.variables.get(name)
        if values is None or values.ndim == 0 or layer.kind == "StatefulRecurrent":
            continue
        if values.shape != (channels,):
            raise refuse(
                layer,
                f"{name} of its quantizer must have shape () or ({channels},), received {values.shape}",
                kind="variable",
                expected=(channels,),
                received=values.shape,
                remedy="save the model again with quantizeml.save_model",
            )
