"""One layer on the outputs of its inbounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import stage, sums, temporal
from .numbers import Exact, Format, sat

TEMPORAL = ("BufferTempConv", "DepthwiseBufferTempConv")


def buffer_bits(layer: dict[str, Any]) -> int:
    """B6."""
    return layer["params"].get("buffer_bits", 28 if layer["type"] == "StatefulRecurrent" else 32)


def output_format(layer: dict[str, Any], inbounds: list[Format]) -> Format:
    """B7, B8, G3, J3, K1, K2: the format of what a layer gives."""
    kind, params = layer["type"], layer["params"]
    if kind == "InputData":
        bits = params["input_bits"]
        return Format(bits, bits >= 8)
    if kind == "Quantizer":
        return Format(params["output_bits"], params["output_signed"])
    if kind == "Concatenate":
        signed = any(f.signed for f in inbounds)
        return Format(max(f.bits - f.signed for f in inbounds) + signed, signed)
    if kind == "PicoPostProcessing":
        return Format(1, False)
    return stage.output_format(layer)


def exact_sums(layer: dict[str, Any], x: np.ndarray, state: dict[str, np.ndarray], steps: type) -> np.ndarray:
    """Sections C, H2, H3, I1 to I5."""
    kind, params, weights = layer["type"], layer["params"], layer["variables"].get("weights")
    if kind == "InputConv2D":
        outside = np.broadcast_to(stage.variable(layer, "padding_value"), x.shape[-1:])
        return sums.input_conv(x, weights, params["kernel_stride"], params["padding"], outside)
    if kind == "BufferTempConv":
        return temporal.buffer_temp_conv(layer, x, state, buffer_bits(layer))
    if kind == "DepthwiseBufferTempConv":
        return temporal.depthwise_buffer_temp_conv(layer, x, state, buffer_bits(layer))
    if kind == "StatefulRecurrent":
        return temporal.recurrent(layer, x, state, buffer_bits(layer), steps)
    shifted = sat(x << stage.variable(layer, "input_shift"), buffer_bits(layer))
    if kind == "Conv2D":
        return sums.conv(shifted, weights, params["kernel_stride"], params["padding"])
    if kind == "DepthwiseConv2D":
        return sums.depthwise_conv(shifted, weights, params["kernel_stride"], params["padding"])
    if kind == "Conv2DTranspose":
        return sums.conv_transpose(shifted, weights)
    if kind == "DepthwiseConv2DTranspose":
        return sums.depthwise_conv_transpose(shifted, weights)
    if kind == "Dense1D":
        return sums.dense(shifted, weights)
    raise ValueError(f"no arithmetic for {kind}")


def add(layer: dict[str, Any], a: np.ndarray, b: np.ndarray, steps: type = Exact) -> np.ndarray:
    """G1."""
    bits = buffer_bits(layer)
    a = sat(a << stage.variable(layer, "a_shift"), bits)
    b = sat(b << stage.variable(layer, "b_shift"), bits)
    total = sat(a + b, bits)
    shifted = steps.rsh(total, stage.variable(layer, "output_shift"))
    return stage.output_format(layer).saturate(shifted)


def quantize(layer: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """K2 to K4."""
    if np.isnan(x).any():
        raise ValueError(f"{layer['name']}: NaN among the inputs")
    params = layer["params"]
    if params.get("channels_first"):
        x = np.moveaxis(x, 1, -1)
    result = Format(params["output_bits"], params["output_signed"])
    with np.errstate(over="ignore"):
        products = x.astype(np.float32) * layer["variables"]["scales"].astype(np.float32)
    # 2^20 is beyond all formats and zero points: it takes the place of infinities.
    rounded = np.clip(np.rint(products), -(2.0**20), 2.0**20).astype(np.int64)
    return result.saturate(rounded + stage.variable(layer, "zero_points"))


def dequantize(layer: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """K5."""
    with np.errstate(over="ignore", under="ignore"):
        return x.astype(np.float32) * layer["variables"]["scales"].astype(np.float32)


def evaluate(
    layer: dict[str, Any], inputs: list[np.ndarray], state: dict[str, np.ndarray], steps: type = Exact
) -> np.ndarray:
    """The outputs (int64; float32 of `Dequantizer`) of a layer; its state moves on by one call."""
    kind = layer["type"]
    if kind == "Quantizer":
        return quantize(layer, inputs[0])
    if kind == "Dequantizer":
        return dequantize(layer, inputs[0])
    inputs = [x.astype(np.int64) for x in inputs]
    if kind == "InputData":
        return inputs[0]
    if kind == "Concatenate":
        return np.concatenate(inputs, axis=3)
    if kind == "Add":
        return add(layer, *inputs, steps)
    if kind == "PicoPostProcessing":
        return temporal.pico_post_processing(layer, *inputs, steps)
    found = exact_sums(layer, inputs[0], state, steps)
    return stage.outputs(layer, found, buffer_bits(layer), steps)
