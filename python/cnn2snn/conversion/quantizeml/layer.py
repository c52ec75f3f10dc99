"""Layers whose arguments have been checked, and the refusal of classes and arguments that are not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.arguments import Argument, WrongValueError
from cnn2snn.conversion.quantizeml.classes import CLASSES, GONE, Quantizer
from cnn2snn.conversion.quantizeml.network import Network, Node
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, UnsupportedModelError

__all__ = ["Layer", "check_layers", "invalid", "kind_of", "refuse"]

# What a configuration holds that has no meaning once a model is trained.
_IGNORED = {"name", "trainable", "dtype", "batch_input_shape", "sparse", "ragged", "optional", "quant_config"}
_IGNORED_ENDINGS = ("_initializer", "_regularizer", "_constraint")


@dataclass(frozen=True)
class Layer:
    """A layer with checked arguments.

    Attributes:
        name: its name.
        class_name: its class, such as "QuantizedConv2D".
        arguments: its arguments, defaults filled in.
        quantizers: the arguments of its quantizers by entry of `quant_config`; a quantizer that it does not have is
            missing.
        settings: the other entries of `quant_config`.
        inbounds: the names of the layers that it reads.
        variables: its float32 variables.
    """

    name: str
    class_name: str
    arguments: Mapping[str, Any]
    quantizers: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    inbounds: tuple[str, ...]
    variables: Mapping[str, np.ndarray]

    @property
    def kind(self) -> str:
        """The class without "Quantized", under which patterns list it; "LUT" for an activation of a table."""
        return kind_of(self.class_name)

    def __str__(self) -> str:
        return f'"{self.name}" ({self.class_name})'


def kind_of(class_name: str) -> str:
    """The kind of the layers of a class, see `Layer.kind`."""
    kind = class_name.removeprefix("Quantized")
    return {"QuantizedActivation": "LUT", "QuantizedMaxPooling2D": "MaxPool2D"}.get(class_name, kind)


def refuse(layer: Layer | Node, problem: str, *, kind: str, **details: object) -> UnsupportedModelError:
    """The error for a layer that has no place where it is; `details` are those of the error."""
    details.setdefault("remedy", "build the model with Keras, and save it with quantizeml.save_model")
    return _error(UnsupportedModelError, layer, problem, kind, details)


def invalid(layer: Layer | Node, problem: str, *, kind: str, **details: object) -> InvalidArgumentError:
    """The error for a value of a layer that is not allowed; `details` are those of the error."""
    return _error(InvalidArgumentError, layer, problem, kind, details)


def _error(cls: type[Any], layer: Layer | Node, problem: str, kind: str, details: dict[str, object]) -> Any:
    return cls(f'layer "{layer.name}" ({layer.class_name}): {problem}', layer=layer.name, kind=kind, **details)


def check_layers(network: Network, problems: Problems) -> dict[str, Layer]:
    """The layers of a network with checked arguments, in order.

    Args:
        network: the network.
        problems: receives classes and arguments that are not known, values that are not allowed, and variables that are
            missing or not finite. A layer with a problem is left out of the result where problems are collected.
    """
    found = {}
    for node in network.nodes.values():
        errors = list(_problems(node))
        if errors:
            for error in errors:
                problems.add(error)
        else:
            found[node.name] = _layer(node)
    return found


def _layer(node: Node) -> Layer:
    cls = CLASSES[node.class_name]
    config = _quant_config(node)
    quantizers = {}
    for name, quantizer in cls.quantizers.items():
        values = _quantizer_config(config, name, quantizer)
        if values is not None:
            quantizers[name] = {key: argument.of(values, key) for key, argument in quantizer.arguments.items()}
    return Layer(
        name=node.name,
        class_name=node.class_name,
        arguments={key: argument.of(node.config, key) for key, argument in cls.arguments.items()},
        quantizers=quantizers,
        settings={key: argument.of(config, key) for key, argument in cls.settings.items()},
        inbounds=node.inbounds,
        variables=node.variables,
    )


def _quant_config(node: Node) -> Mapping[str, Any]:
    config = node.config.get("quant_config")
    return {} if config is None else config


def _quantizer_config(config: Mapping[str, Any], name: str, quantizer: Quantizer) -> Any:
    """What a layer says of a quantizer; null is as good as nothing."""
    values = config.get(name)
    return quantizer.missing if values is None else values


def _problems(node: Node) -> Iterator[Cnn2SnnError]:
    """Everything that is wrong with a layer by itself."""
    cls = CLASSES.get(node.class_name)
    if cls is None:
        yield _unknown_class(node)
        return
    known = {key for key in node.config if key in _IGNORED or key.endswith(_IGNORED_ENDINGS)}
    yield from _values(node, "", node.config, cls.arguments, known)
    config = _quant_config(node)
    if not isinstance(config, Mapping):
        yield invalid(node, f"quant_config must be a JSON object, received {_shown(config)}", kind="quant_config")
        return
    yield from _values(node, "quant_config.", config, cls.settings, set(cls.quantizers))
    for name, quantizer in cls.quantizers.items():
        yield from _quantizer_problems(node, name, quantizer, _quantizer_config(config, name, quantizer))
    for name, values in node.variables.items():
        if not np.all(np.isfinite(values)):
            yield refuse(
                node,
                f"the variable {name} must be finite, received {float(values[~np.isfinite(values)][0])}",
                kind="variable",
                received=name,
                remedy="train the model again; a value that is not finite spoils every output",
            )


def _quantizer_problems(node: Node, name: str, quantizer: Quantizer, values: Any) -> Iterator[Cnn2SnnError]:
    if values is None:
        return
    if not isinstance(values, Mapping):
        yield invalid(
            node, f"quant_config.{name} must be a JSON object, received {_shown(values)}", kind="quant_config"
        )
        return
    yield from _values(node, f"quant_config.{name}.", values, quantizer.arguments, set())
    if values.get("signed", True) is True and values.get("bitwidth") == 1:
        yield invalid(
            node, f"quant_config.{name}.bitwidth must be at least 2 for signed values, received 1", kind="bitwidth"
        )


def _values(
    node: Node, prefix: str, values: Mapping[str, Any], arguments: Mapping[str, Argument], known: set[str]
) -> Iterator[Cnn2SnnError]:
    for name in values:
        if name not in arguments and name not in known:
            allowed = ", ".join(sorted({*arguments, *(known - _IGNORED)})) or "none"
            yield refuse(
                node,
                f"the argument {prefix}{name} is not known, received {_shown(values[name])}, known are {allowed}",
                kind="argument",
                expected=sorted(arguments),
                received=name,
                remedy="it may be of a later version of QuantizeML than 1.2: quantize the model with that version",
            )
    for name, argument in arguments.items():
        try:
            argument.of(values, name)
        except WrongValueError as error:
            received = _shown(values[name]) if name in values else "nothing"
            yield invalid(
                node,
                f"{prefix}{name} must be {error}, received {received}",
                kind="argument",
                expected=str(error),
                received=values.get(name),
            )


def _unknown_class(node: Node) -> UnsupportedModelError:
    if node.class_name in GONE:
        problem = "a layer of transformers, which QuantizeML took out after version 0.16, cannot be converted"
        remedy = "transformer models have no counterpart; files of convolutional networks of any version can be read"
    else:
        problem = "the class is not one of QuantizeML that can be converted"
        remedy = (
            "quantize the model up to the layer before it (the argument quantize_until of quantizeml.models.quantize), "
            "or leave the layer out"
        )
    return refuse(node, problem, kind="class", expected=sorted(CLASSES), received=node.class_name, remedy=remedy)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
