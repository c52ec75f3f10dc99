"""Depthwise convolutions joined with the pointwise ones behind them: the engine computes both in one layer."""

from __future__ import annotations

from cnn2snn.graph import Graph, Node
from cnn2snn.quantization_layers import QuantizedSeparableConv2D

__all__ = ["join_depthwise"]


def join_depthwise(graph: Graph) -> None:
    """Makes a `QuantizedSeparableConv2D` of each `QuantizedDepthwiseConv2D` and its `QuantizedConv2D`, in place.

    The pointwise convolution must have a kernel of size 1 and be all that reads the depthwise one, which must have no
    bias. The result has the name of the pointwise convolution and gives exactly its outputs. Other depthwise
    convolutions are left as they are.
    """
    for depthwise in graph:
        if not depthwise.is_exactly("QuantizedDepthwiseConv2D") or "bias" in depthwise.weights:
            continue
        pointwise = graph.only_consumer(depthwise.name)
        if pointwise is not None and _is_pointwise(pointwise):
            pointwise.cls, pointwise.layer = QuantizedSeparableConv2D, None
            same = ("kernel_size", "strides", "padding")
            pointwise.config.update({name: depthwise.config[name] for name in same})
            pointwise.config["quantizer_dw"] = depthwise.config["quantizer"]
            kernel = pointwise.weights.pop("kernel")
            pointwise.weights |= {**depthwise.weights, "pointwise_kernel": kernel}
            graph.remove(depthwise.name)
            graph.joined[depthwise.name] = depthwise.cls, pointwise.name


def _is_pointwise(node: Node) -> bool:
    return node.is_exactly("QuantizedConv2D") and all(
        tuple(node.config[name]) == (1, 1) for name in ("kernel_size", "strides")
    )
