"""A QuantizeML network, layer by layer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.analysis.float32.layers import LAYERS
from cnn2snn.analysis.float32.temporal import STATEFUL, State, pico
from cnn2snn.analysis.float32.tensors import Tensor, rescale
from cnn2snn.conversion.quantizeml import Network
from cnn2snn.conversion.quantizeml.layer import Layer, check_layers
from cnn2snn.conversion.quantizeml.shapes import infer_shapes

__all__ = ["Evaluator"]

# Widths of integer inputs without a sign; floats without an input quantizer are bytes of older files.
_INPUT_BITS = {"uint8": 8, "int8": 7, "int16": 15}


class Evaluator:
    """Evaluates a network. Layers with state keep it from call to call.

    Args:
        network: the network.
        exact: computes in float64, where all integers are exact, instead of float32 as QuantizeML does.

    Raises:
        InvalidArgumentError, UnsupportedModelError: layers that the reader refuses.

    Example:
        >>> outputs = Evaluator(read_h5("model.h5")).run(images, ["dense"])  # doctest: +SKIP
    """

    def __init__(self, network: Network, exact: bool = False) -> None:
        self.layers: Mapping[str, Layer] = check_layers(network, Problems())
        self._shapes = infer_shapes(self.layers, Problems())
        self._dtype = np.dtype(np.float64 if exact else np.float32)
        self._states: dict[str, State] = {}
        self._last_readers = {source: layer.name for layer in self.layers.values() for source in layer.inbounds}
        # What layers with an output quantizer computed before it, in the last call of `part`.
        self.accumulators: dict[str, np.ndarray] = {}

    def run(self, inputs: np.ndarray, keep: Collection[str]) -> dict[str, Tensor]:
        """The outputs of some layers of the network.

        Args:
            inputs: what the network takes, the batch first.
            keep: the layers. Outputs of others are let go once they have been read.
        """
        found: dict[str, Tensor] = {}
        for name, layer in self.layers.items():
            found[name] = self.take(name, inputs) if layer.kind == "InputLayer" else self._of(name, found)
            for source in layer.inbounds:
                if self._last_readers[source] == name and source not in keep:
                    found.pop(source, None)
        self.accumulators.clear()
        return {name: found[name] for name in keep}

    def part(self, names: Iterable[str], known: Mapping[str, Tensor]) -> Tensor:
        """The output of the last of some layers, of which the others and `known` ones give all that they read."""
        self.accumulators.clear()
        found, last = dict(known), None
        for name in names:
            last = found[name] = self._of(name, found)
        assert last is not None
        return last

    def take(self, name: str, inputs: np.ndarray) -> Tensor:
        """Inputs as the input layer gives them."""
        bits = _INPUT_BITS.get(self.layers[name].arguments["dtype"], 8)
        values = inputs.reshape(len(inputs), *self._shapes[name])
        return Tensor(values.astype(self._dtype), np.asarray(0), bits)

    def _of(self, name: str, found: Mapping[str, Tensor]) -> Tensor:
        layer = self.layers[name]
        inputs = [self._typed(found[source]) for source in layer.inbounds]
        if layer.kind in STATEFUL:
            result = STATEFUL[layer.kind](layer, inputs, self._states.setdefault(name, {}))
        elif layer.kind == "PicoPostProcessing":
            return pico(layer, inputs)
        else:
            result = LAYERS[layer.kind](layer, inputs)
        quantizer = layer.quantizers.get("output_quantizer")
        if quantizer is None or layer.kind == "StatefulRecurrent":
            return result
        self.accumulators[name] = result.values
        return rescale(result, quantizer, layer.variables["range_max"], layer.variables["rescaling_rate"])

    def _typed(self, tensor: Tensor) -> Tensor:
        return tensor if tensor.values.dtype == self._dtype else tensor.with_values(tensor.values.astype(self._dtype))
