"""QuantizeML networks as layers of Akida 1.0, as plain data.

`build` goes from a network to all layers, `layers` makes one of them, `ideal` says exactly where levels begin.
"""

from cnn2snn.conversion.quantizeml.akida1.build import Akida1Layer, Akida1Plan, plan_akida1
from cnn2snn.conversion.quantizeml.akida1.ideal import Ideal

__all__ = ["Akida1Layer", "Akida1Plan", "Ideal", "plan_akida1"]
