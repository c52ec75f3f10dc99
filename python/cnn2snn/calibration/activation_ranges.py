"""Bounds of quantized activations chosen from the values that occur in the float network."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from cnn2snn._keras import keras
from cnn2snn._progress import Progress
from cnn2snn._samples import read_samples
from cnn2snn.calibration.propagation import Propagation
from cnn2snn.calibration.reference import float_reference
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.graph import Graph, Node, build, read
from cnn2snn.input_range import warn_of_samples
from cnn2snn.transforms.equalize_branches import joined_activations

__all__ = ["METHODS", "activation_ranges", "set_max_value"]

METHODS = ("mse", "percentile", "max")

_BINS = 4096
# The bounds that are tried, as parts of the largest value.
_PARTS = np.linspace(0.02, 1.0, 99)


def activation_ranges(
    model: keras.Model,
    samples: Any,
    method: str = "mse",
    percentile: float = 99.9,
    batch_size: int | None = None,
    *,
    reference: keras.Model | None = None,
) -> keras.Model:
    """Sets the `max_value` of each `QuantizedReLU` by the values that its activation gives in the float network.

    A lower bound makes the step finer, as it is ``max_value / (2^bits - 1)``, and cuts off what lies above. The method
    says where the bound is:

    - "mse": where the mean squared error of the quantized values is least, the best for few bits;
    - "percentile": at a percentile of the values, zeros included;
    - "max": at the largest value.

    Activations that meet in a `Concatenate` get one bound, as their outputs need one step. An activation that is never
    above zero keeps its bound.

    Args:
        model: a quantized Keras model; it is not changed.
        samples: inputs of the model: an array (n, …), a `tf.data.Dataset`, an iterable of batches, or the path of a
            file of arrays or of a folder of images. All are used, and no labels.
        method: "mse", "percentile" or "max".
        percentile: for "percentile", above 0 and at most 100.
        batch_size: samples that are computed at once; all by default.
        reference: the float model that was quantized. By default the stored float weights are used, with the quantizers
            of weights and activations off. Bounds other than 2^bits - 1 hold then; this is what `quantize` gives to a
            `ReLU` without `max_value`, and counts as none.

    Returns:
        A new model of the same kind and name. Its bounds are part of its configuration, so that files keep them.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, an unknown method, a percentile or
            batch size that is not possible, or a reference whose layers are not those of the model.

    Example:
        >>> ranged = cnn2snn.calibration.activation_ranges(
        ...     quantized, images, "mse", reference=model)  # doctest: +SKIP
    """
    if method not in METHODS:
        raise InvalidArgumentError(
            f"method must be {', '.join(map(repr, METHODS[:-1]))} or {METHODS[-1]!r}, received {method!r}",
            kind="method",
            expected=METHODS,
            received=method,
        )
    if isinstance(percentile, bool) or not isinstance(percentile, Real) or not 0 < percentile <= 100:
        raise InvalidArgumentError(
            f"percentile must be a number above 0 and at most 100, received {percentile!r}",
            kind="percentile",
            expected="above 0, at most 100",
            received=percentile,
        )
    graph = read(model)
    set_ranges(graph, float_reference(graph, reference, unbounded=True), samples, batch_size, method, float(percentile))
    return build(graph)


def set_ranges(
    graph: Graph,
    floats: Graph,
    samples: Any,
    batch_size: int | None,
    method: str = "mse",
    percentile: float = 99.9,
) -> None:
    """`activation_ranges` in the graph of a model, against that of a float network."""
    samples = read_samples(samples, graph.input.output_shape).inputs
    # Bounds, which the float network lacks, tell of samples in another range.
    warn_of_samples(graph, samples, stacklevel=4)
    propagation = Propagation(floats, samples, batch_size)
    groups = _groups(graph)
    values: dict[str, np.ndarray] = {}
    progress = Progress(len(graph.nodes))
    for done, node in enumerate(floats):
        progress.update(done)
        if node.name in groups:
            values[node.name] = np.concatenate([np.ravel(batch) for batch in propagation.outputs(node.name)])
            if all(name in values for name in groups[node.name]):
                together = np.maximum(np.concatenate([values.pop(name) for name in groups[node.name]]), 0)
                bits = graph.nodes[node.name].config["bitwidth"]
                bound = float(np.float32(_bound(together, bits, method, percentile)))
                for name in groups[node.name] if bound > 0 else ():
                    set_max_value(graph.nodes[name], bound)
    progress.close()


def set_max_value(node: Node, value: float) -> None:
    """Gives a `QuantizedReLU` another bound."""
    node.config = {**node.config, "max_value": value}
    # Where the bound is trained it is a weight, too.
    node.weights = {role: np.asarray(value, weight.dtype) for role, weight in node.weights.items()}


def _groups(graph: Graph) -> dict[str, list[str]]:
    """The activations that get one bound, by the name of each."""
    found = {node.name: [node.name] for node in graph if node.is_exactly("QuantizedReLU")}
    for group in joined_activations(graph, lambda node: node.is_a("QuantizedActivation")):
        members = [name for name in graph.nodes if name in group]
        # One bound is of no use where other quantities differ.
        widths = {graph.nodes[name].config["bitwidth"] for name in members}
        if all(name in found for name in members) and len(widths) == 1:
            found.update(dict.fromkeys(members, members))
    return found


def _bound(values: np.ndarray, bits: int, method: str, percentile: float) -> float:
    largest = float(values.max())
    if method == "max" or largest <= 0:
        return largest
    if method == "percentile":
        return float(np.percentile(values, percentile))
    counts, edges = np.histogram(values, _BINS, (0, largest))
    middles = (edges[:-1] + edges[1:]) / 2
    # A ReLU gives 0 more often than any other value of this bin.
    middles[0] = 0
    levels = 2**bits - 1
    steps = largest * _PARTS[:, np.newaxis] / levels
    quantized = steps * np.clip(np.ceil(middles / steps - 0.5), 0, levels)
    errors = ((quantized - middles) ** 2) @ counts
    return float(steps[errors.argmin(), 0] * levels)
