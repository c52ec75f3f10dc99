"""Float Keras models judged for Akida 2.0: as what QuantizeML makes of them."""

from __future__ import annotations

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.akida_versions import AkidaVersion
from cnn2snn.compatibility.problems import Findings, judge_limits
from cnn2snn.compatibility.quantizeml import convert_network
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import check_values, read
from cnn2snn.sanitizing import Foreseen, foresee

__all__ = ["judge_akida2"]


def judge_akida2(model: keras.Model, device: akida.Device | None, input_dtype: np.dtype) -> Findings:
    """Everything that keeps a float Keras model from Akida 2.0.

    Args:
        model: the model.
        device: the device asked for, or None.
        input_dtype: the type of inputs where the model's `Input` is float.
    """
    problems = Problems(collect=True)
    findings = Findings("v2")
    graph = None
    try:
        graph = read(model, problems)
    except UnsupportedModelError as error:
        problems.add(error)
    built = None
    order: tuple[str, ...] = ()
    if graph is not None:
        for node in graph:
            with problems.catch():
                check_values(node)
        foreseen = foresee(graph, input_dtype, problems)
        order = foreseen.order
        findings.changes.extend(foreseen.changes)
        _note(findings, foreseen)
        if foreseen.network is not None:
            built = convert_network(foreseen.network, AkidaVersion.v2, problems)
    findings.add_rules(problems.found, order)
    judge_limits(findings, built, device, values_count=False)
    return findings


def _note(findings: Findings, foreseen: Foreseen) -> None:
    if foreseen.left_out:
        findings.note(f"the layers at its end stay in float, and are not converted: {', '.join(foreseen.left_out)}")
    for layer, problem, remedy in foreseen.warnings:
        findings.note(f'layer "{layer}": {problem}', layer, remedy)
