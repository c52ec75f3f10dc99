"""Layers of Akida 2.0 from blocks of a quantized network, as plain data.

`build` goes from a network to all layers, the other files make the layers of one family.
"""

from cnn2snn.conversion.akida2.build import plan_model
from cnn2snn.conversion.plan import LayerPlan, ModelPlan

__all__ = ["LayerPlan", "ModelPlan", "plan_model"]
