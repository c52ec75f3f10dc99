"""Quantized ONNX models in files or in memory, read with the `onnx` package."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn.conversion.onnx.graph import Graph, Node
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError

__all__ = ["read_onnx", "read_onnx_model"]

_DOMAIN = "com.brainchip"
_QUANTIZE = "quantize the model with quantizeml.models.quantize"
_MISSING = "reading an .onnx file needs the package onnx: install it with `pip install onnx`"


def read_onnx(path: str | os.PathLike[str]) -> Graph:
    """Reads a quantized ONNX model from a file.

    Constants that the file keeps in other files are refused, so that memory is bounded by its size.

    Args:
        path: the file, as `quantizeml.save_model` writes it.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: the package onnx is not installed.
        InvalidArgumentError: (ValueError) it is no ONNX file.
        UnsupportedModelError: (RuntimeError) its structure is not that of a quantized model.
    """
    file_path = Path(path)
    if not file_path.is_file():
        raise FileNotFoundError(f"there is no file {str(file_path)!r}")
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise ImportError(_MISSING) from error
    try:
        model = onnx.load(file_path, load_external_data=False)
    except (DecodeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f"{file_path}: it is not an ONNX file ({error})",
            kind="file",
            received=str(file_path),
            remedy="save the model with quantizeml.save_model",
        ) from error
    return read_onnx_model(model)


def read_onnx_model(model: Any) -> Graph:
    """Reads a quantized ONNX model that is in memory.

    Args:
        model: an `onnx.ModelProto`. It is not changed.

    Raises:
        UnsupportedModelError: (RuntimeError) its structure is not that of a quantized model.
    """
    graph = model.graph
    functions = {function.name: function for function in model.functions if function.domain == _DOMAIN}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    for what, values in (("input", inputs), ("output", list(graph.output))):
        if len(values) != 1:
            raise UnsupportedModelError(
                f'model "{graph.name}": it must have one {what}, received {len(values)}',
                kind=f"{what}s",
                expected=1,
                received=len(values),
                remedy="split the model into several",
            )
    end = next((i for i, node in enumerate(graph.node) if node.op_type == "Dequantizer"), None)
    if end is None:
        raise UnsupportedModelError(
            f'model "{graph.name}": it has no Dequantizer, so that it is not quantized',
            kind="structure",
            remedy=_QUANTIZE,
        )
    made = {inputs[0].name: ""}
    nodes: list[Node] = []
    for proto in graph.node[: end + 1]:
        node = _node(proto, functions, constants, made)
        nodes.append(node)
        made[proto.output[0]] = node.name
    _check_read_once(nodes)
    ignored = tuple(_name(proto) for proto in graph.node[end + 1 :])
    return Graph(graph.name, _input_shape(inputs[0]), tuple(nodes), ignored)


def _name(proto: Any) -> str:
    return proto.name or (proto.output[0] if proto.output else proto.op_type)


def _node(proto: Any, functions: dict[str, Any], constants: dict[str, Any], made: dict[str, str]) -> Node:
    """A node with its constants."""
    name = _name(proto)
    if proto.domain != _DOMAIN:
        raise UnsupportedModelError(
            f'node "{name}" ({proto.op_type}): it is not quantized, and stands before the Dequantizer',
            layer=name,
            kind="class",
            received=proto.op_type,
            remedy=_QUANTIZE,
        )
    function = functions.get(proto.op_type)
    formals = list(function.input) if function is not None else []
    if len(formals) != len(proto.input) or len(proto.output) != 1 or name in made.values():
        raise UnsupportedModelError(
            f'node "{name}" ({proto.op_type}): it must have a name of its own, one output, and the {len(formals)} '
            f"inputs of its function, received {len(proto.input)}",
            layer=name,
            kind="structure",
            received=list(proto.input),
            remedy=_QUANTIZE,
        )
    inbounds, values = [], {}
    for formal, source in zip(formals, proto.input, strict=True):
        if source in constants:
            values[formal] = _array(name, constants[source])
        elif source in made:
            inbounds.append(made[source])
        else:
            raise UnsupportedModelError(
                f'node "{name}" ({proto.op_type}): it reads "{source}", which no node before it gives',
                layer=name,
                kind="inbound",
                received=source,
                remedy="save the model with its nodes in order",
            )
    return Node(name, proto.op_type, tuple(inbounds), values, _attributes(proto.attribute))


def _array(name: str, tensor: Any) -> np.ndarray:
    """A constant, whose bytes the file must hold."""
    from onnx import TensorProto, numpy_helper

    problem = None
    if tensor.data_location == TensorProto.EXTERNAL:
        problem = "lies in another file"
    elif tensor.data_type == TensorProto.STRING:
        problem = "is a text"
    else:
        try:
            return numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as error:
            problem = f"does not have the values of its shape ({error})"
    raise InvalidArgumentError(
        f'node "{name}": the constant "{tensor.name}" {problem}',
        layer=name,
        kind="constant",
        received=tensor.name,
        remedy="save the model with its constants in the same file",
    )


def _attributes(protos: Iterable[Any]) -> dict[str, Any]:
    """Attributes that are integers or lists of integers; others are not used."""
    from onnx import AttributeProto

    found: dict[str, Any] = {}
    for proto in protos:
        if proto.type == AttributeProto.INT:
            found[proto.name] = proto.i
        elif proto.type == AttributeProto.INTS:
            found[proto.name] = tuple(proto.ints)
    return found


def _input_shape(value: Any) -> tuple[int, ...]:
    _, *dims = [dim.dim_value for dim in value.type.tensor_type.shape.dim] or [0]
    if not dims or min(dims) < 1:
        raise UnsupportedModelError(
            f'input "{value.name}": its sizes must be known, received {tuple(dims)}',
            layer=value.name,
            kind="input_shape",
            received=tuple(dims),
            remedy="export the model with fixed sizes, or pass input_shape to quantizeml.models.quantize",
        )
    return tuple(dims)


def _check_read_once(nodes: list[Node]) -> None:
    """Every node but the last must be read by another."""
    read = {name for node in nodes for name in node.inbounds}
    lost = [node.name for node in nodes[:-1] if node.name not in read]
    if lost:
        raise UnsupportedModelError(
            f"no quantized layer reads the nodes {', '.join(map(repr, lost[:8]))}",
            layer=lost[0],
            kind="outputs",
            received=lost,
            remedy="quantize a model of one output",
        )
