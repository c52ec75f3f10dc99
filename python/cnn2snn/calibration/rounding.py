"""The rounding of a kernel as something to optimize."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn._keras import tf
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.quantization_ops import LinearWeightQuantizer

__all__ = ["Rounding"]

# The ends γ and ζ of the stretched sigmoid, equation 23 of the paper that `adaround` names.
GAMMA, ZETA = -0.1, 1.1

# How far kernels are kept from the middle between two integers, in units of the grid.
_MARGIN = 0.1


class Rounding:
    """Whether each weight of a kernel is rounded up or down.

    Weights at or beyond the ends of the quantizer's range stay there.

    Args:
        layer: the layer's name.
        kernel: the variable with the float weights.
        quantizer: its quantizer.
    """

    def __init__(self, layer: str, kernel: Any, quantizer: LinearWeightQuantizer) -> None:
        if not isinstance(quantizer, LinearWeightQuantizer):
            raise InvalidArgumentError(
                f'layer "{layer}": adaround needs a LinearWeightQuantizer, received {type(quantizer).__name__}',
                layer=layer,
                kind="quantizer",
                expected="LinearWeightQuantizer",
                received=type(quantizer).__name__,
            )
        self._kernel = kernel
        self._quantizer = quantizer
        self._kmax = quantizer.kmax_
        weights = np.asarray(kernel, np.float32)
        self._scale = np.asarray(quantizer.scale_factor(weights), np.float32)
        scaled = np.clip(weights * self._scale, -self._kmax, self._kmax)
        self._floor = np.floor(scaled).astype(np.float32)
        # Kept off the flat ends of h, where there is no gradient.
        part = np.clip(scaled - self._floor, 1e-3, 1 - 1e-3)
        # A weight at the end of the range defines the scale of most quantizers.
        self._fixed = np.abs(scaled) >= self._kmax - 1e-3
        self._nearest = np.rint(scaled).astype(np.float32)
        self.variable = tf.Variable(-np.log((ZETA - GAMMA) / (part - GAMMA) - 1), dtype=tf.float32)

    def _h(self) -> tf.Tensor:
        return tf.clip_by_value((ZETA - GAMMA) * tf.sigmoid(self.variable) + GAMMA, 0.0, 1.0)

    def soft_kernel(self) -> tf.Tensor:
        """The kernel with its roundings on the way, equation 22."""
        integers = tf.where(self._fixed, self._nearest, self._floor + self._h())
        return tf.math.divide_no_nan(tf.clip_by_value(integers, -self._kmax, self._kmax), self._scale)

    def unsettled(self, beta: tf.Tensor) -> tf.Tensor:
        """The regularization, equation 24: 0 when all roundings are decided."""
        terms = 1 - tf.abs(2 * self._h() - 1) ** beta
        return tf.reduce_sum(tf.where(self._fixed, 0.0, terms))

    def apply(self) -> int:
        """Moves the float weights so that they are rounded as found; how many are rounded in another way than before.

        The scale may follow from the weights. They are moved no further than needed, again until the quantizer, with
        the scale of the moved weights, gives the integers that were found; where it never does they stay.
        """
        found = np.where(self._fixed, self._nearest, self._floor + np.rint(np.asarray(self._h())))
        found = np.clip(found, -self._kmax, self._kmax)
        low = np.where(found == -self._kmax, -np.inf, found - 0.5 + _MARGIN)
        high = np.where(found == self._kmax, np.inf, found + 0.5 - _MARGIN)
        weights = np.asarray(self._kernel, np.float32)
        for _ in range(30):
            scale = np.asarray(self._quantizer.scale_factor(weights), np.float32)
            if not np.all(scale > 0):
                return 0
            if np.array_equal(np.rint(np.asarray(self._quantizer.quantize(weights)) * scale), found):
                self._kernel.assign(weights)
                return int(np.count_nonzero(found != self._nearest))
            weights = (np.clip(weights * scale, low, high) / scale).astype(np.float32)
        return 0
