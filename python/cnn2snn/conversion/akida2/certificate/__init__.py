"""What conversion to Akida 2.0 can prove of each layer, for every input.

`intervals` finds the ends of sums, `stage` takes them to outputs and notes what happens on the way, `float32` asks
where QuantizeML's own arithmetic differs, `layers` goes through the types of layers.
"""

from cnn2snn.conversion.akida2.certificate.layers import report

__all__ = ["report"]
