"""The classes of QuantizeML: their arguments, quantizers and variables.

Class names have no "Custom>" here. The tables say what a file may hold; whether a layer can be converted is decided
later, so that a refusal can name the whole pattern.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnn2snn.conversion.quantizeml.arguments import (
    Argument,
    anything,
    boolean,
    choice,
    integer,
    number,
    numbers,
    optional,
    pair,
    sizes,
    target_shape,
)

__all__ = ["CLASSES", "GONE", "LayerClass", "Quantizer"]


@dataclass(frozen=True)
class Quantizer:
    """A quantizer in a `quant_config`.

    Attributes:
        arguments: its arguments by name.
        missing: its configuration where the layer has none; None where the layer then has no such quantizer.
    """

    arguments: Mapping[str, Argument]
    missing: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class LayerClass:
    """A class of layers.

    Attributes:
        arguments: its arguments by name. Names, initializers, regularizers and constraints are left out.
        quantizers: the entries of its `quant_config` that are quantizers.
        settings: the entries of its `quant_config` that are numbers.
        variables: the names of the variables that it can have.
    """

    arguments: Mapping[str, Argument] = field(default_factory=dict)
    quantizers: Mapping[str, Quantizer] = field(default_factory=dict)
    settings: Mapping[str, Argument] = field(default_factory=dict)
    variables: tuple[str, ...] = ()


_AXES = choice("per-tensor", "per-axis")
_ACTIVATION = Argument(choice("linear", None), "linear")
_FORMAT = Argument(choice("channels_last", "channels_first", None), None)
_PADDING = choice("valid", "same")


def _weights(axis: int | None = -1, **missing: Any) -> Quantizer:
    arguments = {
        "bitwidth": Argument(integer(2, 8), 8),
        "signed": Argument(choice(True), True),
        "axis": Argument(choice(axis, None), axis),
        "fp_quantizer": Argument(choice(False), False),
    }
    return Quantizer(arguments, missing)


_BIAS = Quantizer({"bitwidth": Argument(integer(2, 8), 8), "signed": Argument(choice(True), True)}, {})
_BOUND = Quantizer({"bitwidth": Argument(integer(2, 8), 8), "signed": Argument(choice(False), False)}, {})
_OUTPUT = Quantizer(
    {
        "bitwidth": Argument(integer(1, 16), 8),
        "signed": Argument(boolean, True),
        "axis": Argument(_AXES, "per-tensor"),
        "scale_bits": Argument(integer(8, 16), 8),
        "buffer_bitwidth": Argument(integer(16, 32), 32),
    }
)
_A_MATRIX = Quantizer(
    {
        "bitwidth": Argument(integer(16, 16), 16),
        "signed": Argument(choice(True), True),
        "axis": Argument(choice(None), None),
        "fp_quantizer": Argument(choice(True), True),
    },
    {},
)
_PREDICTION = Quantizer(
    {
        "bitwidth": Argument(integer(16, 16), 16),
        "signed": Argument(choice(True), True),
        "axis": Argument(_AXES, "per-axis"),
        "scale_bits": Argument(integer(16, 16), 16),
        "buffer_bitwidth": Argument(integer(32, 44), 32),
    },
    {},
)


def _buffer(default: int = 32) -> dict[str, Argument]:
    return {"buffer_bitwidth": Argument(integer(16, 44), default)}


_RANGES = ("range_max", "rescaling_rate")
_CONVOLUTION = {
    "kernel_size": Argument(pair),
    "strides": Argument(pair, (1, 1)),
    "padding": Argument(_PADDING, "valid"),
    "data_format": _FORMAT,
    "dilation_rate": Argument(pair, (1, 1)),
    "groups": Argument(integer(1), 1),
    "activation": _ACTIVATION,
    "use_bias": Argument(boolean, True),
}
_FILTERS = {"filters": Argument(integer(1))}
_PADDED = {"padding_value": Argument(optional(numbers), None)}
_DEPTH = {"depth_multiplier": Argument(integer(1), 1)}
_OUTPUT_PADDING = {"output_padding": Argument(optional(pair), None)}
_NEURAL = {"output_quantizer": _OUTPUT, "weight_quantizer": _weights(), "bias_quantizer": _BIAS}
_DEPTHWISE = {**_NEURAL, "weight_quantizer": _weights(-2)}
_ONE_SCALE = {**_NEURAL, "weight_quantizer": _weights(None)}

_RESCALING = LayerClass({"scale": Argument(number), "offset": Argument(number, 0.0)})
_INPUT = LayerClass(
    {
        "batch_input_shape": Argument(sizes),
        "dtype": Argument(choice("uint8", "int8", "int16", "float32", "float16", "float64", "int32"), "float32"),
    }
)
_DROPOUT = LayerClass({name: Argument(anything, None) for name in ("rate", "noise_shape", "seed", "rng_type")})
_POOLING = LayerClass(
    {
        "pool_size": Argument(pair, (2, 2)),
        "strides": Argument(optional(pair), None),
        "padding": Argument(_PADDING, "valid"),
        "data_format": _FORMAT,
    }
)

CLASSES: dict[str, LayerClass] = {
    "InputLayer": _INPUT,
    "InputQuantizer": LayerClass(
        {
            "bitwidth": Argument(choice(8, 16), 8),
            "signed": Argument(boolean, True),
            "axis": Argument(_AXES, "per-tensor"),
        },
        variables=("range_min", "range_max"),
    ),
    "QuantizedRescaling": _RESCALING,
    "QuantizedConv2D": LayerClass(
        {**_CONVOLUTION, **_FILTERS, **_PADDED}, _NEURAL, _buffer(), ("kernel", "bias", *_RANGES)
    ),
    "QuantizedDepthwiseConv2D": LayerClass(
        {**_CONVOLUTION, **_DEPTH}, _DEPTHWISE, _buffer(), ("depthwise_kernel", "bias", *_RANGES)
    ),
    "QuantizedSeparableConv2D": LayerClass(
        {**_CONVOLUTION, **_FILTERS, **_DEPTH},
        {
            "output_quantizer": _OUTPUT,
            "dw_weight_quantizer": _weights(None),
            "pw_weight_quantizer": _weights(),
            "bias_quantizer": _BIAS,
        },
        _buffer(),
        ("depthwise_kernel", "pointwise_kernel", "bias", *_RANGES),
    ),
    "QuantizedConv2DTranspose": LayerClass(
        {**_CONVOLUTION, **_FILTERS, **_OUTPUT_PADDING}, _NEURAL, _buffer(), ("kernel", "bias", *_RANGES)
    ),
    "QuantizedDepthwiseConv2DTranspose": LayerClass(
        {**_CONVOLUTION, **_DEPTH, **_OUTPUT_PADDING}, _ONE_SCALE, _buffer(), ("depthwise_kernel", "bias", *_RANGES)
    ),
    "QuantizedDense": LayerClass(
        {"units": Argument(integer(1)), "activation": _ACTIVATION, "use_bias": Argument(boolean, True)},
        _NEURAL,
        _buffer(),
        ("kernel", "bias", *_RANGES),
    ),
    "QuantizedMaxPool2D": _POOLING,
    "QuantizedMaxPooling2D": _POOLING,
    "QuantizedReLU": LayerClass(
        {"max_value": Argument(optional(number), 6.0)},
        {"output_quantizer": _OUTPUT, "max_value_quantizer": _BOUND},
        _buffer(),
        _RANGES,
    ),
    "QuantizedActivation": LayerClass(
        {
            "activation": Argument(choice("gelu", "swish", "hard_silu", "leaky_relu")),
            "alpha": Argument(number, 0.2),
        },
        {"output_quantizer": _OUTPUT},
        {"lut_bitwidth": Argument(integer(14, 14), 14), **_buffer()},
        _RANGES,
    ),
    "QuantizedGlobalAveragePooling2D": LayerClass(
        {"data_format": _FORMAT, "keepdims": Argument(boolean, False)},
        {"output_quantizer": _OUTPUT},
        _buffer(),
        _RANGES,
    ),
    "QuantizedAdd": LayerClass(
        {"average": Argument(boolean, False)}, {"output_quantizer": _OUTPUT}, _buffer(), _RANGES
    ),
    "QuantizedConcatenate": LayerClass({"axis": Argument(integer(-5, 5), -1)}),
    "QuantizedFlatten": LayerClass({"data_format": _FORMAT}),
    "QuantizedReshape": LayerClass({"target_shape": Argument(target_shape)}),
    "QuantizedPermute": LayerClass({"dims": Argument(sizes)}),
    "QuantizedDropout": _DROPOUT,
    "QuantizedExtractToken": LayerClass(
        {"token": Argument(integer(-(2**31), 2**31 - 1)), "axis": Argument(integer(-5, 5), 1)}
    ),
    "QuantizedBufferTempConv": LayerClass(
        {"kernel_size": Argument(integer(1)), **_FILTERS, "use_bias": Argument(boolean, True)},
        _NEURAL,
        _buffer(),
        ("kernel", "bias", *_RANGES),
    ),
    "QuantizedDepthwiseBufferTempConv": LayerClass(
        {"kernel_size": Argument(integer(1)), "use_bias": Argument(boolean, True)},
        _NEURAL,
        _buffer(),
        ("kernel", "bias", *_RANGES),
    ),
    "QuantizedStatefulProjection": LayerClass(
        {
            "units": Argument(integer(1)),
            "activation": _ACTIVATION,
            "use_bias": Argument(boolean, True),
            "subsample": Argument(integer(1), 1),
        },
        _NEURAL,
        _buffer(),
        ("kernel", "bias", *_RANGES),
    ),
    "QuantizedStatefulRecurrent": LayerClass(
        {},
        {"output_quantizer": _OUTPUT, "a_quantizer": _A_MATRIX},
        _buffer(),
        ("A_real", "A_imag", *_RANGES),
    ),
    "QuantizedPicoPostProcessing": LayerClass(
        {"threshold": Argument(number)},
        {"prediction_quantizer": _PREDICTION, "output_quantizer": _OUTPUT},
        _buffer(44),
        _RANGES,
    ),
    "Dequantizer": LayerClass(),
    # Layers that Keras itself has, and that compute nothing where they can stay.
    "Rescaling": _RESCALING,
    "Dropout": _DROPOUT,
    "Activation": LayerClass({"activation": Argument(choice("linear"))}),
}

# Classes of older versions of QuantizeML, which no version after 0.16 loads.
GONE = frozenset(
    {
        "AddPositionEmbs",
        "QuantizedAddPositionEmbs",
        "Attention",
        "QuantizedAttention",
        "ClassToken",
        "QuantizedClassToken",
        "LayerMadNormalization",
        "QuantizedLayerNormalization",
        "QuantizedBatchNormalization",
        "Shiftmax",
        "QuantizedShiftmax",
    }
)
