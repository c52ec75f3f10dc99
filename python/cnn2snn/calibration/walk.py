"""Layers adjusted in their order against a float network, each change judged on samples held back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn._progress import Progress
from cnn2snn._samples import read_samples
from cnn2snn.calibration.propagation import (
    Calibrated,
    LayerError,
    Propagation,
    RelativeError,
    Section,
    compiled,
    quantized_nodes,
)
from cnn2snn.graph import Graph, Node, build, read

__all__ = ["Change", "Site", "adjust"]

# One of so many samples is held back.
_HELD_BACK = 4


@dataclass(frozen=True)
class Site:
    """A layer with quantized weights, and what it should give.

    Attributes:
        section: the layer.
        inputs: what it reads in the quantized network, calibrated up to it, a tensor per batch.
        wanted: what it gives in the float network, a tensor per batch.
    """

    section: Section
    inputs: list[tf.Tensor]
    wanted: list[tf.Tensor]


@dataclass(frozen=True)
class Change:
    """A way to adjust a layer.

    Attributes:
        name: what it is called in reports.
        apply: changes the variables of the layer.
    """

    name: str
    apply: Callable[[Site], None]


def adjust(
    model: keras.Model, floats: Graph, samples: Any, batch_size: int | None, changes: list[Change]
) -> Calibrated:
    """Adjusts each layer with quantized weights, in order, by each change, and keeps what improves the network.

    A change of a layer is kept where the output of the network comes closer to that of the float network, for samples
    that are held back, with the layers behind it in float. In the end the whole quantized network must have come
    closer, too; otherwise nothing is kept.

    Args:
        model: a quantized Keras model; it is not changed.
        floats: the graph of the float network, as `float_reference` gives it.
        samples: inputs of the model, as for `read_samples`.
        batch_size: samples that are computed at once; all by default.
        changes: tried one after the other on each layer.
    """
    graph = read(model)
    for node in quantized_nodes(graph):
        node.config["use_bias"] = True
        node.weights.setdefault("bias", np.zeros(node.output_shape[-1], np.float32))
    adjusted = build(graph)
    graph = read(adjusted)
    # Values are kept until they have been read, so that both must go through the layers in one order.
    floats = replace(floats, nodes={name: floats.nodes[name] for name in graph.nodes})
    inputs = read_samples(samples, graph.input.output_shape).inputs
    held = np.arange(len(inputs)) % _HELD_BACK == _HELD_BACK - 1
    # Too few samples are used for both.
    part, rest = (inputs, inputs) if len(inputs) < _HELD_BACK else (inputs[~held], inputs[held])
    given, wanted = Propagation(graph, part, batch_size), Propagation(floats, part, batch_size)
    judge = _Judge(graph, floats, rest, batch_size)
    before, weights = judge.whole(), adjusted.get_weights()
    nodes = quantized_nodes(graph)
    progress = Progress(len(nodes) * len(changes))
    errors = []
    for number, node in enumerate(nodes):
        site = Site(Section(graph, node), given.inputs(node.name), wanted.outputs(node.name))
        judge.select(node, site.section)
        first = best = judge.errors()
        kept, old = [], _integers(site.section)
        for tried, change in enumerate(changes):
            state = node.layer.get_weights()
            change.apply(site)
            found = judge.errors()
            if found.network.improves(best.network):
                best = found
                kept.append(change.name)
            else:
                node.layer.set_weights(state)
            progress.update(number * len(changes) + tried + 1)
        changed = sum(int(np.count_nonzero(a != b)) for a, b in zip(old, _integers(site.section), strict=True))
        network = (error.network.power for error in (first, best))
        errors.append(LayerError(node.name, first.layer, best.layer, changed, *network, tuple(kept)))
    progress.close()
    after = judge.whole()
    if not after.improves(before):
        adjusted.set_weights(weights)
        after = before
        errors = [LayerError(e.name, e.before, e.before, 0, e.network_before, e.network_before) for e in errors]
    return Calibrated(adjusted, errors, before.power, after.power)


def _integers(section: Section) -> list[np.ndarray]:
    """The integer weights of a layer, up to rounding of float32."""
    return [
        np.rint(np.asarray(quantizer.quantize(kernel)) * np.asarray(quantizer.scale_factor(kernel)))
        for kernel, quantizer in (
            (tf.convert_to_tensor(kernel), quantizer) for kernel, quantizer in section.quantizers()
        )
    ]


@dataclass(frozen=True)
class _NetworkError:
    """How far outputs of a network are from those of the float one.

    Attributes:
        power: the power of the difference over that of the float outputs.
        direction: 1 - the cosine between the outputs of a sample, each less their mean over channels, in the mean of
            samples and positions; 0 for one channel.
    """

    power: float
    direction: float

    def improves(self, other: _NetworkError) -> bool:
        """Whether outputs are nearer, by the product of both: neither may fall at the cost of more of the other.

        Outputs of a better scale are of no use where they tell classes apart less well. Outputs of a better direction
        are of no use to a regression whose scale is lost.
        """
        return self.power * (self.direction or 1.0) < other.power * (other.direction or 1.0)


@dataclass(frozen=True)
class _Errors:
    """The relative error at the output of a layer, and the error of the network."""

    layer: float
    network: _NetworkError


class _Judge:
    """Errors for samples that are held back."""

    def __init__(self, graph: Graph, floats: Graph, samples: np.ndarray, batch_size: int | None) -> None:
        self._graph = graph
        self._floats = {node.name: node.layer for node in floats}
        self._given = Propagation(graph, samples, batch_size)
        self._wanted = Propagation(floats, samples, batch_size)
        self._results = self._wanted.results()
        self._whole = Propagation(graph, samples, batch_size)

    def select(self, node: Node, section: Section) -> None:
        """Goes on to the next layer."""
        self._node = node
        self._inputs = self._given.inputs(node.name)
        self._outputs = self._wanted.outputs(node.name)
        self._compute = compiled(functools.partial(section.outputs, last="layer", quantized=True), self._inputs[0])

    def errors(self) -> _Errors:
        """The errors with the layer as it is, those before it quantized and those behind it in float."""
        outputs = [self._compute(batch) for batch in self._inputs]
        layer = _error(self._outputs, outputs)
        others = {name: layer for name, layer in self._floats.items() if name != self._node.name}
        return _Errors(layer, _network_error(self._results, self._given.results(others)))

    def whole(self) -> _NetworkError:
        """The error of the whole quantized network as it is."""
        return _network_error(self._results, self._whole.results())


def _error(wanted: list[tf.Tensor], given: list[tf.Tensor]) -> float:
    error = RelativeError()
    for pair in zip(wanted, given, strict=True):
        error.add(*pair)
    return error.value()


def _network_error(wanted: list[tf.Tensor], given: list[tf.Tensor]) -> _NetworkError:
    direction = 0.0
    if wanted[0].shape[-1] != 1:
        pairs = [[_centred(batch) for batch in batches] for batches in (wanted, given)]
        cosines = [np.ravel(tf.reduce_sum(a * b, -1)) for a, b in zip(*pairs, strict=True)]
        direction = float(1 - np.mean(np.concatenate(cosines)))
    return _NetworkError(_error(wanted, given), direction)


def _centred(outputs: tf.Tensor) -> tf.Tensor:
    """Outputs less their mean over channels, of length 1."""
    outputs = tf.cast(outputs, tf.float64)
    return tf.math.l2_normalize(outputs - tf.reduce_mean(outputs, -1, keepdims=True), -1)
