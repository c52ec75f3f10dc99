"""Models of Akida 2.0 in `.fbz` files, by `docs/file-format.md`.

A model is in the form of the oracle (`tests.oracle.akida2`), with nothing left open: every parameter and every variable
is there. The exceptions are `pool_size` and `pool_stride`, which are there for max pooling only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.akida2.counts import all_shapes

from .codec import name_of, pack, read_root, scaling_of, unpack, write_root
from .generated import akida_generated as fb

Layer = dict[str, Any]
Shape = tuple[int, int, int]

CONVOLUTIONS = ("InputConv2D", "Conv2D", "DepthwiseConv2D")
# The parameters of a layer beside those of its stage. The letters are those of the accessors.
PARAMETERS = {
    "Quantizer": {"output_bits": "outputBits", "output_signed": "outputSigned", "channels_first": "channelsFirst"},
    "InputData": {"input_bits": "inputBits"},
    "InputConv2D": {"filters": "filters"},
    "Conv2D": {"filters": "filters"},
    "DepthwiseConv2D": {},
    "Conv2DTranspose": {"filters": "filters", "kernel_size": "kernelSize", "weights_bits": "weightsBits"},
    "DepthwiseConv2DTranspose": {"kernel_size": "kernelSize", "weights_bits": "weightsBits"},
    "Dense1D": {"units": "units", "weights_bits": "weightsBits"},
    "Add": {
        "output_bits": "outputBits",
        "output_signed": "outputSigned",
        "buffer_bits": "bufferBits",
        "post_op_buffer_bits": "postOpBufferBits",
    },
    "Concatenate": {},
    "BufferTempConv": {"filters": "filters", "fifo_size": "fifoSize", "weights_bits": "weightsBits"},
    "DepthwiseBufferTempConv": {"fifo_size": "fifoSize", "weights_bits": "weightsBits"},
    "StatefulRecurrent": {
        "stateful_channels": "statefulChannels",
        "output_channels": "outputChannels",
        "subsample": "subsample",
    },
    "PicoPostProcessing": {"buffer_bits": "bufferBits"},
    "Dequantizer": {},
}
WITH_IMAGES = ("Quantizer", "InputData", "InputConv2D")
WITH_STAGE = (
    *CONVOLUTIONS,
    "Conv2DTranspose",
    "DepthwiseConv2DTranspose",
    "Dense1D",
    "BufferTempConv",
    "DepthwiseBufferTempConv",
    "StatefulRecurrent",
)
WITH_WEIGHTS = tuple(kind for kind in WITH_STAGE if kind != "StatefulRecurrent")
FLAGS = ("output_signed", "channels_first")
STAGES = {
    "NoActivation": ("bias", "bias_shift", "output_scales", "output_shift"),
    "ReLU": ("bias", "bias_shift", "max_value", "max_value_shift", "output_scales", "output_shift"),
    "LUT": (
        "bias",
        "bias_shift",
        "activation_scales",
        "activation_shift",
        "output_scales",
        "output_shift",
        "lut_values",
    ),
}
STATES = ("new_state_scale", "new_state_shift", "A_real", "A_imag", "internal_state_outputs_shift")
OWN_TENSORS = {
    "Quantizer": ("scales", "zero_points"),
    "InputConv2D": ("padding_value",),
    "Add": ("a_shift", "b_shift", "output_shift"),
    "StatefulRecurrent": ("in_proj", "input_shift", *STATES, "out_proj"),
    "PicoPostProcessing": ("input_scales", "input_shift"),
    "Dequantizer": ("scales",),
}
TYPES = {
    "input_shift": "<u1",
    "padding_value": "<u1",
    "a_shift": "<u1",
    "b_shift": "<u1",
    "zero_points": "<u1",
    "bias": "<i1",
    "activation_shift": "<i1",
    "output_shift": "<i1",
    "bias_shift": "<u1",
    "max_value_shift": "<u1",
    "max_value": "<i2",
    "activation_scales": "<u2",
    "output_scales": "<u2",
    "lut_values": "<i4",
    "scales": "<f4",
    "new_state_scale": "<u2",
    "new_state_shift": "<i1",
    "internal_state_outputs_shift": "<i1",
    "A_real": "<i2",
    "A_imag": "<i2",
    "input_scales": "<u2",
}
OF_INPUT = ("input_shift", "padding_value", "a_shift", "b_shift", "input_scales")


def read(file: bytes) -> tuple[list[Layer], tuple[float, float] | None]:
    """The layers and the input scaling in a file."""
    root = read_root(file)
    assert root.ipVersion == fb.IpVersion.V2
    model: list[Layer] = []
    for index, table in enumerate(root.layers):
        kind = type(table.parameters).__name__.removesuffix("T")
        assert getattr(fb.Parameters, kind) == table.parametersType
        assert (table.inbounds is None) == (index == 0)
        layer = {
            "name": table.name.decode(),
            "type": kind,
            "inbounds": [int(i) for i in table.inbounds] if index else [],
            "params": read_parameters(kind, table.parameters),
            "variables": {},
        }
        model.append(layer)
        read_variables(layer, all_shapes(model), table.variables)
    return model, scaling_of(root)


def write(model: list[Layer], scaling: tuple[float, float] | None = None, compress: bool = True) -> bytes:
    """The file of layers and an input scaling."""
    root = fb.ModelT(ipVersion=fb.IpVersion.V2, layers=[])
    if scaling is not None:
        root.inputScaling = fb.InputScalingT(*scaling)
    for layer in model:
        table = fb.LayerT(
            name=layer["name"],
            parametersType=getattr(fb.Parameters, layer["type"]),
            parameters=write_parameters(layer),
            variables=write_variables(layer),
        )
        if layer["inbounds"]:
            table.inbounds = layer["inbounds"]
        root.layers.append(table)
    return write_root(root, compress)


def read_parameters(kind: str, table: Any) -> dict[str, Any]:
    params: dict[str, Any] = {}
    if kind in WITH_IMAGES:
        shape = table.inputShape
        params["input_shape"] = (shape.height, shape.width, shape.channels)
    for name, accessor in PARAMETERS[kind].items():
        value = getattr(table, accessor)
        assert value is not None
        assert name not in FLAGS or value in (0, 1)
        params[name] = bool(value) if name in FLAGS else value
    if kind in CONVOLUTIONS:
        conv = table.convolution
        params |= {
            "kernel_size": conv.kernelSize,
            "padding": name_of(fb.Padding, conv.padding),
            "kernel_stride": conv.kernelStride,
            "weights_bits": conv.weightsBits,
            "pool_type": name_of(fb.PoolType, conv.poolType),
        }
        windows = {"pool_size": conv.poolSize, "pool_stride": conv.poolStride}
        is_max = params["pool_type"] == "Max"
        assert all((size is not None) == is_max for size in windows.values())
        params |= windows if is_max else {}
    if kind in WITH_STAGE:
        stage = table.postOps
        assert stage.outputSigned in (0, 1)
        params |= {
            "activation": name_of(fb.Activation, stage.activation),
            "output_bits": stage.outputBits,
            "output_signed": bool(stage.outputSigned),
            "buffer_bits": stage.bufferBits,
            "post_op_buffer_bits": stage.postOpBufferBits,
        }
    return params


def write_parameters(layer: Layer) -> Any:
    kind, p = layer["type"], layer["params"]
    table = getattr(fb, kind + "T")()
    for name, accessor in PARAMETERS[kind].items():
        setattr(table, accessor, int(p[name]))
    if kind in WITH_IMAGES:
        table.inputShape = fb.ShapeT(*p["input_shape"])
    if kind in CONVOLUTIONS:
        table.convolution = fb.SquareConvolutionT(
            kernelSize=p["kernel_size"],
            padding=getattr(fb.Padding, p["padding"]),
            kernelStride=p["kernel_stride"],
            weightsBits=p["weights_bits"],
            poolType=getattr(fb.PoolType, p["pool_type"]),
            poolSize=p.get("pool_size"),
            poolStride=p.get("pool_stride"),
        )
    if kind in WITH_STAGE:
        table.postOps = fb.PostOpsT(
            activation=getattr(fb.Activation, p["activation"]),
            outputBits=p["output_bits"],
            outputSigned=int(p["output_signed"]),
            bufferBits=p["buffer_bits"],
            postOpBufferBits=p["post_op_buffer_bits"],
        )
    return table


def tensor_names(layer: Layer) -> tuple[str, ...]:
    """The tensors of a layer, in their order."""
    kind = layer["type"]
    names = OWN_TENSORS.get(kind, ("input_shift",) if kind in WITH_WEIGHTS else ())
    return names + (STAGES[layer["params"]["activation"]] if kind in WITH_STAGE else ())


def tensor_type(kind: str, name: str) -> np.dtype:
    return np.dtype("<i1" if (kind, name) == ("PicoPostProcessing", "input_shift") else TYPES[name])


def variable_shape(layer: Layer, name: str, shapes: list[Shape]) -> tuple[int, ...]:
    """The shape of a variable, from the output shapes of the layers up to this one."""
    kind, p = layer["type"], layer["params"]
    height, width, channels = shapes[layer["inbounds"][0]] if layer["inbounds"] else p["input_shape"]
    filters = shapes[-1][2]
    if name == "weights":
        if kind == "Dense1D":
            return height * width * channels, filters
        if kind == "BufferTempConv":
            return 1, 1, p["fifo_size"] * channels, filters
        if kind == "DepthwiseBufferTempConv":
            return 1, 1, p["fifo_size"], channels
        return p["kernel_size"], p["kernel_size"], channels, 1 if kind.startswith("Depthwise") else filters
    if name == "in_proj":
        return channels, p["stateful_channels"]
    if name == "out_proj":
        return p["stateful_channels"], filters
    if name == "lut_values":
        return (2048,)
    if name in STATES:
        return (p["stateful_channels"],)
    return (channels if name in OF_INPUT else filters,)


def read_variables(layer: Layer, shapes: list[Shape], table: Any) -> None:
    kind, variables = layer["type"], layer["variables"]
    if kind in ("InputData", "Concatenate"):
        assert table is None
        return
    shape_of = lambda name: variable_shape(layer, name, shapes)  # noqa: E731
    assert (table.weights is not None) == (kind in WITH_WEIGHTS)
    assert (table.threshold is not None) == (kind == "PicoPostProcessing")
    assert table.weightsPw is None
    assert table.actStep is None
    if table.weights is not None:
        variables["weights"] = unpack(table.weights, layer["params"]["weights_bits"], shape_of("weights"))
    if table.threshold is not None:
        thresholds = np.array(table.threshold)
        assert thresholds.shape == shape_of("threshold")
        assert (thresholds == thresholds.astype(np.uint16)).all()
        variables["threshold"] = thresholds.astype(np.uint16)
    assert tuple(tensor.name.decode() for tensor in table.tensors) == tensor_names(layer)
    for tensor in table.tensors:
        name, values = tensor.name.decode(), np.array(tensor.values, np.uint8)
        if name in ("in_proj", "out_proj"):
            variables[name] = unpack(values, 8, shape_of(name))
        else:
            variables[name] = values.view(tensor_type(kind, name))
            assert variables[name].shape == shape_of(name)


def write_variables(layer: Layer) -> Any:
    kind, variables = layer["type"], layer["variables"]
    if kind in ("InputData", "Concatenate"):
        return None
    table = fb.VariablesT(tensors=[])
    if kind in WITH_WEIGHTS:
        table.weights = pack(variables["weights"], layer["params"]["weights_bits"])
    if kind == "PicoPostProcessing":
        table.threshold = variables["threshold"].astype(np.int32)
    for name in tensor_names(layer):
        values = variables[name]
        if name in ("in_proj", "out_proj"):
            values = pack(values, 8)
        else:
            assert values.dtype == tensor_type(kind, name)
            values = np.frombuffer(values.tobytes(), np.uint8)
        table.tensors.append(fb.TensorT(name, values))
    return table
