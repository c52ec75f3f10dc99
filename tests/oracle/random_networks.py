"""Random networks of every layer type and option, thresholds and steps around their potentials.

The same seed gives the same network. Networks are evaluated by the oracle while they grow, so the
inputs and the oracle's results of every layer come with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from . import activation, layers, model
from .model import LayerDescription, LayerResult

COUNTS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65)
LARGE_COUNTS = (100, 127, 128, 200, 255, 257, 300, 513)
EXTREME_THRESHOLDS = (
    activation.INT32_MIN,
    activation.INT32_MIN + 1,
    activation.INT32_MIN + 2**20,
    activation.INT32_MAX,
    activation.INT32_MAX - 1,
    activation.INT32_MAX - 2**20,
    0,
    -1,
)
# A layer of more multiplications takes the oracle too long.
MOST_WORK = 2**22
# The smallest subnormal, the smallest normal and the largest float32; boundaries beyond int32.
EXTREME_STEPS = (1.401298464324817e-45, 1.1754943508222875e-38, 3.4028234663852886e38, 1e9, 1.5e8)


@dataclass
class Case:
    """A network, inputs for it, and what the oracle makes of them."""

    network: list[LayerDescription]
    inputs: np.ndarray
    results: list[LayerResult]

    def __repr__(self) -> str:
        lines = [f"{d.type} {d.name} {d.inbounds} {d.parameters}" for d in self.network]
        return "\n".join([f"inputs {self.inputs.shape}", *lines])


class Generator:
    """Grows one network on maps of at most `largest` rows and columns."""

    def __init__(self, seed: int, largest: int = 9) -> None:
        self.rng = np.random.default_rng(seed)
        self.largest = largest
        self.network: list[LayerDescription] = []
        self.results: list[LayerResult] = []

    def pick(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def count(self) -> int:
        """A number of channels: usually small, always beside a multiple of a vector's length, sometimes hundreds."""
        if self.chance(0.03):
            return int(self.pick(*LARGE_COUNTS))
        return int(self.pick(*(COUNTS if self.chance(0.3) else COUNTS[:9])))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        first, second = (int(v) for v in self.rng.integers(low, high + 1, 2))
        return (first, first) if self.chance(0.4) else (first, second)

    def input_values(self, shape: tuple, top: int) -> np.ndarray:
        """Samples: random ones, and now and then one that is all zero or all at the top."""
        samples = self.rng.integers(0, top + 1, shape).astype(np.uint8)
        for sample in samples:
            if self.chance(0.15):
                sample[...] = self.pick(0, top)
        return samples

    def weights(self, shape: tuple, bits: int) -> np.ndarray:
        """Weights over the whole range of B2; some filters wholly at one end, some sparse."""
        top = model.weight_max(bits)
        low = 0 if bits == 1 else -top
        values = self.rng.integers(low, top + 1, shape).astype(np.int8)
        for f in range(shape[3]):
            kind = self.rng.random()
            if kind < 0.1:
                values[..., f] = top
            elif kind < 0.2:
                values[..., f] = low
            elif kind < 0.3:
                values[..., f] *= self.rng.integers(0, 2, shape[:3]).astype(np.int8)
        return values

    def threshold_and_step(self, potentials: np.ndarray, bits: int) -> tuple[int, float]:
        """T and S for one channel: potentials lie on the boundaries and on both sides of them."""
        low, high = int(potentials.min(initial=0)), int(potentials.max(initial=0))
        top, unit = 2**bits - 1, 2.0 ** (4 - bits)
        kind = self.rng.random()
        if kind < 0.4:  # all levels over the range of the potentials
            s = max((high - low) / (top + 0.5), 0.05) * self.rng.uniform(0.8, 1.1)
            t = int(np.floor(low + s * self.rng.uniform(0, 0.9)))
        elif kind < 0.65:  # a potential lies exactly on a boundary
            s = float(self.rng.integers(1, max((high - low) // top, 1) + 1))
            n = int(self.rng.integers(top))
            t = int(self.rng.choice(potentials.ravel())) - n * int(s) - int(self.pick(0, 0, 1))
        elif kind < 0.9:  # a multiple of the interval is nearly an integer
            n = int(self.rng.integers(1, 16))
            s = int(self.rng.integers(1, max(high - low, 1) + 1)) / n
            t = low + int(self.rng.integers(-2, 3))
            step = np.float32(s / unit)
            towards = np.float32(self.pick(0, 1e30))
            nudged = np.nextafter(step, towards) if self.chance(0.7) else step
            return t, float(nudged)
        elif kind < 0.95:
            return int(self.pick(*EXTREME_THRESHOLDS)), float(self.pick(0.5, *EXTREME_STEPS))
        else:
            t = int(self.rng.choice(potentials.ravel())) - int(self.pick(0, 1))
            return t, float(self.pick(*EXTREME_STEPS))
        return t, s / unit

    def append(self, layer: LayerDescription, result: LayerResult) -> LayerDescription:
        self.network.append(layer)
        self.results.append(result)
        return layer

    def result_of(self, name: str) -> LayerResult:
        return self.results[[layer.name for layer in self.network].index(name)]

    def input_data(self) -> tuple[LayerDescription, np.ndarray]:
        bits = self.pick(1, 2, 4)
        shape = (*self.map_size(), self.count())
        layer = LayerDescription("InputData", "events", (), {"input_shape": shape, "input_bits": bits})
        inputs = self.input_values((self.samples(), *shape), 2**bits - 1)
        self.append(layer, model.evaluate_layer(layer, [inputs]))
        return layer, inputs

    def map_size(self) -> tuple[int, int]:
        if self.chance(0.05):
            return 1, 1
        return self.pair(1, 2) if self.chance(0.1) else self.pair(3, self.largest)

    def samples(self) -> int:
        return int(self.rng.integers(1, 5))

    def activation_parameters(self, last: bool, bits: int | None) -> dict[str, Any]:
        activated = not (last and self.chance(0.6))
        return {"activation": activated, "act_bits": bits or self.pick(1, 2, 4)}

    def window(self, height: int, width: int, padding: str, high: int, large: float = 0.1) -> tuple[int, int]:
        """A kernel or pool: now and then as large as the map; with Same it may be larger than the map."""
        if self.chance(large):
            size = (height, width) if self.chance(0.3) else self.pair(1, max(height, width) + 3)
        else:
            size = (1, 1) if self.chance(0.15) else self.pair(1, high)
        return size if padding == "Same" else (min(size[0], height), min(size[1], width))

    def stride(self, window: tuple[int, int], high: int) -> tuple[int, int]:
        """A stride, now and then beyond the window on both axes."""
        if self.chance(0.08):
            return tuple(int(size + self.rng.integers(1, 4)) for size in window)
        return self.pair(1, high)

    def convolution_parameters(self, shape: tuple, last: bool, bits: int | None, plain: bool) -> dict[str, Any]:
        """`plain` keeps the size of the map (for branches that are joined again)."""
        height, width, _ = shape
        padding = "Same" if plain else self.pick("Same", "Valid")
        kernel = self.window(height, width, padding, 5)
        stride = (1, 1) if plain or self.chance(0.5) else self.stride(kernel, 4)
        parameters = {
            "kernel_size": kernel,
            "filters": self.count(),
            "padding": padding,
            "kernel_stride": stride,
            "weights_bits": self.pick(1, 2, 4, 8),
            "pool_size": (-1, -1),
            "pool_type": "NoPooling",
            "pool_stride": (-1, -1),
            **self.activation_parameters(last, bits),
        }
        kind = self.rng.random()
        if kind < 0.4 and not plain:
            rows, _ = layers.axis_windows(height, kernel[0], stride[0], padding)
            columns, _ = layers.axis_windows(width, kernel[1], stride[1], padding)
            parameters["pool_type"] = "Max"
            parameters["pool_size"] = self.window(rows, columns, padding, 4, large=0.25)
            if self.chance(0.7):
                parameters["pool_stride"] = self.stride(parameters["pool_size"], 3)
        elif kind < 0.55 and not plain:
            parameters["pool_type"] = "Average"
        return parameters

    def finish(self, layer: LayerDescription, inputs: np.ndarray) -> LayerDescription | None:
        """Gives a neural layer thresholds and steps and appends it; None when B5 forbids it or it takes too long."""
        p = layer.parameters
        bits_in = 8 if layer.type == "InputConvolutional" else None
        if bits_in is None:
            by_name = {d.name: d for d in self.network}
            bits_in = by_name[layer.inbounds[0]].act_bits
        if model.potential_bound(layer, inputs.shape[1:], bits_in) > model.POTENTIAL_MAX:
            return None
        if len(inputs) * model.macs(layer, inputs.shape[1:]) > MOST_WORK:
            return None
        potentials = model.pooled(layer, model.potentials_of(layer, inputs.astype(np.int64)))
        drawn = [self.threshold_and_step(potentials[..., f], p["act_bits"]) for f in range(potentials.shape[-1])]
        thresholds = [np.clip(t, activation.INT32_MIN, activation.INT32_MAX) for t, _ in drawn]
        layer.variables["threshold"] = np.array(thresholds, np.int32)
        layer.variables["act_step"] = np.array([s for _, s in drawn], np.float32)
        return self.append(layer, model.evaluate_layer(layer, [inputs]))

    def input_convolutional(self, last: bool) -> tuple[LayerDescription, np.ndarray]:
        while True:
            shape = (*self.map_size(), self.pick(1, 3))
            parameters = {
                "input_shape": shape,
                **self.convolution_parameters(shape, last, None, plain=False),
                "padding_value": int(self.pick(0, 255, self.rng.integers(256))),
            }
            layer = LayerDescription("InputConvolutional", "image", (), parameters)
            kernel = (*parameters["kernel_size"], shape[2], parameters["filters"])
            layer.variables["weights"] = self.weights(kernel, parameters["weights_bits"])
            inputs = self.input_values((self.samples(), *shape), 255)
            if self.finish(layer, inputs):
                return layer, inputs

    def neural(self, inbound: str, last: bool, bits: int | None = None, plain: bool = False) -> LayerDescription:
        inputs = self.result_of(inbound).levels
        shape = inputs.shape[1:]
        types = ["Convolutional", "SeparableConvolutional"]
        if not plain or shape[:2] == (1, 1):
            types.append("FullyConnected")
        while True:
            kind = self.pick(*types)
            layer = LayerDescription(kind, f"{kind}_{len(self.network)}", (inbound,))
            if kind == "FullyConnected":
                layer.parameters = {
                    "units": self.count(),
                    "weights_bits": self.pick(1, 2, 4, 8),
                    **self.activation_parameters(last, bits),
                }
                kernel = (1, 1, int(np.prod(shape)), layer.parameters["units"])
            else:
                layer.parameters = self.convolution_parameters(shape, last, bits, plain)
                kernel = (*layer.parameters["kernel_size"], shape[2], layer.parameters["filters"])
            width = layer.parameters["weights_bits"]
            if kind == "SeparableConvolutional":
                layer.variables["weights"] = self.weights((*kernel[:3], 1), width)
                layer.variables["weights_pw"] = self.weights((1, 1, *kernel[2:]), width)
            else:
                layer.variables["weights"] = self.weights(kernel, width)
            if self.finish(layer, inputs):
                return layer

    def branches(self, inbound: str) -> LayerDescription:
        """Layers that read the same one, now and then many, and a Concat of them; it may name one repeatedly."""
        bits = self.pick(1, 2, 4)
        count = self.pick(2, 2, 3) if self.chance(0.9) else int(self.rng.integers(4, 13))
        read = [self.neural(inbound, False, bits, plain=True).name for _ in range(count)]
        if {layer.name: layer for layer in self.network}[inbound].act_bits == bits:
            read.insert(int(self.rng.integers(len(read) + 1)), inbound)  # past the branches
        if self.chance(0.25):
            again = self.pick(*read)
            for _ in range(self.rng.integers(1, 4)):
                read.insert(int(self.rng.integers(len(read) + 1)), again)
        joined = LayerDescription("Concat", f"Concat_{len(self.network)}", tuple(read))
        joined.parameters = {"activation": True, "act_bits": bits}
        inputs = [self.result_of(name).levels for name in read]
        return self.append(joined, model.evaluate_layer(joined, inputs))


def random_case(seed: int, largest: int = 9) -> Case:
    """The network, inputs and results that belong to a seed."""
    generator = Generator(seed, largest)
    depth = int(generator.rng.integers(1, 5) if generator.chance(0.97) else generator.rng.integers(8, 17))
    if generator.chance(0.5):
        layer, inputs = generator.input_convolutional(last=depth == 1)
    else:
        layer, inputs = generator.input_data()
        depth += 1
    for number in range(1, depth):
        if generator.chance(0.15):
            layer = generator.branches(layer.name)
        else:
            layer = generator.neural(layer.name, last=number == depth - 1)
    return Case(generator.network, inputs, generator.results)
