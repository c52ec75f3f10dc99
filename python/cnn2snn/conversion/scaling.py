"""How integer inputs follow from Keras inputs (H1)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

import numpy as np

from cnn2snn.conversion.block import Blocks
from cnn2snn.errors import InvalidArgumentError

__all__ = [
    "USUAL_SCALINGS",
    "InputScaling",
    "check_inputs",
    "found_scaling",
    "input_scaling_of",
    "integer_inputs",
    "numbers_of",
    "scaling_to_integers",
    "stand_for",
    "values_of",
]

# What Keras inputs are made with most often: 0 … 1, -1 … 1.
USUAL_SCALINGS = ((255.0, 0.0), (127.5, 127.5), (128.0, 128.0), (127.0, 127.0), (1.0, 0.0), (15.0, 0.0))

# How far inputs may be from integers, as a part of the highest one: inputs were computed in float32.
_TOLERANCE = 1e-3 / 255


@dataclass(frozen=True)
class InputScaling:
    """Integer inputs are scale · (Keras inputs) + shift.

    Attributes:
        scale: α.
        shift: β, the nearest integer where that is within 1e-6.
        given_shift: β as it was given.
        source: where it is from: "Rescaling", "input_scaling" or "default".
    """

    scale: Fraction
    shift: Fraction
    given_shift: float
    source: str

    @classmethod
    def of(cls, scale: float, shift: float, source: str) -> InputScaling:
        """The exact scaling of two numbers."""
        nearest = float(np.rint(shift))
        exact = nearest if abs(shift - nearest) <= 1e-6 else shift
        return cls(Fraction(scale), Fraction(exact), shift, source)


def input_scaling_of(blocks: Blocks, given: tuple[float, float] | None) -> InputScaling:
    """The input scaling of the model's `Rescaling` layer, or the given one, or (1, 0).

    Raises:
        InvalidArgumentError: both are there, or the given scale is not greater than zero, or is that of the inverse
            direction.
    """
    if blocks.rescaling is not None and given is not None:
        raise InvalidArgumentError(
            "the model has a Rescaling layer, so input_scaling must not be given",
            kind="input_scaling",
            received=given,
            remedy="leave one of them out",
        )
    if blocks.rescaling is not None:
        scale, offset = blocks.rescaling
        return InputScaling.of(1 / scale, -offset / scale, "Rescaling")
    if given is None:
        return InputScaling.of(1.0, 0.0, "default")
    return InputScaling.of(*numbers_of(given), "input_scaling")


def numbers_of(given: tuple[float, float]) -> tuple[float, float]:
    """A scale and a shift that can take Keras inputs to integers, as floats.

    Raises:
        InvalidArgumentError: they are not two finite numbers, or the scale is below 1.
    """
    try:
        sizes = [np.size(value) for value in given]
    except TypeError:
        sizes = []
    if len(sizes) == 2 and max(sizes) > 1:
        _refuse(
            "must be one scale and one shift for all channels, as Akida has one padding value",
            given,
            "pass those of one channel, and give the first layer's kernel the factors of the others",
        )
    try:
        scale, shift = (float(value) for value in given)
    except (TypeError, ValueError):
        scale, shift = float("nan"), float("nan")
    if not (np.isfinite(scale) and np.isfinite(shift) and scale > 0):
        _refuse("must be a scale greater than zero and a shift", given, "for example (255, 0)")
    if scale < 1:
        meant = f"({_short(1 / scale)}, {_short(-shift / scale)})"
        _refuse(
            f"takes Keras inputs to integers; with a scale below 1 Keras inputs {_short(1 / scale)} apart become "
            "neighbouring integers, and those in between no integers at all",
            (scale, shift),
            f"pass {meant} if the model was trained on inputs times {scale:g} plus {shift:g}; if its inputs do lie "
            f"that far apart, begin it with Rescaling{meant}",
        )
    return scale, shift


def _short(value: float) -> str:
    """A number, as the integer that it is up to rounding."""
    nearest = round(value)
    return str(nearest) if abs(value - nearest) <= 1e-6 * max(1, abs(value)) else f"{value:g}"


def _refuse(what: str, received: object, remedy: str) -> NoReturn:
    raise InvalidArgumentError(
        f"input_scaling {what}, received {received}",
        kind="input_scaling",
        expected="(scale of 1 or more, shift)",
        received=received,
        remedy=remedy,
    )


def check_inputs(values: np.ndarray, input_bits: int, scaling: tuple[float, float] = (1, 0)) -> None:
    """Refuses inputs of an Akida model that are not integers in range, and says what was meant.

    Args:
        values: the inputs, of any shape and numeric type.
        input_bits: bits of the model's inputs.
        scaling: the model's (α, β).

    Raises:
        InvalidArgumentError: the first value that is not an integer in 0 … 2^input_bits - 1; the message names the
            scaling that would take all values there, when a usual one does.
    """
    highest = 2**input_bits - 1
    values = np.asarray(values)
    right = _is_right(values, highest)
    if np.all(right):
        return
    received = values.ravel()[int(np.argmin(right))]
    remedy = "give what the Akida model takes, not what the Keras model takes"
    meant = scaling_to_integers(values, highest, scaling)
    if meant is not None:
        scale, shift = meant
        remedy = f"{remedy}: inputs * {_short(scale)} + {_short(shift)}, rounded"
        if meant != tuple(scaling):
            remedy += f"; and convert with input_scaling=({_short(scale)}, {_short(shift)})"
    raise InvalidArgumentError(
        f"inputs must be integers in 0..{highest}, received {received:g}",
        kind="inputs",
        expected=(0, highest),
        received=float(received),
        remedy=remedy,
    )


def values_of(scale: float, shift: float, highest: int) -> tuple[float, float]:
    """The values x of a network for which scale · x + shift are the integers 0 and `highest`."""
    return (0 - shift) / scale, (highest - shift) / scale


def stand_for(scaling: tuple[float, float], highest: int) -> str:
    """What integers of an Akida model stand for, in words.

    Args:
        scaling: (α, β): integers are α · x + β for values x of the network.
        highest: the highest integer.

    Example:
        >>> stand_for((255.0, 0.0), 255)
        'integers 0..255 stand for Keras values 0 to 1'
    """
    ends = (_short(value) for value in values_of(*scaling, highest))
    return f"integers 0..{highest} stand for Keras values {' to '.join(ends)}"


def scaling_to_integers(values: np.ndarray, highest: int, *first: tuple[float, float]) -> tuple[float, float] | None:
    """The first scaling that takes values to integers: one of `first`, or else a usual one; None where none does.

    Args:
        values: inputs of a network, of any shape and numeric type.
        highest: the highest integer.
        first: (scale, shift) to try before the usual ones.
    """
    for scaling in (*first, *USUAL_SCALINGS):
        if np.all(_is_right(_scaled(values, scaling), highest, _TOLERANCE * highest)):
            return scaling
    return None


def found_scaling(samples: np.ndarray, highest: int) -> tuple[float, float]:
    """The usual scaling that takes samples of a network to integers.

    Args:
        samples: inputs of the network.
        highest: the highest integer.

    Raises:
        InvalidArgumentError: no usual one does.
    """
    scaling = scaling_to_integers(samples, highest)
    if scaling is None:
        raise InvalidArgumentError(
            f"no usual scaling makes integers in 0..{highest} of the samples, which reach from {samples.min():g} to "
            f"{samples.max():g}",
            kind="input_scaling",
            received=[float(samples.min()), float(samples.max())],
            remedy="give the input_scaling that relates the integers of the chip to the samples",
        )
    return scaling


def integer_inputs(values: np.ndarray, highest: int, scaling: tuple[float, float]) -> np.ndarray:
    """The integers of an Akida model for inputs of the network that it was made from, uint8 of the same shape.

    Args:
        values: inputs of the network.
        highest: the highest integer that the model takes.
        scaling: (α, β): integers are α · x + β.

    Raises:
        InvalidArgumentError: an input that is not an integer in range, up to float32 rounding.
    """
    scaled = _scaled(values, scaling)
    right = _is_right(scaled, highest, _TOLERANCE * highest)
    if not np.all(right):
        received = np.ravel(values)[int(np.argmin(right))]
        meant = scaling_to_integers(values, highest)
        scale, shift = (_short(value) for value in scaling)
        raise InvalidArgumentError(
            f"inputs * {scale} + {shift} must be integers in 0..{highest}, received the input {received:g}",
            kind="inputs",
            expected=(0, highest),
            received=float(received),
            remedy=None if meant is None else f"they are with input_scaling=({', '.join(map(_short, meant))})",
        )
    return np.rint(scaled).astype(np.uint8)


def _scaled(values: np.ndarray, scaling: tuple[float, float]) -> np.ndarray:
    return np.asarray(values, np.float64) * scaling[0] + scaling[1]


def _is_right(values: np.ndarray, highest: int, tolerance: float = 0.0) -> np.ndarray:
    nearest = np.rint(values)
    return (np.abs(values - nearest) <= tolerance) & (nearest >= 0) & (nearest <= highest)
