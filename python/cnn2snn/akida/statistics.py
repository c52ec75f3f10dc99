"""What samples do to a model, and what that would take on a chip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from cnn2snn._table import columns
from cnn2snn.errors import InvalidStateError

if TYPE_CHECKING:
    import numpy as np

    from cnn2snn.akida.model import Model


@dataclass(frozen=True)
class LayerStatistics:
    """Statistics of a layer, means over the samples (`docs/arithmetic.md`, section I).

    Attributes:
        sparsity: share of zeros among its outputs, 0 … 1.
        events: its input values that are not zero, per sample.
        effective_macs: multiply-accumulates that these events cause, per sample.
    """

    sparsity: float
    events: float
    effective_macs: float


@dataclass(frozen=True)
class Statistics:
    """Statistics of a model.

    Attributes:
        samples: number of samples that were counted.
        layers: those of each layer by its name.
    """

    samples: int
    layers: dict[str, LayerStatistics]

    @property
    def effective_macs(self) -> float:
        """Multiply-accumulates that events cause, per sample."""
        return sum(layer.effective_macs for layer in self.layers.values())

    def __str__(self) -> str:
        rows = [
            [name, f"{layer.sparsity:.1%}", f"{layer.events:,.1f}", f"{layer.effective_macs:,.1f}"]
            for name, layer in self.layers.items()
        ]
        headers = ["Layer", "Sparsity", "Events", "Effective MACs"]
        of = "one sample" if self.samples == 1 else f"{self.samples} samples, means"
        return "\n".join([f"Statistics of {of}:", *columns(headers, rows, width=80, right=(1, 2, 3))])


class NotMeasured(Statistics):
    """Statistics of a model that has measured no samples: they say how to have them."""

    def __init__(self) -> None:
        object.__setattr__(self, "samples", 0)

    def __bool__(self) -> bool:
        return False

    @property
    def layers(self) -> NoReturn:
        """Nothing has been counted.

        Raises:
            InvalidStateError: (SystemError) always.
        """
        raise InvalidStateError(f"there are no statistics of this model: {_HOW}", kind="statistics", remedy=_REMEDY)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NotMeasured)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<Statistics of no samples>"

    def __str__(self) -> str:
        return f"No statistics: {_HOW}; {_REMEDY}."


_HOW = "no samples have been measured since it was last edited"
_REMEDY = "call Model.measure(inputs), which runs samples and counts zeros and events"


@dataclass(frozen=True)
class LayerEstimate:
    """What a layer is estimated to take; less certain than the sum over all layers.

    Attributes:
        latency_ms: milliseconds.
        energy_mj: millijoules.
    """

    latency_ms: float
    energy_mj: float


@dataclass(frozen=True)
class Estimate:
    """What one input is estimated to take on a chip. It is no measurement; as a str, it says so.

    Attributes:
        latency_ms: milliseconds from input to output.
        fps: inputs per second, one after the other.
        energy_mj: millijoules per input, those of the chip at rest meanwhile included.
        latency_error: relative error of the latency on models held out from the fit: (median, largest).
        energy_error: the same of the energy.
        source: where the estimate comes from.
        layers: estimates of each layer by its name.
    """

    latency_ms: float
    fps: float
    energy_mj: float
    latency_error: tuple[float, float]
    energy_error: tuple[float, float]
    source: str
    layers: dict[str, LayerEstimate]
    _text: str

    @classmethod
    def _of(cls, native: dict[str, Any], names: list[str]) -> Estimate:
        fields = dict(native)
        layers = (LayerEstimate(*values) for values in fields.pop("layers"))
        return cls(layers=dict(zip(names, layers, strict=True)), _text=fields.pop("text"), **fields)

    def __str__(self) -> str:
        return self._text


def evaluate_sparsity(model: Model, inputs: np.ndarray) -> dict[str, float]:
    """Returns the share of zeros among the outputs of each layer, by its name.

    Args:
        model: a complete model.
        inputs: as for `Model.measure`.

    Raises:
        ValueError, TypeError: the inputs do not fit the model.
        RuntimeError: the model is not complete.
    """
    return {name: layer.sparsity for name, layer in model.measure(inputs).layers.items()}
