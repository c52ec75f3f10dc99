"""The layers that models consist of: `input_data` of both generations, `akida1`, `akida2`."""

from __future__ import annotations

from cnn2snn import _akida
from cnn2snn.akida.layer import Layer
from cnn2snn.akida.layers.akida1 import (
    Concat,
    Convolutional,
    FullyConnected,
    InputConvolutional,
    SeparableConvolutional,
)
from cnn2snn.akida.layers.akida2 import (
    Add,
    BufferTempConv,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Dense1D,
    DepthwiseBufferTempConv,
    DepthwiseConv2D,
    DepthwiseConv2DTranspose,
    Dequantizer,
    InputConv2D,
    PicoPostProcessing,
    Quantizer,
    StatefulRecurrent,
)
from cnn2snn.akida.layers.input_data import InputData

CLASSES: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (
        InputData,
        InputConvolutional,
        Convolutional,
        SeparableConvolutional,
        FullyConnected,
        Concat,
        Quantizer,
        InputConv2D,
        Conv2D,
        DepthwiseConv2D,
        Conv2DTranspose,
        DepthwiseConv2DTranspose,
        Dense1D,
        Add,
        Concatenate,
        BufferTempConv,
        DepthwiseBufferTempConv,
        StatefulRecurrent,
        PicoPostProcessing,
        Dequantizer,
    )
}


def layers_of(model: _akida.Model) -> list[Layer]:
    """Returns layer objects for all layers of a native model."""
    layers: list[Layer] = []
    for index, native in enumerate(model.layers()):
        cls = CLASSES[native.spec.layer_type]
        layer = cls.__new__(cls)
        layer._take(native.spec, native.name)
        layer._attach(model, native, index, tuple(layers[i] for i in native.inbounds))
        layers.append(layer)
    return layers
