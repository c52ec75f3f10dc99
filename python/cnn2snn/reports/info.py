"""The report of `cnn2snn info`: what is in an `.fbz` file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnn2snn import _table
from cnn2snn.akida._summary import SHORT_TYPES

if TYPE_CHECKING:
    from cnn2snn import _akida
    from cnn2snn.akida import Layer, Model

__all__ = ["Dump", "InfoReport", "LayerInfo"]

_UNLIMITED = 10**6
# For nothing, and for up to an eighth, two eighths, ... of the most.
_BARS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class LayerInfo:
    """A layer and what its variables consist of.

    Attributes:
        name, type: the layer.
        inbounds: names of the layers that it reads.
        input_shape, output_shape: [height, width, channels].
        input_bits, weights_bits, output_bits: widths of values; None without weights, and for potentials.
        input_dtype, output_dtype: element types of values, such as "int8".
        kernels: shape of each kernel by the name of its variable.
        weights: number of weights in all kernels.
        weight_bytes: bytes of the weights, packed at their width.
        macs: multiply-accumulates for one input.
        bytes: bytes of all variables in the file.
        histogram: (value, number of weights with this value) of each kernel, from the smallest value on.
        ranges: the smallest and the largest value of each other variable; steps are in potentials. Bounds of a ReLU
            leave out filters without a bound; None where no filter has one.
    """

    name: str
    type: str
    inbounds: list[str]
    input_shape: list[int]
    output_shape: list[int]
    input_bits: int
    input_dtype: str
    weights_bits: int | None
    output_bits: int | None
    output_dtype: str
    kernels: dict[str, list[int]]
    weights: int
    weight_bytes: int
    macs: int
    bytes: int
    histogram: dict[str, list[tuple[int, int]]]
    ranges: dict[str, tuple[float, float] | None]

    @classmethod
    def of(cls, layer: Layer) -> LayerInfo:
        """Returns what is in a layer of a model."""
        parameters = layer.parameters
        # The layer as it is now: what `_place` gives beside the model has the variables that the layer began with.
        model, _, index = layer._place()
        variables = model.layer(index).summary
        kernels = [variable for variable in variables if variable.histogram is not None]
        # The shapes, without the values: unpacked weights would take up to eight times their memory.
        shapes = layer._shapes()
        return cls(
            name=layer.name,
            type=parameters.layer_type.name,
            inbounds=[inbound.name for inbound in layer.inbounds],
            input_shape=layer.input_dims,
            output_shape=layer.output_dims,
            input_bits=layer.input_bits,
            input_dtype=str(layer.input_dtype),
            # Matrices of a layer without this parameter have weights of 8 bits.
            weights_bits=getattr(parameters, "weights_bits", 8) if kernels else None,
            output_bits=layer.output_bits,
            output_dtype=str(layer.output_dtype),
            kernels={kernel.name: list(shapes[kernel.name]) for kernel in kernels},
            weights=sum(kernel.count for kernel in kernels),
            weight_bytes=sum(kernel.bytes for kernel in kernels),
            macs=layer.macs,
            bytes=sum(variable.bytes for variable in variables),
            histogram={kernel.name: kernel.histogram for kernel in kernels if kernel.histogram is not None},
            ranges={v.name: _range_of(layer, v) for v in variables if v.histogram is None},
        )


def _range_of(layer: Layer, variable: _akida.VariableSummary) -> tuple[float, float] | None:
    if variable.name != "max_value":
        return variable.range
    bounds = layer.get_variable("max_value")
    bounds = bounds[bounds >= 0]
    return (int(bounds.min()), int(bounds.max())) if len(bounds) else None


@dataclass(frozen=True)
class Dump:
    """Files of variables that were written.

    Attributes:
        folder: path of the folder.
        files: names of the files, one per variable.
    """

    folder: str
    files: list[str]


@dataclass(frozen=True)
class InfoReport:
    """What is in an `.fbz` file.

    Attributes:
        file: path of the file.
        file_bytes: its size in bytes.
        ip_version: generation of the hardware, "v1" or "v2".
        input_shape, output_shape: [height, width, channels].
        input_bits, output_bits: widths of the values; None for outputs that are potentials.
        input_dtype, output_dtype: element types of the values, such as "int8".
        has_state: whether outputs depend on earlier inputs of a stream.
        input_scaling: (scale, shift) from inputs of the Keras model to integers; None where the file does not say it.
        layers: the layers, first to last.
        dump: the files that variables were written into, if any.

    Example:
        >>> model = akida.Model("model.fbz")  # doctest: +SKIP
        >>> print(InfoReport.of(model, Path("model.fbz")).text())  # doctest: +SKIP
    """

    file: str
    file_bytes: int
    ip_version: str
    input_shape: list[int]
    input_bits: int
    input_dtype: str
    input_scaling: tuple[float, float] | None
    output_shape: list[int]
    output_bits: int | None
    output_dtype: str
    has_state: bool
    layers: list[LayerInfo]
    dump: Dump | None = None

    @classmethod
    def of(cls, model: Model, path: Path) -> InfoReport:
        """Returns the report on a model that was read from `path`."""
        return cls(
            file=str(path),
            file_bytes=path.stat().st_size,
            ip_version=model.ip_version.name,
            input_shape=model.input_shape,
            input_bits=model.layers[0].input_bits,
            input_dtype=str(model.input_dtype),
            input_scaling=model.input_scaling,
            output_shape=model.output_shape,
            output_bits=model.layers[-1].output_bits,
            output_dtype=str(model.output_dtype),
            has_state=model.has_state,
            layers=[LayerInfo.of(layer) for layer in model.layers],
        )

    @property
    def total(self) -> dict[str, int]:
        """The sums over all layers of `weights`, `weight_bytes` and `macs`."""
        keys = ("weights", "weight_bytes", "macs")
        return {key: sum(getattr(layer, key) for layer in self.layers) for key in keys}

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes and the sums; `dump` only where variables were written."""
        values = asdict(self)
        dump = values.pop("dump")
        return {**values, "total": self.total, **({} if dump is None else {"dump": dump})}

    def text(self, width: int = 80) -> str:
        """Returns facts, the table of layers and the table of variables, in lines of `width` columns where they fit."""
        lines = [f"{title:<10}{value}" for title, value in self._facts()]
        lines += ["", *_layer_table(self.layers, width)]
        if any(layer.bytes for layer in self.layers):
            lines += ["", *_variable_tables(self.layers, width, _COLUMNS[self.ip_version])]
        if self.dump is not None:
            lines += ["", f"{len(self.dump.files)} variables written into {self.dump.folder}"]
        return "\n".join(lines)

    def _facts(self) -> list[tuple[str, str]]:
        total = self.total
        return [
            ("File", f"{self.file} ({_exact(self.file_bytes)} bytes)"),
            ("Hardware", {"v1": "Akida 1.0", "v2": "Akida 2.0"}[self.ip_version]),
            ("Input", f"{_table.shape(self.input_shape)}, {self._inputs()}"),
            *_scaling(self.input_scaling),
            ("Output", f"{_table.shape(self.output_shape)}, {self._outputs()}"),
            *([("State", "kept from input to input of a stream")] if self.has_state else []),
            ("Weights", f"{_exact(total['weights'])} in {_exact(total['weight_bytes'])} bytes"),
            ("MACs", f"{_exact(total['macs'])} per input"),
        ]

    def _inputs(self) -> str:
        return f"{self.input_bits} bits" if self.ip_version == "v1" else self.input_dtype

    def _outputs(self) -> str:
        if self.output_bits is None:
            return "32-bit potentials"
        if self.ip_version == "v1":
            return f"{self.output_bits}-bit levels"
        integers = "32-bit accumulators" if self.output_bits == 32 else self.output_dtype
        return f"{integers}, float32 by predict" if self.layers[-1].type == "Dequantizer" else integers


