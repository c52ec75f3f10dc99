"""The mean error of quantized weights taken out by the bias."""

from __future__ import annotations

import functools

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn._progress import Progress
from cnn2snn.calibration.propagation import Calibrated, LayerError, Propagation, Section, compiled, quantized_nodes
from cnn2snn.graph import build, read

__all__ = ["bias_correction", "correct_biases"]


def bias_correction(model: keras.Model, samples: np.ndarray, batch_size: int | None = None) -> keras.Model:
    """Corrects biases by the mean error that quantized weights cause.

    For each layer with quantized weights, in order,

        bias += mean(float outputs - quantized outputs)

    per output channel, over all samples and positions, the inputs being those that the layers before it give once they
    are corrected. A missing bias is added. No labels are needed; some hundred samples are enough.

    Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019 (arXiv
    1906.04721), section 4.2, with the mean measured on samples as in its appendix D.

    Args:
        model: a quantized Keras model; it is not changed.
        samples: inputs of the model, (n, …); all are used. Memory holds what a layer reads for all of them.
        batch_size: samples that are computed at once; all by default.

    Returns:
        A new model of the same kind and name.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, or a batch size below 1.
        UnsupportedModelError: (RuntimeError) the model has no layer with quantized weights.

    Example:
        >>> corrected = cnn2snn.calibration.bias_correction(quantized, images, 100)  # doctest: +SKIP
    """
    return correct_biases(model, samples, batch_size).model


def correct_biases(model: keras.Model, samples: np.ndarray, batch_size: int | None) -> Calibrated:
    """`bias_correction` with the errors of all layers."""
    graph = read(model)
    for node in quantized_nodes(graph):
        node.config["use_bias"] = True
        node.weights.setdefault("bias", np.zeros(node.output_shape[-1], np.float32))
    corrected = build(graph)
    graph = read(corrected)
    propagation = Propagation(graph, samples, batch_size)
    nodes = quantized_nodes(graph)
    progress = Progress(len(nodes) * propagation.batches)
    errors = []
    for number, node in enumerate(nodes):
        section = Section(graph, node)
        batches = propagation.inputs(node.name)
        moments = compiled(functools.partial(_moments, section), batches[0])
        sums, squares, count = 0.0, 0.0, 0
        for index, inputs in enumerate(batches):
            batch = [np.asarray(value) for value in moments(inputs)]
            sums, squares, count = sums + batch[0], squares + float(batch[1]), count + int(batch[2])
            progress.update(number * propagation.batches + index + 1)
        mean = sums / (count / len(sums))
        node.layer.bias.assign((np.asarray(node.layer.bias) + mean).astype(np.float32))
        # Taking out the mean per channel leaves the variance.
        errors.append(LayerError(node.name, squares / count, max(squares / count - float(np.mean(mean**2)), 0.0)))
    progress.close()
    return Calibrated(corrected, errors)


def _moments(section: Section, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The errors summed per channel, their squares summed, and how many they are."""
    wanted, given = (section.outputs(inputs, "layer", quantized=quantized) for quantized in (False, True))
    error = tf.cast(wanted - given, tf.float64)
    axes = list(range(len(error.shape) - 1))
    return tf.reduce_sum(error, axes), tf.reduce_sum(error**2), tf.size(error, tf.int64)
