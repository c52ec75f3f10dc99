"""A Keras model as a small graph of layers, which transforms rewrite."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cnn2snn._keras import keras
from cnn2snn._problems import Problems

__all__ = ["IDENTITIES", "Graph", "Node"]

IDENTITIES = (
    "ActivityRegularization",
    "AlphaDropout",
    "AugMix",
    "CutMix",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "MixUp",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout2D",
)
"""Layers that compute nothing at inference. RandomCrop cuts images then too; RandomHeight and RandomWidth leave the
size open."""


@dataclass
class Node:
    """One layer.

    Attributes:
        name: the layer's name.
        cls: its class.
        config: its configuration.
        weights: its weights by role ("kernel", "bias", "gamma", …), or by position for other layers.
        inbounds: the names of the layers that it reads.
        output_shape: the shape of its output, without the batch.
        layer: the layer itself; None once it was replaced.
        call: arguments that it is called with beside its inputs.
    """

    name: str
    cls: type
    config: dict[str, Any]
    weights: dict[str, np.ndarray]
    inbounds: list[str]
    output_shape: tuple[int | None, ...]
    layer: keras.layers.Layer | None
    call: dict[str, Any] = field(default_factory=dict)

    def is_a(self, *class_names: str) -> bool:
        """Whether the class, or one that it derives from, has one of these names.

        Names are compared, not classes, so that layers of all Keras generations are recognised.
        """
        return any(base.__name__ in class_names for base in self.cls.__mro__)

    def is_exactly(self, *class_names: str) -> bool:
        """Whether the class has one of these names."""
        return self.cls.__name__ in class_names

    @property
    def is_neural(self) -> bool:
        """Whether this is a layer with weights that can be quantized."""
        return self.is_exactly(
            "Conv2D",
            "SeparableConv2D",
            "Dense",
            "QuantizedConv2D",
            "QuantizedSeparableConv2D",
            "QuantizedDense",
        )

    @property
    def is_identity(self) -> bool:
        """Whether this layer computes nothing at inference."""
        return self.is_a(*IDENTITIES)

    @property
    def is_max_pooling(self) -> bool:
        """Whether this is a two-dimensional max pooling."""
        return self.is_a("MaxPooling2D")

    @property
    def is_global_average(self) -> bool:
        """Whether this is a two-dimensional global average pooling."""
        return self.is_a("GlobalAveragePooling2D")


@dataclass
class Graph:
    """The layers of a model, in an order in which each comes after those it reads.

    Attributes:
        name: the name of the model.
        sequential: whether it is a Sequential model.
        nodes: the layers by name.
        output: the name of the layer that gives the model's output.
        problems: receives what reading refuses; the first error is raised unless it collects them.
        joined: the layers that became part of another one, with their classes and its name.
    """

    name: str
    sequential: bool
    nodes: dict[str, Node] = field(default_factory=dict)
    output: str = ""
    problems: Problems = field(default_factory=Problems)
    joined: dict[str, tuple[type, str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Node]:
        return iter(list(self.nodes.values()))

    @property
    def input(self) -> Node:
        """The input layer."""
        return next(iter(self.nodes.values()))

    @property
    def is_chain(self) -> bool:
        """Whether each layer reads the one before it."""
        names = list(self.nodes)
        return all(self.nodes[name].inbounds == [before] for before, name in itertools.pairwise(names))

    def consumers(self, name: str) -> list[Node]:
        """The layers that read layer `name`."""
        return [node for node in self.nodes.values() if name in node.inbounds]

    def only_consumer(self, name: str) -> Node | None:
        """The layer that reads `name`, when exactly one does and it reads nothing else."""
        consumers = self.consumers(name)
        if len(consumers) == 1 and consumers[0].inbounds == [name]:
            return consumers[0]
        return None

    def copy(self) -> Graph:
        """A graph that can be rewritten without a change of this one. Arrays and layers are shared."""
        nodes = {
            name: replace(
                node,
                config=copy.copy(node.config),
                weights=dict(node.weights),
                inbounds=list(node.inbounds),
                call=dict(node.call),
            )
            for name, node in self.nodes.items()
        }
        return replace(self, nodes=nodes, joined=dict(self.joined))

    def insert(self, after: Node, node: Node) -> None:
        """Puts a new layer behind `after`; what read `after` reads the new layer."""
        for consumer in self.consumers(after.name):
            consumer.inbounds = [node.name if n == after.name else n for n in consumer.inbounds]
        node.inbounds = [after.name]
        if self.output == after.name:
            self.output = node.name
        order = list(self.nodes.items())
        place = list(self.nodes).index(after.name) + 1
        self.nodes = dict([*order[:place], (node.name, node), *order[place:]])

    def free_name(self, name: str) -> str:
        """The name itself, or with the first number that no layer has."""
        numbered = (f"{name}_{number}" if number else name for number in itertools.count())
        return next(found for found in numbered if found not in self.nodes)

    def remove(self, name: str) -> None:
        """Takes out a layer with one input; those that read it read its input."""
        node = self.nodes.pop(name)
        (source,) = node.inbounds
        for consumer in self.nodes.values():
            consumer.inbounds = [source if n == name else n for n in consumer.inbounds]
        if self.output == name:
            self.output = source

    def swap(self, first: Node, second: Node) -> None:
        """Exchanges two neighbours, `second` the only reader of `first`."""
        (source,) = first.inbounds
        for consumer in self.nodes.values():
            consumer.inbounds = [first.name if n == second.name else n for n in consumer.inbounds]
        second.inbounds = [source]
        first.inbounds = [second.name]
        if self.output == second.name:
            self.output = first.name
        order = list(self.nodes)
        i, j = order.index(first.name), order.index(second.name)
        order[i], order[j] = order[j], order[i]
        self.nodes = {name: self.nodes[name] for name in order}
