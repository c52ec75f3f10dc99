"""`cnn2snn info`: what is in an `.fbz` file."""

from __future__ import annotations

import argparse
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn import _files, _json, _table
from cnn2snn.akida._summary import SHORT_TYPES

_UNLIMITED = 10**6
# For nothing, and for up to an eighth, two eighths, ... of the most.
_BARS = " ▁▂▃▄▅▆▇█"


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "info",
        help="show the layers and sizes of an .fbz file",
        description="Show the layers of a converted model: shapes, bits, weights, multiply-accumulates (MACs); "
        "and what their variables consist of: bytes in the file, the range of the weights, how many are zero, how they "
        "are spread over the range of their bits, the ranges of thresholds and steps.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="converted model, .fbz")
    parser.add_argument("--json", action="store_true", help="print JSON, with all details")
    parser.add_argument(
        "--dump",
        type=Path,
        metavar="FOLDER",
        help="write every variable as a .npy file into this folder, which is made when it is missing",
    )
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> None:
    from cnn2snn.akida import Model

    model = Model(arguments.model)
    report = describe(model, arguments.model)
    if arguments.dump is not None:
        report["dump"] = {"folder": str(arguments.dump), "files": _dump(model, arguments.dump)}
    if arguments.json:
        print(_json.dumps(report))
    else:
        print("\n".join(_text(report, shutil.get_terminal_size().columns)))


def describe(model: Any, path: Path) -> dict[str, Any]:
    """Returns what the command reports on a model that was read from `path`."""
    layers = [_describe_layer(layer) for layer in model.layers]
    keys = ("weights", "weight_bytes", "macs")
    return {
        "file": str(path),
        "file_bytes": path.stat().st_size,
        "ip_version": model.ip_version.name,
        "input_shape": model.input_shape,
        "input_bits": model.layers[0].input_bits,
        "input_scaling": model.input_scaling,
        "output_shape": model.output_shape,
        "output_bits": model.layers[-1].output_bits,
        "layers": layers,
        "total": {key: sum(layer[key] for layer in layers) for key in keys},
    }


