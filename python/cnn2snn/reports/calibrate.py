"""The report of `cnn2snn calibrate`: the errors of quantized layers before and after."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cnn2snn import _table

if TYPE_CHECKING:
    from cnn2snn.calibration.propagation import LayerError

__all__ = ["CalibrateReport"]


@dataclass(frozen=True)
class CalibrateReport:
    """A quantized Keras model that was adjusted with samples.

    Attributes:
        file: path of the model.
        output: path of the calibrated model.
        method: "bc" for bias correction, "adaround" for adaptive rounding.
        samples: number of samples.
        layers: the errors of each layer, in order.

    Example:
        >>> report = CalibrateReport("q.h5", "better.h5", "bc", 100, calibrated.errors)  # doctest: +SKIP
        >>> print(report.text())  # doctest: +SKIP
    """

    file: str
    output: str
    method: str
    samples: int
    layers: list[LayerError]

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes."""
        return asdict(self)

    def text(self, width: int = 80) -> str:
        """Returns where the calibrated model is, and a table of the errors; for "adaround" with the weights changed."""
        rounded = self.method == "adaround"
        headers = ("Layer", "Error before", "after", *(("Rounded anew",) if rounded else ()))
        rows = [
            (error.name, f"{error.before:.3g}", f"{error.after:.3g}", *((f"{error.changed:,}",) if rounded else ()))
            for error in self.layers
        ]
        lines = [
            f"Model calibrated with {self.samples:,} samples and saved to {self.output}",
            "Mean squared error that quantized weights cause at the output of each layer:",
            *_table.columns(headers, rows, width=width, right=(1, 2, 3)),
        ]
        return "\n".join(lines)
