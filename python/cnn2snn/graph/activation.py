"""The activation that a layer applies itself, by name, however it was given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cnn2snn.graph.graph import Node

__all__ = ["FINAL_ACTIVATIONS", "Applied", "applied"]

# Activations that may come last. They never fall where their argument rises, so that none changes which output is the
# largest, but for outputs that it makes equal.
FINAL_ACTIVATIONS = (
    "linear",
    "softmax",
    "log_softmax",
    "sigmoid",
    "log_sigmoid",
    "hard_sigmoid",
    "tanh",
    "hard_tanh",
    "tanh_shrink",
    "softplus",
    "squareplus",
    "softsign",
    "exponential",
    "elu",
    "celu",
    "selu",
    "leaky_relu",
)

# The packages whose functions are what their names say.
_KNOWN = ("keras", "tensorflow", "tf_keras")


class Applied(NamedTuple):
    """An activation.

    Attributes:
        name: its name in the words of Keras, "linear" for none. A ReLU or Softmax layer counts as "relu" or "softmax".
        arguments: what a ReLU layer was made with: `max_value`, `negative_slope`, `threshold`.
    """

    name: str
    arguments: Mapping[str, Any]


def applied(node: Node) -> Applied:
    """The activation of a layer with weights or of an `Activation` layer.

    A function of the user's own has its name in quotation marks.
    """
    given = node.config.get("activation") or "linear"
    function = getattr(node.layer, "activation", None)
    if isinstance(given, dict) and given.get("class_name") in ("ReLU", "Softmax"):
        arguments = given["config"] if given["class_name"] == "ReLU" else {}
        kept = ("max_value", "negative_slope", "threshold")
        return Applied(given["class_name"].lower(), {name: arguments[name] for name in kept if name in arguments})
    if isinstance(given, dict):
        given = given.get("config") if given.get("class_name") == "function" else given.get("class_name")
    name = given if isinstance(given, str) else "a function"
    package = getattr(function, "__module__", None) or type(function).__module__
    if function is not None and package.partition(".")[0] not in _KNOWN:
        return Applied(f'"{name}"', {})
    # TensorFlow numbers its functions.
    return Applied(name.removesuffix("_v2"), {})
