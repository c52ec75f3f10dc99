"""Paddings: which of those of Akida computes the same as the pads of a node.

Pads behind the last window are never read. So two paddings compute the same where windows begin at the same place and
are as many.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PADDINGS", "Axis", "choose_padding"]

PADDINGS = ("Valid", "Same", "SameUpper")


@dataclass(frozen=True)
class Axis:
    """Windows along one axis.

    Attributes:
        length: how many values there are.
        window: the size of a window.
        stride: how far windows are apart.
        before, after: the pads.
    """

    length: int
    window: int
    stride: int
    before: int
    after: int

    @property
    def count(self) -> int:
        """How many windows there are."""
        return (self.length + self.before + self.after - self.window) // self.stride + 1

    def fits(self, padding: str) -> bool:
        """Whether a padding of Akida gives the same windows."""
        if padding == "Valid":
            return self.before == 0 and self.count == (self.length - self.window) // self.stride + 1
        before = self.same[padding == "SameUpper"]
        return self.before == before and self.count == -(-self.length // self.stride)

    @property
    def same(self) -> tuple[int, int]:
        """The pads of Same, which are those of SameUpper the other way around."""
        rest = self.length % self.stride
        total = max(self.window - (rest or self.stride), 0)
        return total // 2, total - total // 2


def choose_padding(axes: list[Axis], pooling: list[Axis]) -> str | None:
    """The padding that gives the windows of a convolution, and of a max pooling behind it; None where none does.

    Args:
        axes: the windows of the convolution in both directions.
        pooling: those of the max pooling; empty without.
    """
    if any(axis.count < 1 for axis in (*axes, *pooling)):
        return None
    # A window of one value has no border, and is written so.
    order = ("Same", "Valid") if all(axis.window == 1 for axis in axes) else PADDINGS
    for padding in order:
        if padding == "SameUpper" and pooling:
            continue
        pooled = [axis.fits("Same" if padding == "SameUpper" else padding) for axis in pooling]
        if all(pooled) and all(axis.fits(padding) for axis in axes):
            return padding
    return None
