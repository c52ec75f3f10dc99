"""Section C: from the inputs of a layer to its exact sums. Arrays are int64, maps (n, X, Y, C)."""

from __future__ import annotations

import numpy as np

from . import geometry


def input_conv(x: np.ndarray, weights: np.ndarray, stride: int, padding: str, outside: np.ndarray) -> np.ndarray:
    """C4: a cross-correlation; `outside`, one value per channel, beyond the image."""
    w = weights.astype(np.int64)
    return sum(cells @ w[u, v] for u, v, cells in geometry.taps(x, len(w), stride, padding, outside))


def conv(x: np.ndarray, weights: np.ndarray, stride: int, padding: str) -> np.ndarray:
    """C5: a true convolution, the kernel flipped on both spatial axes; 0 outside the map."""
    w = weights.astype(np.int64)
    k = len(w)
    zeros = np.zeros(x.shape[-1], np.int64)
    return sum(cells @ w[k - 1 - u, k - 1 - v] for u, v, cells in geometry.taps(x, k, stride, padding, zeros))


def depthwise_conv(x: np.ndarray, weights: np.ndarray, stride: int, padding: str) -> np.ndarray:
    """C6: C5 on each channel alone."""
    w = weights.astype(np.int64)
    k = len(w)
    zeros = np.zeros(x.shape[-1], np.int64)
    return sum(cells * w[k - 1 - u, k - 1 - v, :, 0] for u, v, cells in geometry.taps(x, k, stride, padding, zeros))


def conv_transpose(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """C7: stride 2, the kernel not flipped, products outside the output dropped."""
    w = weights.astype(np.int64)
    n, height, width, _ = x.shape
    result = np.zeros((n, 2 * height, 2 * width, w.shape[3]), np.int64)
    for i, u, o in geometry.scatter(height, len(w)):
        for j, v, p in geometry.scatter(width, len(w)):
            result[:, o, p] += x[:, i, j] @ w[u, v]
    return result


def depthwise_conv_transpose(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """C8: C7 on each channel alone."""
    w = weights.astype(np.int64)
    n, height, width, channels = x.shape
    result = np.zeros((n, 2 * height, 2 * width, channels), np.int64)
    for i, u, o in geometry.scatter(height, len(w)):
        for j, v, p in geometry.scatter(width, len(w)):
            result[:, o, p] += x[:, i, j] * w[u, v, :, 0]
    return result


def dense(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """C9: the input flattened with its last axis fastest; the output is (n, 1, 1, units)."""
    n = len(x)
    return (x.reshape(n, -1) @ weights.astype(np.int64)).reshape(n, 1, 1, -1)
