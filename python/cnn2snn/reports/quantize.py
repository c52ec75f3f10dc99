"""The report of `cnn2snn quantize`: the widths that the layers of a Keras model got."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cnn2snn.reports.prepare import changes_text

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LayerBits", "QuantizeReport"]


@dataclass(frozen=True)
class LayerBits:
    """A quantized Keras layer.

    Attributes:
        name, type: the layer.
        weights_bits: width of its weights; None for an activation.
        act_bits: width of its outputs; None for a layer with weights.
    """

    name: str
    type: str
    weights_bits: int | None = None
    act_bits: int | None = None

    @classmethod
    def of(cls, layer: Any) -> LayerBits | None:
        """Returns the width of a Keras layer; None for a layer that is not quantized."""
        bits = getattr(layer, "quantizer", layer)
        if not hasattr(bits, "bitwidth"):
            return None
        kind = "act_bits" if bits is layer else "weights_bits"
        return cls(layer.name, type(layer).__name__, **{kind: bits.bitwidth})

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes but for the width that the layer does not have."""
        bits = {"weights_bits": self.weights_bits, "act_bits": self.act_bits}
        found = {kind: width for kind, width in bits.items() if width is not None}
        return {"name": self.name, "type": self.type, **found}


@dataclass(frozen=True)
class QuantizeReport:
    """A Keras model that was quantized.

    Attributes:
        file: path of the model.
        output: path of the quantized model.
        layers: its quantized layers, in order.
        changes: what was rewritten before, each with the keys "layer", "rule" and "text".

    Example:
        >>> QuantizeReport.of(Path("net.h5"), Path("q.h5"), quantized).text()  # doctest: +SKIP
        'Model quantized and saved to q.h5'
    """

    file: str
    output: str
    layers: list[LayerBits]
    changes: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(
        cls, source: Path, target: Path, quantized: Any, changes: list[dict[str, Any]] | None = None
    ) -> QuantizeReport:
        """Returns the report on a model at `source`, and the Keras model made of it, which is saved at `target`."""
        return cls(str(source), str(target), list(filter(None, map(LayerBits.of, quantized.layers))), changes or [])

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes."""
        layers = [layer.to_dict() for layer in self.layers]
        return {"file": self.file, "output": self.output, "layers": layers, "changes": list(self.changes)}

    def text(self, width: int = 80) -> str:
        """Returns where the quantized model is, then what was rewritten before, in lines of at most `width`."""
        lines = [f"Model quantized and saved to {self.output}"]
        if self.changes:
            lines += ["Rewritten before, with equal outputs:", *changes_text(self.changes, width)]
        return "\n".join(lines)
