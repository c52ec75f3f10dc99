"""What the rules of reading share: how far each Keras layer has brought its block, and how a layer is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnn2snn._problems import Problems
from cnn2snn.conversion.block import Block, Blocks
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node

__all__ = ["FINAL", "Reading", "Tail", "refuse"]

# Layers that may come last.
FINAL = ("Softmax", "Activation")


@dataclass(frozen=True)
class Tail:
    """Where a Keras layer stands.

    Attributes:
        block: the block whose output the layer gives, finished or not; "" before the first block.
        state: "input", "rescaled" (the input after Rescaling), "open" (before the activation), "closed" (after the
            activation), "ended" (after a final softmax) or "unknown" (after a layer that was refused, where errors are
            collected).
    """

    block: str
    state: str

    @property
    def is_input(self) -> bool:
        """Whether no block has begun."""
        return self.state in ("input", "rescaled")


@dataclass
class Reading:
    """A graph that is being read.

    Attributes:
        graph: the Keras model.
        problems: receives what is refused.
        found: the blocks so far.
        tails: where each layer stands.
        unscaled: the neural layers that read the input as it is, without Rescaling.
    """

    graph: Graph
    problems: Problems
    found: Blocks
    tails: dict[str, Tail] = field(default_factory=dict)
    unscaled: list[Node] = field(default_factory=list)

    def input_shape(self, node: Node) -> tuple[int | None, ...]:
        """The shape of what a layer with one input reads."""
        return self.graph.nodes[node.inbounds[0]].output_shape

    def open_block(self, node: Node, tail: Tail, what: str) -> Block:
        """The block at `tail`, which must not have its activation yet."""
        if tail.state != "open":
            raise refuse(
                node,
                f"{what} must follow a convolution or dense layer, before its activation",
                remedy="put it there and train again",
            )
        return self.found.blocks[tail.block]

    def followers(self, node: Node) -> list[Node]:
        """The layers that use the output of a layer, past the layers that compute nothing."""
        found = []
        for consumer in self.graph.consumers(node.name):
            passes = consumer.is_identity or consumer.is_a("Flatten", "Reshape")
            found += self.followers(consumer) if passes else [consumer]
        return found


def refuse(node: Node, problem: str, *, kind: str = "order", **details: object) -> UnsupportedModelError:
    """The error for a layer that has no place where it is.

    Args:
        node: the layer.
        problem: what is wrong with it.
        kind: a short name of the cause.
        details: `expected`, by default the problem; `received`, by default the layer's type and what it follows;
            `remedy`.
    """
    place = f' after "{node.inbounds[0]}"' if node.inbounds else ""
    details = {"expected": problem, "received": f"{node.cls.__name__}{place}", "remedy": None, **details}
    return UnsupportedModelError(
        f'layer "{node.name}" ({node.cls.__name__}): {problem}', layer=node.name, kind=kind, **details
    )