def _scaling(scaling: tuple[float, float] | None) -> list[tuple[str, str]]:
    """Returns how inputs follow from those of the Keras model, where the file says it."""
    if scaling is None:
        return []
    scale, shift = scaling
    return [("", f"{scale:.10g} x {'+' if shift >= 0 else '-'} {abs(shift):.10g} for inputs x of the Keras model")]


def _layer_table(layers: list[LayerInfo], width: int) -> list[str]:
    """Returns the most detailed table that fits."""
    for full, number in ((True, _exact), (False, _exact), (False, _short)):
        lines = _layer_columns(layers, _UNLIMITED, full=full, number=number)
        if max(map(len, lines)) <= width:
            return lines
    return _layer_columns(layers, width, full=False, number=_short)


def _layer_columns(layers: list[LayerInfo], width: int, *, full: bool, number: Callable[[int], str]) -> list[str]:
    headers = ["Layer", "Type", "Output", "In", "W", "Act", "Weights", "Bytes", "MACs"]
    rows = []
    for layer in layers:
        row = [
            layer.name,
            layer.type if full else SHORT_TYPES.get(layer.type, layer.type),
            _table.shape(layer.output_shape),
            _bits(layer.input_bits, layer.input_dtype),
            _or_dash(layer.weights_bits),
            _bits(layer.output_bits, layer.output_dtype),
            *map(number, (layer.weights, layer.weight_bytes, layer.macs)),
        ]
        if full:
            kernels = " + ".join(map(_table.shape, layer.kernels.values()))
            row[2:2] = [_table.shape(layer.input_shape), kernels or "-"]
        rows.append(row)
    if full:
        headers[2:2] = ["Input", "Kernel"]
    first = headers.index("In")
    return _table.columns(headers, rows, width=width, right=range(first, len(headers)))


