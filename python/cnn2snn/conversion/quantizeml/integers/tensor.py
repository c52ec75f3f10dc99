"""What the integers of a tensor mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Tensor"]


@dataclass(frozen=True)
class Tensor:
    """A tensor of integers v that stand for v · 2^(-frac_bits) · scale.

    Attributes:
        frac_bits: int64 of shape () or, per axis, (channels,).
        scale: float32 of shape () or (channels,); None for a tensor of fixed point, whose scale is 1.
        value_bits: the width of the integers, without a sign.
        signed: whether they have a sign.
    """

    frac_bits: np.ndarray
    scale: np.ndarray | None
    value_bits: int
    signed: bool = True

    @property
    def bits(self) -> int:
        """The width of the integers, sign included."""
        return self.value_bits + self.signed

    @property
    def is_per_axis(self) -> bool:
        """Whether channels have fractional bits of their own."""
        return self.frac_bits.ndim > 0

    @property
    def low(self) -> int:
        """The smallest integer of this width."""
        return -(2**self.value_bits) if self.signed else 0

    @property
    def high(self) -> int:
        """The largest integer of this width."""
        return 2**self.value_bits - 1
