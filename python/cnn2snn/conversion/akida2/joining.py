"""Layers of Akida 2.0 that join tensors: Add and Concatenate."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.akida2.stages import Parts, held, output_stage
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Joined

__all__ = ["add", "concatenate"]


def add(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of an Add."""
    layer = block.first
    record = walk.records[layer.name]
    assert isinstance(record, Joined)
    channels = walk.shapes[layer.name][-1]
    buffer_bits = record.accumulated.bits
    stage, variables = output_stage(walk, block, channels, buffer_bits)
    shifts = {
        name: held(layer, name, shift, np.uint8, channels)
        for name, shift in zip(("a_shift", "b_shift"), record.shifts, strict=True)
    }
    return {"buffer_bits": buffer_bits, **stage}, {**shifts, **variables}


def concatenate(walk: Walk, block: Block, type_name: str) -> Parts:
    """A Concatenate, which has neither parameters nor variables."""
    return {}, {}
