"""Calibration of quantized models with samples, without training."""

from cnn2snn.calibration.activations_rescaling import activations_rescaling
from cnn2snn.calibration.adaround import adaround
from cnn2snn.calibration.bias_correction import bias_correction
from cnn2snn.calibration.sampler import QuantizationSampler

__all__ = ["QuantizationSampler", "activations_rescaling", "adaround", "bias_correction"]
