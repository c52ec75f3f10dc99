"""Layers of models, copied with their variables into another model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cnn2snn.akida.layer import Layer, check_layer
from cnn2snn.akida.layers import InputData
from cnn2snn.errors import InvalidArgumentError

if TYPE_CHECKING:
    from cnn2snn.akida.model import Model


def fill(model: Model, layers: Iterable[object]) -> None:
    """Adds layers one after the other. Those that are in a model are copied with their variables.

    A copy reads the copies of the layers that its original reads. Where the only layer that the original reads is not
    among `layers`, the copy reads the layer before it; the first one gets an `InputData` of its input.

    Args:
        model: the model to fill, without layers.
        layers: the layers.

    Raises:
        InvalidArgumentError: (ValueError) a layer does not fit, or reads several layers that are not all there.
        InvalidTypeError: (TypeError) not a layer.
    """
    copies: dict[int, Layer] = {}
    for layer in map(check_layer, layers):
        if layer._model is None:
            model.add(layer)
            continue
        inbounds = [copies[id(inbound)] for inbound in layer.inbounds if id(inbound) in copies]
        if len(inbounds) != len(layer.inbounds) and (len(layer.inbounds) > 1 or not model.layers):
            _add_input(model, layer)
        elif not layer.inbounds and not model.layers:
            model.input_scaling = layer._model.input_scaling
        copy = layer._copy()
        model.add(copy, inbounds)
        for name, values in layer.variables.items():
            copy.set_variable(name, values)
        copies[id(layer)] = copy


def _add_input(model: Model, layer: Layer) -> None:
    """Adds the input of a first layer that reads another one."""
    if len(layer.inbounds) > 1:
        missing = ", ".join(f'"{inbound.name}"' for inbound in layer.inbounds)
        raise InvalidArgumentError(
            f'layer "{layer.name}": it reads {missing}, which must all be among the layers before it',
            layer=layer.name,
            kind="inbound",
            remedy="take them along, or begin behind it",
        )
    entry = InputData(tuple(layer.input_dims), input_bits=layer.input_bits, name=f"{layer.name}_input")
    model.add(entry)
    if entry.output_signed != layer.input_signed:
        sign = "with a sign" if layer.input_signed else "without a sign"
        raise InvalidArgumentError(
            f'layer "{layer.name}": it reads {layer.input_bits} bits {sign}, which no InputData gives',
            layer=layer.name,
            kind="inbound",
            received=layer.input_bits,
            remedy="take the layer before it along",
        )
