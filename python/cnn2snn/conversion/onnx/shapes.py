"""What nodes give: a layer's parameters and variables, and the shape of its output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn2snn.conversion.onnx.graph import Node, refuse

__all__ = ["Made", "Shape", "require_map"]

# (height, width, channels), or (channels,).
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Made:
    """A layer that was made of a node.

    Attributes:
        parameters: its parameters.
        variables: its variables.
        shape: the shape of its output.
    """

    parameters: dict[str, Any]
    variables: dict[str, np.ndarray] = field(default_factory=dict)
    shape: Shape = ()


def require_map(node: Node, shape: Shape) -> tuple[int, int, int]:
    """Height, width and channels of an input that must be a map."""
    if len(shape) != 3:
        raise refuse(
            node,
            f"its input must be a map of channels, height and width, received {shape}",
            kind="input_shape",
            expected="(height, width, channels)",
            received=shape,
        )
    return shape[0], shape[1], shape[2]
