"""A model run layer by layer over all samples: each layer once, whatever the depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from cnn2snn.graph import Graph, Node

__all__ = ["Calibrated", "LayerError", "Propagation", "Section", "compiled", "quantized_nodes"]


@dataclass(frozen=True)
class LayerError:
    """The mean squared error that quantized weights cause at the output of a layer.

    Attributes:
        name: the layer's name.
        before: the error before calibration.
        after: the error after it.
        changed: how many weights are rounded to another integer.
    """

    name: str
    before: float
    after: float
    changed: int = 0


@dataclass(frozen=True)
class Calibrated:
    """A calibrated model and the errors of its layers, in order."""

    model: keras.Model
    errors: list[LayerError]


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
        layers: the Keras layers by name; one that has not been run may be replaced by another.
        batches: number of batches.
        samples: number of samples.

    Args:
        graph: the graph of a built model.
        samples: inputs of the model, (n, …), n at least 1.
        batch_size: samples in a batch, the last may have fewer; all in one by default.

    Raises:
        InvalidArgumentError: samples or batch size are not possible.
    """

    def __init__(self, graph: Graph, samples: np.ndarray, batch_size: int | None) -> None:
        samples = np.asarray(samples)
        shape = graph.input.output_shape
        fits = samples.ndim == len(shape) + 1 and all(
            want in (None, have) for want, have in zip(shape, samples.shape[1:], strict=True)
        )
        if not fits or not len(samples):
            expected = f"(n, {', '.join('any' if n is None else str(n) for n in shape)})"
            raise InvalidArgumentError(
                f"samples must have the shape {expected} with n at least 1, received {samples.shape}",
                kind="samples",
                expected=expected,
                received=samples.shape,
            )
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

    def inputs(self, name: str) -> list[tf.Tensor]:
        """What layer `name`, which has one input, reads, a tensor per batch; it has not been run."""
        for node in self.graph:
            if node.name == name:
                break
            if node.name not in self._done:
                self._run(node)
        return self._values[self.graph.nodes[name].inbounds[0]]

    def has_run(self, name: str) -> bool:
        """Whether a layer has been run."""
        return name in self._done

    def _run(self, node: Node) -> None:
        layer = self.layers[node.name]
        sources = [self._values[name] for name in node.inbounds]
        batches = [batch[0] if len(batch) == 1 else list(batch) for batch in zip(*sources, strict=True)]
        call = compiled(lambda inputs: layer(inputs, training=False), batches[0])
        self._values[node.name] = [call(batch) for batch in batches]
        self._done.add(node.name)
        for name in set(node.inbounds):
            if all(reader.name in self._done for reader in self.graph.consumers(name)):
                del self._values[name]


def compiled(function: Callable[..., Any], *like: Any) -> Callable[..., Any]:
    """A function compiled once, for arguments like these with any number of samples.

    Args:
        function: it takes tensors, or lists of tensors, whose first axis counts samples, and scalars.
        *like: example arguments.
    """
    specs = tf.nest.map_structure(
        lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]][: tensor.ndim], tensor.dtype), like
    )
    return tf.function(function).get_concrete_function(*specs)
