"""The widths of a model's layers as data: read off a quantized model, or chosen layer by layer."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnn2snn._keras import keras
from cnn2snn.errors import FormatError, InvalidArgumentError, InvalidTypeError
from cnn2snn.graph import Graph, Node, read

__all__ = ["Choice", "bits", "choose", "has_kernel", "is_activation"]

_KEYS = ("weights", "depthwise_weights", "activations")


def has_kernel(node: Node) -> bool:
    """Whether a layer has weights that can be quantized, or are."""
    return node.is_neural or node.is_exactly("DepthwiseConv2D", "QuantizedDepthwiseConv2D")


def is_activation(node: Node) -> bool:
    """Whether a layer is an activation that can be quantized, or is quantized."""
    return node.is_exactly("ReLU") or node.is_a("QuantizedActivation")


def bits(model: keras.Model) -> dict[str, dict[str, int]]:
    """The widths of the quantized layers of a Keras model, in a form that `quantize` takes as `config`.

    Args:
        model: a built Sequential or functional model.

    Returns:
        By layer, in order: "weights", bits of its weights, with "depthwise_weights" where those of a separable layer
        have another width; or "activations", bits of its outputs. Layers in float are left out.

    Raises:
        InvalidTypeError: (TypeError) not a Keras model.

    Example:
        >>> cnn2snn.bits(cnn2snn.quantize(model, 4, 4, 8))  # doctest: +SKIP
        {'conv_1': {'weights': 8}, 'conv_1_relu': {'activations': 4}, 'dense': {'weights': 4}}
    """
    found: dict[str, dict[str, int]] = {}
    for node in read(model):
        if "quantizer" in node.config:
            widths = {"weights": node.layer.quantizer.bitwidth}
            depthwise = getattr(node.layer, "quantizer_dw", node.layer.quantizer).bitwidth
            if depthwise != widths["weights"]:
                widths["depthwise_weights"] = depthwise
            found[node.name] = widths
        elif node.is_a("QuantizedActivation"):
            found[node.name] = {"activations": node.config["bitwidth"]}
    return found


@dataclass(frozen=True)
class Choice:
    """The widths that a configuration chooses, by the name of the layer that gets them.

    Attributes:
        weights: of kernels; of a separable layer the pointwise one, and the depthwise one too unless it has its own.
        depthwise_weights: of depthwise kernels of separable layers.
        activations: of activations.
        active: whether there is a configuration: layers that are quantized then keep the widths that nobody chooses.
    """

    weights: dict[str, Any] = field(default_factory=dict)
    depthwise_weights: dict[str, Any] = field(default_factory=dict)
    activations: dict[str, Any] = field(default_factory=dict)
    active: bool = False


def choose(graph: Graph, config: Mapping[str, Mapping[str, int]] | str | Path | None) -> Choice:
    """Resolves a configuration for the layers of a graph; `quantize` says what it is.

    Raises:
        InvalidArgumentError: a pattern or a key that means no layer.
        InvalidTypeError: something else than a dictionary of dictionaries.
        FormatError: a file that is not JSON.
    """
    if config is None:
        return Choice()
    if isinstance(config, (str, Path)):
        config = _load(Path(config))
    _check(config)
    choice = Choice(active=True)
    followed = {node.name: _activation_behind(graph, node) for node in graph if has_kernel(node)}
    # The names of layers come after all patterns, and so prevail; activations behind layers come before their own.
    for pattern in sorted(config, key=lambda pattern: pattern in graph.nodes):
        matched = [node for node in graph if node.inbounds and fnmatch.fnmatchcase(node.name, pattern)]
        kernels = [node for node in matched if has_kernel(node)]
        separable = [node for node in kernels if "SeparableConv2D" in node.cls.__name__]
        behind = [followed[node.name] for node in kernels if followed[node.name]]
        own = [node.name for node in matched if is_activation(node)]
        targets = {
            "weights": [node.name for node in kernels],
            "depthwise_weights": [node.name for node in separable],
            "activations": [*behind, *own],
        }
        for key, width in config[pattern].items():
            if not targets[key]:
                _refuse(graph, pattern, key, matched)
            getattr(choice, key).update(dict.fromkeys(targets[key], width))
    return choice


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(f"{path}: it is not JSON: {error}", kind="config") from error


def _check(config: Any) -> None:
    example = 'for example {"conv_1": {"weights": 8}, "sep*": {"weights": 2, "activations": 4}}'
    if not isinstance(config, Mapping) or not all(isinstance(widths, Mapping) for widths in config.values()):
        raise InvalidTypeError(
            f"config must have a dictionary of widths for each name or pattern of layers, received {config!r}",
            kind="config",
            received=config,
            remedy=example,
        )
    for pattern, widths in config.items():
        for key in widths:
            if key not in _KEYS:
                raise InvalidArgumentError(
                    f"config[{pattern!r}]: the keys are {', '.join(_KEYS)}, received {key!r}",
                    kind="config",
                    expected=_KEYS,
                    received=key,
                    remedy=example,
                )


def _refuse(graph: Graph, pattern: str, key: str, matched: list[Node]) -> None:
    """Raises the error on a pattern that gives no layer a width."""
    able = [node.name for node in graph if has_kernel(node) or is_activation(node)]
    what = {"weights": "weights", "depthwise_weights": "depthwise weights", "activations": "an activation"}[key]
    problem = "no layer has this name" if not matched else f"no layer of this name has {what} to quantize"
    raise InvalidArgumentError(
        f"config[{pattern!r}]: {problem}",
        kind="config",
        received=pattern,
        remedy=f"the layers are {', '.join(able)}",
    )


def _activation_behind(graph: Graph, node: Node) -> str | None:
    """The activation that follows a layer with weights, before another layer with weights."""
    reader = graph.only_consumer(node.name)
    while reader is not None and not has_kernel(reader):
        if is_activation(reader):
            return reader.name
        reader = graph.only_consumer(reader.name)
    return None
