"""Keras models, float or quantized by this package, judged for Akida 1.0."""

from __future__ import annotations

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.compatibility.problems import Findings, judge_limits
from cnn2snn.conversion.akida1 import build_model
from cnn2snn.conversion.keras import read_blocks
from cnn2snn.conversion.scaling import InputScaling, input_scaling_of
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, read
from cnn2snn.quantization import ready_graph

__all__ = ["is_float", "judge_akida1"]

# Widths that a float model is judged with: those of most published networks.
_WEIGHT_BITS = 4
_ACT_BITS = 4
_IMAGE_WEIGHT_BITS = 8


def is_float(model: keras.Model) -> bool:
    """Whether a Keras model has no layer that this package quantized; true for one that cannot be read.

    Raises:
        InvalidTypeError: (TypeError) it is not a Keras model.
    """
    try:
        graph = read(model, Problems(collect=True))
    except UnsupportedModelError:
        return True
    return not any("quantizer" in node.config or node.is_a("QuantizedActivation") for node in graph)


def judge_akida1(
    model: keras.Model, input_is_image: bool, device: akida.Device | None, input_dtype: np.dtype
) -> Findings:
    """Everything that keeps a Keras model from Akida 1.0.

    Args:
        model: the model.
        input_is_image: as for `check_model_compatibility`.
        device: the device asked for, or None.
        input_dtype: the type of the inputs.
    """
    problems = Problems(collect=True)
    _check_input_dtype(input_dtype, problems)
    graph = None
    try:
        graph = read(model, problems)
    except UnsupportedModelError as error:
        problems.add(error)
    in_float = is_float(model)
    built = None if graph is None else _build(graph, in_float, input_is_image, problems)
    findings = Findings("v1")
    findings.add_rules(problems.found, () if graph is None else graph.nodes)
    judge_limits(findings, built, device, values_count=not in_float)
    return findings


def _check_input_dtype(input_dtype: np.dtype, problems: Problems) -> None:
    if input_dtype.name != "uint8":
        problems.add(
            UnsupportedModelError(
                f"inputs of Akida 1.0 must be uint8, received {input_dtype.name}",
                kind="input_dtype",
                expected="uint8",
                received=input_dtype.name,
                remedy="scale and shift them to 0..255 for images, 0..15 otherwise",
            )
        )


def _build(graph: Graph, in_float: bool, input_is_image: bool, problems: Problems) -> akida.Model | None:
    """The engine's model, where layers have no variables once there are problems; None where it cannot be told."""
    if in_float:
        _quantize(graph, input_is_image, problems)
    blocks = read_blocks(graph, problems)
    scaling = InputScaling.of(1.0, 0.0, "default")
    with problems.catch():
        scaling = input_scaling_of(blocks, None)
    converted = build_model(blocks, scaling, input_is_image, problems)
    layers = {layer.name for layer in converted.model.layers}
    return converted.model if blocks.blocks and layers.issuperset(blocks.blocks) else None


def _quantize(graph: Graph, input_is_image: bool, problems: Problems) -> None:
    """What `cnn2snn.quantize` does."""
    input_bits = _IMAGE_WEIGHT_BITS if input_is_image else _WEIGHT_BITS
    ready_graph(graph, _WEIGHT_BITS, _ACT_BITS, input_bits, None, problems)
