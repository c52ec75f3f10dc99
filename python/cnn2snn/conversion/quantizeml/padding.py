"""The padding of a convolution and of the max pooling behind it, for which a layer of Akida has one argument."""

from __future__ import annotations

from collections.abc import Mapping

from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.shapes import Shape

__all__ = ["padding_of"]


def padding_of(block: Block, main: Layer, shapes: Mapping[str, Shape]) -> str:
    """The padding of a block, "Same" or "Valid".

    Where windows fill a map, both paddings give the same windows.

    Args:
        block: the block.
        main: its convolution.
        shapes: the shapes of what layers give.

    Raises:
        UnsupportedModelError: the convolution and the max pooling need different ones.
    """
    arguments, pooling = main.arguments, block.find("MaxPool2D")
    # A border with a value is one of "same", although Keras pads outside of the convolution.
    same = arguments.get("padding_value") is not None or arguments["padding"] == "same"
    # A window of one value has no border, and is written so.
    any_fits = arguments["kernel_size"] == (1, 1)
    if pooling is None:
        return "Same" if same or any_fits else "Valid"
    pooled_same = pooling.arguments["padding"] == "same"
    size, shape = pooling.arguments["pool_size"], shapes[pooling.inbounds[0]]
    any_pools = _has_no_border(shape, size, pooling.arguments["strides"] or size)
    if any_fits:
        return "Same" if pooled_same or any_pools else "Valid"
    if pooled_same != same and not any_pools:
        wanted, other = ("same", "valid") if same else ("valid", "same")
        raise refuse(
            pooling,
            f"padding of a max pooling must be that of its convolution, {wanted}, received {other} on {shape[:2]}",
            kind="padding",
            expected=wanted,
            received=other,
            remedy=f"give both the same padding, or choose sizes that windows of {size} fill",
        )
    return "Same" if same else "Valid"


def _has_no_border(shape: Shape, size: tuple[int, int], strides: tuple[int, int]) -> bool:
    """Whether windows with padding "same" lie inside a map."""
    return all((n % step or step) >= window for n, window, step in zip(shape, size, strides, strict=False))
