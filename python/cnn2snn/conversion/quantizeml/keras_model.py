"""QuantizeML models in memory: objects of tf_keras, read by their configuration and the names of their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cnn2snn.conversion.quantizeml.classes import CLASSES
from cnn2snn.conversion.quantizeml.model_config import read_model_config
from cnn2snn.conversion.quantizeml.network import Network, before_dequantizer
from cnn2snn.errors import InvalidTypeError, UnsupportedModelError

__all__ = ["is_quantizeml_model", "read_keras_model"]


# How the names of classes begin that a float model has none of. QuantizeML has layers for float models as well.
_QUANTIZED = ("Quantized", "Dequantizer", "InputQuantizer")


def is_quantizeml_model(model: Any) -> bool:
    """Whether an object is a model in memory that QuantizeML quantized: one of its layers has such a class."""
    layers = getattr(model, "layers", None)
    return isinstance(layers, Sequence) and any(
        "quantizeml" in type(layer).__module__ and type(layer).__name__.startswith(_QUANTIZED) for layer in layers
    )


def read_keras_model(model: Any) -> Network:
    """Reads a QuantizeML model that is in memory.

    Args:
        model: a Functional or Sequential model of tf_keras. It must have `get_config()` and `layers`, whose `weights`
            have a name and `numpy()`. It is not changed.

    Raises:
        InvalidTypeError: the object has no such attributes.
        UnsupportedModelError: (RuntimeError) the structure of the model is not one of those that can be read.
    """
    for attribute in ("get_config", "layers"):
        if not hasattr(model, attribute):
            raise InvalidTypeError(
                f"a model must be one of tf_keras, received {type(model).__name__}, which has no {attribute}",
                kind="model",
                received=type(model).__name__,
                remedy="quantize it with quantizeml.models.quantize, or pass the path of an .h5 file",
            )
    kind = next((cls.__name__ for cls in type(model).__mro__ if cls.__name__ in ("Functional", "Sequential")), None)
    if kind is None:
        raise UnsupportedModelError(
            f"a model must be Functional or Sequential, received {type(model).__name__}",
            kind="structure",
            received=type(model).__name__,
            remedy="build it with tf_keras.Model(inputs, outputs)",
        )
    skeleton = read_model_config({"class_name": kind, "config": _plain(model.get_config())})
    nodes, ignored = before_dequantizer(skeleton.nodes)
    weights = {layer.name: _weights(layer) for layer in model.layers if layer.name in nodes}
    filled = {name: replace(node, variables=weights.get(name, {})) for name, node in nodes.items()}
    return Network(skeleton.name, filled, skeleton.inputs, skeleton.outputs, ignored)


def _weights(layer: Any) -> dict[str, np.ndarray]:
    """The variables of a layer by the last part of their names."""
    known = CLASSES[_class_of(layer)].variables if _class_of(layer) in CLASSES else ()
    found: dict[str, np.ndarray] = {}
    for weight in layer.weights if known else ():
        name = weight.name.rpartition("/")[2].partition(":")[0]
        if name not in known or name in found:
            what = "two variables" if name in found else "no variable"
            raise UnsupportedModelError(
                f'layer "{layer.name}" ({_class_of(layer)}) has {what} {weight.name!r}',
                layer=layer.name,
                kind="variable",
                received=weight.name,
            )
        found[name] = np.asarray(weight.numpy(), np.float32)
    return found


def _class_of(layer: Any) -> str:
    return type(layer).__name__


def _plain(value: Any) -> Any:
    """A configuration of plain objects; Keras wraps those that it tracks."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value
