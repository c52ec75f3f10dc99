"""Random QuantizeML networks by hand: blocks, widths, paddings, axes and ranges of all kinds that Akida 2.0 takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.conversion.quantizeml.files import Model

LUTS = ("gelu", "swish", "hard_silu", "leaky_relu")


class Generator:
    """Grows one network; the same seed gives the same one.

    Args:
        seed: the seed.
    """

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.per_axis = self.chance(0.6)
        self.bits = self.pick(4, 8, 8)
        self.model, self.channels, self.size = Model((8, 8, 3)), 3, (8, 8)
        self.count = 0

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def pick(self, *values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}_{self.count}"

    # Quantizers ----------------------------------------------------------------------------------

    def output(self, bits: int, signed: bool = True, per_axis: bool | None = None) -> tuple[dict, dict]:
        """An output quantizer with its variables."""
        axis = self.per_axis if per_axis is None else per_axis
        shape = (self.channels,) if axis else ()
        ranges = np.exp2(self.rng.normal(1, 1.5, shape)).astype(np.float32)
        if self.chance(0.1) and axis:
            ranges[0] = 0
        config = {"bitwidth": bits, "signed": signed, "axis": "per-axis" if axis else "per-tensor"}
        if self.chance(0.2):
            config["scale_bits"] = self.pick(8, 12, 16)
        rates = self.rng.uniform(0.5, 1, shape).astype(np.float32)
        return config, {"output_quantizer/range_max": ranges, "output_quantizer/rescaling_rate": rates}

    def weighted(self, shape: tuple[int, ...], bits: int, filters: int, kernel: str) -> tuple[dict, dict, bool]:
        """The configuration of weights and a bias, with variables; now and then a filter of zeros."""
        values = self.rng.normal(0, 0.4, shape).astype(np.float32)
        if self.chance(0.2):
            values[..., 0] = 0
        variables = {kernel: values}
        use_bias = self.chance(0.7)
        if use_bias:
            variables["bias"] = self.rng.normal(0, 0.5, filters).astype(np.float32)
        return {"weight_quantizer": {"bitwidth": bits}}, variables, use_bias

    # Blocks ----------------------------------------------------------------------------------------

    def input(self) -> None:
        """Images with a Rescaling and a border, or signed maps."""
        self.size = tuple(int(v) for v in self.rng.integers(6, 11, 2))
        if self.chance(0.6):
            self.channels = self.pick(1, 3)
            self.model = Model((*self.size, self.channels), "uint8")
            scale = float(self.pick(1 / 127.5, 1 / 255, 0.02))
            self.model.add("QuantizedRescaling", "rescaling", None, scale=scale)
            padding = [float(scale * v) for v in self.rng.uniform(0, 250, self.pick(1, self.channels))]
            self.convolution("QuantizedConv2D", image=True, padding_value=padding if self.chance(0.5) else None)
        else:
            self.channels = self.pick(2, 4, 5)
            self.model = Model((*self.size, self.channels), self.pick("int8", "int16"))
            if self.chance(0.5):
                self.model.add("QuantizedRescaling", "rescaling", None, scale=0.01)
            self.convolution("QuantizedConv2D")

    def convolution(self, cls: str, image: bool = False, padding_value: list[float] | None = None) -> None:
        """A convolution with what may follow it, up to an output quantizer."""
        depthwise = "Depthwise" in cls
        kernel, stride = self.pick(1, 3, 3, 5) if not depthwise else self.pick(3, 5), self.pick(1, 1, 2)
        kernel = min(kernel, *self.size)
        padding = "same" if self.chance(0.7) else "valid"
        if padding_value is not None:
            padding = "valid"  # with a border around the map
        same = padding == "same" or padding_value is not None or kernel == 1
        filters = self.channels if depthwise else int(self.rng.integers(1, 8))
        shape = (kernel, kernel, self.channels, 1 if depthwise else filters)
        bits = self.pick(4, 8)
        variable = "depthwise_kernel" if depthwise else "kernel"
        quant, variables, use_bias = self.weighted(shape, bits, filters, variable)
        config: dict[str, Any] = {
            "kernel_size": [kernel, kernel],
            "strides": [stride, stride],
            "padding": padding,
            "use_bias": use_bias,
        }
        if not depthwise:
            config["filters"] = filters
        if padding_value is not None:
            config["padding_value"] = padding_value
        size = tuple(-(-n // stride) if same else (n - kernel) // stride + 1 for n in self.size)
        self.channels, self.size = filters, size
        pool = self.chance(0.3) and min(size) >= 2
        tail = self.pick("relu", "relu", "lut") if image or pool else self.pick("relu", "relu", "none", "lut")
        if tail == "none":
            found, more = self.output(self.bits)
            quant, variables = {**quant, "output_quantizer": found}, {**variables, **more}
        elif tail == "lut":
            found, more = self.output(11, per_axis=False)
            quant, variables = {**quant, "output_quantizer": found}, {**variables, **more}
        self.model.add(cls, self.name("conv"), None, variables, quant_config=quant, **config)
        if pool:
            self.pooling("same" if same else "valid")
        self.activation(tail)

    def pooling(self, padding: str) -> None:
        size, stride = 2, self.pick(1, 2, None)
        step = size if stride is None else stride
        self.model.add(
            "QuantizedMaxPool2D",
            self.name("pool"),
            None,
            pool_size=[size, size],
            strides=None if stride is None else [stride, stride],
            padding=padding,
        )
        self.size = tuple(-(-n // step) if padding == "same" else (n - size) // step + 1 for n in self.size)

    def activation(self, tail: str) -> None:
        if tail == "relu":
            found, more = self.output(self.bits, signed=self.bits >= 8)
            limit = float(self.rng.uniform(0.5, 8)) if self.chance(0.6) else None
            quant = {"output_quantizer": found}
            self.model.add("QuantizedReLU", self.name("relu"), None, more, max_value=limit, quant_config=quant)
        elif tail == "lut":
            found, more = self.output(8)
            quant = {"output_quantizer": found, "lut_bitwidth": 14}
            name = self.pick(*LUTS)
            self.model.add(
                "QuantizedActivation", self.name("act"), None, more, activation=name, alpha=0.3, quant_config=quant
            )

    def transposed(self) -> None:
        depthwise = self.chance(0.5)
        kernel = self.pick(3, 4)
        filters = self.channels if depthwise else int(self.rng.integers(1, 6))
        shape = (kernel, kernel, self.channels, 1) if depthwise else (kernel, kernel, filters, self.channels)
        variable = "depthwise_kernel" if depthwise else "kernel"
        quant, variables, use_bias = self.weighted(shape, self.pick(4, 8), filters, variable)
        config = {"kernel_size": [kernel, kernel], "strides": [2, 2], "padding": "same", "use_bias": use_bias}
        if not depthwise:
            config["filters"] = filters
        self.channels, self.size = filters, tuple(2 * n for n in self.size)
        cls = "QuantizedDepthwiseConv2DTranspose" if depthwise else "QuantizedConv2DTranspose"
        self.model.add(cls, self.name("up"), None, variables, quant_config=quant, **config)
        self.activation("relu")

    def branches(self) -> None:
        """Two convolutions of what was before, added or joined; a convolution follows, as layers read joined maps."""
        source, channels = self.model.last, self.channels
        ends, widths = [], []
        join = self.chance(0.5)
        for _ in range(2):
            self.channels = channels
            filters = int(self.rng.integers(1, 6)) if join else channels
            quant, variables, use_bias = self.weighted((3, 3, channels, filters), 8, filters, "kernel")
            self.channels = filters
            found, more = self.output(self.bits)
            quant["output_quantizer"] = found
            config = {"kernel_size": [3, 3], "padding": "same", "use_bias": use_bias, "filters": filters}
            ends.append(
                self.model.add(
                    "QuantizedConv2D",
                    self.name("branch"),
                    [source],
                    {**variables, **more},
                    quant_config=quant,
                    **config,
                )
            )
            widths.append(filters)
        if join:
            self.channels = sum(widths)
            self.model.add("QuantizedConcatenate", self.name("join"), ends, axis=-1)
        else:
            found, more = self.output(self.bits)
            quant = {"output_quantizer": found}
            name = self.name("add")
            self.model.add("QuantizedAdd", name, ends, more, average=self.chance(0.4), quant_config=quant)
        if self.chance(0.5):
            self.model.add("Dropout", self.name("dropout"), rate=0.5)
        self.convolution("QuantizedConv2D")

    def average(self) -> None:
        """A pointwise convolution with a global average, per tensor as for vectors."""
        filters = int(self.rng.integers(2, 6))
        quant, variables, use_bias = self.weighted((1, 1, self.channels, filters), 8, filters, "kernel")
        self.channels = filters
        self.model.add(
            "QuantizedConv2D",
            self.name("conv"),
            None,
            variables,
            quant_config=quant,
            filters=filters,
            kernel_size=[1, 1],
            use_bias=use_bias,
        )
        if self.chance(0.6):
            limit = float(self.rng.uniform(0.5, 8)) if self.chance(0.5) else None
            self.model.add("QuantizedReLU", self.name("relu"), None, max_value=limit)
        found, more = self.output(self.bits, per_axis=False)
        quant = {"output_quantizer": found}
        self.model.add("QuantizedGlobalAveragePooling2D", self.name("gap"), None, more, quant_config=quant)

    def dense(self, inputs: int, last: bool) -> int:
        units = int(self.rng.integers(1, 7))
        quant, variables, use_bias = self.weighted((inputs, units), self.pick(4, 8), units, "kernel")
        self.channels = units
        config = {"units": units, "use_bias": use_bias}
        self.model.add("QuantizedDense", self.name("dense"), None, variables, quant_config=quant, **config)
        if not last:
            found, more = self.output(self.bits, signed=self.bits >= 8, per_axis=False)
            quant = {"output_quantizer": found}
            self.model.add("QuantizedReLU", self.name("relu"), None, more, max_value=6.0, quant_config=quant)
        return units

    def network(self) -> Model:
        """The whole network."""
        self.input()
        for _ in range(int(self.rng.integers(1, 4))):
            kind = self.pick("conv", "conv", "depthwise", "up", "branches")
            if kind == "up" and max(self.size) <= 10:
                self.transposed()
            elif kind == "branches":
                self.branches()
            else:
                self.convolution("QuantizedDepthwiseConv2D" if kind == "depthwise" else "QuantizedConv2D")
        self.average()
        width = self.dense(self.channels, False) if self.chance(0.5) else self.channels
        self.dense(width, True)
        return self.model.end()


def random_network(seed: int) -> Model:
    """A network by hand that converts to Akida 2.0, unless a shift or a bias of it has no place."""
    return Generator(seed).network()


class Akida1Generator(Generator):
    """Networks for Akida 1.0: chains of layers that end in bounded activations of 1, 2 or 4 bits, per tensor."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.per_axis, self.bits = False, self.pick(2, 4, 4)

    def levels(self) -> None:
        """A bounded ReLU whose outputs are levels."""
        found, more = self.output(self.bits, signed=False)
        limit = float(self.rng.uniform(0.5, 8))
        quant = {"output_quantizer": found}
        self.model.add("QuantizedReLU", self.name("relu"), None, more, max_value=limit, quant_config=quant)

    def layer(self, cls: str, weights_bits: int, average: bool = False) -> None:
        """A convolution with its pooling and activation."""
        separable, kernel, channels = "Separable" in cls, self.pick(1, 3, 3), self.channels
        kernel = min(3 if separable else kernel, *self.size)
        filters = int(self.rng.integers(2, 8))
        quant, variables, use_bias = self.weighted((kernel, kernel, channels, filters), weights_bits, filters, "kernel")
        if separable:
            del variables["kernel"]
            variables["depthwise_kernel"] = self.rng.normal(0, 0.4, (kernel, kernel, channels, 1))
            variables["pointwise_kernel"] = self.rng.normal(0, 0.4, (1, 1, channels, filters))
            quant = {name: {"bitwidth": weights_bits} for name in ("dw_weight_quantizer", "pw_weight_quantizer")}
        self.channels = filters
        config = {"kernel_size": [kernel, kernel], "padding": "same", "use_bias": use_bias, "filters": filters}
        self.model.add(cls, self.name("conv"), None, variables, quant_config=quant, **config)
        if average:
            self.model.add("QuantizedGlobalAveragePooling2D", self.name("gap"))
        elif self.chance(0.3) and min(self.size) > 3:
            self.pooling("same")
        self.levels()

    def network(self) -> Model:
        """The whole network."""
        self.size, self.channels = (8, 8), self.pick(1, 3)
        self.model = Model((*self.size, self.channels), "uint8")
        self.model.add("QuantizedRescaling", "rescaling", None, scale=1 / 255)
        self.layer("QuantizedConv2D", self.pick(4, 8))
        for _ in range(int(self.rng.integers(1, 3))):
            self.layer(self.pick("QuantizedConv2D", "QuantizedSeparableConv2D"), self.pick(2, 4))
        self.layer("QuantizedConv2D", 4, average=True)
        units = int(self.rng.integers(2, 6))
        quant, variables, use_bias = self.weighted((self.channels, units), 4, units, "kernel")
        config = {"units": units, "use_bias": use_bias}
        self.model.add("QuantizedDense", "classes", None, variables, quant_config=quant, **config)
        return self.model.end()


def random_akida1_network(seed: int) -> Model:
    """A network by hand that converts to Akida 1.0, unless a step or a bias of it has no place."""
    return Akida1Generator(seed).network()
