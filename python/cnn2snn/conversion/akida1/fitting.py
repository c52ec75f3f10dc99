"""Variables of an engine layer: its weights, and the thresholds and steps that come nearest to the ideal ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnn2snn import _akida, akida
from cnn2snn.conversion.akida1.target import TARGET
from cnn2snn.conversion.akida1.variables import IdealLayer, engine_weights, floored
from cnn2snn.conversion.block import Block
from cnn2snn.errors import UnsupportedModelError

__all__ = ["THRESHOLDS", "Certificates", "certify", "fit", "set_variables"]

# Why a threshold or a step can be out of all proportion.
_HUGE = "a tiny gamma, a dead filter or a huge scale is the usual cause: constrain gamma while training"

# How thresholds and steps are chosen.
THRESHOLDS = ("fit", "floor")


def set_variables(
    layer: akida.Layer, block: Block, ideal: IdealLayer, *, thresholds: str, input_scale: float, input_shift: float
) -> np.ndarray:
    """Gives a layer in a model its weights, thresholds and steps (H6, H8).

    Args:
        layer: the layer.
        block: the block that it is made of.
        ideal: the block's integer weights, ideal thresholds and steps.
        thresholds: one of `THRESHOLDS`.
        input_scale: α in the type of H8, for "floor".
        input_shift: β as it was given, for "floor".

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
    if thresholds == "floor":
        threshold, act_step = _floor(block, ideal, input_scale, input_shift)
    else:
        threshold, act_step, mismatches = fit(block, ideal, layer)
    layer.set_variable("threshold", threshold)
    layer.set_variable("act_step", act_step)
    if thresholds == "floor":
        differing = certify(layer, ideal).differences[:, 0]
        mismatches = np.bincount(differing, minlength=len(threshold)).astype(np.uint8)
    return mismatches


def _floor(block: Block, ideal: IdealLayer, input_scale: float, input_shift: float) -> tuple[np.ndarray, np.ndarray]:
    threshold, act_step = floored(block, ideal, input_scale=input_scale, input_shift=input_shift)
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
        bits = block.activation.bits
        known = (None, None) if layer is None else (layer.reach(), layer.widths(TARGET))
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
    columns, differences = layer.certify(boundaries, TARGET)
    return Certificates(*columns, differences)
