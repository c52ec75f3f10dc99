"""ONNX models of QuantizeML, evaluated by the functions in their files with the reference evaluator of `onnx`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn2snn.errors import UnsupportedModelError

__all__ = ["OnnxEvaluator"]

# What functions of QuantizeML are made of. None of them gives more values than it reads, but for windows and borders.
_OPERATORS = frozenset(
    "Add Cast Clip Concat Constant Conv ConvTranspose DequantizeLinear Div Flatten Floor Gather Gemm MaxPool Min Mul "
    "Pad QuantizeLinear ReduceSum Relu Reshape Sub Transpose Unsqueeze".split()
)
# Functions inside of functions, and the operator in them that keeps the last frames.
_TEMPORAL = ("BufferTempConv", "DepthwiseBufferTempConv")
_QUEUE = "FifoOp"
_DOMAIN = "com.brainchip"
_DEQUANTIZER = "Dequantizer"


class OnnxEvaluator:
    """Evaluates a quantized ONNX model up to its Dequantizer, channels last.

    Queues of temporal layers are empty at first, and every call adds a frame.

    Args:
        model: an `onnx.ModelProto` that `read_onnx_model` takes. It is not changed.

    Raises:
        UnsupportedModelError: a function has an operator that QuantizeML does not use.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        nodes = list(model.graph.node)
        end = next(i for i, node in enumerate(nodes) if node.op_type == _DEQUANTIZER)
        self._nodes = {_name(node): node for node in nodes[:end]}
        # A file can hold functions that nobody calls, or float layers behind the Dequantizer.
        self._functions = _called(model.functions, self._nodes.values())
        for function in self._functions:
            for node in function.node:
                _check_operator(model, function, node)
        self._constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self._input = next(value.name for value in model.graph.input if value.name not in self._constants)
        self._run = _evaluator(model, list(self._nodes.values()), self._functions, list(self._constants.values()))
        # Evaluators of single nodes in double precision, by their names and what they are asked for.
        self._exact: dict[tuple[str, str], Any] = {}

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of every node by name.

        Args:
            inputs: float32 in the shape of the model's input, the batch first.
        """
        found = self._run.run(None, {self._input: inputs})
        return {name: _last(values) for name, values in zip(self._nodes, found, strict=True)}

    def exact(self, name: str, inputs: list[np.ndarray], side: str) -> np.ndarray:
        """The output of one node in double precision.

        Args:
            name: the node.
            side: whose queue it has where it is a temporal layer: every name has its own.
            inputs: what it reads; maps have their channels last, unless they are the model's input.
        """
        node = self._nodes[name]
        sources = [source for source in node.input if source and source not in self._constants]
        if (name, side) not in self._exact:
            constants = [self._constants[source] for source in node.input if source in self._constants]
            self._exact[name, side] = _evaluator(self._model, [node], _doubled(self._functions), constants)
        values = [v if source == self._input else _first(v) for source, v in zip(sources, inputs, strict=True)]
        (result,) = self._exact[name, side].run(None, dict(zip(sources, values, strict=True)))
        return _last(result)


def _called(functions: Iterable[Any], nodes: Iterable[Any]) -> list[Any]:
    """The functions that nodes call, and those of temporal layers in them."""
    names = {node.op_type for node in nodes}
    inner = {node.op_type for function in functions if function.name in names for node in function.node}
    return [function for function in functions if function.name in names | (inner & {*_TEMPORAL})]


def _check_operator(model: Any, function: Any, node: Any) -> None:
    """Refuses a node of a function that QuantizeML does not make."""
    inside = function.name in _TEMPORAL
    known = {*_OPERATORS, _QUEUE} if inside else {*_OPERATORS, *_TEMPORAL}
    # The length of a queue is that of the graph's node, which the weights confirm.
    sizes = [attribute.ref_attr_name for attribute in node.attribute if attribute.name == "fifo_size"]
    if node.op_type not in known or any(size != "fifo_size" for size in sizes):
        raise UnsupportedModelError(
            f'model "{model.graph.name}": the function {function.name} has the operator {node.op_type} in a form that '
            "functions of QuantizeML do not have",
            kind="operator",
            expected=sorted(known),
            received=node.op_type,
            remedy="quantize the model with quantizeml.models.quantize",
        )


def _operators() -> list[type]:
    """Operators that the evaluator lacks; each call gives queues of their own."""
    from onnx.reference.op_run import OpRun

    queues: dict[str, np.ndarray] = {}

    class FifoOp(OpRun):
        """Appends a frame to the last ones."""

        op_domain = _DOMAIN

        def _run(
            self, frame: np.ndarray, model_id: str = "", variable_id: str = "", fifo_size: Any = 1
        ) -> tuple[np.ndarray]:
            size = int(np.ravel(fifo_size)[0])
            empty = np.zeros((*frame.shape[:2], size, *frame.shape[2:]), frame.dtype)
            queue = queues.get(variable_id, empty)
            queues[variable_id] = np.concatenate([queue[:, :, 1:], frame[:, :, np.newaxis]], axis=2)
            return (queues[variable_id],)

    class Gather(OpRun):
        """Looks up in a table. That of onnx itself fails where places do not lie one behind the other in memory."""

        def _run(self, table: np.ndarray, places: np.ndarray, axis: int = 0) -> tuple[np.ndarray]:
            return (np.take(table, places, axis=axis),)

    return [FifoOp, Gather]


def _name(node: Any) -> str:
    return node.name or node.output[0]


def _last(values: np.ndarray) -> np.ndarray:
    """Channels last."""
    return np.moveaxis(values, 1, -1) if values.ndim == 4 else values


def _first(values: np.ndarray) -> np.ndarray:
    """Channels first."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 1)) if values.ndim == 4 else values


def _evaluator(model: Any, nodes: list[Any], functions: Any, constants: list[Any]) -> Any:
    """An evaluator of some nodes of a model that gives the output of each."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    known = {tensor.name for tensor in constants} | {node.output[0] for node in nodes}
    free = dict.fromkeys(source for node in nodes for source in node.input if source and source not in known)
    graph = onnx.GraphProto(name="part", node=nodes, initializer=constants)
    for name in free:
        graph.input.add().name = name
    for node in nodes:
        graph.output.add().name = node.output[0]
    # An evaluator hands operators of its own to no function, and wants functions before those that call them.
    operators, made = _operators(), []
    for function in sorted(functions, key=lambda function: function.name not in _TEMPORAL):
        made.append(ReferenceEvaluator(function, functions=made[:], new_ops=operators))
    versions = {entry.domain: entry.version for entry in model.opset_import}
    return ReferenceEvaluator(graph, opsets=versions, functions=made)


def _doubled(functions: Any) -> list[Any]:
    """The functions with float64 in the place of float32."""
    from onnx import AttributeProto, FunctionProto, TensorProto, helper

    found = []
    for function in functions:
        copy = FunctionProto()
        copy.CopyFrom(function)
        for node in copy.node:
            for attribute in node.attribute:
                if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                    attribute.i = TensorProto.DOUBLE
                elif node.op_type == "Constant" and attribute.type == AttributeProto.FLOAT:
                    tensor = helper.make_tensor("value", TensorProto.DOUBLE, [], [attribute.f])
                    attribute.CopyFrom(helper.make_attribute("value", tensor))
        found.append(copy)
    return found
