"""Where the windows of a convolution or pooling lie on a map, along one axis."""

from __future__ import annotations

__all__ = ["same_padding", "same_size", "valid_size"]


def same_size(size: int, stride: int) -> int:
    """The number of windows with padding "same" on `size` cells."""
    return -(-size // stride)


def valid_size(size: int, window: int, stride: int) -> int:
    """The number of windows that lie inside `size` cells."""
    return (size - window) // stride + 1 if size >= window else 0


def same_padding(size: int | None, window: int, stride: int) -> tuple[int, int] | None:
    """The cells that padding "same" adds before and behind `size` cells (C2 of ``docs/arithmetic.md``).

    Args:
        size: the number of cells; None where it is not known.
        window: cells of a window, the gaps of a dilated one counted.
        stride: cells from one window to the next.

    Returns:
        (before, behind), or None where they depend on a size that is not known.

    Example:
        >>> same_padding(32, 3, 2)
        (0, 1)
    """
    if size is None:
        if stride != 1:
            return None
        size = 1  # any size gives the same
    total = max((same_size(size, stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2
