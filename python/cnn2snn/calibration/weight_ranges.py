"""Weights clipped so that the grid of their quantizer serves the others better."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn.calibration.bias_correction import correct_bias
from cnn2snn.calibration.propagation import compiled
from cnn2snn.calibration.reference import float_reference
from cnn2snn.calibration.walk import Change, Site, adjust
from cnn2snn.graph import read

__all__ = ["WEIGHT_RANGES", "weight_ranges"]

# The largest magnitudes that are tried, as parts of the present one.
_PARTS = np.linspace(1.0, 0.2, 25)


def weight_ranges(
    model: keras.Model, samples: Any, batch_size: int | None = None, *, reference: keras.Model | None = None
) -> keras.Model:
    """Clips the weights of each filter where the outputs of the quantized network come nearer to the float ones.

    A quantizer that takes its scale from the largest weight gives few levels to all others. With 2 bits most weights
    become 0. For each layer in order, each filter is clipped at 1.0 down to 0.2 times its largest weight. The part is
    kept that leaves the least variance of the difference to the outputs in the float network. A kernel with one scale
    for all filters is clipped as a whole. The mean of the difference is taken out by the bias, as by `bias_correction`.

    What is kept is judged on every fourth sample, as by `bias_correction`. The stored float weights are the clipped
    ones: hand the float model to later steps as `reference`.

    Args:
        model: a quantized Keras model; it is not changed.
        samples: as for `bias_correction`.
        batch_size: as for `bias_correction`.
        reference: as for `bias_correction`.

    Returns:
        A new model of the same kind and name.

    Raises:
        InvalidArgumentError, UnsupportedModelError: as for `bias_correction`.

    Example:
        >>> clipped = cnn2snn.calibration.weight_ranges(quantized, images, 100, reference=model)  # doctest: +SKIP
    """
    floats = float_reference(read(model), reference)
    return adjust(model, floats, samples, batch_size, [WEIGHT_RANGES]).model


def _clip_weights(site: Site) -> None:
    pairs = site.section.quantizers()
    for number, (kernel, quantizer) in enumerate(pairs):

        def difference(inputs: tf.Tensor, wanted: tf.Tensor, weights: tf.Tensor, number: int = number) -> Any:
            # Kernels behind this one are float until their turn comes.
            kernels = site.section.kernels(quantized=True)[:number]
            kernels += [pairs[number][1].quantize(weights)]
            kernels += site.section.kernels(quantized=False)[number + 1 :]
            error = tf.cast(wanted - site.section.run(inputs, kernels, "layer"), tf.float64)
            axes = list(range(len(error.shape) - 1))
            return tf.reduce_sum(error, axes), tf.reduce_sum(error**2, axes), tf.size(error) // error.shape[-1]

        weights = np.asarray(kernel, np.float32)
        scales = np.ravel(np.asarray(quantizer.scale_factor(kernel)))
        per_filter = len(scales) == weights.shape[-1] == site.wanted[0].shape[-1]
        largest = np.abs(weights).max(axis=tuple(range(weights.ndim - 1)) if per_filter else None)
        call = compiled(difference, site.inputs[0], site.wanted[0], tf.convert_to_tensor(kernel))
        best, found = None, weights
        for part in _PARTS:
            clipped = np.clip(weights, -part * largest, part * largest).astype(np.float32)
            variances = _variances(call, site, clipped)
            if not per_filter:
                variances = variances.sum(keepdims=True)
            better = np.full(len(variances), True) if best is None else variances < best
            best = variances if best is None else np.where(better, variances, best)
            found = np.where(better, clipped, found)
        kernel.assign(found)
    correct_bias(site)


def _variances(call: Any, site: Site, weights: np.ndarray) -> np.ndarray:
    """The variance of the difference in each output channel."""
    sums = [call(*batch, tf.constant(weights)) for batch in zip(site.inputs, site.wanted, strict=True)]
    total, squares, count = (sum(np.asarray(batch[i], np.float64) for batch in sums) for i in range(3))
    return squares / count - (total / count) ** 2


WEIGHT_RANGES = Change("ranges", _clip_weights)
