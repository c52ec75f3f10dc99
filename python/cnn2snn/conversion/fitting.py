"""Variables of an engine layer: its weights, and the thresholds and steps that come nearest to the ideal ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnn2snn import _akida, akida
from cnn2snn.conversion.block import Block
from cnn2snn.conversion.variables import IdealLayer, NeuralArrays, engine_weights, floored
from cnn2snn.errors import UnsupportedModelError

__all__ = ["THRESHOLDS", "Certificates", "Place", "certify", "fit", "set_variables"]

# Why a threshold or a step can be out of all proportion.
_HUGE = "a tiny gamma, a dead filter or a huge scale is the usual cause: constrain gamma while training"


THRESHOLDS = ("fit", "floor")


@dataclass(frozen=True)
class Place:
    """What the variables of a block depend on beside its Keras layer.

    Attributes:
        scale: α of the integers that it reads, as a float.
        shift: β as it was given.
        positions: G.
        thresholds: how thresholds and steps are chosen, one of `THRESHOLDS`.
    """

    scale: float
    shift: float
    positions: int
    thresholds: str


def set_variables(
    layer: akida.Layer, block: Block, arrays: NeuralArrays, ideal: IdealLayer, place: Place
) -> np.ndarray:
    """Gives a layer in a model its weights, thresholds and steps (H6, H8).

    Returns:
        How many boundaries differ from the ideal ones for some potential that the filter reaches, per channel.

    Raises:
        UnsupportedModelError: a threshold or a step that no layer can hold.
    """
    dims = tuple(layer.input_dims)
    if ideal.depthwise is None:
        layer_type = layer.parameters.layer_type.name
        layer.set_variable("weights", engine_weights(layer_type, ideal.weights, dims))
    else:
        layer.set_variable("weights", engine_weights("Depthwise", ideal.depthwise, dims))
        layer.set_variable("weights_pw", engine_weights("Pointwise", ideal.weights, dims))
    if place.thresholds == "floor":
        threshold, act_step = _floor(block, arrays, ideal, place)
    else:
        threshold, act_step, mismatches = fit(block, ideal, layer)
    layer.set_variable("threshold", threshold)
    layer.set_variable("act_step", act_step)
    if place.thresholds == "floor":
        differing = certify(layer, ideal).differences[:, 0]
        mismatches = np.bincount(differing, minlength=len(threshold)).astype(np.uint8)
    return mismatches


def _floor(block: Block, arrays: NeuralArrays, ideal: IdealLayer, place: Place) -> tuple[np.ndarray, np.ndarray]:
    threshold, act_step = floored(
        arrays,
        ideal,
        input_scale=place.scale,
        input_shift=place.shift,
        positions=place.positions,
        act_bits=None if block.activation is None else block.activation.config["bitwidth"],
    )
    limits = np.iinfo(np.int32)
    for what, values, usable in (
        ("threshold", threshold, (threshold >= limits.min) & (threshold <= limits.max)),
        ("act_step", act_step, (act_step > 0) & np.isfinite(act_step)),
    ):
        if not np.all(usable):
            channel = int(np.argmin(usable))
            raise UnsupportedModelError(
                f'layer "{block.name}": the floored {what} of channel {channel} does not fit 32 bits, received '
                f"{values[channel]:g}",
                layer=block.name,
                kind=what,
                received=float(values[channel]),
                remedy=f'convert with thresholds="fit": {_HUGE}',
            )
    return threshold.astype(np.int32), act_step


def fit(block: Block, ideal: IdealLayer, layer: akida.Layer | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Thresholds, steps and numbers of boundaries that differ (H6).

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
            return threshold, act_step, np.zeros(ideal.t.shape, np.uint8)
        bits = block.activation.config["bitwidth"]
        known = (None, None) if layer is None else (layer.reach(), layer.widths())
        return _akida.fit_boundaries(ideal.boundaries(bits), ideal.s, bits, *known)
    except ValueError as error:
        raise UnsupportedModelError(
            f'layer "{block.name}": {error}', layer=block.name, kind="threshold", remedy=_HUGE
        ) from error


@dataclass(frozen=True)
class Certificates:
    """What is known of the filters of a layer (H7, H9); integer arrays of shape (filters,) but for the last.

    Attributes:
        lowest, highest: the potentials that a filter reaches.
        lowest_level, highest_level: their levels; zeros without activation.
        held: whether Akida 1.0 devices hold threshold and step.
        moved_if_clipped: boundaries that would move if they were set to the nearest values that devices hold.
        differences: (number of them, 5): filter, level that begins, ideal boundary, the layer's, and a potential that
            exceeds one alone.
    """

    lowest: np.ndarray
    highest: np.ndarray
    lowest_level: np.ndarray
    highest_level: np.ndarray
    held: np.ndarray
    moved_if_clipped: np.ndarray
    differences: np.ndarray


def certify(layer: akida.Layer, ideal: IdealLayer) -> Certificates:
    """The certificates of a layer in a model as it is, against its ideal boundaries."""
    bits = layer.output_bits
    boundaries = np.zeros((0, 0), np.int64) if bits is None else ideal.boundaries(bits)
    columns, differences = layer.certify(boundaries)
    return Certificates(*columns, differences)
