"""From a quantized ONNX model to the layers of Akida 2.0."""

from __future__ import annotations

from collections.abc import Callable

from cnn2snn._problems import Problems
from cnn2snn.conversion.onnx.convolution import convolution, transposed
from cnn2snn.conversion.onnx.dense import dense
from cnn2snn.conversion.onnx.functions import Function, function_of
from cnn2snn.conversion.onnx.graph import Graph, Node, refuse
from cnn2snn.conversion.onnx.interface import dequantizer, quantizer
from cnn2snn.conversion.onnx.joining import add, concatenate
from cnn2snn.conversion.onnx.shapes import Made, Shape
from cnn2snn.conversion.onnx.temporal import temporal
from cnn2snn.conversion.plan import LayerPlan, ModelPlan

__all__ = ["plan_onnx"]

_MAKERS: dict[str, Callable[[Node, Function, list[Shape]], Made]] = {
    "Quantizer": quantizer,
    "InputConv2D": convolution,
    "Conv2D": convolution,
    "DepthwiseConv2D": convolution,
    "Conv2DTranspose": transposed,
    "DepthwiseConv2DTranspose": transposed,
    "Dense1D": dense,
    "BufferTempConv": temporal,
    "DepthwiseBufferTempConv": temporal,
    "Add": add,
    "Concatenate": concatenate,
    "Dequantizer": dequantizer,
}
_INPUT_DATA = "inputdata"


def plan_onnx(graph: Graph, problems: Problems | None = None) -> ModelPlan:
    """The layers of Akida 2.0 that compute what a quantized ONNX model computes, as plain data.

    Args:
        graph: the model, as `read_onnx` or `read_onnx_model` gives it.
        problems: receives what cannot be converted; layers that were refused, and those that read them, are then
            missing in the result. By default all problems are raised together.

    Raises:
        InvalidArgumentError: (ValueError) a value that no layer can have.
        UnsupportedModelError: (RuntimeError) a structure that Akida 2.0 cannot express.
    """
    builder = _Builder(graph)
    found = Problems(collect=True)
    for node in graph.nodes:
        with found.catch():
            builder.add(node)
    found.settle(problems)
    return ModelPlan(graph.name, tuple(builder.plans), graph.ignored)


class _Builder:
    """Makes the layers one by one."""

    def __init__(self, graph: Graph) -> None:
        self._names = {node.name for node in graph.nodes}
        self.plans: list[LayerPlan] = []
        # The layer of each node, and the shape of its output.
        self._made: dict[str, int] = {}
        self._shapes: dict[str, Shape] = {"": graph.input_shape}
        self._quantizer: str | None = None
        self._image: str | None = None

    def add(self, node: Node) -> None:
        """Adds the layer of a node; the nodes that it reads have been added."""
        function = function_of(node)
        if not all(name in self._shapes for name in node.inbounds):
            # A node that it reads was refused.
            return
        maker = _MAKERS[function.type_name]
        self._check_inbounds(node, function)
        if function.type_name == "Quantizer":
            self._quantizer = node.name
        elif self._quantizer in node.inbounds:
            self._take_input(node, function)
        made = maker(node, function, [self._shapes[name] for name in node.inbounds])
        signed = made.parameters.get("output_signed", True)
        self._append(
            node.name,
            LayerPlan(
                name=node.name,
                type_name=function.type_name,
                inbounds=tuple(self._made[name] for name in node.inbounds if name),
                parameters=made.parameters,
                variables=made.variables,
                output_signed=None if function.type_name == "Dequantizer" else signed,
                keras=(node.name,),
            ),
        )
        self._shapes[node.name] = made.shape

    def _append(self, node: str, plan: LayerPlan) -> None:
        self._made[node] = len(self.plans)
        self.plans.append(plan)

    def _check_inbounds(self, node: Node, function: Function) -> None:
        """The Quantizer alone reads the model's input, and layers read one or two others."""
        expected = 2 if function.type_name in ("Add", "Concatenate") else 1
        if len(node.inbounds) != expected or ("" in node.inbounds) != (function.type_name == "Quantizer"):
            raise refuse(
                node,
                f"it must read {expected} other layers, and the InputQuantizer alone the model's input, received "
                f"{[name or 'the input' for name in node.inbounds]}",
                kind="inbound",
                received=list(node.inbounds),
                remedy="quantize the model with quantizeml.models.quantize",
            )

    def _take_input(self, node: Node, function: Function) -> None:
        """Lets a node read the Quantizer: an image layer by itself, others through an InputData."""
        assert self._quantizer is not None
        plan = self.plans[self._made[self._quantizer]]
        if function.type_name == "InputConv2D":
            if self._image is not None or plan.type_name == "InputData":
                raise refuse(
                    node, "one layer can read images, received a second", kind="first_layer", expected=1, received=2
                )
            self._image = node.name
        elif plan.type_name == "Quantizer":
            if not plan.output_signed or self._image is not None:
                raise refuse(
                    node,
                    "only signed inputs are supported where the first layer is no image layer",
                    kind="input_signed",
                    expected="int8",
                    received="uint8",
                    remedy="quantize with input_dtype int8",
                )
            name, number = _INPUT_DATA, 0
            while name in self._names:
                number += 1
                name = f"{_INPUT_DATA}_{number}"
            parameters = {
                "input_shape": list(self._shapes[self._quantizer]),
                "input_bits": plan.parameters["output_bits"],
            }
            inbounds = (self._made[self._quantizer],)
            self._append(self._quantizer, LayerPlan(name, "InputData", inbounds, parameters))
