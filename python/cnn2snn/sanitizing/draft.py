"""A float model while it is sanitized: layers that can be inserted, removed and exchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn2snn.graph import Graph, Node, applied
from cnn2snn.reports.check import Change

__all__ = ["Draft", "Part"]

# Classes that have two names, and those whose argument says what they are.
_KINDS = {"MaxPooling2D": "MaxPool2D", "GlobalAvgPool2D": "GlobalAveragePooling2D", "PaddedConv2D": "Conv2D"}


@dataclass
class Part:
    """A layer.

    Attributes:
        name: its name.
        kind: its class.
        arguments: its arguments by name.
        inbounds: the names of the layers that it reads.
        shape: the shape of its output, without the batch.
        weights: its weights by role.
    """

    name: str
    kind: str
    arguments: dict[str, Any]
    inbounds: list[str]
    shape: tuple[int | None, ...]
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)

    @property
    def channels(self) -> int:
        """How many channels its output has."""
        return self.shape[-1] or 1

    @property
    def is_map(self) -> bool:
        """Whether its output is (height, width, channels)."""
        return len(self.shape) == 3


@dataclass
class Draft:
    """The layers of a model, each after those that it reads.

    Attributes:
        name: the name of the model.
        parts: the layers by name.
        output: the name of the layer that gives the output.
        changes: what sanitizing changed.
    """

    name: str
    parts: dict[str, Part]
    output: str
    changes: list[Change] = field(default_factory=list)

    @classmethod
    def of(cls, graph: Graph) -> Draft:
        """A draft of a float model, which is not changed."""
        return cls(graph.name, {node.name: _part(node) for node in graph}, graph.output)

    def __iter__(self) -> Iterator[Part]:
        return iter(list(self.parts.values()))

    def change(self, part: Part | str, message: str) -> None:
        """Says that sanitizing changed a layer."""
        self.changes.append(Change(part if isinstance(part, str) else part.name, message))

    def source(self, part: Part) -> Part:
        """The layer that a layer reads first."""
        return self.parts[part.inbounds[0]]

    def readers(self, part: Part) -> list[Part]:
        """The layers that read a layer; one that reads it twice is listed once."""
        return [other for other in self.parts.values() if part.name in other.inbounds]

    def only_reader(self, part: Part) -> Part | None:
        """The layer that alone reads a layer, and reads nothing else."""
        readers = self.readers(part)
        if len(readers) == 1 and readers[0].inbounds == [part.name]:
            return readers[0]
        return None

    def pairs(self, first: tuple[str, ...], second: tuple[str, ...]) -> list[tuple[Part, Part]]:
        """Layers of the kinds `first`, each with the layer of the kinds `second` that alone reads it."""
        found = [(part, self.only_reader(part)) for part in self if part.kind in first]
        return [(part, reader) for part, reader in found if reader is not None and reader.kind in second]

    def remove(self, part: Part) -> None:
        """Takes out a layer with one input; its readers read that."""
        (source,) = part.inbounds
        del self.parts[part.name]
        for other in self.parts.values():
            other.inbounds = [source if name == part.name else name for name in other.inbounds]
        if self.output == part.name:
            self.output = source

    def insert(self, part: Part, after: Part, readers: list[Part] | None = None) -> None:
        """Puts a layer behind another one.

        Args:
            part: the new layer, which reads `after`.
            after: the layer before it.
            readers: the readers of `after` that read the new layer instead; all of them by default.
        """
        moved = self.readers(after) if readers is None else readers
        for reader in moved:
            reader.inbounds = [part.name if name == after.name else name for name in reader.inbounds]
        if readers is None and self.output == after.name:
            self.output = part.name
        order = list(self.parts.values())
        order.insert(order.index(after) + 1, part)
        self.parts = {other.name: other for other in order}

    def exchange(self, first: Part, second: Part) -> None:
        """Exchanges two layers, `second` the only reader of `first`."""
        (source,) = first.inbounds
        for other in self.parts.values():
            other.inbounds = [first.name if name == second.name else name for name in other.inbounds]
        second.inbounds, first.inbounds = [source], [second.name]
        if self.output == second.name:
            self.output = first.name
        order = list(self.parts.values())
        i, j = order.index(first), order.index(second)
        order[i], order[j] = second, first
        self.parts = {other.name: other for other in order}

    def free_name(self, wanted: str) -> str:
        """A name that no layer has."""
        name, number = wanted, 0
        while name in self.parts:
            number += 1
            name = f"{wanted}_{number}"
        return name


def _part(node: Node) -> Part:
    kind = node.cls.__name__
    arguments = dict(node.config)
    activation = applied(node)
    if activation.name == "relu" and activation.arguments:
        # A ReLU layer as the activation, which QuantizeML does not take for the function of its name.
        given = (f"{name}={value:g}" for name, value in activation.arguments.items() if value)
        arguments["activation"] = f"ReLU({', '.join(given)})"
    else:
        arguments["activation"] = activation.name
    return Part(node.name, _KINDS.get(kind, kind), arguments, list(node.inbounds), node.output_shape, node.weights)
