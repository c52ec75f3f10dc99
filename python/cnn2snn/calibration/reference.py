"""The float network that a quantized one is calibrated against, layer by layer."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.bit_widths import is_activation
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.graph import Graph, Node, build, read
from cnn2snn.quantization import ready_graph
from cnn2snn.transforms.equalize_branches import equalize_branches_graph

__all__ = ["float_reference"]

_FLOAT = {
    "QuantizedConv2D": keras.layers.Conv2D,
    "QuantizedSeparableConv2D": keras.layers.SeparableConv2D,
    "QuantizedDepthwiseConv2D": keras.layers.DepthwiseConv2D,
    "QuantizedDense": keras.layers.Dense,
}


def float_reference(graph: Graph, reference: keras.Model | None, *, unbounded: bool = False) -> Graph:
    """The graph of a float network that has the layers of a quantized model, by the same names.

    Args:
        graph: the graph of the quantized model.
        reference: the float model that was quantized; by default the quantized one with its quantizers off.
        unbounded: without `reference`, whether an activation whose largest output is 2^bits - 1 gets no bound, as
            `quantize` gives this one to a `ReLU` without `max_value`.

    Raises:
        InvalidArgumentError: the layers of `reference` are not those of the model.
    """
    if reference is None:
        return read(build(_without_quantizers(graph, unbounded)))
    levels = {node.name: node.layer.levels for node in graph if node.is_a("QuantizedActivation")}
    different = ""
    # As the model was quantized: with batch normalizations folded or without.
    for fold in (True, False):
        candidate = read(reference)
        ready_graph(candidate, 0, 0, 0, None, Problems(collect=True), fold_BN=fold)
        equalize_branches_graph(candidate, lambda name: levels.get(name, 1.0))
        _rename_input(candidate, graph.input.name)
        difference = _difference(graph, candidate)
        if difference is None:
            return read(build(candidate))
        different = different or difference
    raise InvalidArgumentError(
        f"the reference must have the layers of the quantized model: {different}",
        kind="reference",
        remedy="give the float model that was quantized",
    )


def _without_quantizers(graph: Graph, unbounded: bool) -> Graph:
    floats = graph.copy()
    for node in floats:
        if hasattr(node.layer, "quantized_kernels"):
            node.cls = next(_FLOAT[base.__name__] for base in node.cls.__mro__ if base.__name__ in _FLOAT)
            node.config = {name: value for name, value in node.config.items() if not name.startswith("quantizer")}
        elif node.is_a("QuantizedActivation"):
            largest = float(node.layer.step) * node.layer.levels
            free = unbounded and node.is_exactly("QuantizedReLU") and largest == node.layer.levels
            node.cls, node.weights = keras.layers.ReLU, {}
            node.config = {"name": node.name, "max_value": None if free else largest}
        node.layer = None
    return floats


def _rename_input(graph: Graph, name: str) -> None:
    """Gives the input layer, which Keras names where nobody does, another name."""
    node = graph.input
    for consumer in graph.consumers(node.name):
        consumer.inbounds = [name if inbound == node.name else inbound for inbound in consumer.inbounds]
    _, *others = graph
    node.name, node.config = name, {**node.config, "name": name}
    graph.nodes = {other.name: other for other in (node, *others)}


def _difference(graph: Graph, reference: Graph) -> str | None:
    """The first difference between the layers of a quantized model and those of its reference, or None."""
    for node in graph:
        other = reference.nodes.get(node.name)
        if other is None:
            return f'it has no layer "{node.name}"'
        if node.inbounds != other.inbounds:
            return f'layer "{node.name}" reads {_names(other)}, not {_names(node)}'
        if node.output_shape != other.output_shape:
            return f'layer "{node.name}" gives {other.output_shape}, not {node.output_shape}'
        if is_activation(node) != is_activation(other):
            return f'layer "{node.name}" is a {other.cls.__name__}, not a {node.cls.__name__}'
    more = [name for name in reference.nodes if name not in graph.nodes]
    return f'it has a layer "{more[0]}" more' if more else None


def _names(node: Node) -> str:
    return ", ".join(f'"{name}"' for name in node.inbounds)
