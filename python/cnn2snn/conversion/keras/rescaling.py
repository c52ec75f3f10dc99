"""Rules for `Rescaling`, which brings integer inputs to what the network was trained on."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.keras.reading import Reading, Tail, refuse
from cnn2snn.graph import Node

__all__ = ["check_rescaling", "take_rescaling"]


def take_rescaling(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Keeps the scale and the offset of a `Rescaling`."""
    if tail.state != "input" or reading.found.rescaling is not None:
        raise refuse(node, "is possible only once, directly after the input", remedy="remove it and train again")
    values = [np.ravel(np.asarray(value, np.float64)) for value in (node.config["scale"], node.config["offset"])]
    if any(value.size != 1 for value in values):
        raise refuse(
            node,
            "scale and offset must be one number each, not one per channel",
            kind="rescaling",
            expected=1,
            received=max(value.size for value in values),
            remedy=(
                'use padding="valid" in the first layer and train again: quantize brings them to one then, and also '
                "where -offset / scale is the same in all channels, as Akida has one padding value for all"
            ),
        )
    scale, offset = (float(value[0]) for value in values)
    if not (np.isfinite(scale) and scale > 0 and np.isfinite(offset)):
        raise refuse(
            node,
            f"its scale must be greater than zero and its offset finite, received {scale:g} and {offset:g}",
            kind="rescaling",
            received=(scale, offset),
            remedy="rescale as in Rescaling(1 / 128, -1) and train again",
        )
    reading.found.rescaling = (scale, offset)
    return Tail("", "rescaled")


def check_rescaling(reading: Reading) -> None:
    """Refuses a `Rescaling` that some of the layers that read the input go around."""
    if reading.found.rescaling is not None and reading.unscaled:
        reading.problems.add(
            refuse(
                reading.unscaled[0],
                "reads the input without the Rescaling that another layer reads it through",
                kind="rescaling",
                remedy="put Rescaling directly after the input, before any split",
            )
        )
