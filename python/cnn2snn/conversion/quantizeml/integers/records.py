"""What the layers of a quantized network hold, as integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.quantizers import Aligned, Rescale

__all__ = ["Bounded", "Joined", "Neural", "Passed", "Picked", "Record", "Recurrent", "Separable", "Tabled", "Zeroed"]


@dataclass(frozen=True)
class Record:
    """What any layer holds.

    Attributes:
        inputs: the tensors that it reads.
        accumulated: what it computes before its output quantizer.
        output: what it gives.
        rescale: its output quantizer; None without.
    """

    inputs: tuple[Tensor, ...]
    accumulated: Tensor
    output: Tensor
    rescale: Rescale | None = None


@dataclass(frozen=True)
class Passed(Record):
    """A layer that only moves values, or adds them up."""


@dataclass(frozen=True)
class Neural(Record):
    """A layer with weights.

    Attributes:
        weights: int8 in the layout of Keras; kernels of Conv2DTranspose with channels before filters.
        weights_bits: the width of the weights.
        input_shift: int64 of shape (channels,), left shifts of the inputs; None where none is needed.
        bias: the bias; None without.
        padding: the values of a border, int64 of shape (channels,); None for zeros.
        buffer_bits: the width of the accumulator, sign included.
    """

    weights: np.ndarray = None  # type: ignore[assignment]
    weights_bits: int = 8
    input_shift: np.ndarray | None = None
    bias: Aligned | None = None
    padding: np.ndarray | None = None
    buffer_bits: int = 28


@dataclass(frozen=True)
class Separable(Neural):
    """A separable convolution; `weights` are those of the pointwise convolution.

    Attributes:
        depthwise: int8 of shape (height, width, channels, 1).
        depthwise_bits: the width of these weights.
    """

    depthwise: np.ndarray = None  # type: ignore[assignment]
    depthwise_bits: int = 8


@dataclass(frozen=True)
class Bounded(Record):
    """A ReLU.

    Attributes:
        bound: its upper bound; None without.
    """

    bound: Aligned | None = None


@dataclass(frozen=True)
class Tabled(Record):
    """An activation that is a table.

    Attributes:
        values: int32 of shape (2048,): the values for the inputs -1024 to 1023.
    """

    values: np.ndarray = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Joined(Record):
    """An Add.

    Attributes:
        shifts: the left shifts of both inputs, int64 of shape () or (channels,).
    """

    shifts: tuple[np.ndarray, np.ndarray] = ()  # type: ignore[assignment]


@dataclass(frozen=True)
class Recurrent(Record):
    """A StatefulRecurrent; `rescale` makes states of the sums of the projection before it.

    Attributes:
        a_real, a_imag: int16 of shape (states,).
        state_shift: the shift of a state after each step, int64 of shape ().
    """

    a_real: np.ndarray = None  # type: ignore[assignment]
    a_imag: np.ndarray = None  # type: ignore[assignment]
    state_shift: np.ndarray = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Picked(Record):
    """A PicoPostProcessing; `rescale` brings predictions to the integers of the target.

    Attributes:
        threshold: the mean difference that counts, an integer.
    """

    threshold: int = 0


@dataclass(frozen=True)
class Zeroed(Record):
    """An InputQuantizer: y = clip(round(x · 2^frac_bits)) + zero point.

    Attributes:
        zero_points: int64 of shape () or (channels,); None for signed integers.
    """

    zero_points: np.ndarray | None = None
