"""Random quantized Keras networks, and this package's own reading of them (section H).

A network is a Keras Sequential model. `blocks_of` cuts it into neural layers with what follows each
of them; `check_block` compares one block with one layer of the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import tensorflow as tf

import cnn2snn

from . import activation, conversion, fit
from .conversion import LinearMap, Normalization
from .model import LayerDescription

keras = tf.keras

NEURAL = {
    "QuantizedConv2D": "Convolutional",
    "QuantizedSeparableConv2D": "SeparableConvolutional",
    "QuantizedDense": "FullyConnected",
}
POOLING = {"MaxPooling2D": "Max", "GlobalAveragePooling2D": "Average"}
ACTIVATIONS = ("QuantizedReLU", "ActivationDiscreteRelu")
IGNORED = ("InputLayer", "Flatten", "Dropout", "Reshape", "Rescaling")


@dataclass
class Block:
    """A neural layer of Keras and what belongs to it: all objects are Keras layers."""

    neural: Any
    followers: list[Any] = field(default_factory=list)

    def find(self, *names: str) -> Any | None:
        """The follower of one of these classes."""
        return next((layer for layer in self.followers if type(layer).__name__ in names), None)

    @property
    def type(self) -> str:
        return NEURAL[type(self.neural).__name__]

    @property
    def pool(self) -> Any | None:
        return self.find(*POOLING)

    @property
    def activation(self) -> Any | None:
        return self.find(*ACTIVATIONS)

    @property
    def step(self) -> float:
        """The activation's step: a float32, as a Python number."""
        return float(np.float32(self.activation.step))

    def pre_activation(self, x: np.ndarray) -> np.ndarray:
        """z as Keras computes it in float32, after pooling wherever Keras places it.

        An activation before a max pooling is left out: it rises, so it commutes with the maximum.
        """
        if self.type == "FullyConnected":
            x = x.reshape(len(x), -1)
        z = tf.convert_to_tensor(x, tf.float32)
        for layer in (self.neural, *self.followers):
            if type(layer).__name__ not in ACTIVATIONS:
                z = layer(z, training=False) if has_training(layer) else layer(z)
        return np.asarray(z)


def has_training(layer: Any) -> bool:
    return type(layer).__name__ == "BatchNormalization"


def blocks_of(model: Any) -> list[Block]:
    """The blocks of a Sequential model."""
    blocks: list[Block] = []
    for layer in model.layers:
        name = type(layer).__name__
        if name in NEURAL:
            blocks.append(Block(layer))
        elif name not in IGNORED:
            assert name in (*POOLING, *ACTIVATIONS, "BatchNormalization"), name
            blocks[-1].followers.append(layer)
    return blocks


def integer_kernels(block: Block) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Integer weights in Keras's layout and their scale factors, of every kernel (H2)."""
    weights = [np.asarray(w) for w in block.neural.get_weights()]
    kernels = {"weights": (weights[0], block.neural.quantizer)}
    if block.type == "SeparableConvolutional":
        kernels = {
            "weights": (weights[0], block.neural.quantizer_dw),
            "weights_pw": (weights[1], block.neural.quantizer),
        }
    result = {}
    for name, (kernel, quantizer) in kernels.items():
        tensor = tf.constant(kernel)
        factor = np.asarray(quantizer.scale_factor(tensor), np.float32)
        quantized = np.asarray(quantizer.quantize(tensor), np.float32)
        result[name] = conversion.integer_weights(quantized, factor), factor
    return result


def merged_normalizations(block: Block, channels: int) -> list[Normalization]:
    """c and d of every channel; (1, 0) without batch normalization (H2)."""
    layer = block.find("BatchNormalization")
    if layer is None:
        return [Normalization()] * channels
    mean, variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    gamma = np.asarray(layer.gamma) if layer.scale else np.ones(channels)
    beta = np.asarray(layer.beta) if layer.center else np.zeros(channels)
    return [conversion.normalization(gamma[f], beta[f], mean[f], variance[f], layer.epsilon) for f in range(channels)]


def expected_weights(block: Block, engine: LayerDescription, shape: tuple) -> dict[str, np.ndarray]:
    """The engine's weights in its documented layout, negated where a normalization's c < 0."""
    kernels = {name: kernel for name, (kernel, _) in integer_kernels(block).items()}
    last = "weights_pw" if "weights_pw" in kernels else "weights"
    channels = kernels[last].shape[-1]
    signs = [-1 if n.c < 0 else 1 for n in merged_normalizations(block, channels)]
    kernels[last] = kernels[last] * np.array(signs)
    if engine.type == "FullyConnected":
        kernels["weights"] = conversion.dense_rows(kernels["weights"], shape)
    elif engine.type != "InputConvolutional":
        kernels["weights"] = conversion.flipped(kernels["weights"])
    return kernels


