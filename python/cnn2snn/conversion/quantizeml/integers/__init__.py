"""From float32 variables to integers: what every layer of a quantized network holds.

`tensor` says what values of a tensor mean, `records` what a layer holds, `neural`, `activations`, `temporal`, `joining`
and `interface` are the rules of the layers, `walk` applies them in order, `intervals` bounds values, `tables` computes
tables of activations.
"""

from cnn2snn.conversion.quantizeml.integers.walk import Walk, walk

__all__ = ["Walk", "walk"]
