"""Dense1D of Akida 2.0."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.akida2.convolution import weights_bits
from cnn2snn.conversion.akida2.stages import Parts, activation, held, output_stage, shared_variables
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.flattening import flatten_shift
from cnn2snn.conversion.quantizeml.integers.records import Neural
from cnn2snn.conversion.quantizeml.layer import refuse

__all__ = ["dense"]


def dense(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of a Dense1D.

    Behind the Flatten of a tensor that is quantized per axis, `input_shift` has an entry per channel of that tensor.

    Raises:
        InvalidArgumentError, UnsupportedModelError: an input that is no vector, or a Flatten in which values saturate.
    """
    main = block.find("Dense")
    assert main is not None
    record = walk.records[main.name]
    assert isinstance(record, Neural)
    shape = walk.shapes[main.inbounds[0]]
    if len(shape) > 3 or any(size != 1 for size in shape[:-1]):
        raise refuse(
            main,
            f"the input of a dense layer must be (channels,) or (1, 1, channels), received {shape}",
            kind="input_shape",
            expected="(channels,) or (1, 1, channels)",
            received=shape,
            remedy="put Flatten before it, or use a Conv2D of kernel size 1",
        )
    units = main.arguments["units"]
    parameters = {
        "units": units,
        "activation": activation(block),
        "buffer_bits": record.buffer_bits,
        "weights_bits": weights_bits(main, record),
    }
    variables = {"weights": record.weights, **shared_variables(walk, block, main, units)}
    flatten = block.find("Flatten")
    if flatten is not None and (shift := flatten_shift(walk, flatten)) is not None:
        variables["input_shift"] = held(flatten, "input_shift", shift, np.uint8)
    stage, stage_variables = output_stage(walk, block, units, record.buffer_bits)
    return {**parameters, **stage}, {**variables, **stage_variables}
