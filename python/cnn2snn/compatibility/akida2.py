"""Float Keras models judged for Akida 2.0."""

from __future__ import annotations

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.compatibility.problems import Findings
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import read

__all__ = ["judge_akida2"]


def judge_akida2(model: keras.Model, device: akida.Device | None, input_dtype: np.dtype) -> Findings:
    """Everything that keeps a float Keras model from Akida 2.0."""
    problems = Problems(collect=True)
    findings = Findings("v2")
    graph = None
    try:
        graph = read(model, problems)
    except UnsupportedModelError as error:
        problems.add(error)
    findings.add_rules(problems.found, () if graph is None else graph.nodes)
    return findings
