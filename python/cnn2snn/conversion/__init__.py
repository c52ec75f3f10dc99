"""Conversion of quantized Keras models to Akida models.

`graph` reads Keras, `depthwise` joins layers that the engine computes in one, `blocks` groups layers, `scaling` relates
inputs, `variables` computes integer weights and ideal thresholds and steps, `fitting` sets variables, `specs` makes
engine layers of them, `convert` does it all; `certificate` proves what holds for every input, `report` shows it.
"""

from cnn2snn.conversion.convert import conversion_report, convert
from cnn2snn.conversion.report import ConversionReport

__all__ = ["ConversionReport", "conversion_report", "convert"]
