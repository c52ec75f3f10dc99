"""Outputs of a layer with quantized and with float weights."""

from __future__ import annotations

import functools
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn.calibration.propagation import Propagation, Section, compiled
from cnn2snn.errors import InvalidArgumentError, InvalidStateError
from cnn2snn.graph import read

__all__ = ["QuantizationSampler"]


class QuantizationSampler:
    """Compares what a layer gives with quantized and with float weights, for samples.

    The inputs of the layer are those that the quantized model computes, so that the difference is the layer's own.
    They are computed once, layer after layer: to select the layers of a model in their order costs as much as to run
    it once. Memory holds the inputs of the selected layer for all samples.

    Args:
        model: a quantized Keras model.
        samples: inputs of the model, (n, …) with any number of axes; all are used.
        batch_size: samples in a batch, the last may have fewer; all in one by default.

    Attributes:
        n_batches: number of batches.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, or a batch size below 1.

    Example:
        >>> sampler = cnn2snn.calibration.QuantizationSampler(quantized, images)  # doctest: +SKIP
        >>> sampler.select_layer(quantized.get_layer("conv"))  # doctest: +SKIP
        >>> sampler.quantization_error(keras.metrics.MeanSquaredError())  # doctest: +SKIP
    """

    def __init__(self, model: keras.Model, samples: np.ndarray, batch_size: int | None = None) -> None:
        self._graph = read(model)
        self._samples = samples
        self._batch_size = batch_size
        self._propagation = Propagation(self._graph, samples, batch_size)
        self.n_batches = self._propagation.batches
        self._inputs: list[tf.Tensor] = []
        self._outputs: dict[bool, Callable[..., tf.Tensor]] = {}

    def select_layer(self, layer: keras.layers.Layer | str, include_activation: bool = False) -> None:
        """Selects the layer to sample.

        Layers are run when one behind them is selected for the first time; changes made to them until then are seen.
        To select a layer that has been run starts anew.

        Args:
            layer: a layer of the model with quantized weights, or its name.
            include_activation: whether outputs are those of the quantized activation after it, where there is one.

        Raises:
            InvalidArgumentError: (ValueError) it is no such layer.
        """
        name = layer if isinstance(layer, str) else getattr(layer, "name", None)
        node = self._graph.nodes.get(name)
        same = node is not None and (isinstance(layer, str) or node.layer is layer)
        if not same or not hasattr(node.layer, "quantized_kernels"):
            raise InvalidArgumentError(
                f"a layer of the model with quantized weights must be selected, received {layer!r}",
                layer=name,
                kind="layer",
                received=layer,
            )
        if self._propagation.has_run(name):
            self._propagation = Propagation(self._graph, self._samples, self._batch_size)
        section = Section(self._graph, node)
        last = "activation" if include_activation else "layer"
        self._inputs = self._propagation.inputs(name)
        self._outputs = {
            quantized: compiled(functools.partial(section.outputs, last=last, quantized=quantized), self._inputs[0])
            for quantized in (False, True)
        }

    def quantized_outputs(self, batch_index: int = 0) -> tf.Tensor:
        """The outputs of the selected layer for a batch.

        Raises:
            InvalidStateError: (SystemError) no layer is selected.
            InvalidArgumentError: (ValueError) there is no such batch.
        """
        batch = self._batch(batch_index)
        return self._outputs[True](batch)

    def float_outputs(self, batch_index: int = 0) -> tf.Tensor:
        """The outputs that the selected layer would have with float weights, for a batch; errors as above."""
        batch = self._batch(batch_index)
        return self._outputs[False](batch)

    def quantization_error(self, metric: keras.metrics.Metric) -> Any:
        """A metric between float and quantized outputs of the selected layer, over all samples.

        Args:
            metric: it is reset, then updated with (float outputs, quantized outputs) of each batch.

        Returns:
            Its result, as NumPy value.

        Raises:
            InvalidStateError: (SystemError) no layer is selected.
        """
        metric.reset_state()
        for index in range(self.n_batches):
            metric.update_state(self.float_outputs(index), self.quantized_outputs(index))
        return metric.result().numpy()

    def _batch(self, index: int) -> tf.Tensor:
        if not self._outputs:
            raise InvalidStateError("no layer is selected", kind="state", remedy="call select_layer first")
        if not isinstance(index, Integral) or not 0 <= index < self.n_batches:
            raise InvalidArgumentError(
                f"batch_index must be in 0..{self.n_batches - 1}, received {index!r}",
                kind="batch_index",
                expected=(0, self.n_batches - 1),
                received=index,
            )
        return self._inputs[index]
