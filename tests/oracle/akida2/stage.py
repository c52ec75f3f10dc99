"""Sections D and E: from exact sums to outputs, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import geometry
from .numbers import INT32, Exact, Format, sat

LUT_MIDDLE = 1024


def variable(layer: dict[str, Any], name: str, default: int = 0) -> np.ndarray:
    """A variable in 64 bits, or what B5 says where it is not set."""
    values = layer["variables"].get(name)
    return np.int64(default) if values is None else np.asarray(values).astype(np.int64)


def is_quantized(layer: dict[str, Any]) -> bool:
    """B5: a layer has an output quantizer when `output_shift` is set."""
    return "output_shift" in layer["variables"]


def output_format(layer: dict[str, Any]) -> Format:
    """B7 and B8."""
    if not is_quantized(layer):
        return INT32
    params = layer["params"]
    bits = params.get("output_bits", 8)
    signed = params.get("output_signed")
    if signed is None:
        signed = not (params.get("activation") == "ReLU" and bits < 8)
    return Format(bits, bool(signed))


def activation(layer: dict[str, Any], acc: np.ndarray, steps: type = Exact) -> np.ndarray:
    """D4."""
    kind = layer["params"].get("activation", "NoActivation")
    if kind == "ReLU":
        acc = np.maximum(acc, 0)
        if "max_value" in layer["variables"]:
            acc = np.minimum(acc, variable(layer, "max_value") << variable(layer, "max_value_shift"))
        return acc
    return look_up(layer, acc, steps) if kind == "LUT" else acc


def look_up(layer: dict[str, Any], acc: np.ndarray, steps: type = Exact) -> np.ndarray:
    """E1 and E2."""
    p = steps.clip(steps.product(acc, variable(layer, "activation_scales", 1)), 32)
    index = steps.clip(steps.rsh(p, variable(layer, "activation_shift")), 10)
    return variable(layer, "lut_values")[index + LUT_MIDDLE]


def rescale(layer: dict[str, Any], acc: np.ndarray, steps: type = Exact) -> np.ndarray:
    """D7 to D9. |acc| is at most 2^32 and a scale below 2^16, so the product is far from 2^63."""
    p = steps.clip(steps.product(acc, variable(layer, "output_scales", 1)), 32)
    return output_format(layer).saturate(steps.rsh(p, variable(layer, "output_shift")))


def outputs(layer: dict[str, Any], sums: np.ndarray, buffer_bits: int, steps: type = Exact) -> np.ndarray:
    """D1 to D9 for sums of the shape (n, X, Y, C), as the layer's parameters ask for."""
    params = layer["params"]
    acc = sat(sums, buffer_bits)
    acc = sat(acc + (variable(layer, "bias") << variable(layer, "bias_shift")), buffer_bits)
    if params.get("pool_type") == "Max":
        size = params["pool_size"]
        acc = geometry.max_pool(acc, size, params.get("pool_stride") or size, params["padding"])
    acc = activation(layer, acc, steps)
    if params.get("pool_type") == "Average":
        acc = steps.clip(acc.sum(axis=(1, 2), keepdims=True), 32)
    return rescale(layer, acc, steps) if is_quantized(layer) else acc
