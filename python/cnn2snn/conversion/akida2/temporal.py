"""Temporal layers of Akida 2.0: BufferTempConv and DepthwiseBufferTempConv."""

from __future__ import annotations

from typing import Any

from cnn2snn.conversion.akida2.convolution import weights_bits
from cnn2snn.conversion.akida2.stages import Parts, activation, output_stage, shared_variables
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Neural

__all__ = ["temporal"]


def temporal(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of a temporal layer.

    Raises:
        InvalidArgumentError: weights of more than 8 bits.
    """
    main = block.first
    record = walk.records[main.name]
    assert isinstance(record, Neural)
    channels = walk.shapes[main.name][-1]
    parameters: dict[str, Any] = {
        "fifo_size": main.arguments["kernel_size"],
        "buffer_bits": record.buffer_bits,
        "activation": activation(block),
        "weights_bits": weights_bits(main, record, tuple(range(2, 9))),
    }
    if type_name == "BufferTempConv":
        parameters["filters"] = channels
        weights = record.weights
    else:
        weights = record.weights[None, None]
    stage, variables = output_stage(walk, block, channels, record.buffer_bits)
    return {**parameters, **stage}, {"weights": weights, **shared_variables(walk, block, main, channels), **variables}
