"""Random models of Akida 2.0: every layer type and option, variables around the accumulators that occur.

The same seed gives the same model. Models are evaluated by the oracle while they grow, so that inputs and the oracle's
results of every layer and call come with them. Every model is one that `tests.oracle.akida2.checks` accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .akida2 import checks, counts, layers, model, stage
from .akida2.geometry import axis_windows
from .akida2.numbers import sat
from .random_akida2_variables import Variables

COUNTS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33)
LARGE_COUNTS = (63, 64, 65, 127, 128, 130)
# A layer of more multiplications takes the oracle too long.
MOST_WORK = 2**21
MAPPED = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "DepthwiseConv2DTranspose")
FRAMED = ("BufferTempConv", "DepthwiseBufferTempConv")


@dataclass
class Case:
    """A model, inputs for it, and what the oracle makes of them.

    Attributes:
        model: the layers.
        calls: a batch of inputs per call, in time order; one call where the model has no state.
        results: per call the outputs of every layer.
    """

    model: list[dict[str, Any]]
    calls: list[np.ndarray]
    results: list[list[np.ndarray]]

    def __repr__(self) -> str:
        lines = [f"{d['type']} {d['name']} {d['inbounds']} {d['params']} {sorted(d['variables'])}" for d in self.model]
        return "\n".join([f"{len(self.calls)} calls of {self.calls[0].shape}", *lines])


class Generator(Variables):
    """Grows one model on maps of at most `largest` rows and columns."""

    def __init__(self, seed: int, largest: int = 9) -> None:
        super().__init__(seed)
        self.largest = largest
        self.model: list[dict[str, Any]] = []
        self.results: list[np.ndarray] = []  # of the first call
        self.inputs: np.ndarray | None = None
        self.samples = int(self.rng.integers(1, 4))

    def count(self) -> int:
        """A number of channels: usually small, always beside a multiple of a vector's length."""
        if self.chance(0.03):
            return self.pick(*LARGE_COUNTS)
        return self.pick(*(COUNTS if self.chance(0.3) else COUNTS[:9]))

    def append(self, layer: dict[str, Any], values: np.ndarray) -> int:
        self.model.append(layer)
        form = model.formats(self.model)[-1]
        self.results.append(values if form is None else values.astype(form.dtype))
        return len(self.model) - 1

    def describe(self, kind: str, inbounds: list[int], params: dict[str, Any]) -> dict[str, Any]:
        name = f"{kind.lower()}_{len(self.model)}"
        return {"name": name, "type": kind, "inbounds": inbounds, "params": params, "variables": {}}

    def shape(self, index: int) -> tuple[int, int, int]:
        return self.results[index].shape[1:]

    # Inputs ----------------------------------------------------------------------------------

    def map_size(self) -> tuple[int, int]:
        if self.chance(0.1):
            return 1, 1
        low = 1 if self.chance(0.2) else 3
        rows, columns = (int(v) for v in self.rng.integers(low, self.largest + 1, 2))
        return (rows, rows) if self.chance(0.3) else (rows, columns)

    def draw_inputs(self) -> np.ndarray:
        """A batch for the model's first layer: random values, and now and then a sample at one end."""
        first = self.model[0] if self.model else None
        shape = (self.samples, *first["params"]["input_shape"])
        if first["type"] == "Quantizer":
            x = self.rng.normal(0, 40, shape).astype(np.float32)
            x[self.rng.random(shape) < 0.1] = np.float32(self.pick(0.5, 1.5, -2.5, np.inf, -np.inf, 1e30, 0.0))
            return x
        low, high, dtype = 0, 255, np.uint8
        if first["type"] == "InputData":
            form = layers.output_format(first, [])
            low, high, dtype = form.low, form.high, form.dtype
        x = self.rng.integers(low, high + 1, shape)
        for sample in x:
            if self.chance(0.15):
                sample[...] = self.pick(low, high, 0)
        return x.astype(dtype)

    def quantizer(self, shape: tuple[int, int, int], bits: int, signed: bool) -> int:
        first = self.chance(0.5)
        given = (shape[2], shape[0], shape[1]) if first else shape
        params = {"input_shape": given, "output_bits": bits, "output_signed": signed, "channels_first": first}
        layer = self.describe("Quantizer", [], params)
        scales = self.rng.choice([0.5, 1, 2, 3, 0.1, 7.3], shape[2]).astype(np.float32)
        layer["variables"]["scales"] = scales * np.float32(1 if bits == 8 else 300)
        if self.chance(0.2 if signed else 0.8):
            layer["variables"]["zero_points"] = self.rng.integers(0, 256, shape[2]).astype(np.uint8)
        self.model = [layer]
        self.inputs = self.draw_inputs()
        self.model = []
        return self.append(layer, layers.quantize(layer, self.inputs))

    def image(self, last: bool) -> int:
        """An InputConv2D, now and then behind a Quantizer."""
        shape = (*self.map_size(), self.pick(1, 3))
        inbounds = [self.quantizer(shape, 8, False)] if self.chance(0.25) else []
        while True:
            params = {"input_shape": shape, **self.bordered(shape, last, image=True)}
            params["filters"] = self.count()
            layer = self.describe("InputConv2D", inbounds, params)
            layer["variables"]["weights"] = self.weights(
                (params["kernel_size"],) * 2 + (shape[2], params["filters"]), params["weights_bits"]
            )
            if self.chance(0.7):
                layer["variables"]["padding_value"] = self.rng.integers(0, 256, shape[2]).astype(np.uint8)
            if not inbounds:
                self.model = [layer]
                self.inputs = self.draw_inputs()
                self.model = []
            index = self.finish(layer, self.results[0] if inbounds else self.inputs)
            if index is not None:
                return index

    def data(self, shape: tuple[int, int, int], bits: int) -> int:
        """An InputData, now and then behind a Quantizer, or a Quantizer alone."""
        inbounds = []
        if bits >= 8 and self.chance(0.4):
            alone = self.chance(0.5)
            inbounds = [self.quantizer(shape, bits, bits == 16 or not alone or self.chance(0.5))]
            if alone:
                return inbounds[0]
        layer = self.describe("InputData", inbounds, {"input_shape": shape, "input_bits": bits})
        if not inbounds:
            self.model = [layer]
            self.inputs = self.draw_inputs()
            self.model = []
        return self.append(layer, self.results[0] if inbounds else self.inputs)

    # Layers with weights -----------------------------------------------------------------------

    def bordered(self, shape: tuple[int, int, int], last: bool, image: bool = False, plain: bool = False) -> dict:
        """Parameters of a convolution; `plain` keeps the size of the map."""
        rows, columns, _ = shape
        padding = "Same" if plain else self.pick("Same", "Same", "Valid", "SameUpper")
        kernel, stride = self.pick(1, 2, 3, 3, 3, 4, 5, 6, 7), 1 if plain else self.pick(1, 1, 2, 2, 3)
        if padding == "Valid":
            kernel = min(kernel, rows, columns)
        if padding == "SameUpper" and self.chance(0.5):
            kernel, stride = self.pick(3, 5, 7) if image else 3, 2
        params = {"kernel_size": kernel, "kernel_stride": stride, "padding": padding, **self.stage(last, table=True)}
        out = [axis_windows(size, kernel, stride, padding)[0] for size in (rows, columns)]
        if plain:
            return params
        if self.chance(0.3) and padding != "SameUpper":
            size = self.pick(1, 2, 2, 3, 4)
            params["pool_type"] = "Max"
            params["pool_size"] = min(size, *out) if padding == "Valid" else size
            if self.chance(0.6):
                params["pool_stride"] = self.pick(1, 2, 3)
        elif self.chance(0.2):
            params["pool_type"] = "Average"
        return params

    def neural(self, inbound: int, last: bool, plain: bool = False, channels: int | None = None) -> int:
        """One layer with weights behind another."""
        shape = self.shape(inbound)
        kinds = ["Conv2D", "Conv2D"] if channels else ["Conv2D", "Conv2D", "DepthwiseConv2D", *FRAMED]
        if not plain:
            kinds += ["Dense1D"] + ([] if max(shape[:2]) > self.largest else list(MAPPED[2:]))
        while True:
            kind = self.pick(*kinds)
            if kind in ("Conv2D", "DepthwiseConv2D"):
                params = self.bordered(shape, last, plain=plain)
                kernel = (params["kernel_size"],) * 2
            else:
                params = self.stage(last, table=kind in MAPPED)
                kernel = (1, 1)
            if kind in MAPPED[2:]:
                params["kernel_size"] = self.pick(3, 4)
                kernel = (params["kernel_size"],) * 2
            if kind in FRAMED:
                params["fifo_size"] = self.pick(1, 2, 3, 4, 7)
            outputs = channels or self.count()
            if kind == "Dense1D":
                params["units"] = outputs
                weights = (int(np.prod(shape)), outputs)
            elif kind == "DepthwiseBufferTempConv":
                weights = (1, 1, params["fifo_size"], shape[2])
            elif kind.startswith("Depthwise"):
                weights = (*kernel, shape[2], 1)
            else:
                params["filters"] = outputs
                weights = (*kernel, shape[2] * params.get("fifo_size", 1), outputs)
            layer = self.describe(kind, [inbound], params)
            layer["variables"]["weights"] = self.weights(weights, params["weights_bits"])
            self.input_shift(layer, shape[2])
            index = self.finish(layer, self.results[inbound])
            if index is not None:
                return index

    def recurrent(self, inbound: int, last: bool, subsample: int, outputs: int, wide: bool | None = None) -> int:
        """A StatefulRecurrent; `wide` asks for accumulators as outputs."""
        _, _, channels = self.shape(inbound)
        while True:
            params = self.stage(last, table=False, wide=wide)
            del params["weights_bits"]
            states = self.count()
            params |= {"stateful_channels": states, "output_channels": outputs, "subsample": subsample}
            if wide:
                params["activation"] = "NoActivation"
            layer = self.describe("StatefulRecurrent", [inbound], params)
            self.input_shift(layer, channels)
            layer["variables"]["in_proj"] = self.weights((channels, states), 8)
            layer["variables"]["out_proj"] = self.weights((states, outputs), 8)
            x = self.results[inbound].astype(np.int64) << stage.variable(layer, "input_shift")
            projected = sat(x, 32) @ layer["variables"]["in_proj"].astype(np.int64)
            self.recurrence(layer, np.abs(sat(projected, layers.buffer_bits(layer))).max(initial=1))
            index = self.finish(layer, self.results[inbound])
            if index is not None:
                return index

    def finish(self, layer: dict, inputs: np.ndarray) -> int | None:
        """Gives a layer the variables of its stage and appends it; None when it is refused or takes too long."""
        if len(inputs) * counts.macs(layer, inputs.shape[1:]) > MOST_WORK:
            return None
        sums = layers.exact_sums(layer, inputs.astype(np.int64), {}, stage.Exact)
        self.stage_variables(layer, sums, layers.buffer_bits(layer))
        form = model.formats([*self.model, layer])[-1]
        read = [model.formats(self.model)[i] for i in layer["inbounds"]]
        try:
            checks.check_format(layer, form)
            checks.check_variables(layer)
            checks.check_stage(layer)
            checks.check_inputs(layer, read, [self.shape(i) for i in layer["inbounds"]])
            checks.check_sums(layer, read[0] if read else checks.Format(8, False), inputs.shape[1:])
        except ValueError:
            return None
        return self.append(layer, layers.evaluate(layer, [inputs], {}))

    # Graphs --------------------------------------------------------------------------------------

    def branches(self, inbound: int, last: bool) -> int:
        """Layers that read the same one, and an Add or a Concatenate of them, or of them and that one.

        Now and then an Add or a Concatenate reads that one twice.
        """
        add, past = self.chance(0.5), self.chance(0.4)
        channels = self.shape(inbound)[2] if past else self.count()
        if self.results[inbound].size * channels > MOST_WORK:  # not even a 1×1 kernel
            add = False
        twice = self.chance(0.1)
        while True:
            made = 2 if add else self.pick(2, 2, 3)
            read = (
                [inbound] * 2
                if twice
                else [self.neural(inbound, False, True, channels if add else None) for _ in range(made - past)]
            )
            if past and not twice:
                read.insert(self.pick(0, len(read)), inbound)
            if add:
                layer = self.describe("Add", read, self.output_parameters(last))
                self.add_variables(layer, [self.results[i] for i in read])
            else:
                layer = self.describe("Concatenate", read, {})
            try:
                checks.check_format(layer, model.formats([*self.model, layer])[-1])
            except ValueError:  # G3: 9 bits
                del self.model[inbound + 1 :], self.results[inbound + 1 :]
                continue
            return self.append(layer, layers.evaluate(layer, [self.results[i] for i in read], {}))

    def dequantizer(self) -> None:
        index = len(self.model) - 1
        layer = self.describe("Dequantizer", [index], {})
        channels = self.shape(index)[2]
        scales = self.rng.uniform(1e-5, 0.3, channels).astype(np.float32)
        if self.chance(0.1):
            scales[self.rng.integers(channels)] = self.pick(1e-45, 3e38, 1)
        layer["variables"]["scales"] = scales
        self.append(layer, layers.dequantize(layer, self.results[index]))


