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
        blocks: its blocks, each of which has a pattern; none where an earlier step found problems.
        problems: collects what the next steps refuse.
    """

    walk: Walk
    blocks: list[Block]
    problems: Problems


def read_blocks(
    network: Network,
    patterns: Sequence[Pattern],
    input_patterns: Sequence[Pattern],
    cut: Cut,
    remedies: dict[str, str],
) -> Reading:
    """Splits a network into blocks and gives every layer its integers.

    Each step is judged for all layers before the next one begins.

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
    if len(layers) < len(network.nodes):
        # What a layer that is not known gives cannot be judged.
        return reading
    shapes = infer_shapes(layers, problems)
    check_model(layers, shapes, problems)
    if problems.found:
        return reading
    blocks: list[Block] = []
    with problems.catch():
        blocks = split(layers, shapes, cut)
    for block in blocks:
        if match(block, patterns) is None and not (block.is_input and match(block, input_patterns)):
            problems.add(no_pattern(block, patterns, remedies))
    if not problems.found:
        reading.blocks = blocks
        reading.walk = walk(layers, shapes, problems)
    return reading
