"""Normalizations behind an activation, folded into the layers that read them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnn2snn.graph import Graph, Node, has_border
from cnn2snn.transforms.channels import add_inputs, output_kernel, scale_inputs
from cnn2snn.transforms.prepare.affine import affine_of, is_affine
from cnn2snn.transforms.prepare.changes import Changes
from cnn2snn.transforms.readers import Obstacle, Reader, readers

__all__ = ["Refused", "fold_late_normalizations", "why_not_folded"]

_TRAIN = "and train again"


class Refused(NamedTuple):
    """Why a normalization cannot be folded.

    Attributes:
        reason: in words that follow "it cannot be folded, as".
        remedy: what to do.
    """

    reason: str
    remedy: str


def fold_late_normalizations(graph: Graph, changes: Changes) -> None:
    """Folds normalizations, and `Rescaling` layers, that no layer with weights gives into the layers that read them.

    With z' = c · z + d the weights that read channel z are multiplied by c, and what they make of d is added to the
    bias. A convolution that pads with zeros would need another bias at the border. So the layer before the activation
    gets a filter of its own, whose activation gives the same number everywhere, and the convolution reads d from it.
    """
    # One that is folded may let the one before it be folded too.
    while any(_is_late(graph, node) and _fold(graph, node, changes) for node in graph):
        pass


def _fold(graph: Graph, node: Node, changes: Changes) -> bool:
    """Folds a normalization where that is possible, and says whether it was."""
    plan = _plan(graph, node)
    if isinstance(plan, Refused):
        return False
    text = ""
    if any(_needs_constant(graph, reader) for reader in plan):
        text = f', with a filter of one number added to "{_add_constant(graph, node, plan)}" for its borders'
    else:
        for reader in plan:
            if np.any(reader.shift):
                add_inputs(reader.node, reader.shift)
            scale_inputs(reader.node, reader.scale)
    graph.remove(node.name)
    names = ", ".join(f'"{reader.node.name}"' for reader in plan)
    changes.add(node.name, "late_normalization", f"folded into {names}{text}")
    return True


def why_not_folded(graph: Graph, node: Node) -> Refused | None:
    """Why a normalization is folded neither backwards nor forwards; None for one that is folded forwards."""
    plan = _plan(graph, node)
    return plan if isinstance(plan, Refused) else None


def _is_late(graph: Graph, node: Node) -> bool:
    """Whether no layer with weights gives what a normalization reads, so that it cannot be folded into it."""
    if not is_affine(node):
        return False
    source = graph.nodes[node.inbounds[0]]
    while source.is_identity or source.is_max_pooling or source.is_global_average or is_affine(source):
        source = graph.nodes[source.inbounds[0]]
    return not (source.is_neural or source.is_exactly("InputLayer"))


def _plan(graph: Graph, node: Node) -> list[Reader] | Refused:
    """The layers to fold into."""
    before = f"put it between the convolution or dense layer and the activation {_TRAIN}"
    numbers = affine_of(node)
    if numbers is None:
        return Refused("its numbers are not one per channel", f"use a BatchNormalization on the last axis {_TRAIN}")
    found = readers(graph, node.name, *numbers)
    if isinstance(found, Obstacle):
        return Refused(f'"{found.layer}", which reads it, {found.reason}', before)
    if not found:
        return Refused("nothing reads it", before)
    padding = [reader for reader in found if _needs_constant(graph, reader)]
    if padding and (_source(graph, node) is None or not all(map(_takes_constant, found))):
        return Refused(f'"{padding[0].node.name}" pads what it gives with zeros (padding="same")', before)
    return found


def _needs_constant(graph: Graph, reader: Reader) -> bool:
    shape = graph.nodes[reader.node.inbounds[0]].output_shape
    return bool(np.any(reader.shift)) and has_border(reader.node, shape)


def _takes_constant(reader: Reader) -> bool:
    """Whether a channel more can be read: by a plain convolution, past layers that keep channels apart."""
    return reader.node.is_exactly("Conv2D") and all(node.is_identity or node.is_max_pooling for node in reader.path)


def _source(graph: Graph, norm: Node) -> list[Node] | None:
    """The layers from a convolution over its ReLU to a normalization, each read by the next alone; None for others."""
    chain: list[Node] = []
    activations = 0
    name = norm.inbounds[0]
    reader = norm
    while graph.only_consumer(name) is reader:
        node = graph.nodes[name]
        chain.append(node)
        if node.is_exactly("Conv2D", "SeparableConv2D") and node.config.get("groups", 1) == 1:
            return chain[::-1] if activations == 1 else None
        if node.is_exactly("ReLU"):
            activations += 1
            if node.config.get("threshold") or node.config.get("negative_slope"):
                return None
        elif not (node.is_identity or node.is_max_pooling or (node.is_a("BatchNormalization") and activations == 1)):
            return None
        name, reader = node.inbounds[0], node
    return None


def _add_constant(graph: Graph, norm: Node, plan: list[Reader]) -> str:
    """Gives the layer before the activation a filter whose output is one number, and lets all readers read it.

    Returns:
        The name of the layer.
    """
    chain = _source(graph, norm)
    assert chain is not None
    producer, *between = chain
    relu = next(node for node in between if node.is_exactly("ReLU"))
    # The largest output is a level of the quantized activation, whatever its width; so is 1 where there is no bound.
    value = float(relu.config.get("max_value") or 1.0)
    role = output_kernel(producer)
    kernel = producer.weights[role]
    producer.weights[role] = np.concatenate([kernel, np.zeros_like(kernel[..., :1])], axis=-1)
    bias = producer.weights.get("bias", np.zeros(kernel.shape[-1], kernel.dtype))
    producer.weights["bias"] = np.append(bias, kernel.dtype.type(value))
    producer.config = {**producer.config, "use_bias": True, "filters": kernel.shape[-1] + 1}
    for node in between:
        if node.is_a("BatchNormalization"):
            new = {"gamma": 1.0, "beta": 0.0, "moving_mean": 0.0, "moving_variance": 1.0 - node.config["epsilon"]}
            node.weights = {k: np.append(w, w.dtype.type(new[k])) for k, w in node.weights.items()}
    for reader in plan:
        weights = reader.node.weights["kernel"].astype(np.float64)
        constant = np.einsum("hwcf,c->hwf", weights, reader.shift / value)
        weights = weights * reader.scale[:, np.newaxis]
        reader.node.weights["kernel"] = np.concatenate([weights, constant[:, :, np.newaxis]], axis=2).astype(
            kernel.dtype
        )
    grown = {node.name: node for reader in plan for node in reader.path} | {node.name: node for node in (*chain, norm)}
    for node in grown.values():
        node.output_shape = (*node.output_shape[:-1], node.output_shape[-1] + 1)
    return producer.name
