"""Bounds of quantized activations lowered to the values that occur."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from cnn2snn._keras import keras, tf
from cnn2snn._progress import Progress
from cnn2snn.calibration.activation_ranges import set_max_value
from cnn2snn.calibration.propagation import Propagation, Section, compiled
from cnn2snn.graph import build, read

__all__ = ["activations_rescaling"]


def activations_rescaling(model: keras.Model, samples: Any, batch_size: int | None = None) -> keras.Model:
    """Lowers the `max_value` of each `QuantizedReLU` to the largest value that it receives.

    The largest value over all samples is measured before the activation, with float weights in the layer before it and
    everything that comes earlier quantized and rescaled. A `max_value` that is lower already stays, and so does that of
    an activation that receives nothing above zero. The step becomes finer, as it is ``max_value / (2^bits - 1)``.

    Args:
        model: a quantized Keras model; it is not changed.
        samples: inputs of the model, (n, …); all are used.
        batch_size: samples that are computed at once; all by default.

    Returns:
        A new model of the same kind and name.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, or a batch size below 1.
    """
    graph = read(model)
    propagation = Propagation(graph, samples, batch_size)
    progress = Progress(len(graph.nodes))
    lowered: dict[str, float] = {}
    for done, node in enumerate(graph):
        progress.update(done)
        if hasattr(node.layer, "quantized_kernels"):
            section = Section(graph, node)
            activation, received = section.activation, functools.partial(section.outputs, last="tail", quantized=False)
        else:
            activation, received = node, tf.identity
        if activation is None or activation.name in lowered or not activation.is_a("QuantizedReLU"):
            continue
        batches = propagation.inputs(node.name)
        largest = compiled(functools.partial(_largest, received), batches[0])
        value = max(float(largest(inputs)) for inputs in batches)
        lowered[activation.name] = value
        if 0 < value < activation.config["max_value"]:
            set_max_value(activation, value)
            propagation.layers[activation.name] = activation.cls.from_config(activation.config)
    progress.close()
    return build(graph)


def _largest(received: Callable[[tf.Tensor], tf.Tensor], inputs: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(received(inputs))
