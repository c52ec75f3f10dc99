"""What layers of QuantizeML compute on integers that are floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from cnn2snn.analysis.float32.tensors import Tensor, align, clip, fitting_bits, fixed, quantized_weights
from cnn2snn.conversion.quantizeml.layer import Layer

__all__ = ["LAYERS", "accumulated", "buffer_bits"]

# Accumulators of these layers have 28 bits at most.
_NARROW = ("Conv2D", "Dense", "DepthwiseConv2D", "Conv2DTranspose", "DepthwiseConv2DTranspose", "StatefulProjection")


def buffer_bits(layer: Layer) -> int:
    """The width of an accumulator without its sign."""
    bits = layer.settings["buffer_bitwidth"]
    return (min(28, bits) if layer.kind in _NARROW else bits) - 1


def weights(layer: Layer, name: str, kernel: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Integer weights and their scales."""
    quantizer = layer.quantizers[name]
    integers, scales = quantized_weights(kernel, quantizer["bitwidth"], quantizer["axis"])
    return integers.astype(dtype), scales


def accumulated(layer: Layer, inputs: Tensor, sums: np.ndarray, scales: np.ndarray) -> Tensor:
    """Sums of a layer with weights as a tensor, with its bias."""
    scale = scales if inputs.scale is None else np.asarray(inputs.scale * scales, np.float32)
    bits = buffer_bits(layer)
    tensor = Tensor(clip(sums, bits), inputs.frac_bits, bits, scale)
    if not layer.arguments["use_bias"]:
        return tensor
    bias = align(layer.variables["bias"], tensor, layer.quantizers["bias_quantizer"], signed=True)
    return tensor.with_values(clip(tensor.values + bias, bits))


