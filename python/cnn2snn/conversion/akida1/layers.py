"""The layer of Akida 1.0 that computes a block, still without variables."""

from __future__ import annotations

from typing import Any

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.conversion.akida1.inputs import ImageInput
from cnn2snn.conversion.block import Block, Kind
from cnn2snn.errors import InvalidArgumentError

__all__ = ["engine_layer"]

_WEIGHT_BITS = (2, 4, 8)
_ACT_BITS = (1, 2, 4)


def engine_layer(block: Block, *, image: ImageInput | None, is_read: bool, problems: Problems) -> akida.Layer:
    """The engine's layer for a block with weights.

    Args:
        block: the block.
        image: the images that the block reads; None where it reads none.
        is_read: whether another block reads this one.
        problems: receives widths that no layer has; the nearest ones are taken where errors are collected.

    Raises:
        UnsupportedModelError: the block cannot read images.
    """
    bits = _width(block.name, "weights", block.weights.bits, _WEIGHT_BITS, problems)
    arguments = {"name": block.name, "weights_bits": bits, **_activation(block, is_read, problems)}
    if block.kind is not Kind.DENSE:
        arguments |= {
            "kernel_size": block.window.size,
            "kernel_stride": block.window.stride,
            "filters": block.weights.filters,
            "padding": _padding(block),
            **_pooling(block),
        }
    if image is not None:
        return image.convolution(block, arguments)
    if block.kind is Kind.DENSE:
        return akida.FullyConnected(block.weights.filters, **arguments)
    cls = akida.SeparableConvolutional if block.kind is Kind.SEPARABLE else akida.Convolutional
    return cls(**arguments)


def _activation(block: Block, is_read: bool, problems: Problems) -> dict[str, Any]:
    if block.activation is not None:
        name, bits = block.activation.name, block.activation.bits
        return {"act_bits": _width(name, "activations", bits, _ACT_BITS, problems)}
    # A block that is read lacks an activation, which is reported; the rest is judged as if it were there.
    return {"act_bits": max(_ACT_BITS)} if is_read else {"activation": False}


def _width(layer: str, what: str, received: int, allowed: tuple[int, ...], problems: Problems) -> int:
    """A width that an engine layer has; the nearest one where errors are collected."""
    if received in allowed:
        return received
    listed = ", ".join(str(bits) for bits in allowed)
    problems.add(
        InvalidArgumentError(
            f'layer "{layer}": the bitwidth of {what} must be one of {listed}, received {received}',
            layer=layer,
            kind="weights_bits" if what == "weights" else "act_bits",
            expected=allowed,
            received=received,
            remedy="quantize the layer to one of them",
        )
    )
    return min(allowed, key=lambda bits: abs(bits - received))


def _padding(block: Block) -> akida.Padding:
    padding = block.window.padding
    if block.max_pooling is not None and block.window.size == (1, 1):
        # A 1x1 kernel has no border: the padding of the pooling rules.
        padding = block.max_pooling.padding
    elif block.max_pooling is None and not block.is_input and block.covers_evenly:
        # Chips have "same" alone behind the first layer, and it computes the same here.
        padding = "same"
    return akida.Padding.Same if padding == "same" else akida.Padding.Valid


def _pooling(block: Block) -> dict[str, Any]:
    if block.global_average:
        return {"pool_type": akida.PoolType.Average}
    if block.max_pooling is not None:
        window = block.max_pooling
        return {"pool_type": akida.PoolType.Max, "pool_size": window.size, "pool_stride": window.stride}
    return {}
