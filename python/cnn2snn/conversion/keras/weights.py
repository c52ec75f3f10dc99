"""The arrays of neural Keras layers, as their quantizers give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cnn2snn.conversion.block import Weights
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Node, check_values

if TYPE_CHECKING:
    from cnn2snn.quantization_ops import WeightQuantizer

__all__ = ["read_weights"]


def read_weights(node: Node) -> Weights:
    """The quantized weights and the scale factors of a neural layer.

    The width is that of the wider kernel, where a separable convolution has two: narrower integers fit as well.

    Raises:
        UnsupportedModelError: a quantizer gives scale factors of a shape that cannot be converted, or a weight is not
            finite.
    """
    check_values(node)
    quantizer = node.config["quantizer"]
    kernel = node.weights.get("pointwise_kernel", node.weights.get("kernel"))
    filters = kernel.shape[-1]
    depthwise, depthwise_scale = None, 1.0
    if "depthwise_kernel" in node.weights:
        depthwise, depthwise_scale = _read_depthwise(node)
    kernel_scale = _scale_factors(quantizer, kernel)
    if kernel_scale.size not in (1, filters):
        raise UnsupportedModelError(
            f'layer "{node.name}": scale_factor must give one scale, or one for each of the {filters} filters, '
            f"received {kernel_scale.size}",
            layer=node.name,
            kind="quantizer",
            expected=(1, filters),
            received=kernel_scale.size,
            remedy="correct the layer's quantizer",
        )
    return Weights(
        bits=max(quantizer.bitwidth, node.config["quantizer_dw"].bitwidth if depthwise is not None else 0),
        kernel=np.asarray(quantizer.quantize(kernel)),
        kernel_scale=kernel_scale,
        bias=node.weights.get("bias", np.zeros(filters, np.float32)),
        depthwise=depthwise,
        depthwise_scale=depthwise_scale,
    )


def _read_depthwise(node: Node) -> tuple[np.ndarray, float]:
    """The depthwise kernel of a separable convolution and its scale factor."""
    quantizer = node.config["quantizer_dw"]
    kernel = node.weights["depthwise_kernel"]
    scales = _scale_factors(quantizer, kernel)
    if scales.size != 1:
        raise UnsupportedModelError(
            f'layer "{node.name}": quantizer_dw must give one scale for the whole depthwise kernel, received '
            f"{scales.size}",
            layer=node.name,
            kind="quantizer_dw",
            expected=1,
            received=scales.size,
            remedy="use MaxQuantizer",
        )
    return np.asarray(quantizer.quantize(kernel)), float(scales[0])


def _scale_factors(quantizer: WeightQuantizer, kernel: np.ndarray) -> np.ndarray:
    return np.ravel(np.asarray(quantizer.scale_factor(kernel), np.float64))
