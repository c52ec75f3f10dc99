"""Conversion of blocks to models of Akida 1.0, with NumPy and the engine alone.

`variables` computes integer weights and ideal thresholds and steps, `fitting` sets variables that hold them, `inputs`
and `layers` make engine layers, `model` puts them together, `certificate` proves what holds for every input. `target`
is the chip that they aim at.
"""

from cnn2snn.conversion.akida1.fitting import THRESHOLDS
from cnn2snn.conversion.akida1.model import Converted, ConvertedBlock, build_model
from cnn2snn.conversion.akida1.target import TARGET

__all__ = ["TARGET", "THRESHOLDS", "Converted", "ConvertedBlock", "build_model"]
