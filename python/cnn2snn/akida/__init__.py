"""The simulator of Akida processors: build, load, run and save models of integer layers.

Needs NumPy only. Names, signatures and semantics are those of the published Akida API
documentation. A model has layers of Akida 1.0 or layers of Akida 2.0.

Shapes are (X, Y, C) = (height, width, channels), pairs are (height, width), and a
batch is the first axis.

Example:
    >>> import numpy as np
    >>> from cnn2snn import akida
    >>> model = akida.Model(layers=[
    ...     akida.InputData((1, 1, 3), input_bits=4, name="input"),
    ...     akida.FullyConnected(2, weights_bits=2, activation=False, name="classes"),
    ... ])
    >>> weights = np.array([[1, 0], [0, 1], [-1, 1]], np.int8).reshape(1, 1, 3, 2)
    >>> model.get_layer("classes").set_variable("weights", weights)
    >>> model.forward(np.array([5, 3, 1], np.uint8).reshape(1, 1, 1, 3)).ravel()
    array([4, 4], dtype=int32)
"""

from cnn2snn.akida._plan import KernelChoice, PlanMemory
from cnn2snn.akida.devices import (
    AKD1000,
    AKD1500,
    AKD1500_v1,
    Device,
    FPGA_v2,
    HwVersion,
    NSoC_v2,
    SixNodesIPv2,
    TwoNodesIP,
    TwoNodesIP_v1,
    TwoNodesIPv1,
    TwoNodesIPv2,
    create_device,
    devices,
)
from cnn2snn.akida.enums import ActivationType, IpVersion, LayerType, Padding, PoolType
from cnn2snn.akida.layer import Layer, LayerVariables
from cnn2snn.akida.layer_parameters import LayerParameters
from cnn2snn.akida.layers import (
    Add,
    BufferTempConv,
    Concat,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Convolutional,
    Dense1D,
    DepthwiseBufferTempConv,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    FullyConnected,
    InputConv2D,
    InputConvolutional,
    InputData,
    PicoPostProcessing,
    Quantizer,
    SeparableConvolutional,
    StatefulRecurrent,
)
from cnn2snn.akida.learning import AkidaUnsupervised
from cnn2snn.akida.mapping import BackendType, LayerMapping, MapMode, Pass, Sequence, compute_minimal_memory
from cnn2snn.akida.model import Model
from cnn2snn.akida.np import NP
from cnn2snn.akida.session import Session
from cnn2snn.akida.statistics import Estimate, LayerEstimate, LayerStatistics, Statistics, evaluate_sparsity
from cnn2snn.akida.violation import Violation

__all__ = [
    "AKD1000",
    "AKD1500",
    "NP",
    "AKD1500_v1",
    "ActivationType",
    "Add",
    "AkidaUnsupervised",
    "BackendType",
    "BufferTempConv",
    "Concat",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Convolutional",
    "Dense1D",
    "DepthwiseBufferTempConv",
    "DepthwiseConv2D",
    "DepthwiseConv2DTranspose",
    "Dequantizer",
    "Device",
    "Estimate",
    "FPGA_v2",
    "FullyConnected",
    "HwVersion",
    "InputConv2D",
    "InputConvolutional",
    "InputData",
    "IpVersion",
    "KernelChoice",
    "Layer",
    "LayerEstimate",
    "LayerMapping",
    "LayerParameters",
    "LayerStatistics",
    "LayerType",
    "LayerVariables",
    "MapMode",
    "Model",
    "NSoC_v2",
    "Padding",
    "Pass",
    "PicoPostProcessing",
    "PlanMemory",
    "PoolType",
    "Quantizer",
    "SeparableConvolutional",
    "Sequence",
    "Session",
    "SixNodesIPv2",
    "StatefulRecurrent",
    "Statistics",
    "TwoNodesIP",
    "TwoNodesIP_v1",
    "TwoNodesIPv1",
    "TwoNodesIPv2",
    "Violation",
    "compute_minimal_memory",
    "create_device",
    "devices",
    "evaluate_sparsity",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        import cnn2snn

        return cnn2snn.__version__
    if name == "compatibility":
        raise AttributeError(
            f"module {__name__!r} has no module 'compatibility': its functions create_from_model and transpose were "
            "removed from the published API; convert the Keras model again"
        )
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
