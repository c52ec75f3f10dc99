"""Where QuantizeML puts quantizers, and the quantized model that follows, in its neutral form.

Bits are those of QuantizeML's defaults: 8 for weights, activations and outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.classes import CLASSES
from cnn2snn.conversion.quantizeml.network import DEQUANTIZER, Network, Node
from cnn2snn.sanitizing.draft import Draft, Part
from cnn2snn.sanitizing.refusals import refuse
from cnn2snn.sanitizing.variables import variables

__all__ = ["flattened_per_axis", "quantized_network", "unsigned_per_axis"]

_BITS = 8
_TABLE_BITS = 11
_STATE_BITS = 16
# Layers whose inputs must have one binary point, or one that is known per channel.
_ALIGNED = {
    "LUT",
    "Add",
    "BufferTempConv",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Dense",
    "DepthwiseBufferTempConv",
    "DepthwiseConv2D",
    "DepthwiseConv2DTranspose",
    "ExtractToken",
    "Flatten",
    "Permute",
    "SeparableConv2D",
    "StatefulProjection",
}
# Layers that cannot rescale what they give: the one before them does.
_WITHOUT_OUTPUT_QUANTIZER = {
    "Concatenate",
    "Dropout",
    "ExtractToken",
    "Flatten",
    "InputLayer",
    "MaxPool2D",
    "Permute",
    "Rescaling",
    "Reshape",
}
_INPUT_DTYPES = ("uint8", "int8", "int16")
# The layers that can take the zero point of unsigned inputs.
_TAKE_ZERO_POINT = ("Conv2D", "BufferTempConv", "Dense", "StatefulProjection")


def quantized_network(draft: Draft, input_dtype: np.dtype, problems: Problems) -> Network | None:
    """The quantized model of a sanitized draft, whose layers can all be quantized; None where it has none.

    Args:
        draft: the model, which is used up.
        input_dtype: the type of inputs where the model's `Input` is float.
        problems: receives what cannot be quantized.
    """
    first = next(iter(draft))
    if len(draft.parts) < 2:
        return None
    quantizer = _input_quantizer(draft, first, input_dtype, problems)
    outputs = _output_quantizers(draft)
    nodes = [_node(draft, part, outputs.get(part.name)) for part in draft]
    if quantizer is not None:
        nodes = [_behind(node, first.name, quantizer) for node in nodes]
        nodes.insert(1, quantizer)
    last = Node(draft.free_name("dequantizer"), DEQUANTIZER, {}, (draft.output,))
    found = {node.name: node for node in (*nodes, last)}
    return Network(draft.name, found, (first.name,), (last.name,))


def flattened_per_axis(network: Network) -> list[str]:
    """The layers that flatten maps which are quantized per axis."""
    found = []
    for node in network.nodes.values():
        if node.class_name == "QuantizedFlatten":
            source = network.nodes[node.inbounds[0]]
            while source.inbounds and "quant_config" not in source.config:
                source = network.nodes[source.inbounds[0]]
            quantizer = source.config.get("quant_config", {}).get("output_quantizer", {})
            if quantizer.get("axis") == "per-axis":
                found.append(node.name)
    return found


def unsigned_per_axis(network: Network) -> list[str]:
    """The inputs of several channels whose quantizer is unsigned and per axis."""
    return [
        node.inbounds[0]
        for node in network.nodes.values()
        if node.class_name == "InputQuantizer" and not node.config["signed"] and node.variables["range_max"].size > 1
    ]


def _behind(node: Node, source: str, quantizer: Node) -> Node:
    """A layer that reads the quantizer instead of the model's input."""
    inbounds = tuple(quantizer.name if name == source else name for name in node.inbounds)
    return Node(node.name, node.class_name, node.config, inbounds, node.variables)


