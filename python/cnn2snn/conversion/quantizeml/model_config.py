"""The configuration of a Keras 2 model: from the parsed JSON to layers without variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnn2snn.conversion.quantizeml.network import DEQUANTIZER, Node, short_class
from cnn2snn.errors import UnsupportedModelError

__all__ = ["Skeleton", "read_model_config"]

_SAVE_AGAIN = "save the model again with quantizeml.save_model"


class Skeleton:
    """A model without variables.

    Attributes:
        name: its name.
        nodes: its layers in order.
        inputs: the names of its inputs.
        outputs: the names of the layers that give its outputs.
    """

    def __init__(self, name: str, nodes: list[Node], inputs: list[str], outputs: list[str]) -> None:
        self.name = name
        self.nodes = nodes
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)


def read_model_config(config: Any) -> Skeleton:
    """The layers of a model configuration.

    Args:
        config: the configuration: a mapping with `class_name` and `config`, as Keras 2 writes it.

    Raises:
        UnsupportedModelError: it is not the configuration of a Functional or Sequential model of Keras 2. Two layers
            have one name, or a layer is used more than once.
    """
    outer = _mapping(config, "the configuration of the model")
    kind = _text(outer, "class_name", "the model")
    inner = _mapping(outer.get("config"), "the configuration of the model")
    if short_class(kind) == "Sequential":
        return _sequential(inner)
    if short_class(kind) not in ("Functional", "Model"):
        raise _invalid(f"a model must be Functional or Sequential, received {kind!r}", remedy=_SAVE_AGAIN)
    nodes = []
    for item in _list(inner.get("layers"), "the layers of the model"):
        nodes.append(_node(item, is_float=any(node.class_name == DEQUANTIZER for node in nodes)))
    _check_names(nodes)
    inputs = [_tensor(item, "input_layers") for item in _tensors(inner.get("input_layers"), "input_layers")]
    outputs = [_tensor(item, "output_layers") for item in _tensors(inner.get("output_layers"), "output_layers")]
    return Skeleton(_text(inner, "name", "the model"), nodes, inputs, outputs)


def _node(item: Any, is_float: bool) -> Node:
    """A layer of a Functional model. Of layers in float, behind the Dequantizer, nothing but the name is read."""
    name, cls, arguments, entry = _layer(item, is_float)
    return Node(name, cls, {}, ()) if is_float else Node(name, cls, arguments, _inbounds(name, cls, entry))


def _sequential(config: Mapping[str, Any]) -> Skeleton:
    """The layers of a Sequential model, each reading the one before it."""
    nodes: list[Node] = []
    for name, cls, arguments, _ in map(_layer, _list(config.get("layers"), "the layers of the model")):
        if not nodes and cls != "InputLayer":
            # The first layer says what the input is where there is no input layer.
            shape = arguments.get("batch_input_shape")
            if shape is None:
                raise _invalid(
                    "a Sequential model must state the shape of its input", remedy="give it an Input layer first"
                )
            entry = {"name": f"{name}_input", "batch_input_shape": shape, "dtype": arguments.get("dtype", "float32")}
            nodes.append(Node(f"{name}_input", "InputLayer", entry, ()))
        nodes.append(Node(name, cls, arguments, (nodes[-1].name,) if nodes else ()))
    if not nodes:
        raise _invalid("the model has no layers")
    _check_names(nodes)
    return Skeleton(_text(config, "name", "the model"), nodes, [nodes[0].name], [nodes[-1].name])


def _layer(item: Any, is_float: bool = False) -> tuple[str, str, Mapping[str, Any], Mapping[str, Any]]:
    """Name, class, arguments and whole entry of a layer."""
    entry = _mapping(item, "a layer")
    arguments = _mapping(entry.get("config"), "the configuration of a layer")
    name = entry.get("name", arguments.get("name"))
    if not isinstance(name, str) or not name:
        raise _invalid(f"a layer must have a name, received {_shown(name)}", remedy=_SAVE_AGAIN)
    cls = short_class(_text(entry, "class_name", f'layer "{name}"'))
    if cls in ("Functional", "Sequential", "Model") and not is_float:
        raise UnsupportedModelError(
            f'layer "{name}" ({cls}): a model inside a model cannot be converted',
            layer=name,
            kind="structure",
            received=cls,
            remedy="build one flat model before it is quantized",
        )
    return name, cls, arguments, entry


def _inbounds(name: str, cls: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the layers that a layer of a Functional model reads."""
    uses = _list(entry.get("inbound_nodes", []), f'the inbound nodes of layer "{name}"')
    if len(uses) > 1:
        raise UnsupportedModelError(
            f'layer "{name}" ({cls}): a layer can be used once, received {len(uses)} uses',
            layer=name,
            kind="shared",
            expected=1,
            received=len(uses),
            remedy="give each use a layer of its own before the model is quantized",
        )
    found = []
    for item in _tensors(uses[0], f'the inbound nodes of layer "{name}"') if uses else []:
        found.append(_tensor(item, f'an inbound node of layer "{name}"'))
        keywords = item[3] if len(item) > 3 else {}
        for key, value in _mapping(keywords, f'the keywords of layer "{name}"').items():
            if isinstance(value, list):
                found.append(_tensor(value, f'the keyword {key!r} of layer "{name}"'))
            elif value is not None and not isinstance(value, bool):
                raise _invalid(f'the keyword {key!r} of layer "{name}" must be a tensor, received {_shown(value)}')
    return tuple(found)


def _tensors(value: Any, what: str) -> list[Any]:
    """Tensors, of which Keras writes one alone or several in a list."""
    tensors = _list(value, what)
    return [tensors] if tensors and isinstance(tensors[0], str) else tensors


def _tensor(value: Any, what: str) -> str:
    """The name of the layer that gives a tensor: [layer, node, tensor] or [layer, node, tensor, keywords]."""
    parts = _list(value, what)
    if len(parts) not in (3, 4) or not isinstance(parts[0], str) or parts[1:3] != [0, 0]:
        raise _invalid(f"{what} must be the first tensor of a layer, received {_shown(value)}", remedy=_SAVE_AGAIN)
    return parts[0]


def _check_names(nodes: list[Node]) -> None:
    if not nodes:
        raise _invalid("the model has no layers")
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise _invalid(f'two layers have the name "{node.name}"', remedy="give each layer a name of its own")
        seen.add(node.name)


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _invalid(f"{what} must be a JSON object, received {_shown(value)}", remedy=_SAVE_AGAIN)
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid(f"{what} must be a list of Keras 2, received {_shown(value)}", remedy=_SAVE_AGAIN)
    return value


def _text(mapping: Mapping[str, Any], key: str, what: str) -> str:
    value = mapping.get(key)
    if not isinstance(value, str):
        raise _invalid(f"{key} of {what} must be a text, received {_shown(value)}", remedy=_SAVE_AGAIN)
    return value


def _shown(value: Any) -> str:
    """A value from a file, cut to a length that a message can bear."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _invalid(message: str, remedy: str | None = None) -> UnsupportedModelError:
    return UnsupportedModelError(message, kind="model_config", remedy=remedy)