# What the table of variables shows beside kernels: its columns, and the variables that each may have.
_COLUMNS = {
    "v1": {"Threshold": ("threshold",), "Step": ("act_step",)},
    "v2": {
        "Bias": ("bias", "zero_points"),
        "Bound": ("max_value", "threshold"),
        "Scale": ("output_scales", "scales", "input_scales"),
        "Shift": ("output_shift", "input_shift"),
    },
}


def _variable_tables(layers: list[LayerInfo], width: int, columns: dict[str, tuple[str, ...]]) -> list[str]:
    """Returns what the variables consist of: a line for each kernel, or for a layer without kernels.

    Where one table does not fit, kernels have a table and the other variables have the next.
    """
    headers = ["Layer", "In file", "Values", "Zero", "Spread", *columns]
    rows = []
    for layer in layers:
        if not layer.bytes:
            continue
        others = [_first_range(layer, names) for names in columns.values()]
        kernels = [_kernel(histogram, layer.weights_bits) for histogram in layer.histogram.values()] or [["-", "-", ""]]
        rows.append([layer.name, _exact(layer.bytes), *kernels[0], *others])
        for name, kernel in list(zip(layer.histogram, kernels, strict=False))[1:]:
            rows.append([f"  {name}", "", *kernel, *[""] * len(others)])
    lines = _table.columns(headers, rows, width=_UNLIMITED, right=(1, 2, 3))
    if max(map(len, lines)) <= width:
        return lines
    split = headers.index("Spread") + 1
    kernels = _table.columns(headers[:split], [row[:split] for row in rows], width=width, right=(1, 2, 3))
    others = [[row[0], *row[split:]] for row in rows if any(row[split:])]
    return [*kernels, "", *_table.columns([headers[0], *headers[split:]], others, width=width)]


def _first_range(layer: LayerInfo, names: tuple[str, ...]) -> str:
    """Returns the range of the first of these variables that a layer has."""
    for name in names:
        if name in layer.ranges:
            limits = layer.ranges[name]
            return "none" if limits is None else _range(*limits)
    return "-"


def _kernel(histogram: list[tuple[int, int]], bits: int | None) -> list[str]:
    """Returns the range of weights, the share of zeros, and how they are spread."""
    count = sum(number for _, number in histogram)
    zeros = dict(histogram).get(0, 0)
    return [_range(histogram[0][0], histogram[-1][0]), f"{zeros / count:.0%}", _spread(histogram, bits or 8)]


def _bits(bits: int | None, dtype: str) -> str:
    """Returns a width, with a mark for a sign: 4, ±8, f32."""
    if bits is None:
        return "-"
    return f"{'' if dtype.startswith('u') else 'f' if dtype.startswith('f') else '±'}{bits}"


def _range(low: float, high: float) -> str:
    """Returns two numbers, or the one that both are."""
    return _number(low) if low == high else f"{_number(low)}..{_number(high)}"


def _number(value: float) -> str:
    """Returns an integer in full, and three digits of another number at least."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.3g}"


def _spread(histogram: list[tuple[int, int]], bits: int) -> str:
    """Returns a bar for each value of up to four bits, or for each 17 values of eight bits, from the smallest on."""
    largest = max(2 ** (bits - 1) - 1, 1)
    smallest = 0 if bits == 1 else -largest
    per_bar = 17 if bits == 8 else 1
    bars = [0] * ((largest - smallest) // per_bar + 1)
    for value, number in histogram:
        bars[(value - smallest) // per_bar] += number
    top = max(bars)
    return "".join(_BARS[-(-number * (len(_BARS) - 1) // top)] for number in bars)


def _or_dash(value: int | None) -> str:
    return "-" if value is None else str(value)


def _exact(value: int) -> str:
    return f"{value:,}"


def _short(value: int) -> str:
    """Returns three significant digits, such as ``1.23 M``."""
    if value < 10_000:
        return f"{value:,}"
    for unit, factor in (("k", 10**3), ("M", 10**6), ("G", 10**9), ("T", 10**12)):
        if value < 999.5 * factor or unit == "T":
            scaled = value / factor
            digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{digits}f} {unit}"
    raise AssertionError("the last unit takes every value")
