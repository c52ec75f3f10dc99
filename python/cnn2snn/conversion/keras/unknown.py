"""Refusal of layers that Akida 1.0 has no equivalent for."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from cnn2snn.conversion.keras.reading import FINAL, Reading, Tail, refuse
from cnn2snn.graph import Node, same_padding_of, zeros_of

__all__ = ["refuse_unknown"]

# What to use in their place.
_REMEDIES = {
    "AveragePooling2D": "use MaxPooling2D and train again",
    "GlobalMaxPooling2D": "use MaxPooling2D of the size of the map, then Flatten",
    "QuantizedDepthwiseConv2D": "give it no bias (use_bias=False) and let one convolution of kernel size 1 and stride "
    "1 alone read it, or use SeparableConv2D (QuantizedSeparableConv2D in a quantized model), and train again",
}


def refuse_unknown(reading: Reading, node: Node, tail: Tail) -> NoReturn:
    """Refuses a layer that no rule takes, with what can be done where it stands."""
    if node.is_exactly("ZeroPadding2D") and reading.graph.consumers(node.name):
        _refuse_zero_padding(reading, node)
    remedy = _REMEDIES.get(node.cls.__name__)
    if remedy is None and tail.is_input:
        remedy = "compute it before the model, which begins behind it then"
    elif remedy is None and all(follower.is_a(*FINAL) for follower in reading.followers(node)):
        remedy = "compute it on what the model gives, which ends before it then"
    raise refuse(
        node,
        "cannot be converted to a layer of Akida 1.0",
        kind="layer",
        remedy=remedy or "remove it and train again",
    )


def _refuse_zero_padding(reading: Reading, node: Node) -> NoReturn:
    zeros = zeros_of(node)
    for reader in reading.graph.consumers(node.name):
        same = same_padding_of(reading.graph, node, reader)
        if same is None:
            raise refuse(
                node,
                'only a convolution with padding="valid", or such a max pooling behind a ReLU, takes its zeros, not '
                f'"{reader.name}"',
                kind="layer",
                received=zeros,
                remedy="remove it and train again",
            )
        if same != zeros:
            instead = f'pad with {same} or use padding="same" in "{reader.name}" in its place'
            raise refuse(
                node,
                f'its zeros {zeros} are not those of padding="same" in "{reader.name}", which are {same}',
                kind="layer",
                expected=same,
                received=zeros,
                remedy=f"{instead if np.any(same) else 'remove it'}, and train again",
            )
    raise refuse(
        node,
        "cannot be converted to a layer of Akida 1.0",
        kind="layer",
        received=zeros,
        remedy='put padding="same" into the layers behind it with cnn2snn.transforms.prepare, which changes no output',
    )