def _margins(length: int, size: int, stride: int, padding: str) -> tuple[int, int]:
    """Cells before and behind an axis."""
    if padding == "valid":
        return 0, 0
    total = max((-(-length // stride) - 1) * stride + size - length, 0)
    return total // 2, total - total // 2


def _bordered(
    values: np.ndarray, size: tuple[int, int], strides: tuple[int, int], padding: str, border: np.ndarray | float
) -> np.ndarray:
    """Maps with their border."""
    height, width = values.shape[1:3]
    (top, bottom), (left, right) = (
        _margins(n, k, s, padding) for n, k, s in zip((height, width), size, strides, strict=True)
    )
    shape = (len(values), top + height + bottom, left + width + right, values.shape[3])
    result = np.empty(shape, values.dtype)
    result[...] = border
    result[:, top : top + height, left : left + width] = values
    return result


def _windows(
    values: np.ndarray, size: tuple[int, int], strides: tuple[int, int]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each place of a window the values that meet it in all windows."""
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(values.shape[1:3], size, strides, strict=True))
    for u in range(size[0]):
        for v in range(size[1]):
            yield (
                u,
                v,
                values[:, u : u + rows * strides[0] : strides[0], v : v + columns * strides[1] : strides[1]][
                    :, :rows, :columns
                ],
            )


def _convolve(layer: Layer, inputs: Tensor, kernel: np.ndarray, depthwise: bool) -> np.ndarray:
    """The sums of a convolution."""
    arguments = layer.arguments
    padding, border = arguments["padding"], inputs.values.dtype.type(0)
    if arguments.get("padding_value") is not None:
        # A border with a value is padded as "same", and the layer says "valid".
        quantizer = {"bitwidth": layer.quantizers["weight_quantizer"]["bitwidth"]}
        values = np.array(arguments["padding_value"], np.float32)
        padding, border = "same", align(values, inputs, quantizer, signed=True)
    size, strides = arguments["kernel_size"], arguments["strides"]
    total = None
    for u, v, cells in _windows(_bordered(inputs.values, size, strides, padding, border), size, strides):
        part = cells * kernel[u, v, :, 0] if depthwise else cells @ kernel[u, v]
        total = part if total is None else total + part
    assert total is not None
    return total


def _conv2d(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor = inputs[0].aligned(buffer_bits(layer))
    kernel, scales = weights(layer, "weight_quantizer", layer.variables["kernel"], tensor.values.dtype)
    return accumulated(layer, tensor, _convolve(layer, tensor, kernel, False), scales)


def _depthwise(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor = inputs[0]
    kernel, scales = weights(layer, "weight_quantizer", layer.variables["depthwise_kernel"], tensor.values.dtype)
    return accumulated(layer, tensor, _convolve(layer, tensor, kernel, True), scales)


def _separable(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor = inputs[0]
    dtype = tensor.values.dtype
    kernel, depth_scale = weights(layer, "dw_weight_quantizer", layer.variables["depthwise_kernel"], dtype)
    middle = clip(_convolve(layer, tensor, kernel, True), buffer_bits(layer))
    kernel, scales = weights(layer, "pw_weight_quantizer", layer.variables["pointwise_kernel"], dtype)
    return accumulated(layer, tensor, middle @ kernel[0, 0], np.asarray(depth_scale * scales, np.float32))


def _transposed(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor = inputs[0].aligned(buffer_bits(layer))
    depthwise = layer.kind == "DepthwiseConv2DTranspose"
    name = "depthwise_kernel" if depthwise else "kernel"
    kernel = layer.variables[name] if depthwise else layer.variables[name].swapaxes(2, 3)
    integers, scales = weights(layer, "weight_quantizer", kernel, tensor.values.dtype)
    size = layer.arguments["kernel_size"][0]
    count, height, width, channels = tensor.values.shape
    filters = channels if depthwise else integers.shape[3]
    total = np.zeros((count, 2 * height + size, 2 * width + size, filters), tensor.values.dtype)
    for u in range(size):
        for v in range(size):
            part = tensor.values * integers[u, v, :, 0] if depthwise else tensor.values @ integers[u, v]
            total[:, u : u + 2 * height : 2, v : v + 2 * width : 2] += part
    before = (size - 2) // 2
    sums = total[:, before : before + 2 * height, before : before + 2 * width]
    return accumulated(layer, tensor, sums, np.broadcast_to(scales, (filters,)) if depthwise else scales)


def _dense(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor = inputs[0].aligned(buffer_bits(layer))
    values = tensor.values
    if layer.kind == "StatefulProjection":
        step = layer.arguments["subsample"]
        values = values[:, step - 1 :: step]
    kernel, scales = weights(layer, "weight_quantizer", layer.variables["kernel"], values.dtype)
    return accumulated(layer, tensor, values @ kernel, scales)


def _max_pool(layer: Layer, inputs: list[Tensor]) -> Tensor:
    size = layer.arguments["pool_size"]
    strides = layer.arguments["strides"] or size
    values = _bordered(inputs[0].values, size, strides, layer.arguments["padding"], -np.inf)
    best = None
    for _, _, cells in _windows(values, size, strides):
        best = cells if best is None else np.maximum(best, cells)
    assert best is not None
    return inputs[0].with_values(best)


def _relu(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor = inputs[0]
    scale = np.asarray(np.float32(1)) if tensor.scale is None else tensor.scale
    result = Tensor(np.maximum(tensor.values, 0), tensor.frac_bits, layer.settings["buffer_bitwidth"], scale)
    limit = layer.arguments["max_value"]
    if limit is None:
        return result
    limits = np.full(tensor.values.shape[-1], limit, np.float32)
    bound = align(limits, result, layer.quantizers["max_value_quantizer"], signed=False)
    return result.with_values(np.minimum(result.values, bound))


_ROOT = np.float32(math.sqrt(2))


def _gelu(x: np.ndarray) -> np.ndarray:
    erf = np.array([math.erf(v) for v in (x / _ROOT).tolist()], np.float32)
    return np.float32(0.5) * x * (np.float32(1) + erf)


def _swish(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return x * (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)


def _hard_silu(x: np.ndarray) -> np.ndarray:
    return x * (np.clip(x + np.float32(3), np.float32(0), np.float32(6)) / np.float32(6))


def _lut(layer: Layer, inputs: list[Tensor]) -> Tensor:
    """A function of float32, whose results are integers of 14 bits with one scale."""
    tensor, alpha = inputs[0], np.float32(layer.arguments["alpha"])
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "gelu": _gelu,
        "swish": _swish,
        "hard_silu": _hard_silu,
        "leaky_relu": lambda x: np.where(x > 0, x, alpha * x),
    }
    places = np.ldexp(np.arange(-1024, 1024, dtype=np.float32), int(-tensor.frac_bits))
    results = functions[layer.arguments["activation"]](places)
    bits = layer.settings["lut_bitwidth"] - 1
    scale = np.max(np.abs(results)) / np.float32(2**bits - 1)
    table = fixed(results / scale, np.asarray(0), bits).astype(tensor.values.dtype)
    index = tensor.values.astype(np.int64) + 1024
    return Tensor(table[index], np.asarray(0), bits, np.asarray(scale, np.float32))


def _global_average(layer: Layer, inputs: list[Tensor]) -> Tensor:
    """Sums; the scale has the division."""
    tensor = inputs[0]
    positions = np.float32(tensor.values.shape[1] * tensor.values.shape[2])
    scale = np.float32(1) / positions if tensor.scale is None else tensor.scale / positions
    bits = layer.settings["buffer_bitwidth"]
    return Tensor(clip(tensor.values.sum(axis=(1, 2)), bits), tensor.frac_bits, bits, np.asarray(scale, np.float32))


def _add(layer: Layer, inputs: list[Tensor]) -> Tensor:
    bits = buffer_bits(layer)
    largest = np.maximum(*(tensor.frac_bits for tensor in inputs))
    parts = [clip(np.ldexp(t.values, (largest - t.frac_bits).astype(np.int32)), bits) for t in inputs]
    return Tensor(clip(parts[0] + parts[1], bits), np.asarray(largest + layer.arguments["average"]), bits)


def _concatenate(layer: Layer, inputs: list[Tensor]) -> Tensor:
    frac_bits = [np.broadcast_to(tensor.frac_bits, tensor.values.shape[-1:]) for tensor in inputs]
    return Tensor(
        np.concatenate([tensor.values for tensor in inputs], axis=-1),
        np.concatenate(frac_bits),
        max(tensor.value_bits for tensor in inputs),
    )


def _flatten(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor = inputs[0].aligned(inputs[0].value_bits)
    return tensor.with_values(tensor.values.reshape(len(tensor.values), -1))


def _reshape(layer: Layer, inputs: list[Tensor]) -> Tensor:
    values = inputs[0].values
    return inputs[0].with_values(values.reshape(len(values), *layer.arguments["target_shape"]))


def _token(layer: Layer, inputs: list[Tensor]) -> Tensor:
    values = np.take(inputs[0].values, layer.arguments["token"], axis=layer.arguments["axis"])
    return inputs[0].with_values(values)


def _rescaling(layer: Layer, inputs: list[Tensor]) -> Tensor:
    tensor, scale = inputs[0], np.float32(layer.arguments["scale"])
    together = scale if tensor.scale is None else scale * tensor.scale
    return Tensor(tensor.values, tensor.frac_bits, tensor.value_bits, np.asarray(together, np.float32))


def _input_quantizer(layer: Layer, inputs: list[Tensor]) -> Tensor:
    """Floats become integers; unsigned ones get their zero point behind the rounding."""
    values = inputs[0].values
    low, high = layer.variables["range_min"], layer.variables["range_max"]
    signed = layer.arguments["signed"]
    bits = layer.arguments["bitwidth"] - signed
    frac_bits = fitting_bits(np.maximum(np.abs(low), np.abs(high)) if signed else high - low, bits)
    integers = fixed(values.astype(np.float32), frac_bits, bits)
    if not signed:
        integers = clip(integers + fixed(-low, frac_bits, bits), bits)
    return Tensor(integers.astype(values.dtype), frac_bits, bits, None if signed else np.asarray(np.float32(1)))


def _pass(layer: Layer, inputs: list[Tensor]) -> Tensor:
    return inputs[0]


LAYERS: dict[str, Callable[[Layer, list[Tensor]], Tensor]] = {
    "InputQuantizer": _input_quantizer,
    "Rescaling": _rescaling,
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "Conv2DTranspose": _transposed,
    "DepthwiseConv2DTranspose": _transposed,
    "Dense": _dense,
    "StatefulProjection": _dense,
    "MaxPool2D": _max_pool,
    "ReLU": _relu,
    "LUT": _lut,
    "GlobalAveragePooling2D": _global_average,
    "Add": _add,
    "Concatenate": _concatenate,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "ExtractToken": _token,
    "Dropout": _pass,
    "Activation": _pass,
    "Dequantizer": _pass,
}
