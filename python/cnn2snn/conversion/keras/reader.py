"""From a graph of Keras layers to blocks: one neural layer with its pooling, normalization and activation.

The grammar of a block is

    neural [pooling and batch normalization, in any order] activation [max pooling]

Only the last block may lack the activation. Everything that cannot be expressed is refused with the layer's name.
"""

from __future__ import annotations

from cnn2snn._problems import Problems
from cnn2snn.conversion.block import Blocks, Kind
from cnn2snn.conversion.keras.account import folded_layers
from cnn2snn.conversion.keras.activations import take_activation, take_final
from cnn2snn.conversion.keras.branches import take_concatenation
from cnn2snn.conversion.keras.depthwise import join_depthwise
from cnn2snn.conversion.keras.neural import take_neural
from cnn2snn.conversion.keras.normalization import take_normalization
from cnn2snn.conversion.keras.pooling import take_pooling
from cnn2snn.conversion.keras.reading import FINAL, Reading, Tail, refuse
from cnn2snn.conversion.keras.rescaling import check_rescaling, take_rescaling
from cnn2snn.conversion.keras.shapes import take_flatten, take_reshape
from cnn2snn.conversion.keras.unknown import refuse_unknown
from cnn2snn.conversion.keras.weights import read_weights
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node

__all__ = ["read_blocks"]

_FLOAT_NEURAL = ("Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Dense")

# Layers whose place depends on the neural layer before them.
_AROUND_NEURAL = (
    "QuantizedActivation",
    "MaxPooling2D",
    "GlobalAveragePooling2D",
    "BatchNormalization",
    "Flatten",
    "Reshape",
    *FINAL,
)


def read_blocks(graph: Graph, problems: Problems | None = None) -> Blocks:
    """The blocks of a graph.

    Args:
        graph: the graph; its depthwise convolutions are joined with the pointwise ones behind them.
        problems: receives what is refused; by default the first error is raised. With errors collected the result
            has the blocks as far as they can be told.

    Raises:
        UnsupportedModelError: the first layer that has no place in a block, or whose quantizers give weights that
            cannot be converted.
    """
    join_depthwise(graph)
    found = Blocks(graph.name, graph.input.name, graph.input.output_shape)
    reading = Reading(graph, problems or Problems(), found)
    for node in graph:
        _take(reading, node)
    check_rescaling(reading)
    if not found.blocks and not reading.problems.found:
        reading.problems.add(UnsupportedModelError(f'model "{graph.name}" has no layer to convert', kind="structure"))
    for block in found.blocks.values():
        if block.kind is not Kind.CONCAT:
            with reading.problems.catch():
                block.weights = read_weights(graph.nodes[block.name])
    found.folded = folded_layers(graph, found)
    return found


def _take(reading: Reading, node: Node) -> None:
    """Places one layer; the layers that it reads have been placed."""
    if node.is_exactly("InputLayer"):
        reading.tails[node.name] = Tail("", "input")
        return
    tail = reading.tails[node.inbounds[0]]
    # Where errors are collected, what follows a refused layer is judged as if that layer were not there; after one
    # that may have computed anything, or made levels, nothing is held against it.
    reading.tails[node.name] = Tail(tail.block, "unknown")
    if reading.problems.has(node.name, "layer", "operation", "batch_normalization", "gamma"):
        return
    with reading.problems.catch():
        reading.tails[node.name] = _place(reading, node, tail)
        return
    opaque = reading.problems.has(node.name, "layer") or node.is_a("QuantizedActivation", "Concatenate", *FINAL)
    if "quantizer" in node.config:
        return
    if tail.state == "closed" or (tail.state != "ended" and not opaque):
        reading.tails[node.name] = tail


def _check_place(reading: Reading, node: Node, tail: Tail) -> None:
    """The rules for every layer."""
    if len(node.inbounds) != 1:
        raise refuse(
            node,
            f"a layer with {len(node.inbounds)} inputs cannot be converted",
            kind="layer",
            expected=1,
            received=len(node.inbounds),
            remedy="join branches that each end in an activation with Concatenate, and train again",
        )
    source = node.inbounds[0]
    if tail.state == "open" and len(reading.graph.consumers(source)) > 1 and not reading.problems.has(source, "shared"):
        reading.problems.add(
            refuse(
                node,
                f'"{source}" must be followed by its activation alone, not by a split',
                remedy="put the activation before the split, for all that read it, and train again",
            )
        )


def _place(reading: Reading, node: Node, tail: Tail) -> Tail:
    """Asks the rules for a layer where it leaves its block."""
    if node.is_a("Concatenate"):
        return take_concatenation(reading, node)
    _check_place(reading, node, tail)
    if node.is_identity:
        return tail
    if node.is_a("Rescaling"):
        return take_rescaling(reading, node, tail)
    if "quantizer" in node.config:
        if not node.is_neural and not node.is_exactly("QuantizedDepthwiseConv2D"):
            raise refuse(
                node,
                "only QuantizedConv2D, QuantizedSeparableConv2D and QuantizedDense themselves can be converted, "
                "not classes derived from them",
                kind="layer",
                remedy="use one of these and train again",
            )
        if node.is_neural:
            return take_neural(reading, node, tail)
    if node.is_exactly(*_FLOAT_NEURAL) or node.is_exactly("ReLU"):
        raise refuse(node, "is not quantized", kind="layer", remedy="quantize the model first (cnn2snn.quantize)")
    if tail.state == "unknown" and node.is_a(*_AROUND_NEURAL):
        return tail
    if node.is_a("QuantizedActivation"):
        return take_activation(reading, node, tail)
    if node.is_max_pooling or node.is_global_average:
        return take_pooling(reading, node, tail)
    if node.is_a("BatchNormalization"):
        return take_normalization(reading, node, tail)
    if node.is_a("Flatten"):
        return take_flatten(reading, node, tail)
    if node.is_a("Reshape"):
        return take_reshape(reading, node, tail)
    if node.is_a(*FINAL):
        return take_final(reading, node, tail)
    refuse_unknown(reading, node, tail)
