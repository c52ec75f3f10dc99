"""From QuantizeML models to models of the generation of Akida that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from cnn2snn import akida
from cnn2snn.akida_versions import AkidaVersion
from cnn2snn.conversion.akida1 import Converted
from cnn2snn.conversion.akida1.quantizeml import convert_plan
from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.akida2.model import build_model
from cnn2snn.conversion.onnx import Graph, plan_onnx
from cnn2snn.conversion.quantizeml import Network
from cnn2snn.conversion.quantizeml.akida1 import plan_akida1
from cnn2snn.errors import InvalidArgumentError

__all__ = ["Conversion", "convert_network"]


@dataclass(frozen=True)
class Conversion:
    """A quantized model that was converted.

    Attributes:
        model: the engine's model.
        blocks: the blocks of a model of Akida 1.0, of which things are proved; None for Akida 2.0.
    """

    model: akida.Model
    blocks: Converted | None

    @classmethod
    def of(cls, converted: Converted) -> Conversion:
        """A model of Akida 1.0 with its blocks."""
        return cls(converted.model, converted)


def convert_network(network: Network | Graph, version: AkidaVersion, thresholds: str) -> Conversion:
    """The engine's model of a QuantizeML model.

    Args:
        network: the neutral form.
        version: the generation.
        thresholds: as for `cnn2snn.convert`; Akida 2.0 has none.

    Raises:
        InvalidArgumentError: (ValueError) a value that no layer can have, or an ONNX model for Akida 1.0.
        UnsupportedModelError: (RuntimeError) a structure that the generation cannot express.
    """
    blocks = None
    if version is AkidaVersion.v2:
        model = build_model(plan_onnx(network) if isinstance(network, Graph) else plan_model(network))
    elif isinstance(network, Graph):
        raise InvalidArgumentError(
            f'model "{network.name}": ONNX models convert to Akida 2.0 only, received Akida 1.0',
            kind="akida_version",
            expected="v2",
            received="v1",
            remedy="convert it under set_akida_version(AkidaVersion.v2), or quantize a Keras model for Akida 1.0",
        )
    else:
        blocks = convert_plan(plan_akida1(network), thresholds)
        model = blocks.model
    # Rescaling and quantizers of inputs are part of the network, which takes the inputs themselves.
    model.input_scaling = (1, 0)
    return Conversion(model, blocks)
