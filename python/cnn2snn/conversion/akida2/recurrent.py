"""Recurrent layers of Akida 2.0: StatefulRecurrent and PicoPostProcessing."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.akida2.stages import Parts, activation, held, output_stage, shared_variables
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Neural, Picked, Recurrent
from cnn2snn.conversion.quantizeml.layer import refuse

__all__ = ["pico", "recurrent"]

# The width of the product after the scale where the block has no output quantizer that states it.
_POST_OP_BITS = 32


def recurrent(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of a StatefulRecurrent, which four Keras layers make up.

    Raises:
        UnsupportedModelError: a first projection with bias, output quantizer or subsampling, another token than the
            real part, or projections of different accumulators.
    """
    enter, states, token, leave = block.layers[:4]
    first, state, last = (walk.records[layer.name] for layer in (enter, states, leave))
    assert isinstance(first, Neural)
    assert isinstance(state, Recurrent)
    assert isinstance(last, Neural)
    assert state.rescale is not None
    assert state.rescale.scale is not None
    rank = len(walk.shapes[states.name])
    for layer, wrong, problem, remedy in (
        (enter, enter.arguments["use_bias"], "the projection before states must have no bias", "use_bias=False"),
        (enter, enter.arguments["subsample"] != 1, "the projection before states must keep every step", "subsample=1"),
        (
            token,
            token.arguments["token"] != 0 or token.arguments["axis"] not in (-1, rank),
            "token 0 of the last axis, the real part of the states, must be taken",
            "ExtractToken(0, axis=-1)",
        ),
        (
            leave,
            first.buffer_bits != last.buffer_bits,
            f"both projections must have one accumulator, received {first.buffer_bits} and {last.buffer_bits} bits",
            "the same buffer_bitwidth",
        ),
        (
            leave,
            first.weights_bits != 8 or last.weights_bits != 8,
            f"weights of projections must have 8 bits, received {first.weights_bits} and {last.weights_bits}",
            "weight_bits 8",
        ),
    ):
        if wrong:
            raise refuse(layer, problem, kind="structure", remedy=f"build the model with {remedy}")
    stateful, channels = enter.arguments["units"], leave.arguments["units"]
    stage, output_variables = output_stage(walk, block, channels, last.buffer_bits)
    if walk.records[block.output.name].rescale is None and (last.bias is not None or activation(block) == "ReLU"):
        # A bias and a ReLU are computed in 32 bits.
        stage = {"output_bits": _POST_OP_BITS}
    variables = {
        "in_proj": first.weights,
        "new_state_scale": held(states, "new_state_scale", state.rescale.scale, np.uint8, stateful),
        "new_state_shift": held(states, "new_state_shift", state.rescale.shift, np.int8, stateful),
        "A_real": held(states, "A_real", state.a_real, np.int16),
        "A_imag": held(states, "A_imag", state.a_imag, np.int16),
        "internal_state_outputs_shift": held(
            states, "internal_state_outputs_shift", state.state_shift, np.int8, stateful
        ),
        "out_proj": last.weights,
        **shared_variables(walk, block, leave, channels),
        **output_variables,
    }
    if first.input_shift is not None:
        variables["input_shift"] = held(enter, "input_shift", first.input_shift, np.uint8)
    parameters = {
        "stateful_channels": stateful,
        "output_channels": channels,
        "subsample": leave.arguments["subsample"],
        "activation": activation(block),
        "buffer_bits": first.buffer_bits,
        "post_op_buffer_bits": _POST_OP_BITS,
        **stage,
    }
    return parameters, variables


def pico(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of a PicoPostProcessing.

    Raises:
        UnsupportedModelError: a target that is not the model's input of integers.
    """
    layer = block.first
    record = walk.records[layer.name]
    assert isinstance(record, Picked)
    assert record.rescale is not None
    assert record.rescale.scale is not None
    prediction, target = layer.inbounds
    if block.sources[1] is not None:
        raise refuse(
            layer,
            f'its target must be the input of the model, received "{target}"',
            kind="inbound",
            received=target,
            remedy="pass the input of the model as y_true",
        )
    if walk.shapes[prediction] != walk.shapes[target]:
        raise refuse(
            layer,
            f"prediction and target must have one shape, received {walk.shapes[prediction]} and {walk.shapes[target]}",
            kind="input_shape",
            received=(walk.shapes[prediction], walk.shapes[target]),
            remedy="predict as many steps and channels as the input has",
        )
    channels = walk.shapes[prediction][-1]
    return {"buffer_bits": layer.settings["buffer_bitwidth"]}, {
        "input_scales": held(layer, "input_scales", record.rescale.scale, np.uint16, channels),
        "input_shift": held(layer, "input_shift", record.rescale.shift, np.int8, channels),
        "threshold": np.full(channels, record.threshold, np.uint16),
    }
