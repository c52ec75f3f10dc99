"""Tables of activations: one integer for each of the 2048 inputs of 11 bits."""

from __future__ import annotations

import math

import numpy as np

from cnn2snn.conversion.quantizeml.fixed_point import scaled, to_integers

__all__ = ["ACTIVATIONS", "INPUT_BITS", "activation_table"]

# The width of the inputs, sign included.
INPUT_BITS = 11
# The width of the entries without a sign.
_VALUE_BITS = 13


def activation_table(activation: str, alpha: float, frac_bits: int) -> tuple[np.ndarray, np.float32]:
    """The integers of an activation and their scale.

    Args:
        activation: a name of `ACTIVATIONS`.
        alpha: the slope of a leaky ReLU below zero.
        frac_bits: the fractional bits of the inputs.

    Returns:
        int32 of shape (2048,), for the inputs -1024 to 1023, and the scale.
    """
    inputs = scaled(np.arange(-1024, 1024), np.asarray(-frac_bits))
    values = ACTIVATIONS[activation](inputs, np.float32(alpha))
    scale = np.max(np.abs(values)) / np.float32(2**_VALUE_BITS - 1)
    return to_integers(values / scale, _VALUE_BITS).astype(np.int32), scale


def _gelu(x: np.ndarray, _: np.float32) -> np.ndarray:
    erf = np.array([math.erf(v) for v in (x / np.float32(math.sqrt(2))).tolist()], np.float32)
    return np.float32(0.5) * x * (np.float32(1) + erf)


def _swish(x: np.ndarray, _: np.float32) -> np.ndarray:
    # In double precision, because the last bit of a float32 exponential differs between libraries.
    with np.errstate(over="ignore"):
        sigmoid = 1 / (1 + np.exp(-x.astype(np.float64)))
    return x * sigmoid.astype(np.float32)


def _hard_silu(x: np.ndarray, _: np.float32) -> np.ndarray:
    return x * (np.clip(x + np.float32(3), np.float32(0), np.float32(6)) / np.float32(6))


def _leaky_relu(x: np.ndarray, alpha: np.float32) -> np.ndarray:
    return np.where(x > 0, x, alpha * x)


ACTIVATIONS = {"gelu": _gelu, "swish": _swish, "hard_silu": _hard_silu, "leaky_relu": _leaky_relu}
