"""Calibration of quantized models with samples, without training."""

from cnn2snn.calibration.activation_ranges import activation_ranges
from cnn2snn.calibration.activations_rescaling import activations_rescaling
from cnn2snn.calibration.adaround import adaround
from cnn2snn.calibration.bias_correction import bias_correction
from cnn2snn.calibration.calibrate import calibrate
from cnn2snn.calibration.sampler import QuantizationSampler
from cnn2snn.calibration.weight_ranges import weight_ranges

__all__ = [
    "QuantizationSampler",
    "activation_ranges",
    "activations_rescaling",
    "adaround",
    "bias_correction",
    "calibrate",
    "weight_ranges",
]
