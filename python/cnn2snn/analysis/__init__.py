"""Analysis of quantized and converted models."""

from cnn2snn.analysis.compare import compare
from cnn2snn.analysis.comparison import Comparison, Difference, LayerComparison
from cnn2snn.analysis.edits import Edit

__all__ = ["Comparison", "Difference", "Edit", "LayerComparison", "compare"]
