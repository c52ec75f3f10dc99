"""What quantization costs, layer by layer, and what would help. Keras is imported when an analysis is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnn2snn.analysis.cost.result import Advice, LayerCost, QuantizationCost, Sensitivity
from cnn2snn.analysis.cost.scores import Score

if TYPE_CHECKING:
    from cnn2snn._keras import keras

__all__ = ["Advice", "LayerCost", "QuantizationCost", "Score", "Sensitivity", "quantization"]


def quantization(
    float_model: keras.Model,
    quantized: keras.Model,
    samples: Any,
    labels: Any = None,
    *,
    apart: bool = False,
    fast: bool = False,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
) -> QuantizationCost:
    """Measures what quantization costs, which layers are to blame, and what would help.

    The float, the quantized and the converted model are run on the same samples. For each layer with quantized weights,
    with the activation behind it, are measured:

    - the signal-to-quantization-noise ratio of its outputs, 10 log10(sum(y²) / sum((y' - y)²)), for inputs of the
      quantized model (its own noise), and with all layers before it quantized;
    - clipped and zero activations, use of the levels, ranges of weights and activations beside what their grids hold;
    - what is lost when this layer alone is quantized, and what is won when this layer alone is in float.

    Losses and gains are shares of right classes: of the labels, or without labels of the classes of the float model.
    Each has the standard error of a paired difference. Outputs of the layers before the one in question are computed
    once.

    The network without quantizers has the float weights and biases that `quantized` holds, which training or
    calibration may have moved from those of `float_model`. Its activations are ReLUs, bounded where those of
    `float_model` are.

    The remedies that the analysis lists were tried on the samples: more bits for the layers that cost most, one at a
    time and together. Those that help by more than their standard error are listed with their gain.

    Args:
        float_model: the float model.
        quantized: the quantized model that was made of it, with one input and one output.
        samples: inputs of both models, in any form that `cnn2snn` reads: an array (n, …), a data set, batches, a path.
            Where `input_scaling` is given, samples of an integer type are those of the converted model: the Keras
            models get (samples - shift) / scale.
        labels: the class of each sample, (n,) integers or one-hot rows; None where the samples bring them or they are
            not known. They need a model with outputs (n, classes).
        apart: whether sensitivities to weights and to activations are measured apart as well.
        fast: whether to run the converted model alone, on the integer engine, with one layer at a time at 8-bit weights
            and 4-bit activations, which Akida 1.0 has at most. There is no loss of a layer alone then.
        input_scaling: (scale, shift) from samples to integers of the converted model, as for `cnn2snn.convert`. By
            default that of a leading `Rescaling`, or the usual scaling that takes all samples to integers.
        input_is_image: as for `cnn2snn.convert`.

    Returns:
        The result. It prints as text; `to_dict` and `to_json` have everything.

    Raises:
        InvalidArgumentError: (ValueError) samples or labels that the models do not take, models of different shapes, or
            an `input_scaling` that does not make integers of the samples.
        UnsupportedModelError: (RuntimeError) nothing in `quantized` is quantized; with `fast` or `input_scaling`, or it
            cannot be converted. Without these the result says why there is no converted model.

    Sources: the sensitivities are those of AIMET's QuantAnalyzer, the comparison of ranges that of hls4ml's profiling.

    Example:
        >>> cost = cnn2snn.analysis.quantization(model, quantized, images, labels)  # doctest: +SKIP
        >>> print(cost)  # doctest: +SKIP
        >>> cost.ranking[0], cost.advice[0].gain  # doctest: +SKIP
        ('conv2', 0.031)
    """
    from cnn2snn.analysis.cost.analyze import Analysis

    analysis = Analysis(
        float_model,
        quantized,
        samples,
        labels,
        apart=apart,
        fast=fast,
        input_scaling=input_scaling,
        input_is_image=input_is_image,
    )
    return analysis.run()
