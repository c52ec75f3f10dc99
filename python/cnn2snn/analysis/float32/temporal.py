"""Layers with state, and what follows them: queues, states, decisions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn2snn.analysis.float32.layers import accumulated, buffer_bits, weights
from cnn2snn.analysis.float32.tensors import Tensor, clip, fitting_bits, fixed, half_up, scaled_product
from cnn2snn.conversion.quantizeml.layer import Layer

__all__ = ["STATEFUL", "pico"]

State = dict[str, np.ndarray]


def _queue(layer: Layer, inputs: list[Tensor], state: State) -> Tensor:
    """A convolution over the last frames, which are zeros at first."""
    frame, count = inputs[0], layer.arguments["kernel_size"]
    frames = state.get("frames", np.zeros((count, *frame.values.shape), frame.values.dtype))
    frames = state["frames"] = np.concatenate([frames[1:], frame.values[None]])
    tensor = frame.with_values(frames).aligned(buffer_bits(layer))
    kernel, scales = weights(layer, "weight_quantizer", layer.variables["kernel"], frames.dtype)
    if layer.kind == "DepthwiseBufferTempConv":
        sums = (tensor.values * kernel.reshape(count, *[1] * (frames.ndim - 2), -1)).sum(axis=0)
    else:
        sums = sum(values @ part for values, part in zip(tensor.values, np.split(kernel[0, 0], count), strict=True))
    return accumulated(layer, tensor, np.asarray(sums), scales)


def _recurrent(layer: Layer, inputs: list[Tensor], state: State) -> Tensor:
    """States that a complex factor multiplies in every step; real and imaginary parts are the last axis."""
    tensor, quantizer, bits = inputs[0], layer.quantizers["output_quantizer"], buffer_bits(layer)
    dtype, a_bits = tensor.values.dtype, layer.quantizers["a_quantizer"]["bitwidth"] - 1
    matrices = [layer.variables[name] for name in ("A_real", "A_imag")]
    exponents = [fitting_bits(np.max(np.abs(a)), a_bits) for a in matrices]
    real, imaginary = (fixed(a, e, a_bits).astype(dtype) for a, e in zip(matrices, exponents, strict=True))
    frac_bits = fitting_bits(layer.variables["range_max"], quantizer["bitwidth"] - 1)
    products, places = scaled_product(tensor, quantizer, layer.variables["rescaling_rate"], bits)
    entering = clip(half_up(products, frac_bits + exponents[0] - places), bits)
    shape = (len(entering), *entering.shape[2:])
    r, i = (state.get(name, np.zeros(shape, dtype)) for name in ("real", "imaginary"))
    steps = []
    for new in np.moveaxis(entering, 1, 0):
        following = (
            clip(clip(clip(r * real, bits) - clip(i * imaginary, bits), bits) + new, bits),
            clip(clip(r * imaginary, bits) + clip(i * real, bits), bits),
        )
        r, i = (clip(half_up(v, -exponents[0]), quantizer["bitwidth"] - 1) for v in following)
        steps.append(np.stack([r, i], axis=-1))
    state["real"], state["imaginary"] = r, i
    return Tensor(np.stack(steps, axis=1), frac_bits, quantizer["bitwidth"] - 1)


def pico(layer: Layer, inputs: list[Tensor]) -> Tensor:
    """Whether predictions are far from the target on average."""
    prediction, target = inputs
    quantizer = layer.quantizers["prediction_quantizer"]
    rates = layer.variables["rescaling_rate"]
    products, places = scaled_product(prediction, quantizer, rates, layer.settings["buffer_bitwidth"] - 1)
    bits = quantizer["bitwidth"] - 1
    values = clip(half_up(products, -places), bits)
    distances = np.minimum(np.abs(clip(values - target.values, bits)), 2**bits - 1)
    means = np.floor(distances.sum(axis=1, keepdims=True) / distances.shape[1])
    return Tensor((means >= layer.arguments["threshold"]).astype(values.dtype), np.asarray(0), 1)


STATEFUL: dict[str, Callable[[Layer, list[Tensor], State], Tensor]] = {
    "BufferTempConv": _queue,
    "DepthwiseBufferTempConv": _queue,
    "StatefulRecurrent": _recurrent,
}
