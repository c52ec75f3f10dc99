"""Convolutions of Akida 2.0: InputConv2D, Conv2D, DepthwiseConv2D and the transposed ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn.conversion.akida2.stages import Parts, activation, output_stage, shared_variables
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Neural
from cnn2snn.conversion.quantizeml.layer import Layer, invalid, refuse
from cnn2snn.conversion.quantizeml.padding import padding_of

__all__ = ["convolution", "transposed"]

_TRANSPOSED_SIZES = (3, 4)


def convolution(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of an InputConv2D, a Conv2D or a DepthwiseConv2D.

    Raises:
        InvalidArgumentError, UnsupportedModelError: windows that are not square, widths that no layer has, paddings
            that differ, or a border that the layer cannot have.
    """
    main = block.first
    record = _record(walk, main)
    shape, channels = walk.shapes[main.inbounds[0]], walk.shapes[main.name][-1]
    is_image = type_name == "InputConv2D"
    padding = padding_of(block, main, walk.shapes)
    parameters: dict[str, Any] = {
        "kernel_size": _single(main, "kernel_size"),
        "activation": activation(block),
        "buffer_bits": record.buffer_bits,
        "weights_bits": weights_bits(main, record),
        "padding": padding,
        "kernel_stride": _single(main, "strides"),
        **_pooling(block),
    }
    if is_image:
        parameters["input_shape"] = list(shape)
    if main.kind != "DepthwiseConv2D":
        parameters["filters"] = channels
    # Conv2D and DepthwiseConv2D convolve, with kernels that are turned; Keras correlates.
    weights = record.weights if is_image else record.weights[::-1, ::-1]
    variables = {"weights": np.ascontiguousarray(weights), **shared_variables(walk, block, main, channels)}
    stage, stage_variables = output_stage(walk, block, channels, record.buffer_bits)
    _set_border(main, record, shape[-1], is_image, variables)
    return {**parameters, **stage}, {**variables, **stage_variables}


def transposed(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of a Conv2DTranspose or DepthwiseConv2DTranspose.

    Raises:
        InvalidArgumentError, UnsupportedModelError: another kernel size than 3 or 4, another stride than 2, or another
            padding than "same".
    """
    main = block.first
    record = _record(walk, main)
    channels = walk.shapes[main.name][-1]
    size = _single(main, "kernel_size")
    for name, received, allowed in (
        ("kernel_size", size, _TRANSPOSED_SIZES),
        ("strides", _single(main, "strides"), (2,)),
        ("padding", main.arguments["padding"], ("same",)),
        ("output_padding", main.arguments["output_padding"], (None,)),
    ):
        if received not in allowed:
            listed = " or ".join(map(str, allowed))
            raise invalid(
                main,
                f"{name} of a transposed convolution must be {listed}, received {received}",
                kind=name,
                expected=allowed,
                received=received,
                remedy="upsample by transposed convolutions of kernel size 3 or 4, stride 2 and padding same",
            )
    parameters: dict[str, Any] = {
        "kernel_size": size,
        "activation": activation(block),
        "buffer_bits": record.buffer_bits,
        "weights_bits": weights_bits(main, record),
    }
    if type_name == "Conv2DTranspose":
        parameters["filters"] = channels
    stage, stage_variables = output_stage(walk, block, channels, record.buffer_bits)
    variables = {"weights": np.ascontiguousarray(record.weights), **shared_variables(walk, block, main, channels)}
    return {**parameters, **stage}, {**variables, **stage_variables}


def weights_bits(layer: Layer, record: Neural, allowed: tuple[int, ...] = (4, 8)) -> int:
    """The width of the weights, which must be one of `allowed`."""
    if record.weights_bits not in allowed:
        raise invalid(
            layer,
            f"the bitwidth of weights must be {' or '.join(map(str, allowed))}, received {record.weights_bits}",
            kind="weights_bits",
            expected=allowed,
            received=record.weights_bits,
            remedy="quantize with weight_bits and input_weight_bits of one of them",
        )
    return record.weights_bits


def _record(walk: Walk, layer: Layer) -> Neural:
    record = walk.records[layer.name]
    assert isinstance(record, Neural)
    return record


def _single(layer: Layer, name: str) -> int:
    """A size that must be the same in both directions."""
    first, second = layer.arguments[name]
    if first != second:
        raise invalid(
            layer,
            f"{name} must be square, received {(first, second)}",
            kind=name,
            expected="square",
            received=(first, second),
            remedy="use a square one",
        )
    return first


def _pooling(block: Block) -> dict[str, Any]:
    if block.find("GlobalAveragePooling2D") is not None:
        return {"pool_type": "Average"}
    pooling = block.find("MaxPool2D")
    if pooling is None:
        return {}
    size = _single(pooling, "pool_size")
    stride = size if pooling.arguments["strides"] is None else _single(pooling, "strides")
    return {"pool_type": "Max", "pool_size": size, "pool_stride": stride}


def _set_border(layer: Layer, record: Neural, channels: int, is_image: bool, variables: dict[str, np.ndarray]) -> None:
    """Adds the border of an image layer; other layers have a border of zeros."""
    border = np.zeros(channels, np.int64) if record.padding is None else record.padding
    low, high = int(np.min(border)), int(np.max(border))
    limit = 255 if is_image else 0
    if low < 0 or high > limit:
        raise invalid(
            layer,
            f"its border must be in 0..{limit}, received {low if low < 0 else high}",
            kind="padding_value",
            expected=(0, limit),
            received=low if low < 0 else high,
            remedy=(
                "rescale images so that 0 stands for one of their values"
                if is_image
                else "quantize with input_dtype int8, whose inputs have no zero point"
            ),
        )
    if not is_image:
        return
    if "input_shift" in variables:
        if np.any(variables.pop("input_shift")):
            raise refuse(
                layer,
                "the channels of an image must have one number of fractional bits, received several",
                kind="input_shift",
                remedy="quantize with per_tensor_activations=True, or with input_dtype int8",
            )
    variables["padding_value"] = border.astype(np.uint8)
