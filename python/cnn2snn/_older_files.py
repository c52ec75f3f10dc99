"""HDF5 files of older versions of the original toolkit and of Keras, in the words of later ones."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np

from cnn2snn.errors import UnsupportedModelError

__all__ = ["upgraded"]

# Older names of `StdWeightQuantizer`, and those of quantizers whose threshold is a weight, which training changes.
_FIXED = ("WeightQuantizer",)
_TRAINED = ("TrainableStdWeightQuantizer", "TrainableWeightQuantizer")


def upgraded(config: Any, weights: Mapping[str, Any], own: Container[str] = ()) -> tuple[Any, list[str]]:
    """The configuration in the words of later versions, and the names of weights that became part of it.

    Args:
        config: the configuration of a model, or a part of it.
        weights: the weights of the file by name.
        own: names of classes that are the user's, and are left alone.

    Raises:
        UnsupportedModelError: a `QuantizedReLU` with a threshold of its own, or a threshold that is not in the file.
    """
    taken: list[str] = []
    return _upgraded(config, weights, own, taken), taken


def _upgraded(value: Any, weights: Mapping[str, Any], own: Container[str], taken: list[str]) -> Any:
    if isinstance(value, list):
        return [_upgraded(item, weights, own, taken) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: _upgraded(item, weights, own, taken) for key, item in value.items()}
    cls, config = value.get("class_name"), value.get("config")
    if cls == "Sequential" and isinstance(config, list):
        # Before 2.2.3 Keras wrote the layers of such a model without its name and without its input.
        return {**value, "config": {"name": "sequential", "layers": _with_input(config)}}
    if not isinstance(config, dict) or cls in own:
        return value
    if cls == "QuantizedReLU" and "max_value" not in config:
        raise UnsupportedModelError(
            f'layer "{config.get("name")}": a QuantizedReLU whose threshold and step are weights, as versions 2.1.2 '
            "and older of the original toolkit wrote it, is not supported, as its threshold is not half its step",
            layer=config.get("name"),
            kind="layer",
            expected="QuantizedReLU with max_value",
            received="QuantizedReLU without max_value",
            remedy=(
                "build the model with QuantizedReLU(bitwidth, max_value), max_value = 16 * (1 - 2**-bitwidth) * its "
                "weight step, give it the other weights, and train it again"
            ),
        )
    if cls in _TRAINED:
        name = _threshold_of(config.get("name"), weights)
        taken.append(name)
        config = {**config, "threshold": float(np.asarray(weights[name]))}
    elif cls not in _FIXED:
        return value
    return {**value, "class_name": "StdWeightQuantizer", "config": config}


def _with_input(layers: list[Any]) -> list[Any]:
    """The layers of a Sequential model behind a layer for its input."""
    first, *others = layers
    shape = first["config"].get("batch_input_shape")
    if first["class_name"] == "InputLayer" or shape is None:
        return layers
    config = {key: value for key, value in first["config"].items() if key != "batch_input_shape"}
    source = {"name": f"{config['name']}_input", "batch_input_shape": shape, "dtype": config.get("dtype", "float32")}
    return [{"class_name": "InputLayer", "config": source}, {**first, "config": config}, *others]


def _threshold_of(quantizer: Any, weights: Mapping[str, Any]) -> str:
    """The name of the weight that is the threshold of a quantizer."""
    end = f"{quantizer}/threshold:0"
    found = [name for name in weights if name == end or name.endswith(f"/{end}")]
    if len(found) != 1:
        raise UnsupportedModelError(
            f'the threshold of quantizer "{quantizer}", a weight called "{end}", must be in the file once, it is there '
            f"{len(found)} times",
            kind="weights",
            expected=1,
            received=len(found),
            remedy="save the model again with the original toolkit",
        )
    return found[0]
