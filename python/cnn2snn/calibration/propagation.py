"""A model run layer by layer over all samples: each layer once, whatever the depth."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn._samples import read_samples
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from cnn2snn.graph import Graph, Node
from cnn2snn.input_range import warn_of_samples

__all__ = ["Calibrated", "LayerError", "Propagation", "Section", "compiled", "quantized_nodes"]


@dataclass(frozen=True)
class LayerError:
    """What quantization costs at the output of a layer, before and after calibration.

    Errors are the power of the difference to the float outputs over the power of the float outputs: 0.01 is a
    signal-to-quantization-noise ratio of 20 dB.

    Attributes:
        name: the layer's name.
        before: the error of its outputs before calibration.
        after: their error after it.
        changed: how many weights are rounded to another integer.
        network_before, network_after: the error that it causes at the output of the network; None where that was not
            measured.
        kept: the changes that were kept, in order.
    """

    name: str
    before: float
    after: float
    changed: int = 0
    network_before: float | None = None
    network_after: float | None = None
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibrated:
    """A calibrated model and what was won.

    Attributes:
        model: the model.
        errors: the errors of its layers, in order.
        network_before, network_after: the error of the outputs of the whole quantized network; None where that was not
            measured.
    """

    model: keras.Model
    errors: list[LayerError]
    network_before: float | None = None
    network_after: float | None = None


class RelativeError:
    """The power of differences over the power of what is wanted, summed over batches."""

    def __init__(self) -> None:
        self._noise = 0.0
        self._signal = 0.0

    def add(self, wanted: tf.Tensor, given: tf.Tensor) -> None:
        """Takes a batch."""
        wanted = tf.cast(wanted, tf.float64)
        self._noise += float(tf.reduce_sum((wanted - tf.cast(given, tf.float64)) ** 2))
        self._signal += float(tf.reduce_sum(wanted**2))

    def value(self) -> float:
        """The error of all batches; of a signal that is zero everywhere, 0 or 1."""
        return self._noise / self._signal if self._signal else float(self._noise > 0)


def quantized_nodes(graph: Graph) -> list[Node]:
    """The layers with quantized weights, in order.

    Raises:
        UnsupportedModelError: there is none.
    """
    nodes = [node for node in graph if hasattr(node.layer, "quantized_kernels")]
    if not nodes:
        raise UnsupportedModelError(
            f'model "{graph.name}" has no layer with quantized weights to calibrate',
            kind="structure",
            remedy="quantize it first, with cnn2snn.quantize",
        )
    return nodes


class Section:
    """A layer with quantized weights and what follows it until its activation.

    Attributes:
        layer: the Keras layer.
        tail: what follows it.
        activation: the quantized activation, or None where another layer comes first.
    """

    def __init__(self, graph: Graph, node: Node) -> None:
        self.layer = node.layer
        self.tail: list[Node] = []
        self.activation: Node | None = None
        reader = graph.only_consumer(node.name)
        while reader is not None and not hasattr(reader.layer, "quantized_kernels"):
            if reader.is_a("QuantizedActivation"):
                self.activation = reader
                break
            self.tail.append(reader)
            reader = graph.only_consumer(reader.name)

    def kernels(self, *, quantized: bool) -> list[tf.Tensor]:
        """The kernels of the layer, float or quantized."""
        pairs = ((tf.convert_to_tensor(kernel), quantizer) for kernel, quantizer in self.quantizers())
        return [quantizer.quantize(kernel) if quantized else kernel for kernel, quantizer in pairs]

    def outputs(self, inputs: tf.Tensor, last: str, *, quantized: bool) -> tf.Tensor:
        """`run` with the quantized or the float kernels."""
        return self.run(inputs, self.kernels(quantized=quantized), last)

    def quantizers(self) -> list[tuple[Any, Any]]:
        """The kernels of the layer as variables, each with its quantizer."""
        names = self.layer.quantized_kernels.items()
        return [(getattr(self.layer, kernel), getattr(self.layer, quantizer)) for kernel, quantizer in names]

    def run(self, inputs: tf.Tensor, kernels: list[tf.Tensor], last: str) -> tf.Tensor:
        """The output for inputs of the layer.

        Args:
            inputs: inputs of the layer.
            kernels: the kernels that it computes with.
            last: where to end: "layer", "tail" (before the activation) or "activation".
        """
        outputs = self.layer.compute(inputs, *kernels)
        if last == "tail" or (last == "activation" and self.activation is not None):
            for node in self.tail:
                outputs = node.layer(outputs, training=False)
        if last == "activation" and self.activation is not None:
            outputs = self.activation.layer(outputs)
        return outputs


class Propagation:
    """The outputs of the layers of a model for all samples, one layer after the other.

    The outputs of a layer are kept until all layers that read them have been run. Layers may be changed until they are
    run: what follows sees the change.

    Attributes:
        graph: the graph of the model.
        layers: the Keras layers by name; one that has not been run may be replaced by another.
        batches: number of batches.
        samples: number of samples.

    Args:
        graph: the graph of a built model.
        samples: inputs of the model, as for `read_samples`.
        batch_size: samples in a batch, the last may have fewer; all in one by default.

    Raises:
        InvalidArgumentError: samples or batch size are not possible.

    Warns:
        UserWarning: the model looks trained on inputs of another range.
    """

    def __init__(self, graph: Graph, samples: Any, batch_size: int | None) -> None:
        samples = read_samples(samples, graph.input.output_shape).inputs
        warn_of_samples(graph, samples, stacklevel=5)
        if batch_size is None:
            batch_size = len(samples)
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise InvalidArgumentError(
                f"batch_size must be a positive integer or None, received {batch_size!r}",
                kind="batch_size",
                expected="at least 1",
                received=batch_size,
            )
        self.graph = graph
        self.layers = {node.name: node.layer for node in graph}
        self.samples = len(samples)
        starts = range(0, len(samples), batch_size)
        self.batches = len(starts)
        dtype = graph.input.config.get("dtype") or "float32"
        first = [tf.convert_to_tensor(samples[i : i + batch_size].astype(dtype)) for i in starts]
        self._values = {graph.input.name: first}
        self._done = {graph.input.name}
        # The compiled calls of layers, each with its layer, which may be replaced.
        self._calls: dict[str, tuple[Any, Callable[..., tf.Tensor]]] = {}

    def inputs(self, name: str) -> list[tf.Tensor]:
        """What layer `name`, which has one input, reads, a tensor per batch; it has not been run."""
        self._run_until(name)
        return self._values[self.graph.nodes[name].inbounds[0]]

    def outputs(self, name: str) -> list[tf.Tensor]:
        """What layer `name` gives, a tensor per batch. It is run now, or was before and not all its readers were."""
        self._run_until(name)
        if name not in self._done:
            self._run(self.graph.nodes[name])
        return self._values[name]

    def has_run(self, name: str) -> bool:
        """Whether a layer has been run."""
        return name in self._done

    def results(self, others: dict[str, Any] | None = None) -> list[tf.Tensor]:
        """The outputs of the model for what has been run, a tensor per batch. Nothing counts as run by that.

        Args:
            others: layers that take the place of those that have not been run, by name.
        """
        fork = copy.copy(self)
        fork._values, fork._done = dict(self._values), set(self._done)
        if others:
            fork.layers, fork._calls = {**self.layers, **others}, self._other_calls
        return fork.outputs(self.graph.output)

    @functools.cached_property
    def _other_calls(self) -> dict[str, tuple[Any, Callable[..., tf.Tensor]]]:
        return {}

    def _run_until(self, name: str) -> None:
        for node in self.graph:
            if node.name == name:
                break
            if node.name not in self._done:
                self._run(node)

    def _run(self, node: Node) -> None:
        sources = [self._values[name] for name in node.inbounds]
        batches = [batch[0] if len(batch) == 1 else list(batch) for batch in zip(*sources, strict=True)]
        call = self._call(node.name, batches[0])
        self._values[node.name] = [call(batch) for batch in batches]
        self._done.add(node.name)
        for name in set(node.inbounds):
            if all(reader.name in self._done for reader in self.graph.consumers(name)):
                del self._values[name]

    def _call(self, name: str, like: Any) -> Callable[..., tf.Tensor]:
        layer = self.layers[name]
        known = self._calls.get(name)
        if known is None or known[0] is not layer:
            known = (layer, compiled(lambda inputs: layer(inputs, training=False), like))
            self._calls[name] = known
        return known[1]


def compiled(function: Callable[..., Any], *like: Any) -> Callable[..., Any]:
    """A function compiled once, for arguments like these with any number of samples.

    Args:
        function: it takes tensors, or lists of tensors, whose first axis counts samples, and scalars.
        *like: example arguments.
    """
    specs = tf.nest.map_structure(
        lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]][: tensor.ndim], tensor.dtype), like
    )
    return tf.function(function, autograph=False).get_concrete_function(*specs)
