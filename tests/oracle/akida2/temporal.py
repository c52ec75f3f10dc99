"""Sections H, I and J: queues, recurrent states, and the decision on their outputs.

A state is a dictionary of arrays whose first axis is the stream. It is empty at the start of a session: zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .numbers import Exact, clip, sat
from .stage import variable


def next_queue(layer: dict[str, Any], x: np.ndarray, state: dict[str, np.ndarray]) -> np.ndarray:
    """H1: the queue (n, T, X, Y, C) with the new frame as its last, kept in `state`."""
    length = layer["params"]["fifo_size"]
    queue = state.get("queue")
    if queue is None:
        queue = np.zeros((len(x), length, *x.shape[1:]), np.int64)
    state["queue"] = np.concatenate([queue[:, 1:], x[:, None]], axis=1)
    return state["queue"]


def buffer_temp_conv(layer: dict[str, Any], x: np.ndarray, state: dict[str, np.ndarray], bits: int) -> np.ndarray:
    """H2: the sums."""
    shifted = sat(next_queue(layer, x, state) << variable(layer, "input_shift"), bits)
    length, channels = shifted.shape[1], shifted.shape[-1]
    w = variable(layer, "weights")[0, 0]
    return sum(shifted[:, t] @ w[t * channels : (t + 1) * channels] for t in range(length))


def depthwise_buffer_temp_conv(
    layer: dict[str, Any], x: np.ndarray, state: dict[str, np.ndarray], bits: int
) -> np.ndarray:
    """H3: the sums."""
    shifted = sat(next_queue(layer, x, state) << variable(layer, "input_shift"), bits)
    w = variable(layer, "weights")[0, 0]
    return sum(shifted[:, t] * w[t] for t in range(shifted.shape[1]))


def recurrent(
    layer: dict[str, Any], x: np.ndarray, state: dict[str, np.ndarray], buffer_bits: int, steps: type = Exact
) -> np.ndarray:
    """I1 to I5: the sums (n, 1, T / subsample, Cout) of inputs (n, 1, T, Cin)."""
    shifted = sat(x[:, 0] << variable(layer, "input_shift"), buffer_bits)
    proj = sat(shifted @ variable(layer, "in_proj"), buffer_bits)
    # 32 signed bits at most, and a scale below 2^16: 2^47.
    scaled = steps.clip(steps.product(proj, variable(layer, "new_state_scale", 1)), 31)
    u = steps.clip(steps.rsh(scaled, variable(layer, "new_state_shift")), 31)

    a_real, a_imag = variable(layer, "A_real"), variable(layer, "A_imag")
    back = variable(layer, "internal_state_outputs_shift")
    zeros = np.zeros((len(x), proj.shape[-1]), np.int64)
    real, imaginary = state.get("real", zeros), state.get("imaginary", zeros)
    kept = []
    for t in range(x.shape[2]):

        def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return steps.clip(steps.product(a, b), 31)

        difference = steps.clip(steps.add(product(real, a_real), -product(imaginary, a_imag)), 31)
        next_real = steps.clip(steps.add(difference, u[:, t]), 31)
        next_imaginary = steps.clip(steps.add(product(real, a_imag), product(imaginary, a_real)), 31)
        real = steps.clip(steps.rsh(next_real, back), 15)
        imaginary = steps.clip(steps.rsh(next_imaginary, back), 15)
        if (t + 1) % layer["params"]["subsample"] == 0:
            kept.append(real)
    state["real"], state["imaginary"] = real, imaginary
    return (np.stack(kept, axis=1) @ variable(layer, "out_proj"))[:, None]


def pico_post_processing(layer: dict[str, Any], acc: np.ndarray, target: np.ndarray, steps: type = Exact) -> np.ndarray:
    """J1 to J3: (n, 1, 1, C) of accumulators and targets (n, 1, T, C)."""
    bits = layer["params"].get("buffer_bits", 44)
    product = steps.clip(steps.product(acc, variable(layer, "input_scales", 1)), bits)
    # Beyond 17 bits a left shift changes nothing that clip_15 would show, so none passes 64 bits.
    shift = variable(layer, "input_shift")
    product = np.where(shift > 0, clip(product, 16), product)
    prediction = steps.clip(steps.rsh(product, shift), 15)
    distance = np.minimum(np.abs(prediction - target), 32767)
    mean = distance.sum(axis=2, keepdims=True) // acc.shape[2]
    return (mean >= variable(layer, "threshold")).astype(np.int64)
