"""Layers of Akida 1.0: parameters, and variables as the published converter computes them before it fits widths."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn.conversion.quantizeml.akida1.ideal import Ideal, ideal_levels, ideal_output
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.fixed_point import scaled
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Bounded, Neural, Record, Separable
from cnn2snn.conversion.quantizeml.layer import Layer, invalid, refuse
from cnn2snn.conversion.quantizeml.padding import padding_of
from cnn2snn.conversion.quantizeml.quantizers import Rescale

__all__ = ["Made", "border_of", "main_of", "make"]

_MAIN = ("Conv2D", "SeparableConv2D", "Dense")
_WEIGHTS_BITS = {"InputConvolutional": (4, 8)}
_OTHER_WEIGHTS_BITS = (2, 4)
_ACT_BITS = (1, 2, 4)
_RULE = "quantize with activation_bits=4, weight_bits=4 and per_tensor_activations=True"

# Parameters, variables, and where levels begin.
Made = tuple[dict[str, Any], dict[str, np.ndarray], Ideal]


def main_of(block: Block) -> Layer:
    """The layer of a block that has weights."""
    return next(layer for layer in block.layers if layer.kind in _MAIN)


def border_of(walk: Walk, block: Block, type_name: str) -> int:
    """The border of a convolution, one value for all channels.

    Raises:
        InvalidArgumentError: several values, or one that the layer cannot have.
    """
    main = main_of(block)
    record = walk.records[main.name]
    padding = record.padding if isinstance(record, Neural) else None
    values = [0] if padding is None else sorted(set(padding.tolist()))
    limit = 255 if type_name == "InputConvolutional" else 0
    if len(values) > 1 or not 0 <= values[0] <= limit:
        raise invalid(
            main,
            f"its border must be one value in 0..{limit}, received {values}",
            kind="padding_value",
            expected=(0, limit),
            received=values,
            remedy="rescale all channels of images alike, so that 0 stands for one of their values",
        )
    return int(values[0])


def make(walk: Walk, block: Block, type_name: str, scales: np.ndarray | None) -> Made:
    """Parameters, variables and ideal of a layer.

    Args:
        walk: the integers.
        block: the block, whose pattern is known.
        type_name: the type of the layer.
        scales: what a unit of the block's sums is worth, where nothing but the Dequantizer reads it; else None.

    Raises:
        InvalidArgumentError, UnsupportedModelError: what no layer of Akida 1.0 can have.
    """
    main = main_of(block)
    record = walk.records[main.name]
    assert isinstance(record, Neural)
    filters = walk.shapes[main.name][-1]
    rescale = _levels(walk, block, scales is not None)
    parameters: dict[str, Any] = {"weights_bits": _weights_bits(main, record, type_name)}
    if type_name == "FullyConnected":
        parameters["units"] = filters
    else:
        parameters |= _window(walk, block, main, filters)
    parameters["activation"] = rescale is not None
    if rescale is not None:
        parameters["act_bits"] = rescale.bits
    if type_name == "InputConvolutional":
        parameters["input_shape"] = list(walk.shapes[main.inbounds[0]])
        parameters["padding_value"] = border_of(walk, block, type_name)
    elif type_name != "FullyConnected":
        border_of(walk, block, type_name)
    biases = _biases(walk, block, record, filters)
    variables = _weights(walk, block, record, type_name)
    threshold, act_step = -biases.astype(np.float64), np.ones(filters, np.float32)
    if rescale is not None:
        steps = _steps(rescale, filters)
        threshold = threshold + np.rint(np.float32(0.5) * steps)
        act_step = scaled(steps, np.asarray(rescale.bits - 4))
        ideal = ideal_levels(rescale, biases, _bounds(walk, block, filters))
    else:
        assert scales is not None
        with np.errstate(over="ignore"):
            act_step = (np.float32(1) / scales).astype(np.float32)
        ideal = ideal_output(scales, biases)
    variables |= {"threshold": _held(main, threshold), "act_step": _usable(main, act_step)}
    return parameters, variables, ideal


def _steps(rescale: Rescale, filters: int) -> np.ndarray:
    """The float32 steps r of levels."""
    assert rescale.scale is not None
    scale = np.broadcast_to(rescale.scale, (filters,)).astype(np.float32)
    return scaled(np.ones(filters, np.float32), -np.broadcast_to(rescale.shift, (filters,))) / scale


def _levels(walk: Walk, block: Block, is_last: bool) -> Rescale | None:
    """The output quantizer of a block, which must be that of a bounded ReLU; None for a last layer of floats."""
    output = block.output
    rescale = walk.records[output.name].rescale
    if output.kind != "ReLU":
        if is_last and rescale is None:
            return None
        problem = "the last layer" if is_last else "every layer but the last"
        rule = "must have no output quantizer where it has no ReLU" if is_last else "must end in a quantized ReLU"
        raise refuse(
            output,
            f"{problem} {rule}",
            kind="output_quantizer",
            remedy="quantize without last_output_bits" if is_last else "add a ReLU with max_value",
        )
    if output.arguments["max_value"] is None:
        raise refuse(
            output,
            "a ReLU of Akida 1.0 must have a max_value",
            kind="max_value",
            remedy="give it a max_value, for instance 6, and train",
        )
    quantizer = output.quantizers.get("output_quantizer")
    if rescale is None or quantizer is None:
        raise refuse(
            output,
            "a ReLU must have an output quantizer",
            kind="output_quantizer",
            remedy="end the model in a layer without activation, or quantize with last_output_bits=4",
        )
    if quantizer["axis"] != "per-tensor" or rescale.signed or rescale.bits not in _ACT_BITS:
        sign = "signed" if rescale.signed else "unsigned"
        raise invalid(
            output,
            f"levels of Akida 1.0 must be unsigned integers of 1, 2 or 4 bits per tensor, received {sign} "
            f"{rescale.bits} bits {quantizer['axis']}",
            kind="act_bits",
            expected=_ACT_BITS,
            received=rescale.bits,
            remedy=_RULE,
        )
    return rescale


def _weights_bits(main: Layer, record: Neural, type_name: str) -> int:
    allowed = _WEIGHTS_BITS.get(type_name, _OTHER_WEIGHTS_BITS)
    widths = {record.weights_bits}
    if isinstance(record, Separable):
        widths.add(record.depthwise_bits)
    if len(widths) > 1 or not widths <= set(allowed):
        raise invalid(
            main,
            f"the bitwidth of weights must be {' or '.join(map(str, allowed))}, the same for all its kernels, received "
            f"{' and '.join(map(str, sorted(widths)))}",
            kind="weights_bits",
            expected=allowed,
            received=sorted(widths),
            remedy=_RULE,
        )
    return record.weights_bits


def _window(walk: Walk, block: Block, main: Layer, filters: int) -> dict[str, Any]:
    arguments, pooling = main.arguments, block.find("MaxPool2D")
    parameters: dict[str, Any] = {
        "kernel_size": list(arguments["kernel_size"]),
        "filters": filters,
        "padding": padding_of(block, main, walk.shapes),
        "kernel_stride": list(arguments["strides"]),
    }
    if pooling is not None:
        size = pooling.arguments["pool_size"]
        stride = pooling.arguments["strides"] or size
        parameters |= {"pool_type": "Max", "pool_size": list(size), "pool_stride": list(stride)}
    if block.find("GlobalAveragePooling2D") is not None:
        parameters["pool_type"] = "Average"
    return parameters


def _weights(walk: Walk, block: Block, record: Record, type_name: str) -> dict[str, np.ndarray]:
    """Weights in the layout of the layer."""
    assert isinstance(record, Neural)
    weights = record.weights
    if isinstance(record, Separable):
        return {"weights": np.ascontiguousarray(record.depthwise[::-1, ::-1]), "weights_pw": weights}
    if type_name == "Convolutional":
        weights = weights[::-1, ::-1]
    if type_name == "FullyConnected":
        flatten = block.find("Flatten")
        shape = walk.shapes[flatten.inbounds[0]] if flatten is not None else (weights.shape[0],)
        if len(shape) == 3:
            # Akida 1.0 flattens the first axis fastest, Keras the last one.
            weights = weights.reshape(*shape, -1).transpose(2, 1, 0, 3)
        weights = weights.reshape(1, 1, -1, record.weights.shape[1])
    return {"weights": np.ascontiguousarray(weights)}


def _biases(walk: Walk, block: Block, record: Neural, filters: int) -> np.ndarray:
    """The biases B in units of what is thresholded: a global average sums all positions."""
    average = block.find("GlobalAveragePooling2D")
    positions = 1
    if average is not None:
        height, width = walk.shapes[average.inbounds[0]][:2]
        positions = height * width
    bias = np.zeros(filters, np.int64) if record.bias is None else record.bias.mantissa << record.bias.shift
    return bias * positions


def _bounds(walk: Walk, block: Block, filters: int) -> np.ndarray:
    record = walk.records[block.output.name]
    assert isinstance(record, Bounded)
    assert record.bound is not None
    return np.broadcast_to(record.bound.mantissa << record.bound.shift, (filters,))


def _usable(layer: Layer, act_step: np.ndarray) -> np.ndarray:
    if not np.all(np.isfinite(act_step) & (act_step > 0)):
        raise refuse(
            layer,
            "steps must be float32 numbers greater than zero",
            kind="act_step",
            remedy="calibrate the model on samples of its inputs",
        )
    return act_step


def _held(layer: Layer, threshold: np.ndarray) -> np.ndarray:
    limits = np.iinfo(np.int32)
    if not np.all((threshold >= limits.min) & (threshold <= limits.max)):
        raise refuse(
            layer,
            "thresholds must fit 32 bits",
            kind="threshold",
            remedy="a channel whose weights are next to zero is the usual cause: remove it, or train it again",
        )
    return threshold.astype(np.int32)
