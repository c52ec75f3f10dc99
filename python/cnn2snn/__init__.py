"""Quantize Keras models, convert them to Akida models, run these on any host.

Names are resolved on first use, so that what needs NumPy alone (`cnn2snn.akida`, the commands `info` and `run`)
does not import TensorFlow.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

# Public name -> module that defines it.
_HOMES = {
    "quantize": "quantization",
    "quantize_layer": "quantization",
    "bits": "bit_widths",
    "convert": "conversion",
    "conversion_report": "conversion",
    "check_model_compatibility": "compatibility",
    "sweep": "sweeping",
    "search": "sweeping",
    "evaluate": "bulk",
    "predict": "bulk",
    "AkidaVersion": "akida_versions",
    "get_akida_version": "akida_versions",
    "set_akida_version": "akida_versions",
    "load_quantized_model": "model_io",
    "cnn2snn_objects": "model_io",
    "WeightQuantizer": "quantization_ops",
    "LinearWeightQuantizer": "quantization_ops",
    "MaxQuantizer": "quantization_ops",
    "MaxPerAxisQuantizer": "quantization_ops",
    "StdWeightQuantizer": "quantization_ops",
    "StdPerAxisQuantizer": "quantization_ops",
    "QuantizedConv2D": "quantization_layers",
    "QuantizedSeparableConv2D": "quantization_layers",
    "QuantizedDepthwiseConv2D": "quantization_layers",
    "QuantizedDense": "quantization_layers",
    "QuantizedActivation": "quantization_layers",
    "QuantizedReLU": "quantization_layers",
    "ActivationDiscreteRelu": "quantization_layers",
    "Cnn2SnnError": "errors",
    "FormatError": "errors",
    "InvalidArgumentError": "errors",
    "InvalidStateError": "errors",
    "InvalidTypeError": "errors",
    "UnsupportedModelError": "errors",
}
_MODULES = (
    "akida",
    "akida_versions",
    "analysis",
    "calibration",
    "compatibility",
    "conversion",
    "errors",
    "gamma_constraint",
    "layer_blocks",
    "quantization",
    "quantization_layers",
    "quantization_ops",
    "sweeping",
    "transforms",
    "zoo",
)

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "__version__":
        return _version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _version() -> str:
    # Imported here, as it takes longer than the rest of this module and its simulator.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("akida-sim")
    except PackageNotFoundError:
        return "0+unknown"


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__) | {"__version__"})


# With TensorFlow there already, Keras finds the layers and quantizers of this package in files at once.
if sys.modules.get("tensorflow") is not None:
    importlib.import_module(f"{__name__}.model_io")
