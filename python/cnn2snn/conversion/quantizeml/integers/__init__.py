"""From float32 variables to integers: what every layer of a quantized network holds.

`tensor` says what values of a tensor mean, `records` what a layer holds. `neural`, `activations`, `joining`,
`recurrent` and `interface` are the rules of the layers, with `output` for what they share. `walk` applies them in
order. `tables` computes tables of activations, `intervals` bounds values, `flattening` uses these bounds.
"""

from cnn2snn.conversion.quantizeml.integers.walk import Walk, walk

__all__ = ["Walk", "walk"]
