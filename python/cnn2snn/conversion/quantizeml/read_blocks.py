"""From a network to blocks with their integers: the steps that both generations share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.blocks import Block, Cut, split
from cnn2snn.conversion.quantizeml.integers import Walk, walk
from cnn2snn.conversion.quantizeml.layer import check_layers
from cnn2snn.conversion.quantizeml.model_checks import check_ends, check_model
from cnn2snn.conversion.quantizeml.network import Network
from cnn2snn.conversion.quantizeml.patterns import Pattern, match, no_pattern
from cnn2snn.conversion.quantizeml.shapes import infer_shapes

__all__ = ["Reading", "read_blocks"]


@dataclass
class Reading:
    """A network that is being converted.

    Attributes:
        walk: its layers with their integers.
        blocks: its blocks; none where they cannot be told.
        problems: what was refused, the blocks without a pattern among it; it collects what the next steps refuse.
    """

    walk: Walk
    blocks: list[Block]
    problems: Problems

    def is_refused(self, block: Block) -> bool:
        """Whether a layer of a block was refused, or has no integers as one that it reads was."""
        return any(self.problems.has(layer.name) or layer.name not in self.walk.records for layer in block.layers)


def read_blocks(
    network: Network,
    patterns: Sequence[Pattern],
    input_patterns: Sequence[Pattern],
    cut: Cut,
    remedies: dict[str, str],
) -> Reading:
    """Splits a network into blocks and gives every layer its integers.

    The steps go on with what earlier steps did not refuse, so that all problems are found at once. An error that may
    follow from another one of the same layers is left out.

    Args:
        network: the network.
        patterns: the patterns of the generation.
        input_patterns: the patterns of layers that read images.
        cut: where blocks end.
        remedies: what to do about blocks that have no pattern, see `no_pattern`.

    Returns:
        The blocks, and the errors found.
    """
    problems = Problems(collect=True)
    reading = Reading(Walk({}, {}), [], problems)
    check_ends(network, problems)
    layers = check_layers(network, problems)
    shapes = infer_shapes(layers, problems)
    check_model(layers, shapes, problems)
    if len(shapes) < len(network.nodes):
        # Where blocks begin and end cannot be told.
        return reading
    with problems.catch():
        reading.blocks = split(layers, shapes, cut)
    refused: set[str] = set()
    for block in reading.blocks:
        if match(block, patterns) is None and not (block.is_input and match(block, input_patterns)):
            problems.add(no_pattern(block, patterns, remedies))
            refused.update(layer.name for layer in block.layers)
    refused.update(error.layer for error in problems.found if error.layer is not None)
    found = Problems(collect=True)
    reading.walk = walk(layers, shapes, found)
    for error in found.found:
        if error.layer not in refused:
            problems.add(error)
    return reading
