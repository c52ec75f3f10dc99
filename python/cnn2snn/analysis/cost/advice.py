"""What could help a quantized network: remedies that are tried on the samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cnn2snn.analysis.cost.network import Setting, Unit
from cnn2snn.analysis.cost.result import LayerCost

__all__ = ["Trial", "engine_trials", "trials"]

# How many layers, those that cost most, get more bits.
_LAYERS = 5
# Widths that Akida 1.0 has.
_WEIGHTS, _ACTIVATIONS = (2, 4, 8), (1, 2, 4)


@dataclass(frozen=True)
class Trial:
    """A remedy.

    Attributes:
        layer: the layer.
        what: what to do, in words.
        setting: the modes of layers that stand for it.
        bits: the widths by layer, as `quantize` takes them.
    """

    layer: str
    what: str
    setting: Setting
    bits: dict[str, dict[str, int]] = field(default_factory=dict)


def trials(layers: list[LayerCost]) -> list[Trial]:
    """The remedies to try.

    Args:
        layers: the layers, the one that costs most first.
    """
    found = []
    for layer in layers[:_LAYERS]:
        if layer.weights_bits and (bits := _next(min(layer.weights_bits), _WEIGHTS)) is not None:
            what = f'layer "{layer.layer}": weights of {bits} bits'
            found.append(Trial(layer.layer, what, {layer.layer: bits}, {layer.layer: {"weights": bits}}))
        if layer.act_bits is not None and (bits := _next(layer.act_bits, _ACTIVATIONS)) is not None:
            what = f'layer "{layer.activation}": activations of {bits} bits'
            widths = {layer.activation: {"activations": bits}}
            found.append(Trial(layer.layer, what, {layer.activation: bits}, widths))
    return found


def engine_trials(unit: Unit, weights_bits: int | None, act_bits: int | None) -> Iterator[Trial]:
    """Wider weights of a unit, the widest first, each with the widest activation.

    Args:
        unit: the unit.
        weights_bits: the bits of its weights; None without.
        act_bits: the bits of its activation; None without.
    """
    wider = [bits for bits in reversed(_WEIGHTS) if weights_bits is not None and bits > weights_bits]
    for bits in [*wider, None]:
        setting, widths, words = {}, {}, []
        if bits is not None:
            setting[unit.weights], widths[unit.weights] = bits, {"weights": bits}
            words.append(f"weights of {bits} bits")
        if act_bits is not None and act_bits < _ACTIVATIONS[-1]:
            setting[unit.activation], widths[unit.activation] = _ACTIVATIONS[-1], {"activations": _ACTIVATIONS[-1]}
            words.append(f"activations of {_ACTIVATIONS[-1]} bits")
        if setting:
            yield Trial(unit.name, f'layer "{unit.name}": {" and ".join(words)}', setting, widths)


def _next(bits: int, widths: tuple[int, ...]) -> int | None:
    return next((width for width in widths if width > bits), None)
