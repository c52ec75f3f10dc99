"""The mean error of a quantized network taken out by the biases, layer after layer."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn.calibration.propagation import Calibrated, compiled
from cnn2snn.calibration.reference import float_reference
from cnn2snn.calibration.walk import Change, Site, adjust
from cnn2snn.graph import read

__all__ = ["BIAS", "bias_correction", "correct_bias", "correct_biases"]


def bias_correction(
    model: keras.Model, samples: Any, batch_size: int | None = None, *, reference: keras.Model | None = None
) -> keras.Model:
    """Corrects biases by the mean error of a quantized network against the float one.

    For each layer with quantized weights, in order,

        bias += mean(outputs in the float network) - mean(outputs in the quantized network)

    per output channel, over samples and positions. What the layer reads in the quantized network comes from quantized
    layers that are corrected already. A missing bias is added. No labels are needed; some hundred samples are enough.

    Every fourth sample is held back. The correction of a layer stays where it brings the output of the network nearer
    to that of the float network for these samples, the layers behind it being float; otherwise it is taken back. So are
    all, where the whole quantized network does not come nearer. Fewer than four samples are used for both.

    Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019 (arXiv
    1906.04721), section 4.2, with the means measured on samples as in its appendix D.

    Args:
        model: a quantized Keras model; it is not changed.
        samples: inputs of the model: an array (n, …), a `tf.data.Dataset`, an iterable of batches, or the path of a
            file of arrays or of a folder of images. Memory holds what a layer reads for all of them.
        batch_size: samples that are computed at once; all by default.
        reference: the float model that was quantized. By default the stored float weights are used, with the quantizers
            of weights and activations off and every `max_value` kept.

    Returns:
        A new model of the same kind and name.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, a batch size below 1, or a reference
            whose layers are not those of the model.
        UnsupportedModelError: (RuntimeError) the model has no layer with quantized weights.

    Example:
        >>> corrected = cnn2snn.calibration.bias_correction(
        ...     quantized, images, 100, reference=model)  # doctest: +SKIP
    """
    return correct_biases(model, samples, batch_size, reference).model


def correct_biases(
    model: keras.Model, samples: Any, batch_size: int | None, reference: keras.Model | None = None
) -> Calibrated:
    """`bias_correction` with the errors of all layers."""
    return adjust(model, float_reference(read(model), reference), samples, batch_size, [BIAS])


def correct_bias(site: Site) -> None:
    """Takes the mean error of each output channel out of a layer."""
    given = compiled(functools.partial(site.section.outputs, last="layer", quantized=True), site.inputs[0])
    total, count = 0.0, 0
    for inputs, wanted in zip(site.inputs, site.wanted, strict=True):
        error = tf.cast(wanted, tf.float64) - tf.cast(given(inputs), tf.float64)
        total = total + np.asarray(tf.reduce_sum(error, list(range(len(error.shape) - 1))))
        count += int(tf.size(error)) // int(error.shape[-1])
    bias = site.section.layer.bias
    bias.assign((np.asarray(bias) + total / count).astype(np.float32))


BIAS = Change("bias", correct_bias)
