"""Integers of layers with weights."""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.quantizeml.integers.output import with_output
from cnn2snn.conversion.quantizeml.integers.records import Neural, Record, Separable
from cnn2snn.conversion.quantizeml.integers.tensor import Tensor
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.quantizers import Aligned, align, quantize_weights
from cnn2snn.conversion.quantizeml.shapes import Shape

__all__ = ["aligned_input", "bias_of", "neural", "require_fixed_point", "separable", "variable"]

# Accumulators of these layers have at most 28 bits, whatever a file says.
_NARROW = (
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Conv2DTranspose",
    "DepthwiseConv2DTranspose",
    "StatefulProjection",
)
_FIXED_POINT_INPUT = (
    "DepthwiseConv2D",
    "SeparableConv2D",
    "Conv2DTranspose",
    "DepthwiseConv2DTranspose",
    "DepthwiseBufferTempConv",
)
_DEPTHWISE_NAMES = ("DepthwiseConv2D", "DepthwiseConv2DTranspose")


def neural(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A convolution, dense layer, projection or temporal layer.

    Raises:
        UnsupportedModelError: variables that are missing or have another shape, an input that the layer cannot read, or
            a bias that saturates.
    """
    if layer.kind in _FIXED_POINT_INPUT:
        require_fixed_point(layer, inputs[0])
    if inputs[0].scale is not None and inputs[0].scale.ndim > 0:
        # Sums over channels of several scales have none.
        raise refuse(
            layer,
            f'it must read a quantized tensor, received the sums of "{layer.inbounds[0]}"',
            kind="output_quantizer",
            received=layer.inbounds[0],
            remedy=f'give "{layer.inbounds[0]}" an output quantizer; quantizeml.models.quantize does so by itself',
        )
    channels = shapes[0][-1]
    kernel = _kernel(layer, shapes[0])
    quantizer = layer.quantizers["weight_quantizer"]
    weights, weight_scales = quantize_weights(kernel, quantizer["bitwidth"], quantizer["axis"])
    tensor, input_shift = inputs[0], None
    if layer.kind != "DepthwiseConv2D":
        tensor, input_shift = aligned_input(tensor, channels)
    if input_shift is None and layer.kind.endswith("BufferTempConv"):
        # Temporal layers shift in their queue, and say so even where no channel is shifted.
        input_shift = np.zeros(channels, np.int64)
    buffer_bits = buffer_bits_of(layer)
    scale = weight_scales if tensor.scale is None else np.asarray(tensor.scale * weight_scales, np.float32)
    accumulated = Tensor(tensor.frac_bits, scale, buffer_bits - 1)
    return with_output(
        layer,
        Neural(
            inputs=tuple(inputs),
            accumulated=accumulated,
            output=accumulated,
            weights=weights,
            weights_bits=quantizer["bitwidth"],
            input_shift=input_shift,
            bias=bias_of(layer, accumulated, _filters(layer, kernel)),
            padding=_padding(layer, tensor, channels, quantizer["bitwidth"]),
            buffer_bits=buffer_bits,
        ),
    )


def separable(layer: Layer, inputs: list[Tensor], shapes: list[Shape]) -> Record:
    """A separable convolution, whose depthwise part has one scale; errors as for `neural`."""
    require_fixed_point(layer, inputs[0])
    if inputs[0].is_per_axis:
        raise refuse(
            layer,
            "its input must be quantized per tensor, received per axis",
            kind="axis",
            expected="per-tensor",
            received="per-axis",
            remedy="quantize with per_tensor_activations=True",
        )
    channels, arguments = shapes[0][-1], layer.arguments
    depthwise_quantizer = layer.quantizers["dw_weight_quantizer"]
    depthwise, depthwise_scale = quantize_weights(
        variable(layer, "depthwise_kernel", (*arguments["kernel_size"], channels, 1)),
        depthwise_quantizer["bitwidth"],
        depthwise_quantizer["axis"],
    )
    pointwise_quantizer = layer.quantizers["pw_weight_quantizer"]
    kernel = variable(layer, "pointwise_kernel", (1, 1, channels, arguments["filters"]))
    weights, weight_scales = quantize_weights(kernel, pointwise_quantizer["bitwidth"], pointwise_quantizer["axis"])
    buffer_bits = buffer_bits_of(layer)
    scale = np.asarray(depthwise_scale * weight_scales, np.float32)
    accumulated = Tensor(inputs[0].frac_bits, scale, buffer_bits - 1)
    return with_output(
        layer,
        Separable(
            inputs=tuple(inputs),
            accumulated=accumulated,
            output=accumulated,
            weights=weights,
            weights_bits=pointwise_quantizer["bitwidth"],
            bias=bias_of(layer, accumulated, arguments["filters"]),
            buffer_bits=buffer_bits,
            depthwise=depthwise,
            depthwise_bits=depthwise_quantizer["bitwidth"],
        ),
    )


def require_fixed_point(layer: Layer, tensor: Tensor) -> None:
    """Raises an error where an input has a float scale, as behind Rescaling."""
    if tensor.scale is not None:
        raise refuse(
            layer,
            "it must read integers without a float scale, received those of a Rescaling, an unsigned input quantizer, "
            "or a layer without output quantizer",
            kind="scale",
            remedy="put a Conv2D or Dense layer, or an output quantizer, before it",
        )


def aligned_input(tensor: Tensor, channels: int) -> tuple[Tensor, np.ndarray | None]:
    """A tensor whose channels have one number of fractional bits, and the left shifts that bring it there.

    Returns:
        The tensor, and int64 of shape (channels,); None where all channels have one number from the start.
    """
    if not tensor.is_per_axis:
        return tensor, None
    largest = np.max(tensor.frac_bits)
    shift = np.broadcast_to(largest - tensor.frac_bits, (channels,))
    return Tensor(np.asarray(largest), tensor.scale, tensor.value_bits, tensor.signed), shift


def variable(layer: Layer, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """A float32 variable that must have a shape."""
    values = layer.variables.get(name)
    if values is None or values.shape != shape:
        received = "none" if values is None else f"shape {values.shape}"
        raise refuse(
            layer,
            f"the variable {name} must have shape {shape}, received {received}",
            kind="variable",
            expected=shape,
            received=None if values is None else values.shape,
            remedy="save the model again with quantizeml.save_model",
        )
    return values


def buffer_bits_of(layer: Layer) -> int:
    """The width of a layer's accumulator, sign included."""
    bits = layer.settings["buffer_bitwidth"]
    return min(28, bits) if layer.kind in _NARROW else bits


def bias_of(layer: Layer, accumulated: Tensor, filters: int) -> Aligned | None:
    """The bias at the scale of the accumulator; None without."""
    if not layer.arguments["use_bias"]:
        return None
    bias = align(
        variable(layer, "bias", (filters,)),
        accumulated.scale,
        accumulated.frac_bits,
        bits=layer.quantizers["bias_quantizer"]["bitwidth"],
        signed=True,
        into=accumulated.value_bits,
    )
    if np.any(bias.saturates):
        channel = int(np.argmax(bias.saturates))
        raise refuse(
            layer,
            f"the bias must fit an accumulator of {accumulated.bits} bits, that of channel {channel} does not",
            kind="bias",
            expected=accumulated.bits,
            received=channel,
            remedy="its weights are next to zero beside its bias: remove the channel, or train it again",
        )
    return bias


def _kernel(layer: Layer, shape: Shape) -> np.ndarray:
    """The float kernel with the axis of its scales last, or before last for depthwise kernels."""
    arguments, channels = layer.arguments, shape[-1]
    if layer.kind in ("Dense", "StatefulProjection"):
        return variable(layer, "kernel", (channels, arguments["units"]))
    if layer.kind == "BufferTempConv":
        return variable(layer, "kernel", (1, 1, arguments["kernel_size"] * channels, arguments["filters"]))
    if layer.kind == "DepthwiseBufferTempConv":
        return variable(layer, "kernel", (arguments["kernel_size"], channels))
    size = arguments["kernel_size"]
    if layer.kind in _DEPTHWISE_NAMES:
        return variable(layer, "depthwise_kernel", (*size, channels, 1))
    if layer.kind == "Conv2DTranspose":
        return variable(layer, "kernel", (*size, arguments["filters"], channels)).swapaxes(2, 3)
    return variable(layer, "kernel", (*size, channels, arguments["filters"]))


def _filters(layer: Layer, kernel: np.ndarray) -> int:
    return kernel.shape[2] if layer.kind in _DEPTHWISE_NAMES else kernel.shape[-1]


def _padding(layer: Layer, tensor: Tensor, channels: int, bits: int) -> np.ndarray | None:
    """The integers of a border; None where the border is zero."""
    values = layer.arguments.get("padding_value")
    if values is None:
        return None
    if len(values) not in (1, channels):
        raise refuse(
            layer,
            f"padding_value must have 1 or {channels} values, received {len(values)}",
            kind="padding_value",
            expected=(1, channels),
            received=len(values),
        )
    padding = align(
        np.array(values, np.float32), tensor.scale, tensor.frac_bits, bits=bits, signed=True, into=tensor.value_bits
    )
    # A border beyond the inputs is refused where its range is known.
    return np.broadcast_to(padding.mantissa << np.minimum(padding.shift, 48), (channels,))
