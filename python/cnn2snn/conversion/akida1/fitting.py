"""Variables of an engine layer: its weights, and the thresholds and steps that come nearest to the ideal ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from cnn2snn import _akida, akida
from cnn2snn.conversion.akida1.target import TARGET
from cnn2snn.conversion.akida1.variables import IdealLayer, engine_weights, floored
from cnn2snn.conversion.block import Block
from cnn2snn.errors import UnsupportedModelError

__all__ = ["THRESHOLDS", "certify", "differing_by_channel", "mismatches_without_layer", "set_variables"]

# Why a threshold or a step can be out of all proportion.
_HUGE = (
    "a tiny gamma, a dead filter or a huge scale is the usual cause: constrain gamma while training, or quantize "
    "filters whose weights are all close to zero with a limit, as MaxPerAxisQuantizer(bitwidth, max_scale_factor=1000) "
    "has one"
)

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
    weights = _weights(layer, ideal)
    if thresholds == "floor":
        threshold, act_step = _floor(block, ideal, input_scale, input_shift)
        for name, values in {**weights, "threshold": threshold, "act_step": act_step}.items():
            layer.set_variable(name, values)
        return differing_by_channel(certify(layer, ideal), len(threshold))
    with _unheld(block):
        return layer.set_fitted(weights, _targets(block, ideal), ideal.s, TARGET)


def _weights(layer: akida.Layer, ideal: IdealLayer) -> dict[str, np.ndarray]:
    """The kernels of a layer by name, in the engine's order."""
    dims = tuple(layer.input_dims)
    if ideal.depthwise is None:
        return {"weights": engine_weights(layer.parameters.layer_type.name, ideal.weights, dims)}
    return {
        "weights": engine_weights("Depthwise", ideal.depthwise, dims),
        "weights_pw": engine_weights("Pointwise", ideal.weights, dims),
    }


def _targets(block: Block, ideal: IdealLayer) -> np.ndarray:
    """The ideal boundaries of a block, or its ideal thresholds where it has no activation."""
    return ideal.rounded_thresholds() if block.activation is None else ideal.boundaries(block.activation.bits)


@contextmanager
def _unheld(block: Block) -> Iterator[None]:
    """Says of which block a threshold or a step is that no layer can hold."""
    try:
        yield
    except ValueError as error:
        raise UnsupportedModelError(
            f'layer "{block.name}": {error}', layer=block.name, kind="threshold", remedy=_HUGE
        ) from error


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


def mismatches_without_layer(block: Block, ideal: IdealLayer) -> np.ndarray:
    """How many boundaries differ per channel in the best fit, whatever potentials occur and whatever a chip holds.

    Raises:
        UnsupportedModelError: a threshold or a step that no layer can hold.
    """
    with _unheld(block):
        if block.activation is None:
            _akida.fit_output(_targets(block, ideal), ideal.s)
            return np.zeros(ideal.t.shape, np.uint8)
        return _akida.fit_boundaries(_targets(block, ideal), ideal.s, block.activation.bits)[2]


def certify(layer: akida.Layer, ideal: IdealLayer) -> _akida.Certificates:
    """What is known of a layer in a model, compared with its ideal boundaries (H7, H9); see `akida.Layer.certify`."""
    bits = layer.output_bits
    boundaries = np.zeros((0, 0), np.int64) if bits is None else ideal.boundaries(bits)
    return layer.certify(boundaries, TARGET)


def differing_by_channel(certificates: _akida.Certificates, channels: int) -> np.ndarray:
    """How many boundaries differ per channel, uint8 of shape (channels,)."""
    return np.bincount(certificates.differences[:, 0], minlength=channels).astype(np.uint8)