def linear_maps(
    block: Block, engine: LayerDescription, alpha: Fraction, beta: Fraction, positions: int
) -> list[LinearMap]:
    """H3 of every channel."""
    kernels = integer_kernels(block)
    factors = [factor for _, factor in kernels.values()]
    channels = len(engine.variables["threshold"])
    if len(factors) == 2:
        assert factors[0].size == 1  # one scale for the whole depthwise kernel
    bias = np.asarray(block.neural.get_weights()[-1]) if block.neural.use_bias else None
    sums = engine.variables["weights"].astype(np.int64).sum(axis=(0, 1, 2))
    result = []
    for f, merged in enumerate(merged_normalizations(block, channels)):
        factor = Fraction(1)
        for one in factors:
            factor *= Fraction(float(one.ravel()[f if one.size > 1 else 0]))
        result.append(
            conversion.linear_map(
                alpha,
                factor,
                0.0 if bias is None else float(bias[f]),
                merged,
                positions=positions,
                beta=beta,
                sigma=int(sums[f]) if beta else 0,
            )
        )
    return result


@dataclass
class Checked:
    """What a block's comparison covered."""

    boundaries: int = 0
    inexact: int = 0
    levels: int = 0
    undecided: int = 0


def check_parameters(block: Block, engine: LayerDescription, input_shape: tuple[int, ...]) -> None:
    """The documented parameters that follow from the Keras layer."""
    p = engine.parameters
    assert p["weights_bits"] == block.neural.quantizer.bitwidth
    assert p["activation"] == (block.activation is not None)
    if block.activation is not None:
        assert p["act_bits"] == block.activation.bitwidth
    assert engine.type == block.type or ((engine.type, block.type) == ("InputConvolutional", "Convolutional"))
    if engine.type == "FullyConnected":
        assert p["units"] == block.neural.units
        return
    assert p["filters"] == block.neural.filters
    assert p["kernel_size"] == tuple(block.neural.kernel_size)
    assert p["kernel_stride"] == tuple(block.neural.strides)
    # Without a border, "same" and "valid" are one.
    sizes = zip(input_shape[:2], p["kernel_size"], p["kernel_stride"], strict=True)
    if any((-(-size // stride) - 1) * stride + kernel > size for size, kernel, stride in sizes):
        assert p["padding"] == block.neural.padding.capitalize()
    assert p["pool_type"] == (POOLING[type(block.pool).__name__] if block.pool else "NoPooling")
    if p["pool_type"] == "Max":
        assert p["pool_size"] == tuple(block.pool.pool_size)
        stride = p["pool_size"] if p["pool_stride"] == (-1, -1) else p["pool_stride"]
        assert stride == tuple(block.pool.strides)


def check_block(
    block: Block,
    engine: LayerDescription,
    inputs: np.ndarray,
    output: np.ndarray,
    alpha: Fraction,
    beta: Fraction,
    to_keras: Callable[[np.ndarray], np.ndarray],
    reported: np.ndarray,
    layer: Any,
) -> Checked:
    """Compares a block with a layer of the engine that has read `inputs` and given `output`.

    Weights, thresholds and steps are derived anew. Then Keras's own layers evaluate the block on
    ``to_keras(inputs)``: levels must be equal wherever every boundary of the channel is exact and
    the pre-activation is not so near to a boundary that float32 leaves the level open. `reported`
    holds the number of boundaries per channel that the conversion says are not exact for the potentials that `layer`,
    the engine's, can reach.
    """
    check_parameters(block, engine, inputs.shape[1:])
    for name, expected in expected_weights(block, engine, inputs.shape[1:]).items():
        np.testing.assert_array_equal(engine.variables[name], expected)
    z = block.pre_activation(to_keras(inputs))
    z = z.reshape(output.shape)
    maps = linear_maps(block, engine, alpha, beta, positions_summed(block, inputs))
    threshold, act_step = engine.variables["threshold"], engine.variables["act_step"]
    lowest, highest = layer.reach()
    checked = Checked()
    searched = False
    for f, linear in enumerate(maps):
        label = f"{engine.name}, channel {f}"
        if block.activation is None:
            t, a = linear.ideal_output()
            assert int(threshold[f]) == fit.nearest_integer(t), label
            assert float(act_step[f]) == fit.nearest_float32(a), label
            continue
        t, s = linear.ideal(block.step)
        bits = engine.parameters["act_bits"]
        ideal = conversion.ideal_boundaries(t, s, bits)
        reach = int(lowest[f]), int(highest[f])
        held = activation.boundaries(int(threshold[f]), float(act_step[f]), bits)
        held, seen = (np.clip(b, reach[0] - 1, reach[1]) for b in (held, ideal))
        exact = np.count_nonzero(held == seen)
        assert len(ideal) - exact == reported[f], label
        checked.boundaries += len(ideal)
        checked.inexact += len(ideal) - exact
        if exact < len(ideal):
            if not searched:  # a complete search takes long
                near = range(ideal[0] - 30, ideal[0] + 31)
                own = layer.widths("AKD1000")
                widths = (own.min_threshold, own.max_threshold, own.max_step, own.step_unit)
                best = fit.best_within(ideal, float(s), bits, reach, widths, near)
                assert len(ideal) - exact == best[0], label
            searched = True
            continue
        levels = (z[..., f].astype(np.float64) - block.step / 2) / block.step
        scale = max(np.abs(z[..., f]).max() / block.step, 1.0)
        decided = np.abs(levels - np.rint(levels)) > 2e-5 * scale
        expected = np.clip(np.ceil(levels), 0, 2**bits - 1)
        found = output[..., f]
        assert np.array_equal(found[decided], expected[decided]), label
        checked.levels += decided.size
        checked.undecided += decided.size - int(decided.sum())
    if block.activation is None:
        check_float_outputs(maps, output, threshold, act_step, z)
    return checked


def check_float_outputs(
    maps: list[LinearMap],
    potentials: np.ndarray,
    threshold: np.ndarray,
    act_step: np.ndarray,
    z: np.ndarray,
) -> None:
    """Without activation the float outputs are z, but for the threshold's rounding."""
    found = activation.float_outputs(potentials.astype(np.int64), threshold, act_step)
    half = np.array([0.5 / float(linear.scale) for linear in maps])
    slack = 1e-4 * (1 + np.abs(z).max())
    assert np.all(np.abs(found - z) <= half + slack)


def positions_summed(block: Block, inputs: np.ndarray) -> int:
    """G: the positions that a global average pooling sums."""
    if POOLING.get(type(block.pool).__name__) != "Average":
        return 1
    shape = block.neural.compute_output_shape(inputs.shape)
    return int(shape[1] * shape[2])


def float32_reciprocal(step: float) -> Fraction:
    """H1: α = 1 / step, exactly."""
    return 1 / Fraction(step)


class NetworkGenerator:
    """Grows a random Sequential model of quantized layers."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.layers: list[Any] = []
        self.values: list[tuple[Any, Callable[[Any], None]]] = []

    def pick(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def quantizer(self, bits: int) -> Any:
        return self.pick(
            cnn2snn.MaxPerAxisQuantizer(bitwidth=bits),
            cnn2snn.MaxPerAxisQuantizer(bitwidth=bits),
            cnn2snn.MaxQuantizer(bitwidth=bits),
            cnn2snn.StdWeightQuantizer(bitwidth=bits),
            cnn2snn.StdPerAxisQuantizer(bitwidth=bits),
        )

    def add_neural(self, kind: str, size: tuple[int, int], padding: str) -> None:
        bits = self.pick(2, 4, 8)
        use_bias = self.chance(0.8)
        common = {"quantizer": self.quantizer(bits), "use_bias": use_bias}
        if kind == "QuantizedDense":
            layer = cnn2snn.QuantizedDense(int(self.rng.integers(1, 10)), **common)
        else:
            high = (3, 3) if padding == "same" else (min(3, size[0]), min(3, size[1]))
            common |= {
                "kernel_size": tuple(int(self.rng.integers(1, h + 1)) for h in high),
                "padding": padding,
            }
            filters = int(self.rng.integers(1, 10))
            if kind == "QuantizedSeparableConv2D":
                if self.chance(0.5):
                    common["quantizer_dw"] = cnn2snn.MaxQuantizer(bitwidth=bits)
                stride = self.pick(1, 1, 2)
                strides = (stride, stride)
            else:
                strides = self.pick((1, 1), (1, 1), (2, 2), (1, 2), (3, 1))
            layer = getattr(cnn2snn, kind)(filters, strides=strides, **common)
        self.layers.append(layer)
        self.values.append((layer, self.fill_neural))

    def fill_neural(self, layer: Any) -> None:
        """Kernels of such a size that pre-activations are about 1, biases of about a half."""
        filled = []
        for weight in layer.get_weights():
            if weight.ndim == 1:
                filled.append(self.rng.normal(0, 0.5, weight.shape))
            else:
                fan_in = np.prod(weight.shape[:2]) if weight.shape[-1:] == (1,) else None
                fan_in = fan_in or np.prod(weight.shape[:-1])
                filled.append(self.rng.normal(0, 1 / np.sqrt(fan_in), weight.shape))
        layer.set_weights(filled)

    def add_normalization(self, positive: bool) -> None:
        options = {}
        if self.chance(0.2):
            options = self.pick({"scale": False}, {"center": False})
        layer = keras.layers.BatchNormalization(**options)

        def fill(built: Any) -> None:
            channels = len(np.asarray(built.moving_mean))
            gamma = self.rng.uniform(0.5, 2, channels)
            if not positive:
                gamma *= self.rng.choice([-1, 1], channels)
            values = [gamma] if built.scale else []
            values += [self.rng.normal(0, 0.5, channels)] if built.center else []
            values += [self.rng.normal(0, 0.3, channels), self.rng.uniform(0.3, 2, channels)]
            built.set_weights(values)

        self.layers.append(layer)
        self.values.append((layer, fill))

    def add_activation(self) -> None:
        bits = self.pick(1, 2, 4)
        if self.chance(0.3):
            self.layers.append(cnn2snn.ActivationDiscreteRelu(bitwidth=bits))
        else:
            top = self.pick(float(self.rng.uniform(0.5, 4)), 6.0, None)
            self.layers.append(cnn2snn.QuantizedReLU(bitwidth=bits, max_value=top))

    def add_block(self, kind: str, size: tuple[int, int], last: bool) -> tuple[int, int]:
        """One block; returns the size of the map after it."""
        padding = self.pick("same", "valid")
        self.add_neural(kind, size, padding)
        normalized = self.chance(0.5)
        pool, after = None, (1, 1)
        if kind != "QuantizedDense":
            shape = self.layers[-1].compute_output_shape((None, *size, 3))
            after = (shape[1], shape[2])
            if self.chance(0.35):
                window = tuple(int(self.rng.integers(1, 4 if padding == "same" else min(3, a) + 1)) for a in after)
                strides = self.pick(None, (1, 1), (2, 1), (2, 2))
                pool = keras.layers.MaxPooling2D(window, strides=strides, padding=padding)
            elif self.chance(0.3):
                pool = keras.layers.GlobalAveragePooling2D()
        activated = not (last and self.chance(0.6))
        is_max = isinstance(pool, keras.layers.MaxPooling2D)
        before = self.chance(0.5)
        if normalized and (before or pool is None):
            self.add_normalization(positive=False)
        if activated and is_max and (before or not normalized) and self.chance(0.4):
            self.add_activation()
            activated = False
        if pool is not None:
            self.layers.append(pool)
            after = (1, 1)
            if is_max:
                shape = pool.compute_output_shape((None, *shape[1:]))
                after = (shape[1], shape[2])
        if normalized and not before and pool is not None:
            self.add_normalization(positive=is_max)
        if activated:
            self.add_activation()
        return after

    def grow(self, size: tuple[int, int], image: bool) -> None:
        """One to three convolutional blocks, then perhaps dense ones."""
        depth = int(self.rng.integers(1, 4))
        dense = int(self.rng.integers(0, 3))
        for number in range(depth):
            kind = "QuantizedConv2D"
            if not (image and number == 0):
                kind = self.pick("QuantizedConv2D", "QuantizedSeparableConv2D")
            last = number == depth - 1 and not dense
            size = self.add_block(kind, size, last)
            if isinstance(self.layers[-1], keras.layers.GlobalAveragePooling2D) or any(
                isinstance(layer, keras.layers.GlobalAveragePooling2D) for layer in self.layers
            ):
                dense = max(dense, 1) if not last else dense
                break
        else:
            if dense:
                self.layers.append(keras.layers.Flatten())
        for number in range(dense):
            if self.chance(0.3):
                self.layers.append(keras.layers.Dropout(0.5))
            self.add_block("QuantizedDense", (1, 1), number == dense - 1)

    def model(self, shape: tuple[int, ...]) -> Any:
        model = keras.Sequential([keras.Input(shape), *self.layers])
        for layer, fill in self.values:
            fill(layer)
        return model
