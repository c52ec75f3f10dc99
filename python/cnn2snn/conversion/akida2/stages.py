"""Variables and parameters that layers share: bias, activation and output stage."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Bounded, Neural, Tabled
from cnn2snn.conversion.quantizeml.layer import Layer, invalid, refuse
from cnn2snn.conversion.quantizeml.quantizers import Aligned, Rescale

__all__ = ["Parts", "activation", "held", "output_stage", "shared_variables"]

Parts = tuple[dict[str, Any], dict[str, np.ndarray]]


def held(layer: Layer, name: str, values: np.ndarray, dtype: Any, count: int | None = None) -> np.ndarray:
    """A variable in the type that holds it, one entry per channel.

    Args:
        layer: the layer, for messages.
        name: the variable.
        values: integers of any shape, or of shape () that stands for all channels.
        dtype: the integer type.
        count: how many channels there are; None keeps the shape.

    Raises:
        UnsupportedModelError: a value that the type does not hold.
    """
    limits = np.iinfo(dtype)
    low, high = int(np.min(values)), int(np.max(values))
    if low < limits.min or high > limits.max:
        raise refuse(
            layer,
            f"{name} must be in {limits.min}..{limits.max}, received {low if low < limits.min else high}",
            kind=name,
            expected=(limits.min, limits.max),
            received=low if low < limits.min else high,
            remedy="a channel whose weights are next to zero is the usual cause: remove it, or train it again",
        )
    found = values if count is None else np.broadcast_to(values, (count,))
    return np.ascontiguousarray(found, dtype)


def activation(block: Block) -> str:
    """The activation of a block, in the words of the API."""
    if block.find("ReLU") is not None:
        return "ReLU"
    return "LUT" if block.find("LUT") is not None else "NoActivation"


def shared_variables(walk: Walk, block: Block, main: Layer, channels: int) -> dict[str, np.ndarray]:
    """Input shift, bias, bound or table of a block with weights.

    Args:
        walk: the integers.
        block: the block.
        main: its layer with weights.
        channels: how many channels it gives.
    """
    record = walk.records[main.name]
    assert isinstance(record, Neural)
    found = {}
    if record.input_shift is not None:
        found["input_shift"] = held(main, "input_shift", record.input_shift, np.uint8)
    if record.bias is not None:
        found |= _aligned(main, "bias", record.bias, np.int8, channels)
    if (layer := block.find("ReLU")) is not None:
        bounded = walk.records[layer.name]
        assert isinstance(bounded, Bounded)
        if bounded.bound is not None:
            found |= _aligned(layer, "max_value", bounded.bound, np.uint8, channels)
    if (layer := block.find("LUT")) is not None:
        tabled = walk.records[layer.name]
        assert isinstance(tabled, Tabled)
        assert record.rescale is not None
        found |= _rescale(main, "activation", record.rescale, channels)
        found["lut_values"] = tabled.values
    return found


def output_stage(walk: Walk, block: Block, channels: int, buffer_bits: int) -> Parts:
    """Output bits, and scales and shifts of the block's output quantizer.

    Without one, outputs are sums of `buffer_bits` bits.

    Raises:
        InvalidArgumentError: more bits than sums have.
    """
    layer = block.output
    rescale = walk.records[layer.name].rescale
    if rescale is None:
        return {"output_bits": buffer_bits}, {}
    if rescale.bits >= buffer_bits:
        raise invalid(
            layer,
            f"an output quantizer must have fewer bits than the accumulator, received {rescale.bits} for {buffer_bits}",
            kind="output_bits",
            expected=buffer_bits - 1,
            received=rescale.bits,
        )
    parameters = {"output_bits": rescale.bits, "post_op_buffer_bits": rescale.buffer_bits}
    return parameters, _rescale(layer, "output", rescale, channels)


def _aligned(layer: Layer, name: str, values: Aligned, dtype: Any, channels: int) -> dict[str, np.ndarray]:
    return {
        name: held(layer, name, values.mantissa, dtype, channels),
        f"{name}_shift": held(layer, f"{name}_shift", values.shift, np.uint8, channels),
    }


def _rescale(layer: Layer, name: str, rescale: Rescale, channels: int) -> dict[str, np.ndarray]:
    """Scales and shifts.

    Shifts are not raised to what the published converter allows, 1 - buffer_bits: a raised shift gives other outputs.
    """
    found = {}
    if rescale.scale is not None:
        dtype = np.uint8 if rescale.scale_bits <= 8 else np.uint16
        found[f"{name}_scales"] = held(layer, f"{name}_scales", rescale.scale, dtype, channels)
    found[f"{name}_shift"] = held(layer, f"{name}_shift", rescale.shift, np.int8, channels)
    return found
