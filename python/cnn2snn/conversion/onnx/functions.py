"""Names of functions: a base and the parts that follow it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cnn2snn.conversion.onnx.graph import Node, refuse

__all__ = ["Function", "function_of"]

# Layer types by base name. A longer base wins over one that it begins with.
_BASES = {
    "QuantizedInputConv2D": "InputConv2D",
    "QuantizedConv2D": "Conv2D",
    "QuantizedDepthwise2D": "DepthwiseConv2D",
    "QuantizedConv2DTranspose": "Conv2DTranspose",
    "QuantizedDepthwise2DTranspose": "DepthwiseConv2DTranspose",
    "QuantizedDense1D": "Dense1D",
    "QuantizedAdd": "Add",
    "QuantizedConcat": "Concatenate",
    "QuantizedBufferTempConv": "BufferTempConv",
    "QuantizedDepthwiseBufferTempConv": "DepthwiseBufferTempConv",
    "InputQuantizer": "Quantizer",
    "Dequantizer": "Dequantizer",
}
_PARTS = re.compile(
    r"(?P<flatten>Flatten)?(?P<biased>Biased)?(?P<pooling>MaxPool|GlobalAvgPool)?"
    r"(?P<activation>ReLUClipped|ReLU|LUT)?(?P<scaled>Scaled)?"
)
_POOLINGS = {None: "NoPooling", "MaxPool": "Max", "GlobalAvgPool": "Average"}
_ACTIVATIONS = {None: "NoActivation", "ReLUClipped": "ReLU", "ReLU": "ReLU", "LUT": "LUT"}


@dataclass(frozen=True)
class Function:
    """What a function computes.

    Attributes:
        type_name: the type of the Akida layer.
        flatten: whether the input is flattened first.
        biased: whether there is a bias.
        pooling: "NoPooling", "Max" or "Average".
        activation: "NoActivation", "ReLU" or "LUT".
        clipped: whether a ReLU has a bound.
        scaled: whether the output is rescaled.
    """

    type_name: str
    flatten: bool
    biased: bool
    pooling: str
    activation: str
    clipped: bool
    scaled: bool


def function_of(node: Node) -> Function:
    """What the function of a node computes, told by its name.

    Raises:
        UnsupportedModelError: a name that is not composed of a known base and known parts.
    """
    bases = [base for base in _BASES if node.function.startswith(base)]
    base = max(bases, key=len, default=None)
    found = None if base is None else _PARTS.fullmatch(node.function[len(base) :])
    if base is None or found is None:
        raise refuse(
            node,
            "the function is not one of QuantizeML that can be converted",
            kind="class",
            expected=sorted(_BASES),
            received=node.function,
            remedy="quantize the model up to the tensor before it (the argument quantize_until of quantize)",
        )
    activation = found["activation"]
    return Function(
        type_name=_BASES[base],
        flatten=found["flatten"] is not None,
        biased=found["biased"] is not None,
        pooling=_POOLINGS[found["pooling"]],
        activation=_ACTIVATIONS[activation],
        clipped=activation == "ReLUClipped",
        scaled=found["scaled"] is not None,
    )
