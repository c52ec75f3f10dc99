"""Scaling of channels: of those that a layer gives, and of those that it reads."""

from __future__ import annotations

import numpy as np

from cnn2snn.graph import Node

__all__ = [
    "add_inputs",
    "input_kernel",
    "input_ranges",
    "output_kernel",
    "output_ranges",
    "scale_inputs",
    "scale_outputs",
]


def output_kernel(node: Node) -> str:
    """The role of the kernel whose last axis is that of the layer's outputs."""
    return "pointwise_kernel" if "pointwise_kernel" in node.weights else "kernel"


def output_ranges(node: Node) -> np.ndarray:
    """The largest magnitude of the weights of each output channel."""
    kernel = np.abs(node.weights[output_kernel(node)])
    return kernel.max(axis=tuple(range(kernel.ndim - 1)))


def scale_outputs(node: Node, factors: np.ndarray) -> None:
    """Multiplies each output channel by its factor."""
    role = output_kernel(node)
    for name in (role, "bias"):
        if name in node.weights:
            weights = node.weights[name]
            node.weights[name] = (weights * factors).astype(weights.dtype)


def input_kernel(node: Node) -> str:
    """The role of the kernel that reads the layer's inputs."""
    return "depthwise_kernel" if "depthwise_kernel" in node.weights else "kernel"


def _by_inputs(node: Node) -> np.ndarray:
    """A view of the kernel that reads the layer's inputs, with these for its last axis.

    The inputs of a dense layer behind a `Flatten` are positions times channels.
    """
    kernel = node.weights[input_kernel(node)]
    return np.moveaxis(kernel, -2, -1)


def input_ranges(node: Node, channels: int) -> np.ndarray:
    """The largest magnitude of the weights that read each input channel."""
    return np.abs(_by_inputs(node)).reshape(-1, channels).max(axis=0)


def scale_inputs(node: Node, factors: np.ndarray) -> None:
    """Multiplies the weights that read each input channel by its factor."""
    kernel = _by_inputs(node)
    scaled = kernel * np.tile(factors, kernel.shape[-1] // len(factors))
    node.weights[input_kernel(node)] = np.moveaxis(scaled, -1, -2).astype(kernel.dtype)


def add_inputs(node: Node, constants: np.ndarray) -> None:
    """Adds to the bias what a layer without border makes of a constant per input channel."""
    kernel = node.weights[input_kernel(node)]
    channels = kernel.shape[-2]
    constants = np.tile(constants, channels // len(constants))
    if "depthwise_kernel" in node.weights:
        kernel = node.weights["pointwise_kernel"][0, 0]
        sums = node.weights["depthwise_kernel"].sum(axis=(0, 1), dtype=np.float64)
        constants = np.ravel(sums * constants[:, np.newaxis])
    else:
        kernel = kernel.reshape(-1, *kernel.shape[-2:]).sum(axis=0, dtype=np.float64)
    bias = node.weights.get("bias", 0) + np.tensordot(constants, kernel, axes=1)
    node.weights["bias"] = bias.astype(node.weights[output_kernel(node)].dtype)
    node.config = {**node.config, "use_bias": True}
