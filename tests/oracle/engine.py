"""Descriptions of the oracle from and to models of `cnn2snn.akida`, by its public names only."""

from __future__ import annotations

import numpy as np

from cnn2snn import akida

from .model import LayerDescription

COMMON = (
    "kernel_size",
    "filters",
    "padding",
    "kernel_stride",
    "weights_bits",
    "pool_size",
    "pool_type",
    "pool_stride",
    "activation",
    "act_bits",
)
PARAMETERS = {
    "InputData": ("input_shape", "input_bits"),
    "InputConvolutional": ("input_shape", *COMMON, "padding_value"),
    "Convolutional": COMMON,
    "SeparableConvolutional": COMMON,
    "FullyConnected": ("units", "weights_bits", "activation", "act_bits"),
    "Concat": (),
}
ENUMERATIONS = {"padding": akida.Padding, "pool_type": akida.PoolType}


def to_engine(network: list[LayerDescription]) -> akida.Model:
    """A model of the engine with the parameters and variables of a description."""
    model = akida.Model()
    by_name = {}
    for layer in network:
        arguments = {name: layer.parameters[name] for name in PARAMETERS[layer.type]}
        for name, enumeration in ENUMERATIONS.items():
            if name in arguments:
                arguments[name] = enumeration[arguments[name]]
        made = getattr(akida, layer.type)(**arguments, name=layer.name)
        model.add(made, inbound_layers=[by_name[name] for name in layer.inbounds])
        for name, values in layer.variables.items():
            made.set_variable(name, values)
        by_name[layer.name] = made
    return model


def from_engine(model: akida.Model) -> list[LayerDescription]:
    """The description of a model of the engine."""
    network = []
    for layer in model.layers:
        kind = type(layer).__name__
        parameters = {name: getattr(layer.parameters, name) for name in PARAMETERS[kind]}
        for name, enumeration in ENUMERATIONS.items():
            if name in parameters:
                parameters[name] = enumeration(parameters[name]).name
        for name, value in parameters.items():
            if isinstance(value, list):
                parameters[name] = tuple(value)
        if kind == "Concat":
            inbound = network_by_name(network)[layer.inbounds[0].name]
            parameters.update(activation=True, act_bits=inbound.act_bits)
        variables = {name: np.array(layer.get_variable(name)) for name in layer.variables}
        inbounds = tuple(inbound.name for inbound in layer.inbounds)
        network.append(LayerDescription(kind, layer.name, inbounds, parameters, variables))
    return network


def network_by_name(network: list[LayerDescription]) -> dict[str, LayerDescription]:
    """The layers of a network by their names."""
    return {layer.name: layer for layer in network}
