"""What QuantizeML makes of a float Keras model: its sanitizing and its placing of quantizers, foreseen.

`draft` holds layers while they are rewritten, `structure` and `hardware` are the two groups of passes of
``quantizeml.models.transforms.sanitize``, `quantizers` says where integers begin, and gives the neutral form of the
quantized model. Values are not foreseen: they follow from training and calibration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.network import Network
from cnn2snn.graph import Graph
from cnn2snn.reports.check import Change
from cnn2snn.sanitizing.draft import Draft
from cnn2snn.sanitizing.hardware import sanitize_for_hardware
from cnn2snn.sanitizing.quantizers import flattened_per_axis, quantized_network, unsigned_per_axis
from cnn2snn.sanitizing.refusals import refuse_float_layers
from cnn2snn.sanitizing.structure import sanitize_structure

__all__ = ["Foreseen", "foresee"]


@dataclass(frozen=True)
class Foreseen:
    """What becomes of a float model.

    Attributes:
        network: the quantized model, whose variables have shapes but no values of their own; None where it has no
            layer that can be quantized.
        order: the names of the layers after sanitizing, in order.
        changes: what sanitizing changes, in the order of its passes.
        left_out: the layers at the end that stay in float, behind the Dequantizer.
        warnings: what calibration may lead to: a layer, what may happen, and the remedy.
    """

    network: Network | None
    order: tuple[str, ...]
    changes: tuple[Change, ...]
    left_out: tuple[str, ...]
    warnings: tuple[tuple[str, str, str], ...]


def foresee(graph: Graph, input_dtype: np.dtype, problems: Problems) -> Foreseen:
    """The model that ``quantizeml.models.quantize`` makes of a float model with its defaults.

    Args:
        graph: the float model; it is not changed.
        input_dtype: `input_dtype` of QuantizeML's `QuantizationParams`, which counts for float inputs.
        problems: receives what cannot be quantized.
    """
    draft = Draft.of(graph)
    sanitize_structure(draft)
    sanitize_for_hardware(draft)
    order = tuple(draft.parts)
    left_out = refuse_float_layers(draft, problems)
    network = quantized_network(draft, input_dtype, problems)
    warnings = () if network is None else tuple(_warnings(network))
    return Foreseen(network, order, tuple(draft.changes), left_out, warnings)


def _warnings(network: Network) -> Iterator[tuple[str, str, str]]:
    remedy = "quantize with per_tensor_activations=True where conversion refuses the model"
    for layer in unsigned_per_axis(network):
        problem = "its channels are quantized per axis, and those of an image must come out with one binary point"
        yield layer, problem, f"{remedy}, or give the model an Input of uint8 and a Rescaling"
    for layer in flattened_per_axis(network):
        yield layer, "it flattens a map that is quantized per axis, and none of its values may saturate", remedy