def _describe_layer(layer: Any) -> dict[str, Any]:
    parameters = layer.parameters
    bits = getattr(parameters, "weights_bits", None)
    kernels = {
        name: list(layer.get_variable(name).shape) for name in layer.get_variable_names() if name.startswith("weights")
    }
    counts = [math.prod(shape) for shape in kernels.values()]
    return {
        "name": layer.name,
        "type": parameters.layer_type.name,
        "inbounds": [inbound.name for inbound in layer.inbounds],
        "input_shape": layer.input_dims,
        "output_shape": layer.output_dims,
        "input_bits": layer.input_bits,
        "weights_bits": bits,
        "output_bits": layer.output_bits,
        "kernels": kernels,
        "weights": sum(counts),
        # Each variable is packed at its own width and begins at a byte.
        "weight_bytes": sum(-(-count * bits // 8) for count in counts),
        "macs": layer.macs,
        **_describe_variables(layer),
    }


def _describe_variables(layer: Any) -> dict[str, Any]:
    stored, kernels, threshold, act_step = layer._place()[1].summary
    return {
        "bytes": stored,
        "histogram": {name: histogram for name, _, histogram in kernels},
        "threshold": threshold,
        "act_step": act_step,
    }


def _dump(model: Any, folder: Path) -> list[str]:
    """Writes every variable to a file of its own; gives the names of the files."""
    folder.mkdir(exist_ok=True)
    names = []
    for index, layer in enumerate(model.layers):
        # A name may hold anything, so only what is harmless in a path is taken from it.
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", layer.name)[:64]
        for variable in layer.get_variable_names():
            path = folder / f"{index:03d}.{name}.{variable}.npy"
            with _files.replacing(path) as temporary, temporary.open("xb") as file:
                np.save(file, layer.get_variable(variable))
            names.append(path.name)
    return names


def _text(report: dict[str, Any], width: int) -> list[str]:
    bits = report["output_bits"]
    output = "32-bit potentials" if bits is None else f"{bits}-bit levels"
    total = report["total"]
    facts = [
        ("File", f"{report['file']} ({_exact(report['file_bytes'])} bytes)"),
        ("Hardware", {"v1": "Akida 1.0"}[report["ip_version"]]),
        ("Input", f"{_table.shape(report['input_shape'])}, {report['input_bits']} bits"),
        *_scaling(report["input_scaling"]),
        ("Output", f"{_table.shape(report['output_shape'])}, {output}"),
        ("Weights", f"{_exact(total['weights'])} in {_exact(total['weight_bytes'])} bytes"),
        ("MACs", f"{_exact(total['macs'])} per input"),
    ]
    lines = [f"{title:<10}{value}" for title, value in facts]
    lines += ["", *_layer_table(report, width)]
    if any(layer["weights"] for layer in report["layers"]):
        lines += ["", *_variable_table(report, width)]
    if "dump" in report:
        lines += ["", f"{len(report['dump']['files'])} variables written into {report['dump']['folder']}"]
    return lines


def _scaling(scaling: tuple[float, float] | None) -> list[tuple[str, str]]:
    """Returns how inputs follow from those of the Keras model, where the file says it."""
    if scaling is None:
        return []
    scale, shift = scaling
    return [("", f"{scale:.10g} x {'+' if shift >= 0 else '-'} {abs(shift):.10g} for inputs x of the Keras model")]


def _layer_table(report: dict[str, Any], width: int) -> list[str]:
    """Returns the most detailed table that fits."""
    for full, number in ((True, _exact), (False, _exact), (False, _short)):
        lines = _layer_columns(report, _UNLIMITED, full=full, number=number)
        if max(map(len, lines)) <= width:
            return lines
    return _layer_columns(report, width, full=False, number=_short)


def _layer_columns(report: dict[str, Any], width: int, *, full: bool, number: Any) -> list[str]:
    headers = ["Layer", "Type", "Output", "In", "W", "Act", "Weights", "Bytes", "MACs"]
    rows = []
    for layer in report["layers"]:
        kind = layer["type"]
        row = [
            layer["name"],
            kind if full else SHORT_TYPES.get(kind, kind),
            _table.shape(layer["output_shape"]),
            str(layer["input_bits"]),
            _or_dash(layer["weights_bits"]),
            _or_dash(layer["output_bits"]),
            *(number(layer[key]) for key in ("weights", "weight_bytes", "macs")),
        ]
        if full:
            kernels = " + ".join(_table.shape(kernel) for kernel in layer["kernels"].values())
            row[2:2] = [_table.shape(layer["input_shape"]), kernels or "-"]
        rows.append(row)
    if full:
        headers[2:2] = ["Input", "Kernel"]
    first = headers.index("In")
    return _table.columns(headers, rows, width=width, right=range(first, len(headers)))


def _variable_table(report: dict[str, Any], width: int) -> list[str]:
    """Returns what the variables consist of: a line for each kernel."""
    headers = ["Layer", "In file", "Values", "Zero", "Spread", "Threshold", "Step"]
    rows = []
    for layer in report["layers"]:
        first = True
        for name, histogram in layer["histogram"].items():
            count = sum(number for _, number in histogram)
            zeros = dict(histogram).get(0, 0)
            rows.append(
                [
                    layer["name"] if first else f"  {name}",
                    _short(layer["bytes"]) if first else "",
                    _range(histogram[0][0], histogram[-1][0]),
                    f"{zeros / count:.0%}",
                    _spread(histogram, layer["weights_bits"]),
                    _range(*layer["threshold"]) if first else "",
                    _range(*layer["act_step"]) if first else "",
                ]
            )
            first = False
    spread = headers.index("Spread")
    if max(map(len, _table.columns(headers, rows, width=_UNLIMITED))) > width:
        for row in (headers, *rows):
            del row[spread]
    return _table.columns(headers, rows, width=width, right=(1, 2, 3))


def _range(low: float, high: float) -> str:
    """Returns two numbers, or the one that both are."""
    if isinstance(low, int):
        return f"{low}" if low == high else f"{low}..{high}"
    return f"{low:.3g}" if low == high else f"{low:.3g}..{high:.3g}"


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
