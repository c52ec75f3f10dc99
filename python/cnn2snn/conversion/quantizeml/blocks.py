"""Blocks: the Keras layers that become one layer of Akida."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cnn2snn.conversion.quantizeml.layer import Layer
from cnn2snn.conversion.quantizeml.shapes import Shape
from cnn2snn.errors import UnsupportedModelError

__all__ = ["Block", "Cut", "is_skipped", "split"]

_SKIPPED = ("InputLayer", "Rescaling", "Activation", "Dropout")


@dataclass(frozen=True)
class Block:
    """The layers of one block.

    Attributes:
        layers: its layers in order, without those that are skipped.
        sources: what its first layer reads: indices of blocks, in the order of the inbounds; None for the model's
            input.
    """

    layers: tuple[Layer, ...]
    sources: tuple[int | None, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its layers."""
        return tuple(layer.kind for layer in self.layers)

    @property
    def first(self) -> Layer:
        """Its first layer."""
        return self.layers[0]

    @property
    def output(self) -> Layer:
        """Its last layer."""
        return self.layers[-1]

    @property
    def is_input(self) -> bool:
        """Whether it reads the model's input."""
        return None in self.sources

    def find(self, kind: str) -> Layer | None:
        """Its layer of a kind, or None."""
        return next((layer for layer in self.layers if layer.kind == kind), None)

    def __str__(self) -> str:
        return ", ".join(map(str, self.layers))


# Whether a block ends before a layer, given the layer and the one that it reads.
Cut = Callable[[Layer, Layer], bool]


def is_skipped(layer: Layer, shapes: Mapping[str, Shape]) -> bool:
    """Whether a layer changes no integer: it has no place in patterns."""
    if layer.kind == "Reshape":
        before, after = shapes[layer.inbounds[0]], shapes[layer.name]
        return [size for size in before if size != 1] == [size for size in after if size != 1]
    return layer.kind in _SKIPPED


def split(layers: Mapping[str, Layer], shapes: Mapping[str, Shape], cut: Cut) -> list[Block]:
    """Splits layers into blocks.

    The split goes from the last layer backwards. A layer ends a block unless one layer alone reads it, inside a block.
    The block then reaches back to a layer with several inputs, to one whose input
    others read as well, or to where `cut` says.

    Args:
        layers: the layers in the order of the model.
        shapes: the shapes of their outputs.
        cut: whether a block ends between a layer and the one that it reads.

    Returns:
        The blocks in the order in which their last layers stand in the model. Blocks of skipped layers alone are left
        out.

    Raises:
        UnsupportedModelError: layers that no block holds.
    """
    consumers: dict[str, list[str]] = {name: [] for name in layers}
    for layer in layers.values():
        for name in layer.inbounds:
            consumers[name].append(layer.name)
    chains: list[list[Layer]] = []
    begins: set[str] = set()
    taken: set[str] = set()
    for layer in reversed(list(layers.values())):
        if layer.name in taken:
            continue
        readers = consumers[layer.name]
        if len(readers) == 1 and readers[0] not in begins:
            raise UnsupportedModelError(
                f"layer {layer}: it belongs to no block", layer=layer.name, kind="structure", received=str(layer)
            )
        chain = [layer]
        while len(chain[-1].inbounds) == 1:
            before = layers[chain[-1].inbounds[0]]
            if len(consumers[before.name]) > 1 or cut(chain[-1], before):
                break
            chain.append(before)
        chain.reverse()
        begins.add(chain[0].name)
        taken.update(member.name for member in chain)
        chains.append(chain)
    positions = {name: i for i, name in enumerate(layers)}
    chains.sort(key=lambda chain: positions[chain[-1].name])
    kept = [[layer for layer in chain if not is_skipped(layer, shapes)] for chain in chains]
    kept = [members for members in kept if members]
    owner = {member.name: i for i, members in enumerate(kept) for member in members}
    return [
        Block(tuple(members), tuple(_source(layers, owner, name) for name in members[0].inbounds)) for members in kept
    ]


def _source(layers: Mapping[str, Layer], owner: Mapping[str, int], name: str) -> int | None:
    """The block that gives what a layer gives, past layers that are skipped; None for the model's input."""
    while name not in owner:
        inbounds = layers[name].inbounds
        if not inbounds:
            return None
        name = inbounds[0]
    return owner[name]
