"""`cnn2snn diff`: where two `.fbz` files differ."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn import _json

_ABSENT = "absent"


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "diff",
        help="compare two .fbz files: layers, parameters, variables",
        description="Compare two converted models: their layers, which are matched by name, parameters and variables. "
        "The exit code is 0 when they are equal, 1 when they differ, 2 when they cannot be compared.",
    )
    parser.add_argument("left", type=Path, metavar="A", help="converted model, .fbz")
    parser.add_argument("right", type=Path, metavar="B", help="the model to compare it with, .fbz")
    parser.add_argument("--json", action="store_true", help="print JSON, with all details")
    parser.set_defaults(execute=_execute, code_of_errors=2)


def _execute(arguments: argparse.Namespace) -> int:
    from cnn2snn.akida import Model

    differences = compare(Model(arguments.left), Model(arguments.right))
    if arguments.json:
        files = {"left": str(arguments.left), "right": str(arguments.right)}
        print(_json.dumps({**files, "equal": not differences, "differences": differences}))
    else:
        print("\n".join(map(_line, differences)) or "The models are equal.")
    return 1 if differences else 0


def compare(left: Any, right: Any) -> list[dict[str, Any]]:
    """Returns the differences of two models, in the order of the layers; one layer's variables are held at a time.

    Each has `layer` (None for the model itself), `what` (a parameter, a variable, `layer`, `inbounds`, ...), and `left`
    and `right`; differences of the values of a variable also `differing`, `values`, `largest` and `at`.
    """
    differences: list[dict[str, Any]] = []

    def note(layer: str | None, what: str, one: Any, two: Any) -> None:
        if one != two:
            differences.append({"layer": layer, "what": what, "left": one, "right": two})

    note(None, "ip_version", left.ip_version.name, right.ip_version.name)
    note(None, "input_scaling", left.input_scaling, right.input_scaling)
    ours = {layer.name: layer for layer in left.layers}
    theirs = {layer.name: layer for layer in right.layers}
    note(None, "order", [n for n in ours if n in theirs], [n for n in theirs if n in ours])
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        one, two = ours.get(name), theirs.get(name)
        if one is None or two is None:
            note(name, "layer", _type(one), _type(two))
            continue
        note(name, "type", _type(one), _type(two))
        note(name, "inbounds", [x.name for x in one.inbounds], [x.name for x in two.inbounds])
        note(name, "output_shape", one.output_dims, two.output_dims)
        for parameter, values in _parameters(one, two).items():
            note(name, parameter, *values)
        names = dict.fromkeys([*one.get_variable_names(), *two.get_variable_names()])
        differences += filter(None, (_variable(one, two, variable) for variable in names))
    return differences


def _type(layer: Any) -> str:
    return _ABSENT if layer is None else layer.parameters.layer_type.name


def _parameters(one: Any, two: Any) -> dict[str, tuple[Any, Any]]:
    """Returns both values of each parameter, enumerations as names."""
    ours, theirs = (layer._place()[1].spec.parameters for layer in (one, two))
    return {name: (ours.get(name, _ABSENT), theirs.get(name, _ABSENT)) for name in {**ours, **theirs}}


def _variable(one: Any, two: Any, name: str) -> dict[str, Any] | None:
    shapes = [
        list(layer.get_variable(name).shape) if name in layer.get_variable_names() else _ABSENT for layer in (one, two)
    ]
    difference = {"layer": one.name, "what": name, "left": shapes[0], "right": shapes[1]}
    if shapes[0] != shapes[1]:
        return difference
    ours, theirs = one.get_variable(name).ravel(), two.get_variable(name).ravel()
    places = np.flatnonzero(ours != theirs)
    if not len(places):
        return None
    first = places[0]
    return {
        **difference,
        "left": ours[first].item(),
        "right": theirs[first].item(),
        "differing": len(places),
        "values": len(ours),
        "largest": np.abs(ours[places].astype(np.float64) - theirs[places]).max().item(),
        "at": [int(i) for i in np.unravel_index(first, shapes[0])],
    }


def _line(difference: dict[str, Any]) -> str:
    left, right = (_show(difference[side]) for side in ("left", "right"))
    place = ".".join(filter(None, (difference["layer"], difference["what"])))
    if "differing" not in difference:
        return f"{place}: {left} -> {right}"
    count, values, largest = (difference[key] for key in ("differing", "values", "largest"))
    at = _show(difference["at"])
    return f"{place}: {count:,} of {values:,} values differ, by at most {largest:g}; at {at}: {left} -> {right}"


def _show(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_show, value))})"
    if isinstance(value, float):
        return f"{value:.9g}"
    return str(value)
