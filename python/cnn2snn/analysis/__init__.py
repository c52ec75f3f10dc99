"""Analysis of quantized and converted models."""

from cnn2snn.analysis.compare import ActivationReport, LayerReport, compare_activations

__all__ = ["ActivationReport", "LayerReport", "compare_activations"]
