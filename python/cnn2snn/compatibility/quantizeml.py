"""QuantizeML models judged for either generation."""

from __future__ import annotations

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.akida_versions import AkidaVersion
from cnn2snn.compatibility.problems import Findings, judge_limits
from cnn2snn.conversion.onnx import Graph
from cnn2snn.conversion.quantizeml import Network
from cnn2snn.conversion.versions import build_plan, plan_network

__all__ = ["convert_network", "judge_network"]


def judge_network(network: Network | Graph, version: AkidaVersion, device: akida.Device | None) -> Findings:
    """Everything that keeps a QuantizeML model from a generation.

    Args:
        network: the neutral form.
        version: the generation.
        device: the device asked for, or None.
    """
    problems = Problems(collect=True)
    model = convert_network(network, version, problems)
    findings = Findings(version.value)
    names = [node.name for node in network.nodes] if isinstance(network, Graph) else list(network.nodes)
    findings.add_rules(problems.found, names)
    judge_limits(findings, model, device, values_count=True)
    if network.ignored:
        findings.note(f"the layers behind the Dequantizer are not converted: {', '.join(network.ignored)}")
    return findings


def convert_network(network: Network | Graph, version: AkidaVersion, problems: Problems) -> akida.Model | None:
    """The engine's model of a QuantizeML model; None where there are problems, which `problems` receives."""
    with problems.catch():
        plan = plan_network(network, version, problems)
        if not problems.found:
            return build_plan(network, plan, "fit").model
    return None
