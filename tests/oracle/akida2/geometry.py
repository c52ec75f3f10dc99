"""C2, C7 and F1: where windows lie. Maps have the shape (n, X, Y, C), the batch first."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def axis_windows(size: int, window: int, stride: int, padding: str) -> tuple[int, int]:
    """C2: the number of windows along an axis, and the cells before the map."""
    if padding == "Valid":
        if size < window:
            raise ValueError(f"no Valid window of {window} cells in {size}")
        return (size - window) // stride + 1, 0
    if padding not in ("Same", "SameUpper"):
        raise ValueError(f"no padding {padding}")
    out = -(-size // stride)
    total = max((out - 1) * stride + window - size, 0)
    return out, -(-total // 2) if padding == "SameUpper" else total // 2


def taps(
    x: np.ndarray, kernel: int, stride: int, padding: str, outside: np.ndarray
) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each kernel position (u, v): the cells that meet it, over all windows.

    Args:
        x: (n, X, Y, C).
        kernel: size of the square window.
        stride: distance of windows.
        padding: "Same", "SameUpper" or "Valid".
        outside: value of the border cells, one per channel.
    """
    n, height, width, channels = x.shape
    rows, top = axis_windows(height, kernel, stride, padding)
    columns, left = axis_windows(width, kernel, stride, padding)
    # One map with its border: large enough for the last window, and for the map where windows end before it.
    tall = max((rows - 1) * stride + kernel, top + height)
    wide = max((columns - 1) * stride + kernel, left + width)
    bordered = np.empty((n, tall, wide, channels), np.int64)
    bordered[...] = outside
    bordered[:, top : top + height, left : left + width] = x
    for u in range(kernel):
        for v in range(kernel):
            last_row, last_column = u + (rows - 1) * stride + 1, v + (columns - 1) * stride + 1
            yield u, v, bordered[:, u:last_row:stride, v:last_column:stride]


def max_pool(acc: np.ndarray, size: int, stride: int, padding: str) -> np.ndarray:
    """F1: the largest accumulator of each window; cells outside the map are left out."""
    lowest = np.full(acc.shape[-1], np.iinfo(np.int64).min)  # never wins: every window holds a cell of the map
    result = None
    for _, _, cells in taps(acc, size, stride, padding, lowest):
        result = cells.copy() if result is None else np.maximum(result, cells)
    return result


def scatter(size: int, kernel: int) -> Iterator[tuple[int, int, int]]:
    """C7: (i, u, o) for every input i and kernel position u that meet an output o of 2 · size."""
    before = (kernel - 2) // 2
    for i in range(size):
        for u in range(kernel):
            o = 2 * i + u - before
            if 0 <= o < 2 * size:
                yield i, u, o
