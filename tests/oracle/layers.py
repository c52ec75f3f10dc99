"""Sections C and D: from the integer inputs of a layer to its potentials.

Arrays are int64. Maps have the shape (n, X, Y, C), the batch first; pairs are (height, width).
"""

from __future__ import annotations

import numpy as np

Pair = tuple[int, int]


def axis_windows(size: int, window: int, stride: int, padding: str) -> tuple[int, int]:
    """The number of windows along an axis, and the border cells before the map (C1, C2)."""
    if padding == "Same":
        out = -(-size // stride)
        total = max((out - 1) * stride + window - size, 0)
        return out, total // 2
    if padding != "Valid" or size < window:
        raise ValueError(f"no {padding} window of {window} cells in {size}")
    return (size - window) // stride + 1, 0


def _shifted(x: np.ndarray, shift: Pair, out: Pair, stride: Pair, outside: int) -> np.ndarray:
    """x[i·sh + shift, j·sw + shift] for every output position, `outside` beyond the map."""
    result = np.full((x.shape[0], *out, x.shape[3]), outside, np.int64)
    for i in range(out[0]):
        for j in range(out[1]):
            row, column = i * stride[0] + shift[0], j * stride[1] + shift[1]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                result[:, i, j] = x[:, row, column]
    return result


def _taps(x: np.ndarray, kernel: Pair, stride: Pair, padding: str, outside: int):
    """For each kernel position (u, v): the inputs that meet it, over all output positions (C2)."""
    rows, top = axis_windows(x.shape[1], kernel[0], stride[0], padding)
    columns, left = axis_windows(x.shape[2], kernel[1], stride[1], padding)
    for u in range(kernel[0]):
        for v in range(kernel[1]):
            yield u, v, _shifted(x, (u - top, v - left), (rows, columns), stride, outside)


def input_convolutional(
    x: np.ndarray, weights: np.ndarray, stride: Pair, padding: str, padding_value: int
) -> np.ndarray:
    """C3: a cross-correlation; `padding_value` outside the image."""
    w = weights.astype(np.int64)
    taps = _taps(x, w.shape[:2], stride, padding, padding_value)
    return sum(inputs @ w[u, v] for u, v, inputs in taps)


def convolutional(x: np.ndarray, weights: np.ndarray, stride: Pair, padding: str) -> np.ndarray:
    """C4: a true convolution, the kernel flipped on both spatial axes; 0 outside the map."""
    w = weights.astype(np.int64)
    kh, kw = w.shape[:2]
    taps = _taps(x, (kh, kw), stride, padding, 0)
    return sum(inputs @ w[kh - 1 - u, kw - 1 - v] for u, v, inputs in taps)


def separable_convolutional(
    x: np.ndarray, weights: np.ndarray, weights_pw: np.ndarray, stride: Pair, padding: str
) -> np.ndarray:
    """C5: C4 on each channel alone, then a sum over channels; nothing in between."""
    w = weights.astype(np.int64)
    kh, kw = w.shape[:2]
    taps = _taps(x, (kh, kw), stride, padding, 0)
    depthwise = sum(inputs * w[kh - 1 - u, kw - 1 - v, :, 0] for u, v, inputs in taps)
    return depthwise @ weights_pw[0, 0].astype(np.int64)


def fully_connected(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """C6: input (i, j, c) meets row c·(X·Y) + j·X + i; the output is (n, 1, 1, units)."""
    n, height, width, channels = x.shape
    rows = weights[0, 0].astype(np.int64)
    result = np.zeros((n, rows.shape[1]), np.int64)
    for i in range(height):
        for j in range(width):
            for c in range(channels):
                result += x[:, i, j, c, None] * rows[c * (height * width) + j * height + i]
    return result.reshape(n, 1, 1, -1)


def concat(inputs: list[np.ndarray]) -> np.ndarray:
    """C8: the inputs, in order, on the channel axis."""
    return np.concatenate(inputs, axis=3)


def max_pool(potentials: np.ndarray, size: Pair, stride: Pair, padding: str) -> np.ndarray:
    """D1: the largest potential of each window; cells outside the map are left out."""
    n, height, width, channels = potentials.shape
    rows, top = axis_windows(height, size[0], stride[0], padding)
    columns, left = axis_windows(width, size[1], stride[1], padding)
    result = np.empty((n, rows, columns, channels), np.int64)
    for i in range(rows):
        for j in range(columns):
            y, x = i * stride[0] - top, j * stride[1] - left
            inside = potentials[:, max(y, 0) : y + size[0], max(x, 0) : x + size[1]]
            result[:, i, j] = inside.max(axis=(1, 2))
    return result


def global_average(potentials: np.ndarray) -> np.ndarray:
    """D2: the sum over the whole map, never divided."""
    return potentials.sum(axis=(1, 2), keepdims=True)
