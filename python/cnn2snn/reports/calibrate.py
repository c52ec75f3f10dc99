"""The report of `cnn2snn calibrate`: what quantization costs layer by layer, before and after."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cnn2snn import _table

if TYPE_CHECKING:
    from cnn2snn.calibration.propagation import Calibrated, LayerError

__all__ = ["CalibrateReport"]


@dataclass(frozen=True)
class CalibrateReport:
    """A quantized Keras model that was adjusted with samples.

    Errors are powers of differences over powers of float outputs; the text shows them in dB.

    Attributes:
        file: path of the model.
        output: path of the calibrated model.
        method: "bc" for bias correction, "adaround" for adaptive rounding, "auto" for the best sequence.
        samples: number of samples.
        layers: the errors of each layer, in order.
        network_before: the error of the outputs of the whole quantized network before; None for "adaround".
        network_after: the same after calibration.

    Example:
        >>> report = CalibrateReport.of("q.h5", "better.h5", "bc", 100, calibrated)  # doctest: +SKIP
        >>> print(report.text())  # doctest: +SKIP
    """

    file: str
    output: str
    method: str
    samples: int
    layers: list[LayerError]
    network_before: float | None = None
    network_after: float | None = None

    @classmethod
    def of(cls, file: str, output: str, method: str, samples: int, calibrated: Calibrated) -> CalibrateReport:
        """Returns the report on a calibration."""
        errors = calibrated.errors
        return cls(file, output, method, samples, errors, calibrated.network_before, calibrated.network_after)

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes."""
        return asdict(self)

    def text(self, width: int = 80) -> str:
        """Returns where the calibrated model is, and a table of the signal-to-noise ratios."""
        lines = [f"Model calibrated with {self.samples:,} samples and saved to {self.output}"]
        if self.network_before is None or self.network_after is None:
            headers = ("Layer", "SQNR before", "after", "Rounded anew")
            rows = [(e.name, _decibel(e.before), _decibel(e.after), f"{e.changed:,}") for e in self.layers]
            lines += [
                "Signal-to-quantization-noise ratio at the output of each layer, in dB, against",
                "its float weights:",
                *_table.columns(headers, rows, width=width, right=(1, 2, 3)),
            ]
            return "\n".join(lines)
        headers = ("Layer", "SQNR before", "after", "Network before", "after", "Kept")
        rows = [
            (
                error.name,
                _decibel(error.before),
                _decibel(error.after),
                _decibel(error.network_before or 0.0),
                _decibel(error.network_after or 0.0),
                ", ".join(error.kept) or "-",
            )
            for error in self.layers
        ]
        lines += [
            "Signal-to-quantization-noise ratio against the float network, in dB, for samples",
            "held back: at the output of the layer, and of the network with the layers behind",
            "it in float:",
            *_table.columns(headers, rows, width=width, right=(1, 2, 3, 4)),
            f"Whole quantized network: {_decibel(self.network_before)} dB before, "
            f"{_decibel(self.network_after)} dB after",
        ]
        if not any(error.kept for error in self.layers):
            lines.append("No change of weights or biases brought the network nearer, so none was kept.")
        return "\n".join(lines)


def _decibel(error: float) -> str:
    return f"{-10 * math.log10(error):.1f}" if error > 0 else "exact"
