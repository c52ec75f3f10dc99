"""The converted model of a quantized network, and of the same network with wider layers, run on the integer engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnn2snn import akida
from cnn2snn.analysis.cost.network import widened
from cnn2snn.conversion.akida1 import build_model
from cnn2snn.conversion.block import Blocks
from cnn2snn.conversion.keras import read_blocks
from cnn2snn.conversion.scaling import InputScaling, found_scaling, input_scaling_of, integer_inputs
from cnn2snn.graph import Graph

__all__ = ["Engine"]


class Engine:
    """A quantized network on the integer engine.

    Args:
        graph: the graph of the quantized model; it is not changed.
        samples: inputs of the quantized model.
        input_scaling: as for `cnn2snn.convert`; by default the usual scaling that takes all samples to integers.
        input_is_image: as for `cnn2snn.convert`.

    Attributes:
        scaling: (scale, shift) from samples to integers.
        model: the converted model.

    Raises:
        Cnn2SnnError: the model cannot be converted, or no usual scaling makes integers of the samples.
    """

    def __init__(
        self,
        graph: Graph,
        samples: np.ndarray,
        input_scaling: tuple[float, float] | None,
        input_is_image: bool,
    ) -> None:
        self._graph = graph
        self._image = input_is_image
        blocks = read_blocks(graph.copy())
        highest = 255 if input_is_image else 15
        given = input_scaling
        if blocks.rescaling is None and given is None:
            given = found_scaling(samples, highest)
        self._scaling = input_scaling_of(blocks, given)
        pair = (1.0, 0.0) if blocks.rescaling else (float(self._scaling.scale), float(self._scaling.shift))
        self.scaling = pair
        self._inputs = integer_inputs(samples, highest, pair)
        self.model = self._build(blocks)

    def outputs(self, setting: Mapping[str, int] | None = None) -> np.ndarray:
        """The outputs for all samples: real numbers (n, …, classes), in the units of the quantized model's outputs.

        Args:
            setting: the bits of layers that are to have others than in the model.
        """
        model = self.model if not setting else self._build(read_blocks(self._widened(setting)))
        shape = (-1, *model.input_shape)
        run = model.predict if model.layers[-1].output_bits is None else model.forward
        outputs = run(self._inputs.reshape(shape))
        return outputs[:, 0, 0] if outputs.shape[1:3] == (1, 1) else outputs

    def _build(self, blocks: Blocks) -> akida.Model:
        scaling: InputScaling = self._scaling
        return build_model(blocks, scaling, self._image).model

    def _widened(self, setting: Mapping[str, int]) -> Graph:
        graph = self._graph.copy()
        for name, bits in setting.items():
            node = graph.nodes[name]
            if node.is_a("QuantizedActivation"):
                node.layer = widened(node.layer, bits)
                node.config = node.layer.get_config()
                continue
            for key in ("quantizer", "quantizer_dw"):
                if key in node.config:
                    quantizer = node.config[key]
                    node.config[key] = type(quantizer).from_config({**quantizer.get_config(), "bitwidth": bits})
        return graph