def _input_quantizer(draft: Draft, first: Part, dtype: np.dtype, problems: Problems) -> Node | None:
    """The quantizer of float inputs; None where they are integers."""
    if not np.issubdtype(np.dtype(first.arguments["dtype"]), np.floating):
        return None
    if dtype.name not in _INPUT_DTYPES:
        problems.add(
            refuse(
                first,
                f"input_dtype must be uint8, int8 or int16 for Akida 2.0, received {dtype.name}",
                kind="input_dtype",
                expected=_INPUT_DTYPES,
                received=dtype.name,
                remedy="choose one of them",
            )
        )
        dtype = np.dtype("int8")
    signed = np.issubdtype(dtype, np.signedinteger)
    per_axis = len(first.shape) > 1
    shape = (first.channels,) if per_axis else ()
    if not signed:
        _make_room_for_zero_point(draft, first, problems)
    config = {"bitwidth": 8 * dtype.itemsize, "signed": signed, "axis": "per-axis" if per_axis else "per-tensor"}
    values = {"range_min": np.zeros(shape, np.float32), "range_max": np.ones(shape, np.float32)}
    return Node(draft.free_name("input_quantizer"), "InputQuantizer", config, (first.name,), values)


def _make_room_for_zero_point(draft: Draft, first: Part, problems: Problems) -> None:
    reader: Part | None = first
    while reader is not None and reader.kind in ("InputLayer", "Rescaling"):
        reader = draft.only_reader(reader)
    if reader is None or reader.kind not in _TAKE_ZERO_POINT:
        problems.add(
            refuse(
                first if reader is None else reader,
                f"unsigned inputs must be read by one layer that is {', '.join(_TAKE_ZERO_POINT[:-1])} or "
                f"{_TAKE_ZERO_POINT[-1]}",
                kind="input_dtype",
                expected=_TAKE_ZERO_POINT,
                received="several layers" if reader is None else reader.kind,
                remedy="quantize with input_dtype int8",
            )
        )
        return
    reader.arguments["use_bias"] = True
    if reader.kind == "Conv2D" and reader.arguments["padding"] == "same":
        reader.arguments.setdefault("padding_value", [0.0])


def _output_quantizers(draft: Draft) -> dict[str, dict[str, Any]]:
    """The configurations of output quantizers by layer."""
    found: dict[str, dict[str, Any]] = {}
    for part in reversed(list(draft)):
        if part.kind in _ALIGNED:
            for source in _quantizable_sources(draft, part):
                _place(draft, source, part, found)
    return found


def _quantizable_sources(draft: Draft, part: Part) -> list[Part]:
    """The nearest layers before one that can rescale what they give."""
    found: dict[str, Part] = {}
    waiting = [draft.parts[name] for name in part.inbounds]
    while waiting:
        source = waiting.pop(0)
        if source.kind in _WITHOUT_OUTPUT_QUANTIZER:
            waiting += [draft.parts[name] for name in source.inbounds]
        else:
            found[source.name] = source
    return list(found.values())


def _place(draft: Draft, source: Part, reader: Part, found: dict[str, dict[str, Any]]) -> None:
    is_vector = all(size == 1 for size in source.shape[:-1])
    per_tensor = is_vector or reader.kind == "LUT" or source.kind == "StatefulRecurrent"
    if source.name in found:
        # A second reader can only tighten it.
        if per_tensor:
            found[source.name]["axis"] = "per-tensor"
        return
    bits = _BITS
    if source.kind not in ("ReLU", "LUT"):
        if reader.kind == "LUT":
            bits = _TABLE_BITS
        elif "StatefulRecurrent" in (source.kind, reader.kind):
            bits = _STATE_BITS
    found[source.name] = {"bitwidth": bits, "signed": True, "axis": "per-tensor" if per_tensor else "per-axis"}


def _node(draft: Draft, part: Part, quantizer: dict[str, Any] | None) -> Node:
    name = {"LUT": "QuantizedActivation", "InputLayer": "InputLayer"}.get(part.kind, f"Quantized{part.kind}")
    known = CLASSES[name].arguments
    config = {key: _plain(value) for key, value in part.arguments.items() if key in known}
    if part.kind == "InputLayer":
        config["batch_input_shape"] = [None, *part.shape]
    if quantizer is not None:
        config["quant_config"] = {"output_quantizer": quantizer}
    values = dict(variables(draft, part))
    if quantizer is not None:
        shape = (part.channels,) if quantizer["axis"] == "per-axis" else ()
        values["range_max"] = values["rescaling_rate"] = np.ones(shape, np.float32)
    return Node(part.name, name, config, tuple(part.inbounds), values)


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
