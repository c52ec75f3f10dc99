"""Files, and models of Akida 1.0 in them, read and written with the official `flatbuffers` package alone."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import flatbuffers
import numpy as np

from tests.oracle import model as rules
from tests.oracle.model import LayerDescription

from .generated import akida_generated as fb

MAGIC = b"\x89FBZ\r\n\x1a\n"
HEADER = struct.Struct("<8sHBBIQQ")
NONE = (-1, -1)


def read(file: bytes) -> tuple[list[LayerDescription], tuple[float, float] | None]:
    """The layers and the input scaling in a file of Akida 1.0."""
    root = read_root(file)
    assert root.ipVersion == fb.IpVersion.V1
    network: list[LayerDescription] = []
    shapes: list[tuple[int, int, int]] = []
    for table in root.layers:
        inbounds = [] if table.inbounds is None else [int(i) for i in table.inbounds]
        kind = type(table.parameters).__name__.removesuffix("T")
        assert getattr(fb.Parameters, kind) == table.parametersType
        parameters = read_parameters(kind, table.parameters)
        if kind == "Concat":
            parameters = {"activation": True, "act_bits": network[inbounds[0]].act_bits}
        layer = LayerDescription(kind, table.name.decode(), tuple(network[i].name for i in inbounds), parameters)
        inputs = [shapes[i] for i in inbounds]
        read_variables(layer, inputs, table.variables)
        network.append(layer)
        shapes.append(output_shape(layer, inputs))
    return network, scaling_of(root)


def write(network: list[LayerDescription], scaling: tuple[float, float] | None = None, compress: bool = True) -> bytes:
    """The file of layers and an input scaling."""
    names = [layer.name for layer in network]
    root = fb.ModelT(ipVersion=fb.IpVersion.V1, layers=[])
    if scaling is not None:
        root.inputScaling = fb.InputScalingT(*scaling)
    for layer in network:
        table = fb.LayerT(
            name=layer.name,
            parametersType=getattr(fb.Parameters, layer.type),
            parameters=write_parameters(layer),
            variables=write_variables(layer),
        )
        if layer.inbounds:
            table.inbounds = [names.index(name) for name in layer.inbounds]
        root.layers.append(table)
    return write_root(root, compress)


def read_root(file: bytes) -> Any:
    """The tables of a file, of either generation."""
    payload = read_container(file)
    assert fb.Model.ModelBufferHasIdentifier(payload, 0)
    return fb.ModelT.InitFromPackedBuf(payload)


def scaling_of(root: Any) -> tuple[float, float] | None:
    scaling = root.inputScaling
    return None if scaling is None else (scaling.scale, scaling.shift)


def write_root(root: Any, compress: bool) -> bytes:
    """The file of tables."""
    builder = flatbuffers.Builder()
    builder.Finish(root.Pack(builder), b"AKDM")
    return write_container(bytes(builder.Output()), compress)


def read_container(file: bytes) -> bytes:
    magic, version, compression, reserved, checksum, payload_length, stored_length = HEADER.unpack_from(file)
    stored = file[HEADER.size :]
    assert (magic, version, reserved, len(stored)) == (MAGIC, 1, 0, stored_length)
    assert zlib.crc32(file[:12] + bytes(4) + file[16:]) == checksum
    if compression == 1:
        stream = zlib.decompressobj(-15)
        stored = stream.decompress(stored)
        assert stream.eof
        assert not stream.unused_data
    else:
        assert compression == 0
    assert len(stored) == payload_length
    return stored


def write_container(payload: bytes, compress: bool) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = stream.compress(payload) + stream.flush()
    compress = compress and len(deflated) < len(payload)
    stored = deflated if compress else payload

    def file(checksum: int) -> bytes:
        return HEADER.pack(MAGIC, 1, int(compress), 0, checksum, len(payload), len(stored)) + stored

    return file(zlib.crc32(file(0)))


def output_shape(layer: LayerDescription, inputs: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    zeros = [np.zeros((1, *shape), np.uint8) for shape in inputs or [layer.parameters["input_shape"]]]
    return rules.evaluate_layer(layer, zeros).output.shape[1:]


def pair(size: Any) -> tuple[int, int]:
    return NONE if size is None else (size.height, size.width)


def name_of(enumeration: type, value: int) -> str:
    return {number: name for name, number in vars(enumeration).items() if not name.startswith("_")}[value]


def read_parameters(kind: str, table: Any) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if kind in ("InputData", "InputConvolutional"):
        shape = table.inputShape
        parameters["input_shape"] = (shape.height, shape.width, shape.channels)
    if kind == "InputData":
        parameters["input_bits"] = table.inputBits
    if kind == "InputConvolutional":
        parameters["padding_value"] = table.paddingValue
    if kind == "FullyConnected":
        parameters["units"] = table.units
    if kind in ("InputData", "Concat"):
        return parameters
    if kind != "FullyConnected":
        table = table.convolution
        parameters |= {
            "kernel_size": pair(table.kernelSize),
            "filters": table.filters,
            "padding": name_of(fb.Padding, table.padding),
            "kernel_stride": pair(table.kernelStride),
            "pool_type": name_of(fb.PoolType, table.poolType),
            "pool_size": pair(table.poolSize),
            "pool_stride": pair(table.poolStride),
        }
    activation = table.actBits is not None
    bits = {"weights_bits": table.weightsBits, "activation": activation}
    return parameters | bits | ({"act_bits": table.actBits} if activation else {})


def write_parameters(layer: LayerDescription) -> Any:
    p = layer.parameters
    act_bits = layer.act_bits
    if layer.type == "Concat":
        return fb.ConcatT()
    if layer.type == "InputData":
        return fb.InputDataT(fb.ShapeT(*p["input_shape"]), p["input_bits"])
    if layer.type == "FullyConnected":
        return fb.FullyConnectedT(p["units"], p["weights_bits"], act_bits)
    pooled = p["pool_type"] == "Max"
    pool_stride = p["pool_size"] if p["pool_stride"] == NONE else p["pool_stride"]
    convolution = fb.ConvolutionT(
        kernelSize=fb.SizeT(*p["kernel_size"]),
        filters=p["filters"],
        padding=getattr(fb.Padding, p["padding"]),
        kernelStride=fb.SizeT(*p["kernel_stride"]),
        weightsBits=p["weights_bits"],
        poolType=getattr(fb.PoolType, p["pool_type"]),
        poolSize=fb.SizeT(*p["pool_size"]) if pooled else None,
        poolStride=fb.SizeT(*pool_stride) if pooled else None,
        actBits=act_bits,
    )
    if layer.type == "InputConvolutional":
        return fb.InputConvolutionalT(fb.ShapeT(*p["input_shape"]), p["padding_value"], convolution)
    return {"Convolutional": fb.ConvolutionalT, "SeparableConvolutional": fb.SeparableConvolutionalT}[layer.type](
        convolution
    )


def read_variables(layer: LayerDescription, inputs: list[tuple[int, int, int]], table: Any) -> None:
    if layer.type in ("InputData", "Concat"):
        assert table is None
        return
    p = layer.parameters
    height, width, channels = inputs[0] if inputs else p["input_shape"]
    filters = p["units"] if layer.type == "FullyConnected" else p["filters"]
    shape = (*p["kernel_size"], channels, filters) if "kernel_size" in p else (1, 1, height * width * channels, filters)
    bits = p["weights_bits"]
    if layer.type == "SeparableConvolutional":
        layer.variables["weights_pw"] = unpack(table.weightsPw, bits, (1, 1, channels, filters))
        shape = (*shape[:3], 1)
    else:
        assert table.weightsPw is None
    assert table.tensors is None
    layer.variables["weights"] = unpack(table.weights, bits, shape)
    layer.variables["threshold"] = np.array(table.threshold)
    layer.variables["act_step"] = np.array(table.actStep)


def write_variables(layer: LayerDescription) -> Any:
    if not layer.variables:
        return None
    bits = layer.parameters["weights_bits"]
    weights_pw = layer.variables.get("weights_pw")
    return fb.VariablesT(
        weights=pack(layer.variables["weights"], bits),
        weightsPw=None if weights_pw is None else pack(weights_pw, bits),
        threshold=layer.variables["threshold"],
        actStep=layer.variables["act_step"],
    )


def pack(weights: np.ndarray, bits: int) -> np.ndarray:
    """Bits of each weight, the lowest first, joined."""
    one_by_one = np.unpackbits(weights.astype(np.int8).view(np.uint8).reshape(-1, 1), axis=1, bitorder="little")
    return np.packbits(one_by_one[:, :bits], bitorder="little")


def unpack(packed: np.ndarray, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    count = int(np.prod(shape))
    flat = np.unpackbits(packed, bitorder="little")
    assert len(flat) - count * bits in range(8)
    assert not flat[count * bits :].any()
    values = flat[: count * bits].reshape(count, bits)
    # Two's complement: the highest bit counts negatively; a single bit is a plain number.
    worth = 2 ** np.arange(bits)
    if bits > 1:
        worth[-1] *= -1
    return (values @ worth).astype(np.int8).reshape(shape)
