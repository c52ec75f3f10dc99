"""Conversion of quantized Keras models to Akida models.

`graph` reads Keras, `blocks` groups layers, `scaling` relates inputs, `variables` computes integer weights and
ideal thresholds and steps, `specs` makes engine layers of them, `convert` does it all.
"""

from cnn2snn.conversion.convert import convert

__all__ = ["convert"]
