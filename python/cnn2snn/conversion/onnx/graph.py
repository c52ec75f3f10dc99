"""The neutral form of a quantized ONNX model: functions with constants and attributes, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError

__all__ = ["Graph", "Node", "invalid", "refuse"]


@dataclass(frozen=True)
class Node:
    """A call of a function of QuantizeML.

    Attributes:
        name: the name of the node, which may have slashes.
        function: the name of the function, such as "QuantizedConv2DBiasedReLUScaled".
        inbounds: what it reads: names of nodes, "" for the model's input.
        constants: its constants by the names that the function gives them.
        attributes: its attributes: integers, lists of integers, or others that are not used.
    """

    name: str
    function: str
    inbounds: tuple[str, ...]
    constants: Mapping[str, np.ndarray]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """A quantized ONNX model up to its Dequantizer.

    Attributes:
        name: its name.
        input_shape: the shape of its input without the batch, as the file has it.
        nodes: the calls in order, each after those that it reads.
        ignored: the names of the nodes behind the Dequantizer.
    """

    name: str
    input_shape: tuple[int, ...]
    nodes: tuple[Node, ...]
    ignored: tuple[str, ...]


def refuse(node: Node, problem: str, *, kind: str, **details: object) -> UnsupportedModelError:
    """The error for a node that has no counterpart; `details` are those of the error."""
    return _error(UnsupportedModelError, node, problem, kind, details)


def invalid(node: Node, problem: str, *, kind: str, **details: object) -> InvalidArgumentError:
    """The error for a value of a node that is not allowed; `details` are those of the error."""
    return _error(InvalidArgumentError, node, problem, kind, details)


def _error(cls: type[Any], node: Node, problem: str, kind: str, details: dict[str, object]) -> Any:
    details.setdefault("remedy", "quantize the model again with quantizeml.models.quantize")
    return cls(f'node "{node.name}" ({node.function}): {problem}', layer=node.name, kind=kind, **details)
