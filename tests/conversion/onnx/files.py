"""Quantized ONNX models for tests: the fixtures, and copies of them with changes."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import numpy_helper

from tests.conversion.quantizeml.files import FIXTURES


def load(name: str) -> onnx.ModelProto:
    """A fixture in memory."""
    return onnx.load(FIXTURES / f"{name}.onnx")


def node_of(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    """A node by its name."""
    return next(node for node in model.graph.node if node.name == name)


def set_constant(model: onnx.ModelProto, name: str, change) -> None:
    """Changes an initializer; `change` takes and gives an array."""
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
    tensor.CopyFrom(numpy_helper.from_array(np.asarray(change(numpy_helper.to_array(tensor))), name))


def set_attribute(node: onnx.NodeProto, name: str, value) -> None:
    """Changes an attribute."""
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute(name, value)])