def grow(seed: int, largest: int) -> Generator:
    generator = Generator(seed, largest)
    if generator.chance(0.15):
        return grow_recurrent(generator)
    depth = int(generator.rng.integers(1, 6))
    if generator.chance(0.5):
        index = generator.image(last=depth == 1)
    else:
        bits = generator.pick(8, 8, 8, 8, 16, 16, 1, 2, 4)
        index = generator.data((*generator.map_size(), generator.count()), bits)
        depth += 1
    for number in range(1, depth):
        last = number == depth - 1
        if generator.chance(0.25):
            index = generator.branches(index, last)
        else:
            index = generator.neural(index, last)
    if generator.chance(0.6):
        generator.dequantizer()
    return generator


def grow_recurrent(generator: Generator) -> Generator:
    """Recurrent layers on a sequence, and now and then the decision on their reconstruction of it."""
    pico = generator.chance(0.4)
    depth, channels = int(generator.rng.integers(1, 4)), generator.pick(1, 2, 3, 5)
    steps = [1 if pico else generator.pick(1, 1, 2, 3) for _ in range(depth)]
    length = int(np.prod(steps)) * int(generator.rng.integers(1, 4))
    bits = 16 if pico else generator.pick(8, 16, 16)
    target = index = generator.data((1, length, channels), bits)
    for number, subsample in enumerate(steps):
        last = number == depth - 1
        outputs = channels if last and pico else generator.count()
        index = generator.recurrent(index, last, subsample, outputs, True if last and pico else None)
    if pico:
        params = {"buffer_bits": generator.pick(33, 36, 40, 44, 48)} if generator.chance(0.4) else {}
        layer = generator.describe("PicoPostProcessing", [index, target], params)
        read = [generator.results[i] for i in (index, target)]
        generator.pico_variables(layer, *read)
        generator.append(layer, layers.evaluate(layer, read, {}))
    elif generator.chance(0.6):
        generator.dequantizer()
    return generator


def random_case(seed: int, largest: int = 9) -> Case:
    """The model, inputs and results that belong to a seed."""
    generator = grow(seed, largest)
    stateful = any(layer["type"] in (*FRAMED, "StatefulRecurrent") for layer in generator.model)
    calls = [generator.inputs]
    if stateful:
        calls += [generator.draw_inputs() for _ in range(generator.rng.integers(0, 5))]
    session = model.Session(generator.model)
    return Case(generator.model, calls, [session.run(x) for x in calls])
