"""From QuantizeML models to models of the generation of Akida that is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.akida_versions import AkidaVersion
from cnn2snn.conversion.akida1 import Converted
from cnn2snn.conversion.akida1 import certificate as akida1_certificate
from cnn2snn.conversion.akida1.quantizeml import convert_plan
from cnn2snn.conversion.akida2 import certificate as akida2_certificate
from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.akida2.model import build_model
from cnn2snn.conversion.block import Folded
from cnn2snn.conversion.onnx import Graph, plan_onnx
from cnn2snn.conversion.plan import ModelPlan
from cnn2snn.conversion.quantizeml import Network
from cnn2snn.conversion.quantizeml.account import account
from cnn2snn.conversion.quantizeml.akida1 import Akida1Plan, plan_akida1
from cnn2snn.conversion.report import ConversionReport, Place
from cnn2snn.errors import InvalidArgumentError

__all__ = ["Conversion", "build_plan", "plan_network"]


@dataclass(frozen=True)
class Conversion:
    """A quantized model that was converted.

    Attributes:
        name: the name of the quantized model.
        model: the engine's model.
        blocks: the blocks of a model of Akida 1.0, of which things are proved; None for Akida 2.0.
        folded: what became of layers of the quantized model that are no layers of a model of Akida 2.0.
    """

    name: str
    model: akida.Model
    blocks: Converted | None
    folded: list[Folded] = field(default_factory=list)

    @classmethod
    def of(cls, converted: Converted) -> Conversion:
        """A model of Akida 1.0 with its blocks."""
        return cls(converted.source.name, converted.model, converted)

    def report(self, thresholds: str) -> ConversionReport:
        """What the conversion proves; `thresholds` are those that it was asked for."""
        if self.blocks is not None:
            return akida1_certificate.report(self.blocks, thresholds)
        places = [Place(one.name, one.type, one.became, one.block) for one in self.folded]
        return akida2_certificate.report(self.model, self.name, places)


def plan_network(
    network: Network | Graph, version: AkidaVersion, problems: Problems | None = None
) -> ModelPlan | Akida1Plan:
    """The layers that a QuantizeML model becomes, as plain data.

    Args:
        network: the neutral form.
        version: the generation.
        problems: receives what cannot be converted; by default all that can be told at once is raised together.

    Raises:
        InvalidArgumentError: (ValueError) a value that no layer can have, or an ONNX model for Akida 1.0.
        UnsupportedModelError: (RuntimeError) a structure that the generation cannot express.
    """
    if isinstance(network, Network):
        return plan_model(network, problems) if version is AkidaVersion.v2 else plan_akida1(network, problems)
    if version is AkidaVersion.v1:
        raise InvalidArgumentError(
            f'model "{network.name}": ONNX models convert to Akida 2.0 only, received Akida 1.0',
            kind="akida_version",
            expected="v2",
            received="v1",
            remedy="convert it for Akida 2.0 (AkidaVersion.v2), or quantize a Keras model for Akida 1.0",
        )
    return plan_onnx(network, problems)


def build_plan(network: Network | Graph, plan: ModelPlan | Akida1Plan, thresholds: str) -> Conversion:
    """The engine's model of a plan.

    Args:
        network: the neutral form that was planned.
        plan: what `plan_network` gives where it finds no problem.
        thresholds: as for `cnn2snn.convert`; Akida 2.0 has none.

    Raises:
        InvalidArgumentError, UnsupportedModelError: a value that a layer cannot hold.
    """
    if isinstance(plan, Akida1Plan):
        conversion = Conversion.of(convert_plan(plan, thresholds))
    else:
        conversion = Conversion(network.name, build_model(plan), None, account(_classes(network), plan))
    # Rescaling and quantizers of inputs are part of the network, which takes the inputs themselves.
    conversion.model.input_scaling = (1, 0)
    return conversion


def _classes(network: Network | Graph) -> dict[str, str]:
    """The classes of the layers of a network by name."""
    if isinstance(network, Graph):
        return {node.name: node.function for node in network.nodes}
    return {node.name: node.class_name for node in network.nodes.values()}
