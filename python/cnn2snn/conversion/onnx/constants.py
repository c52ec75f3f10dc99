"""Constants of nodes as the variables of layers: checked types, mantissas with shifts, and powers of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn.conversion.onnx.functions import Function
from cnn2snn.conversion.onnx.graph import Node, invalid, refuse

__all__ = ["constant", "exponents", "output_stage", "shared_variables", "split_mantissa"]

# The entries of a table, and the place of the input 0 in it.
_TABLE = 2048


def constant(node: Node, name: str, kinds: str, size: int | None = None) -> np.ndarray:
    """A constant of a node.

    Args:
        node: the node.
        name: the name that its function gives the constant.
        kinds: the kinds of its type: "i" and "u" for integers, "f" for floats.
        size: how many values it must have, which come as one axis; one value stands for all. None keeps the shape.

    Raises:
        UnsupportedModelError: it is missing, or has another type or number of values.
    """
    values = node.constants.get(name)
    if values is None or values.dtype.kind not in kinds or (size is not None and values.size not in (1, size)):
        received = "none" if values is None else f"{values.dtype} of shape {values.shape}"
        expected = {"iu": "integers", "f": "floats"}[kinds] + ("" if size is None else f", 1 or {size}")
        raise refuse(
            node,
            f"the constant {name} must be {expected}, received {received}",
            kind="constant",
            expected=expected,
            received=received,
        )
    return values if size is None else np.broadcast_to(values.reshape(-1), (size,))


def split_mantissa(node: Node, name: str, values: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Integers as mantissa · 2^shift, with the smallest shift at which mantissas have `bits` bits without a sign.

    Args:
        node: the node, for messages.
        name: the constant.
        values: int64.
        bits: the width of mantissas.

    Raises:
        UnsupportedModelError: an integer that has bits below its mantissa.
    """
    widths = np.array([int(abs(value)).bit_length() for value in values.tolist()], np.int64)
    shifts = np.maximum(widths - bits, 0)
    mantissas = values >> shifts
    if np.any(mantissas << shifts != values):
        channel = int(np.argmax(mantissas << shifts != values))
        raise refuse(
            node,
            f"{name} must be integers of {bits} bits with a shift, received {int(values[channel])}",
            kind=name,
            received=int(values[channel]),
        )
    return mantissas, shifts


def exponents(node: Node, name: str, values: np.ndarray, low: int, high: int) -> np.ndarray:
    """The exponents of powers of two in low..high; int64.

    Raises:
        InvalidArgumentError: a value that is no such power.
    """
    mantissa, exponent = np.frexp(values.astype(np.float64))
    exponent = exponent.astype(np.int64) - 1
    wrong = (mantissa != 0.5) | (exponent < low) | (exponent > high)
    if np.any(wrong):
        received = float(values[np.argmax(wrong)])
        raise invalid(
            node,
            f"{name} must be powers of two from 2^{low} to 2^{high}, received {received:g}",
            kind=name,
            expected=(low, high),
            received=received,
        )
    return exponent


def shared_variables(node: Node, function: Function, channels: int) -> dict[str, np.ndarray]:
    """Bias, bound and table of a node with weights."""
    found: dict[str, np.ndarray] = {}
    if function.biased:
        bias = constant(node, "bias", "iu", channels).astype(np.int64)
        mantissa, shift = split_mantissa(node, "bias", bias, 7)
        found |= {"bias": mantissa.astype(np.int8), "bias_shift": shift.astype(np.uint8)}
    if function.clipped:
        bound = constant(node, "max_value", "iu", channels).astype(np.int64)
        if np.any(bound < 0):
            raise invalid(node, f"max_value must not be negative, received {bound.min()}", kind="max_value")
        mantissa, shift = split_mantissa(node, "max_value", bound, 8)
        found |= {"max_value": mantissa.astype(np.uint8), "max_value_shift": shift.astype(np.uint8)}
    if function.activation == "LUT":
        found |= _scaling(node, "ActScale", "ActShift", "activation", channels)
        table = constant(node, "LUT_values", "iu", _TABLE)
        # The file begins with the input 0, and negative inputs count from the end.
        found["lut_values"] = np.roll(_held(node, "LUT_values", table, np.int32), _TABLE // 2)
    return found


def output_stage(node: Node, function: Function, channels: int) -> tuple[int, dict[str, np.ndarray]]:
    """Output bits, scales and shifts. Without scaling, outputs are sums, which the published converter scales by 1."""
    if function.scaled:
        return 8, _scaling(node, "Scale", "Shift", "output", channels)
    return 32, {"output_scales": np.ones(channels, np.uint16), "output_shift": np.zeros(channels, np.int8)}


def _scaling(node: Node, scale: str, shift: str, name: str, channels: int) -> dict[str, np.ndarray]:
    exponent = exponents(node, shift, constant(node, shift, "f", channels), -31, 32)
    return {
        f"{name}_scales": _held(node, scale, constant(node, scale, "iu", channels), np.uint8),
        f"{name}_shift": (-exponent).astype(np.int8),
    }


def _held(node: Node, name: str, values: np.ndarray, dtype: Any) -> np.ndarray:
    limits = np.iinfo(dtype)
    if np.any(values < limits.min) or np.any(values > limits.max):
        raise invalid(
            node,
            f"{name} must be in {limits.min}..{limits.max}",
            kind=name,
            expected=(limits.min, limits.max),
        )
    return np.ascontiguousarray(values, dtype)
