"""The best sequence of calibrations in one call."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from cnn2snn._keras import keras
from cnn2snn._samples import read_samples
from cnn2snn.calibration.activation_ranges import set_ranges
from cnn2snn.calibration.adaround import rounding
from cnn2snn.calibration.bias_correction import BIAS
from cnn2snn.calibration.propagation import Calibrated, quantized_nodes
from cnn2snn.calibration.reference import float_reference
from cnn2snn.calibration.walk import adjust
from cnn2snn.calibration.weight_ranges import WEIGHT_RANGES
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.graph import build, read

__all__ = ["calibrate", "calibrate_all"]


def calibrate(
    model: keras.Model,
    samples: Any,
    batch_size: int | None = None,
    epochs: int = 40,
    *,
    reference: keras.Model | None = None,
) -> keras.Model:
    """Calibrates a quantized model by the best sequence of methods, without labels and without training.

    First `activation_ranges` sets the bounds of activations ("mse"). Then, for each layer with quantized weights in
    order, three changes are tried:

    1. "bias": the mean error against the float network is taken out, as by `bias_correction`;
    2. "ranges": filters are clipped, as by `weight_ranges`;
    3. "rounding": weights are rounded up or down as by `adaround`, but towards the outputs of the layer in the float
       network, and together with the bias.

    Each change stays where it brings the output of the network nearer to that of the float network, on every fourth
    sample, which the changes do not see. The layers behind are float then. Where the whole quantized network is no
    nearer in the end, all changes but those of the bounds are taken back.

    Args:
        model: a quantized Keras model; it is not changed.
        samples: inputs of the model: an array (n, …), a `tf.data.Dataset`, an iterable of batches, or the path of a
            file of arrays or of a folder of images. Some hundred are enough. Memory holds what a layer reads and gives
            for all of them.
        batch_size: samples that are computed at once; all by default.
        epochs: passes over the samples for the rounding of each layer; 0 leaves it out.
        reference: the float model that was quantized. By default the stored float weights are used, with the quantizers
            of weights and activations off; see `activation_ranges` for the bounds. Give it wherever you have it.

    Returns:
        A new model of the same kind and name.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, epochs below 0, a batch size below 1,
            or a reference whose layers are not those of the model.
        UnsupportedModelError: (RuntimeError) the model has no layer with quantized weights.

    Example:
        >>> quantized = cnn2snn.quantize(model, 2, 4, 8)  # doctest: +SKIP
        >>> calibrated = cnn2snn.calibration.calibrate(quantized, images, reference=model)  # doctest: +SKIP
    """
    return calibrate_all(model, samples, batch_size, epochs, reference).model


def calibrate_all(
    model: keras.Model, samples: Any, batch_size: int | None, epochs: int, reference: keras.Model | None
) -> Calibrated:
    """`calibrate` with the errors of all layers."""
    if isinstance(epochs, bool) or not isinstance(epochs, Integral) or epochs < 0:
        raise InvalidArgumentError(
            f"epochs must be an integer of at least 0, received {epochs!r}", kind="epochs", expected="at least 0"
        )
    graph = read(model)
    quantized_nodes(graph)  # refuses a model without any before work is done
    floats = float_reference(graph, reference, unbounded=True)
    inputs = read_samples(samples, graph.input.output_shape).inputs
    set_ranges(graph, floats, inputs, batch_size)
    changes = [BIAS, WEIGHT_RANGES, *([rounding(int(epochs))] if epochs else [])]
    return adjust(build(graph), floats, inputs, batch_size, changes)
