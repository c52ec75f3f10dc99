"""Float Keras networks to Akida 2.0 with 8-bit weights and activations, for comparisons of speed.

Users read QuantizeML models. QuantizeML needs Keras 2, and the networks of the comparison are Keras 3 models. So this
module quantizes them itself, from the ranges that calibration images reach.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn import akida

BUFFERS = {"buffer_bits": 28}


def scale_and_shift(factor: np.ndarray) -> dict[str, np.ndarray]:
    """`output_scales` of 8 bits and `output_shift` that come nearest to factors."""
    factor = np.maximum(np.asarray(factor, np.float64), 1e-30)
    shift = np.floor(np.log2(factor)).astype(int) - 7
    scale = np.rint(factor / 2.0**shift).astype(int)
    full = scale == 256
    return {
        "output_scales": np.where(full, 128, scale).astype(np.uint16),
        "output_shift": np.clip(shift + full, -128, 127).astype(np.int8),
    }


def mantissa_and_shift(bias: np.ndarray) -> dict[str, np.ndarray]:
    """`bias` of 8 bits and `bias_shift` that come nearest to biases."""
    shift = np.ceil(np.log2(np.maximum(np.abs(bias), 1) / 127.4)).clip(0).astype(int)
    return {"bias": np.rint(bias / 2.0**shift).astype(np.int8), "bias_shift": shift.astype(np.uint8)}


def quantized(kernel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of 8 bits, and the scale of each filter, which is the last axis."""
    scale = np.maximum(np.abs(kernel).max(tuple(range(kernel.ndim - 1))), 1e-12) / 127
    return np.rint(kernel / scale).astype(np.int8), scale


