"""The report of a conversion: what is proved of every layer, as an object, as text and as JSON.

`base` has what the reports of both generations share, `akida1` and `akida2` what is proved of layers of each.
"""

from cnn2snn.conversion.report.akida1 import Akida1Report, Difference, Exceedance, InputReport, LayerReport
from cnn2snn.conversion.report.akida2 import (
    Akida2InputReport,
    Akida2LayerReport,
    Akida2Report,
    Inexact,
    Saturation,
    Tie,
    WideProduct,
)
from cnn2snn.conversion.report.base import ConversionReport, Place, number

__all__ = [
    "Akida1Report",
    "Akida2InputReport",
    "Akida2LayerReport",
    "Akida2Report",
    "ConversionReport",
    "Difference",
    "Exceedance",
    "Inexact",
    "InputReport",
    "LayerReport",
    "Place",
    "Saturation",
    "Tie",
    "WideProduct",
    "number",
]
