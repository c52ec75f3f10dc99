"""What is measured of layers, added up over the parts of the samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn2snn._keras import tf
from cnn2snn.analysis.cost.network import QUANTIZED, kernels_of, quantizers_of
from cnn2snn.graph import Node

__all__ = ["ActivationCounts", "Noise", "WeightRange", "weight_range"]

# Widths whose levels are counted one by one.
_COUNTED_BITS = 8


@dataclass
class Noise:
    """The power of a signal and of the noise that quantization adds to it."""

    signal: float = 0.0
    noise: float = 0.0

    def add(self, reference: Any, given: Any) -> None:
        """Adds the values of a part of the samples."""
        signal, noise = _powers(*(tf.reshape(values, (len(values), -1)) for values in (reference, given)))
        self.signal += float(signal)
        self.noise += float(noise)

    @property
    def decibels(self) -> float | None:
        """The signal-to-quantization-noise ratio, 10 log10(signal / noise); None without noise or without signal."""
        if self.noise == 0 or self.signal == 0:
            return None
        return 10 * math.log10(self.signal / self.noise)


@tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([None, None])])
def _powers(reference: Any, given: Any) -> tuple[Any, Any]:
    # Samples are summed in float32, the sums of many samples in float64, where no digits are lost.
    error = given - reference
    sums = (tf.reduce_sum(x * x, 1) for x in (reference, error))
    return tuple(tf.reduce_sum(tf.cast(x, tf.float64)) for x in sums)


@dataclass
class ActivationCounts:
    """What a quantized activation received and gave.

    Attributes:
        counts: how many outputs have each level; empty for more than 8 bits.
        total, clipped, zeros: outputs; those whose input lies more than half a step above the largest; zeros.
        lowest, highest: the ends of its inputs in the quantized network.
        highest_float: the highest input in the network without quantizers.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    total: int = 0
    clipped: int = 0
    zeros: int = 0
    lowest: float = math.inf
    highest: float = -math.inf
    highest_float: float = -math.inf

    def add(self, activation: Any, inputs: Any, float_inputs: Any) -> None:
        """Adds the values of a part of the samples."""
        if activation.bitwidth <= _COUNTED_BITS and not len(self.counts):
            self.counts = np.zeros(2**activation.bitwidth, np.int64)
        levels = activation.levels_of(inputs)
        top = float(np.asarray(activation.step)) * (activation.levels + 0.5)
        self.total += int(np.prod(inputs.shape))
        self.clipped += int(tf.math.count_nonzero(inputs > top))
        self.lowest = min(self.lowest, float(tf.reduce_min(inputs)))
        self.highest = max(self.highest, float(tf.reduce_max(inputs)))
        self.highest_float = max(self.highest_float, float(tf.reduce_max(float_inputs)))
        if len(self.counts):
            found = tf.math.bincount(tf.cast(levels, tf.int32), minlength=len(self.counts))
            self.counts += np.asarray(found)
            self.zeros = int(self.counts[0])
        else:
            self.zeros += int(tf.math.count_nonzero(levels == 0))

    @property
    def levels_used(self) -> int | None:
        """How many levels occur; None where they are not counted."""
        return int(np.count_nonzero(self.counts)) if len(self.counts) else None

    @property
    def entropy(self) -> float | None:
        """The information of an output in bits; None where levels are not counted."""
        if not len(self.counts):
            return None
        shares = self.counts[self.counts > 0] / self.total
        return float(-(shares * np.log2(shares)).sum()) + 0.0


@dataclass(frozen=True)
class WeightRange:
    """Float weights beside the grid that quantizes them, both kernels of a separable layer together.

    Attributes:
        largest: the largest magnitude of the float weights.
        holds: the largest magnitude that the grid holds, of the filter for which it holds most.
        clipped: the share of weights beyond the grid by more than half of its distance.
        zeros: the share of weights that become zero.
        levels_used, levels: how many integers occur, and how many the widest kernel could have.
        spread: the largest magnitude of a channel divided by the median over channels, of the kernel where that is most
            among kernels with one scale for all channels; 1 where each filter has a scale of its own.
    """

    largest: float
    holds: float
    clipped: float
    zeros: float
    levels_used: int
    levels: int
    spread: float


def weight_range(node: Node) -> WeightRange:
    """The ranges of the weights of a layer."""
    largest = holds = 0.0
    clipped = zeros = total = used = levels = 0
    spread = 1.0
    for (kernel, quantizer), quantized in zip(quantizers_of(node), kernels_of(node, QUANTIZED), strict=True):
        scale = np.asarray(quantizer.scale_factor(kernel), np.float64)
        integers = np.rint(quantized.astype(np.float64) * scale)
        limit = 2 ** (quantizer.bitwidth - 1) - 1
        total += kernel.size
        largest = max(largest, float(np.abs(kernel).max()))
        usable = scale[np.isfinite(scale) & (scale > 0)]
        holds = max(holds, float(limit / usable.min()) if usable.size else 0.0)
        clipped += int(np.count_nonzero(np.abs(kernel * scale) > limit + 0.5))
        zeros += int(np.count_nonzero(quantized == 0))
        levels = max(levels, 2 * limit + 1)
        used = max(used, len(np.unique(integers)))
        if scale.size == 1:
            spread = max(spread, _spread(kernel))
    return WeightRange(largest, holds, clipped / total, zeros / total, used, levels, spread)


def _spread(kernel: np.ndarray) -> float:
    """The largest channel of a kernel beside the median one. Channels of a depthwise kernel lie on its third axis."""
    axis = 2 if kernel.ndim == 4 and kernel.shape[-1] == 1 else kernel.ndim - 1
    tops = np.abs(kernel).max(axis=tuple(i for i in range(kernel.ndim) if i != axis))
    median = float(np.median(tops))
    return float(tops.max()) / median if median else 1.0