class Network:
    """An Akida 2.0 model that grows with the blocks of a float network.

    Args:
        input_shape: shape of one image.
        scaling: (divider, offset) of the float network's inputs: it reads image / divider + offset.
    """

    def __init__(self, input_shape: tuple[int, int, int], scaling: tuple[float, float]) -> None:
        self.model = akida.Model()
        self.input_shape, self.scaling = input_shape, scaling
        # The real value of an integer 1 of the last outputs, one for each channel.
        self.scale = np.ones(1)

    def block(self, layers: list[Any], outputs: list[np.ndarray], is_last: bool) -> None:
        """Adds a float layer with what follows it.

        Args:
            layers: a convolution or fully connected layer, then pooling and ReLU in either order.
            outputs: the outputs of each of these layers for the calibration images.
            is_last: whether the outputs are those of the network.
        """
        main, names = layers[0], [type(layer).__name__ for layer in layers]
        is_depthwise = names[0] == "DepthwiseConv2D"
        kernel, bias = self.real_weights(main)
        weights, scale = quantized(kernel)
        sums = scale * (self.scale if is_depthwise else 1.0)
        variables = {"weights": weights if names[0] == "Dense" else weights[::-1, ::-1]}
        if is_depthwise:
            variables["weights"] = variables["weights"][..., None]
        if bias is not None:
            variables |= mantissa_and_shift(bias / sums)
        pool = {"MaxPooling2D": akida.PoolType.Max, "GlobalAveragePooling2D": akida.PoolType.Average}
        pool = next((pool[name] for name in names if name in pool), akida.PoolType.NoPooling)
        # A ReLU behind an average becomes a layer of its own, as Akida 2.0 has it in front.
        is_averaged = pool == akida.PoolType.Average
        activation = (
            akida.ActivationType.ReLU if "ReLU" in names and not is_averaged else akida.ActivationType.NoActivation
        )
        reached = outputs[names.index("GlobalAveragePooling2D") if is_averaged else -1]
        largest = np.abs(reached).reshape(-1, reached.shape[-1]).max(0)
        # Channels of a depthwise layer have scales of their own, as weights behind them take the scales up.
        self.scale = np.maximum(largest if is_depthwise else largest.max(), 1e-6) / 127
        positions = np.prod(outputs[0].shape[1:3]) if is_averaged else 1
        if not is_last:
            variables |= scale_and_shift(sums / (self.scale * positions))
        options = {"activation": activation, "output_bits": 32 if is_last else 8, "name": main.name, **BUFFERS}
        if names[0] == "Dense":
            self.add(akida.Dense1D(main.units, **options), variables)
        else:
            window = {"kernel_stride": main.strides[0], "padding": self.padding(main), "pool_type": pool}
            if pool == akida.PoolType.Max:
                window |= {"pool_size": 2, "pool_stride": 2}
            self.convolution(main, is_depthwise, {**window, **options}, variables)
        if is_averaged and "ReLU" in names:
            self.relu(main.name + "_relu", outputs[-1])
        if is_last:
            self.add(akida.Dequantizer("dequantizer"), {"scales": sums.astype(np.float32)})

    def real_weights(self, layer: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """The kernel and the bias for integers as inputs. Scales of single channels are part of the kernel."""
        kernel, *bias = (values.astype(np.float64) for values in layer.get_weights())
        bias = bias[0] if bias else None
        if not self.model.layers:
            divider, offset = self.scaling
            shift = (kernel * offset).sum(tuple(range(kernel.ndim - 1)))
            return kernel / divider, shift if bias is None else bias + shift
        if type(layer).__name__ == "DepthwiseConv2D":
            return kernel[..., 0], bias
        channels = kernel.shape[-2]
        scale = np.broadcast_to(self.scale, channels) if channels % self.scale.size else np.resize(self.scale, channels)
        return kernel * scale[:, None], bias

    def padding(self, layer: Any) -> akida.Padding:
        is_same = layer.padding == "same" or layer.kernel_size[0] == 1
        return akida.Padding.Same if is_same else akida.Padding.Valid

    def convolution(self, main: Any, is_depthwise: bool, options: dict[str, Any], variables: dict[str, Any]) -> None:
        size = main.kernel_size[0]
        if is_depthwise:
            self.add(akida.DepthwiseConv2D(size, **options), variables)
        elif self.model.layers:
            self.add(akida.Conv2D(main.filters, size, **options), variables)
        else:
            divider, offset = self.scaling
            # Image layers do not flip their kernels. Their border is the integer whose real value is 0.
            variables |= {"weights": variables["weights"][::-1, ::-1], "padding_value": round(-offset * divider)}
            self.add(akida.InputConv2D(self.input_shape, main.filters, size, **options), variables)

    def relu(self, name: str, outputs: np.ndarray) -> None:
        """Adds a depthwise layer of one cell, whose weights are all 64."""
        before, self.scale = self.scale, np.maximum(outputs.max(), 1e-6) / 127
        options = {"activation": akida.ActivationType.ReLU, "name": name, **BUFFERS}
        rescaling = scale_and_shift(before / 64 / self.scale)
        self.add(akida.DepthwiseConv2D(1, **options), {"weights": 64, **rescaling})

    def add(self, layer: akida.Layer, variables: dict[str, Any]) -> None:
        """Adds a layer. A variable may be one number for all channels."""
        self.model.add(layer)
        for name, values in variables.items():
            own = layer.get_variable(name)
            layer.set_variable(name, np.broadcast_to(values, own.shape).astype(own.dtype))


def build(
    keras_model: Any, input_shape: tuple[int, int, int], scaling: tuple[float, float], samples: np.ndarray
) -> Any:
    """Quantizes a float network.

    Args:
        keras_model: convolutions, depthwise convolutions and fully connected layers in a row, with ReLU and pooling.
        input_shape: shape of one image.
        scaling: (divider, offset) of the network's inputs.
        samples: calibration images as the network reads them.

    Returns:
        The `akida.Model`.
    """
    blocks: list[list[Any]] = []
    for layer in keras_model.layers[1:]:
        if type(layer).__name__ in ("Conv2D", "DepthwiseConv2D", "Dense"):
            blocks.append([layer])
        elif type(layer).__name__ != "Flatten":
            blocks[-1].append(layer)
    network = Network(input_shape, scaling)
    probe = type(keras_model)(keras_model.inputs, [layer.output for block in blocks for layer in block])
    outputs = iter(np.asarray(values) for values in probe.predict(samples, batch_size=8, verbose=0))
    for block in blocks:
        network.block(block, [next(outputs) for _ in block], block is blocks[-1])
    return network.model
