"""Variables of an engine layer: its weights, and the thresholds and steps that come nearest to the ideal ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnn2snn import _akida, akida
from cnn2snn.conversion.blocks import Block
from cnn2snn.conversion.variables import IdealLayer, engine_weights
from cnn2snn.errors import UnsupportedModelError

__all__ = ["Fitted", "fit", "set_weights"]

# Why a threshold or a step can be out of all proportion.
_HUGE = "a tiny gamma, a dead filter or a huge scale is the usual cause: constrain gamma while training"


@dataclass(frozen=True)
class Fitted:
    """Thresholds and steps per channel, and how many boundaries differ from the ideal ones."""

    threshold: np.ndarray
    act_step: np.ndarray
    mismatches: np.ndarray


def set_weights(layer: akida.Layer, ideal: IdealLayer) -> None:
    """Gives a layer in a model its integer weights."""
    dims = tuple(layer.input_dims)
    if ideal.depthwise is None:
        layer_type = layer.parameters.layer_type.name
        layer.set_variable("weights", engine_weights(layer_type, ideal.weights, dims))
    else:
        layer.set_variable("weights", engine_weights("Depthwise", ideal.depthwise, dims))
        layer.set_variable("weights_pw", engine_weights("Pointwise", ideal.weights, dims))


def fit(block: Block, ideal: IdealLayer, layer: akida.Layer | None) -> Fitted:
    """Thresholds and steps of a block (H6).

    Args:
        block: the block.
        ideal: its ideal thresholds and steps.
        layer: the engine's layer, with its weights, whose potentials and chip are considered; None considers none.

    Raises:
        UnsupportedModelError: a threshold or a step that no layer can hold.
    """
    try:
        if block.activation is None:
            threshold, act_step = _akida.fit_output(ideal.rounded_thresholds(), ideal.s)
            mismatches = np.zeros(ideal.t.shape, np.uint8)
        else:
            bits = block.activation.config["bitwidth"]
            known = (None, None) if layer is None else (layer.reach(), layer.widths())
            threshold, act_step, mismatches = _akida.fit_boundaries(ideal.boundaries(bits), ideal.s, bits, *known)
    except ValueError as error:
        raise UnsupportedModelError(
            f'layer "{block.name}": {error}; {_HUGE}', layer=block.name, kind="threshold"
        ) from error
    return Fitted(threshold, act_step, mismatches)
