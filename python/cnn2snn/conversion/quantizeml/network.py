"""The neutral form of a QuantizeML model: layers with configurations and float variables, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn2snn.errors import UnsupportedModelError

__all__ = ["DEQUANTIZER", "Network", "Node", "before_dequantizer", "short_class"]

DEQUANTIZER = "Dequantizer"


def short_class(name: str) -> str:
    """The name of a class without the package under which Keras registered it."""
    return name.rpartition(">")[2]


@dataclass(frozen=True)
class Node:
    """A layer of a QuantizeML model.

    Attributes:
        name: its name.
        class_name: its class, without the package that Keras puts before it.
        config: its arguments by name, as the file has them. They are data and never evaluated.
        inbounds: the names of the layers that it reads, in order; those given by keyword come last.
        variables: its float32 variables by the last part of their path, such as "kernel" or "range_max".
    """

    name: str
    class_name: str
    config: Mapping[str, Any]
    inbounds: tuple[str, ...]
    variables: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Network:
    """A QuantizeML model up to its first Dequantizer.

    Attributes:
        name: its name.
        nodes: its layers by name, in the order of the model, each after the layers that it reads.
        inputs: the names of its inputs.
        outputs: the names of the layers that give the outputs of the whole model.
        ignored: the layers behind the Dequantizer, in order. They stay outside of a converted model.
    """

    name: str
    nodes: Mapping[str, Node]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    ignored: tuple[str, ...] = ()

    def consumers(self) -> dict[str, list[str]]:
        """The layers that read each layer, in order. A layer that reads another twice is listed once."""
        found: dict[str, list[str]] = {name: [] for name in self.nodes}
        for node in self.nodes.values():
            for name in dict.fromkeys(node.inbounds):
                found[name].append(node.name)
        return found


def before_dequantizer(nodes: Iterable[Node]) -> tuple[dict[str, Node], tuple[str, ...]]:
    """Splits layers at the first Dequantizer.

    Args:
        nodes: the layers in the order of the model.

    Returns:
        The layers up to the first Dequantizer, each after the layers that it reads, and the names of all others.

    Raises:
        UnsupportedModelError: a layer reads one that does not stand before it. Layers that read each other in a ring
            have one of that kind.
    """
    listed = list(nodes)
    end = next((i + 1 for i, node in enumerate(listed) if node.class_name == DEQUANTIZER), len(listed))
    kept: dict[str, Node] = {}
    for node in listed[:end]:
        for name in node.inbounds:
            if name not in kept:
                raise UnsupportedModelError(
                    f'layer "{node.name}" ({node.class_name}): the layers that it reads must stand before it in the '
                    f'model, "{name}" does not',
                    layer=node.name,
                    kind="inbound",
                    received=name,
                    remedy="save the model again with quantizeml.save_model",
                )
        kept[node.name] = node
    return kept, tuple(node.name for node in listed[end:])
