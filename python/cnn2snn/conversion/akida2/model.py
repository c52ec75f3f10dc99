"""From layers of Akida 2.0 as plain data to a model of the engine."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from cnn2snn import akida
from cnn2snn.conversion.plan import LayerPlan, ModelPlan
from cnn2snn.errors import UnsupportedModelError

__all__ = ["build_model"]


_ENUMS = {"activation": akida.ActivationType, "padding": akida.Padding, "pool_type": akida.PoolType}


def build_model(plan: ModelPlan) -> akida.Model:
    """The engine's model of a plan.

    Args:
        plan: the layers. A vector or matrix that is smaller than its variable is broadcast.

    Raises:
        InvalidArgumentError: (ValueError) a parameter or a value that the engine does not take.
        UnsupportedModelError: (RuntimeError) a value that its variable cannot hold.
    """
    model = akida.Model()
    for entry in plan.layers:
        layer = _class(entry)(**_arguments(entry), name=entry.name)
        model.add(layer, [model.layers[index] for index in entry.inbounds])
        for name, values in entry.variables.items():
            neutral = layer.get_variable(name)
            layer.set_variable(name, np.broadcast_to(_held(entry, name, values, neutral.dtype), neutral.shape))
    return model


def _class(entry: LayerPlan) -> type[akida.Layer]:
    return getattr(akida, entry.type_name)


def _arguments(entry: LayerPlan) -> dict[str, Any]:
    """The arguments of a constructor."""
    arguments: dict[str, Any] = {}
    for name, value in entry.parameters.items():
        if name in _ENUMS:
            arguments[name] = _ENUMS[name][value]
        else:
            arguments[name] = tuple(value) if isinstance(value, list) else value
    if "output_signed" in inspect.signature(_class(entry)).parameters:
        arguments["output_signed"] = entry.output_signed
    return arguments


def _held(entry: LayerPlan, name: str, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in the type of their variable, which changes none of them."""
    values = np.asarray(values)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = values.astype(dtype)
    if not np.array_equal(cast, values):
        wrong = values[cast != values].flat[0]
        raise UnsupportedModelError(
            f'layer "{entry.name}": {name} must fit {dtype}, received {wrong}',
            layer=entry.name,
            kind=name,
            expected=dtype.name,
            received=wrong.item(),
        )
    return cast
