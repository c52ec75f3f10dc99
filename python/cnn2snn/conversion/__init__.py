"""Conversion of quantized networks to Akida models.

`block` says what a network is as plain data, `keras` reads Keras models into it, `scaling` relates integer inputs to
those of the network. `quantizeml` and `onnx` read QuantizeML models. `akida1` and `akida2` make models of each
generation and prove what holds for every input, `report` shows what is proved. `source` tells what a model is,
`versions` picks the generation, `pipeline` does it all.

Names are resolved on first use, and Keras is imported for Keras models alone.
"""

from __future__ import annotations

import importlib
from typing import Any

# Public name -> module that defines it.
_HOMES = {
    "ConversionReport": "report",
    "conversion_report": "pipeline",
    "convert": "pipeline",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
