"""Analysis of quantized and converted models."""

from cnn2snn.analysis.compare import compare
from cnn2snn.analysis.comparison import Comparison, Difference, LayerComparison
from cnn2snn.analysis.cost import Advice, LayerCost, QuantizationCost, Score, Sensitivity, quantization
from cnn2snn.analysis.edits import Edit

__all__ = [
    "Advice",
    "Comparison",
    "Difference",
    "Edit",
    "LayerComparison",
    "LayerCost",
    "QuantizationCost",
    "Score",
    "Sensitivity",
    "compare",
    "quantization",
]
