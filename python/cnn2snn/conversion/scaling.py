"""How integer inputs follow from Keras inputs (H1)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cnn2snn.conversion.blocks import Blocks
from cnn2snn.errors import InvalidArgumentError

__all__ = ["InputScaling", "input_scaling_of"]


@dataclass(frozen=True)
class InputScaling:
    """Integer inputs are scale · (Keras inputs) + shift."""

    scale: Fraction
    shift: Fraction


def input_scaling_of(blocks: Blocks, given: tuple[float, float] | None) -> InputScaling:
    """The input scaling of the model's `Rescaling` layer, or the given one, or (1, 0).

    Raises:
        InvalidArgumentError: both are there, or the scale is not greater than zero.
    """
    if blocks.rescaling is not None and given is not None:
        raise InvalidArgumentError(
            "the model has a Rescaling layer, so input_scaling must not be given; leave one of them out",
            kind="input_scaling",
            received=given,
        )
    if blocks.rescaling is not None:
        scale, offset = blocks.rescaling
        if not (np.isfinite(scale) and scale > 0 and np.isfinite(offset)):
            raise InvalidArgumentError(
                "the scale of the Rescaling layer must be greater than zero and its offset finite, received "
                f"{scale} and {offset}; rescale as in Rescaling(1 / 128, -1)",
                kind="input_scaling",
                received=(scale, offset),
            )
        return InputScaling(Fraction(1 / scale), Fraction(_integer_if_close(-offset / scale)))
    if given is None:
        return InputScaling(Fraction(1), Fraction(0))
    try:
        scale, shift = (float(value) for value in given)
    except (TypeError, ValueError):
        scale, shift = float("nan"), float("nan")
    if not (np.isfinite(scale) and np.isfinite(shift) and scale > 0):
        raise InvalidArgumentError(
            f"input_scaling must be a scale greater than zero and a shift, received {given!r}; for example (255, 0)",
            kind="input_scaling",
            expected="(scale > 0, shift)",
            received=given,
        )
    return InputScaling(Fraction(scale), Fraction(_integer_if_close(shift)))


def _integer_if_close(value: float) -> float:
    """The integer that a shift was meant to be: 1 / scale, rounded to binary, misses it by a little."""
    nearest = float(np.rint(value))
    return nearest if abs(value - nearest) <= 1e-6 * max(1.0, abs(value)) else value
