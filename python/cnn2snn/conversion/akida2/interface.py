"""Layers of Akida 2.0 at the ends of a model: InputData, Quantizer and Dequantizer."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn.conversion.akida2.stages import Parts, held
from cnn2snn.conversion.plan import LayerPlan
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.fixed_point import scaled
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Zeroed
from cnn2snn.conversion.quantizeml.layer import Layer, invalid, refuse

__all__ = ["dequantizer", "input_data", "is_image", "quantizer"]


def quantizer(walk: Walk, block: Block, type_name: str) -> Parts:
    """Parameters and variables of a Quantizer."""
    layer = block.first
    record = walk.records[layer.name]
    assert isinstance(record, Zeroed)
    channels = walk.shapes[layer.name][-1]
    parameters = {
        "input_shape": _map_shape(layer, walk.shapes[layer.name]),
        "output_bits": record.output.bits,
        "output_signed": record.output.signed,
    }
    exponents = np.broadcast_to(record.output.frac_bits, (channels,))
    variables = {"scales": scaled(np.ones(channels, np.float32), exponents)}
    if record.zero_points is not None:
        variables["zero_points"] = held(layer, "zero_points", record.zero_points, np.uint8, channels)
    return parameters, variables


def dequantizer(walk: Walk, block: Block, type_name: str) -> Parts:
    """The variables of a Dequantizer: scale · 2^(-frac_bits) per channel."""
    layer = block.first
    tensor = walk.records[layer.name].output
    channels = walk.shapes[layer.name][-1]
    scale = np.float32(1) if tensor.scale is None else tensor.scale
    scales = scaled(np.broadcast_to(scale, (channels,)), -tensor.frac_bits)
    if not np.all(np.isfinite(scales) & (scales > 0)):
        raise refuse(
            layer,
            "its scales must be finite and greater than zero",
            kind="scales",
            remedy="calibrate the model on samples of its inputs",
        )
    return {}, {"scales": scales}


def is_image(walk: Walk, source: Layer) -> bool:
    """Whether a model's input, or what its input quantizer gives, is an image: bytes of 1 or 3 channels."""
    shape, tensor = walk.shapes[source.name], walk.records[source.name].output
    if len(shape) != 3 or shape[-1] not in (1, 3):
        return False
    # Floats without an input quantizer are bytes in files of QuantizeML before 0.13.
    return _is_float(source) or (not tensor.signed and tensor.bits == 8)


def _is_float(source: Layer) -> bool:
    return source.kind == "InputLayer" and source.arguments["dtype"] == "float32"


def input_data(walk: Walk, source: Layer, name: str, inbounds: tuple[int, ...]) -> LayerPlan:
    """The layer that takes inputs that are no images.

    Args:
        walk: the integers.
        source: the model's input, or its input quantizer.
        name: the name of the layer.
        inbounds: the index of the Quantizer, where there is one.

    Raises:
        InvalidArgumentError: unsigned inputs.
        UnsupportedModelError: inputs of more than three dimensions.
    """
    tensor = walk.records[source.name].output
    if not tensor.signed:
        raise invalid(
            source,
            "only signed inputs are supported where the first layer is no image layer, received unsigned ones",
            kind="input_signed",
            expected="int8 or int16, or images of 1 or 3 channels whose first layer is a Conv2D with activation",
            received="unsigned",
            remedy=(
                "quantize with input_dtype int8, or begin with a Conv2D on 1 or 3 channels and its activation, between "
                "which a max pooling may stand"
            ),
        )
    # Older files have float inputs that stand for signed bytes.
    parameters: dict[str, Any] = {
        "input_shape": _map_shape(source, walk.shapes[source.name]),
        "input_bits": 8 if _is_float(source) else tensor.bits,
    }
    return LayerPlan(name, "InputData", inbounds, parameters)


def _map_shape(layer: Layer, shape: tuple[int, ...]) -> list[int]:
    if len(shape) > 3:
        raise refuse(
            layer,
            f"an input must have at most three dimensions, received {shape}",
            kind="input_shape",
            expected=3,
            received=shape,
            remedy="reshape the input; a clip goes through temporal layers frame by frame",
        )
    return [1] * (3 - len(shape)) + list(shape)
