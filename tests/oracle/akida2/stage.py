"""Sections D and E: from exact sums to outputs, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import geometry
from .numbers import INT32, Exact, Format, sat

LUT_MIDDLE = 1024


def variable(layer: dict[str, Any], name: str, default: int = 0) -> np.ndarray:
    """A variable in 64 bits, or what B5 says where it is not set.

    Longer shifts are cut: 40 places take every value but 0 beyond all saturations, and −62 take every value to 0.
    """
    values = layer["variables"].get(name)
    values = np.int64(default) if values is None else np.asarray(values).astype(np.int64)
    return np.clip(values, -62, 40) if name.endswith("_shift") else values


def post_op_bits(layer: dict[str, Any]) -> int:
    """B6."""
    return layer["params"].get("post_op_buffer_bits", 32)


def output_format(layer: dict[str, Any]) -> Format:
    """B7 and B8."""
    params = layer["params"]
    bits = params.get("output_bits", 8)
    if bits > 16:
        return INT32
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
            bound = variable(layer, "max_value")
            acc = np.where(bound < 0, acc, np.minimum(acc, bound << variable(layer, "max_value_shift")))
        return acc
    return look_up(layer, acc, steps) if kind == "LUT" else acc


def look_up(layer: dict[str, Any], acc: np.ndarray, steps: type = Exact) -> np.ndarray:
    """E1 and E2."""
    p = steps.clip(steps.product(acc, variable(layer, "activation_scales", 1)), post_op_bits(layer))
    index = steps.clip(steps.rsh(p, variable(layer, "activation_shift")), 10)
    return table(layer)[index + LUT_MIDDLE]


def table(layer: dict[str, Any]) -> np.ndarray:
    """E2: the entries, zeros where they are not set."""
    return np.broadcast_to(variable(layer, "lut_values"), 2 * LUT_MIDDLE)


def rescale(layer: dict[str, Any], acc: np.ndarray, steps: type = Exact) -> np.ndarray:
    """D6 to D8. |acc| is at most 2^32 and a scale below 2^16, so the product is far from 2^63."""
    p = steps.clip(steps.product(acc, variable(layer, "output_scales", 1)), post_op_bits(layer))
    return output_format(layer).saturate(steps.rsh(p, variable(layer, "output_shift")))


def outputs(layer: dict[str, Any], sums: np.ndarray, buffer_bits: int, steps: type = Exact) -> np.ndarray:
    """D1 to D8 for sums of the shape (n, X, Y, C), as the layer's parameters ask for."""
    params = layer["params"]
    acc = sat(sums, buffer_bits)
    acc = sat(acc + (variable(layer, "bias") << variable(layer, "bias_shift")), buffer_bits)
    if params.get("pool_type") == "Max":
        size = params["pool_size"]
        acc = geometry.max_pool(acc, size, params.get("pool_stride") or size, params["padding"])
    acc = activation(layer, acc, steps)
    if params.get("pool_type") == "Average":
        acc = steps.clip(acc.sum(axis=(1, 2), keepdims=True), 32)
    return rescale(layer, acc, steps)
