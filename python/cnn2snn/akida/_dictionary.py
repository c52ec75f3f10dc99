"""Models as dictionaries of plain values, and back: what `Model.to_dict` and `Model.to_json` give.

The dictionary has JSON types only: dict, list, str, int, float, bool. It holds all that an `.fbz` file holds, and is
read as strictly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from cnn2snn.akida._parameters import ENUMS
from cnn2snn.akida.enums import IpVersion
from cnn2snn.akida.layer import Layer
from cnn2snn.akida.layers import CLASSES
from cnn2snn.errors import Cnn2SnnError, FormatError

if TYPE_CHECKING:
    from cnn2snn.akida.model import Model

_FORMAT = "akida-sim model"
_VERSION = 1


# Writing


def head_of(model: Model) -> dict[str, Any]:
    """Returns what stands before the layers."""
    scaling = model.input_scaling
    return {
        "format": _FORMAT,
        "format_version": _VERSION,
        "ip_version": model.ip_version.name,
        "input_scaling": None if scaling is None else list(scaling),
    }


def text_of(model: Model) -> str:
    """Returns the JSON text, one layer a line."""
    head = json.dumps(head_of(model))[1:-1]
    layers = ",\n".join(json.dumps(layer.to_dict()) for layer in model.layers)
    return f'{{{head}, "layers": [\n{layers}\n]}}\n'


# Reading


def parse(text: str | bytes) -> Any:
    """Returns the value of a JSON text; each key stands once, numbers are finite."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except RecursionError:
        raise FormatError("the text is not a model: it is nested too deeply", kind="json") from None
    except FormatError:
        raise
    except ValueError as error:  # of JSON, of UTF-8, or of an integer with thousands of digits
        raise FormatError(f"the text is not JSON: {error}", kind="json") from error


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise FormatError(f"the key {key!r} stands twice in one object", kind="json", received=key)
        found[key] = value
    return found


def _no_number(text: str) -> NoReturn:
    raise FormatError(f"numbers must be finite, received {text}", kind="json", received=text)


def fill(model: Model, values: dict[str, Any]) -> None:
    """Adds the layers of a dictionary to a model without any.

    Raises:
        FormatError: the dictionary is not that of a valid model.
    """
    _keys("the model", values, ("format", "format_version", "ip_version", "input_scaling", "layers"))
    for key, expected in (("format", _FORMAT), ("format_version", _VERSION)):
        if type(values[key]) is not type(expected) or values[key] != expected:
            _refuse(key, json.dumps(expected), values[key])
    version = values["ip_version"]
    if not isinstance(version, str) or version not in IpVersion.__members__:
        _refuse("ip_version", f"one of {', '.join(IpVersion.__members__)}", version)
    try:
        model.input_scaling = values["input_scaling"]
    except Cnn2SnnError as error:
        raise _as_format_error(error) from error
    layers: dict[str, Layer] = {}
    for index, entry in enumerate(_typed("layers", values["layers"], list, "a list")):
        where = f"layers[{index}]"
        try:
            layer = _add(model, where, entry, layers)
        except FormatError:
            raise
        except Cnn2SnnError as error:
            raise _as_format_error(error, f"{where}: ") from error
        layers[layer.name] = layer
    try:
        model._native.check_complete()
    except Cnn2SnnError as error:
        raise _as_format_error(error) from error
    if version != model.ip_version.name:
        _refuse("ip_version", f"{model.ip_version.name}, as the layers have it", version)


def _as_format_error(error: Cnn2SnnError, where: str = "") -> FormatError:
    return FormatError(
        f"{where}{error}", layer=error.layer, kind=error.kind, expected=error.expected, received=error.received
    )


def _add(model: Model, where: str, entry: object, layers: dict[str, Layer]) -> Layer:
    entry = _keys(where, entry, ("name", "inbounds", "input_shape", "output_shape", "parameters", "variables"))
    name = _typed(f"{where}.name", entry["name"], str, "a string")
    if not name:
        _refuse(f"{where}.name", "a string of at least one character", name)
    layer = _layer(f"{where}.parameters", name, entry["parameters"])
    inbounds = []
    for inbound in _typed(f"{where}.inbounds", entry["inbounds"], list, "a list"):
        if not isinstance(inbound, str) or inbound not in layers:
            _refuse(f"{where}.inbounds", "names of earlier layers", inbound)
        inbounds.append(layers[inbound])
    if bool(inbounds) != bool(layers):
        _refuse(f"{where}.inbounds", "empty for the first layer, and for it alone", entry["inbounds"])
    model.add(layer, inbounds)
    for key, shape in (("input_shape", layer.input_dims), ("output_shape", layer.output_dims)):
        if entry[key] != shape:
            _refuse(f"{where}.{key}", f"{shape}, as the parameters have it", entry[key])
    dtypes = layer._dtypes()
    variables = _keys(f"{where}.variables", entry["variables"], dtypes)
    for variable, dtype in dtypes.items():
        array = _array(f"{where}.variables.{variable}", variables[variable], np.dtype(dtype))
        layer.set_variable(variable, array)
    return layer


def _layer(where: str, name: str, values: object) -> Layer:
    values = _typed(where, values, dict, "an object")
    kind = values.get("layer_type")
    if not isinstance(kind, str) or kind not in CLASSES:
        _refuse(f"{where}.layer_type", f"one of {', '.join(CLASSES)}", kind)
    cls = CLASSES[kind]
    names = cls._argument_names()
    _keys(where, values, ("layer_type", *names))
    enums = ENUMS[cls._ip_version]
    arguments = {key: _argument(f"{where}.{key}", values[key], enums.get(key)) for key in names}
    return cls(**arguments, name=name)


def _argument(where: str, value: Any, enum: type[IntEnum] | None) -> Any:
    if enum is None:
        return value
    if not isinstance(value, str) or value not in enum.__members__:
        _refuse(where, f"one of {', '.join(enum.__members__)}", value)
    return enum[value]


def _array(where: str, values: object, dtype: np.dtype) -> np.ndarray:
    """Returns nested lists of numbers as an array; a number that the element type cannot hold is refused."""
    whole = np.issubdtype(dtype, np.integer)
    objects = np.array(_typed(where, values, list, "nested lists of numbers"), dtype=object)
    allowed = {int} if whole else {int, float}
    kinds = set(map(type, objects.flat))
    if not kinds <= allowed:
        expected = f"nested lists of {'integers' if whole else 'numbers'}, equally long at each level"
        _refuse(where, expected, ", ".join(sorted(kind.__name__ for kind in kinds - allowed)))
    try:
        wide = objects.astype(np.int64 if whole else np.float64)
    except OverflowError:
        _refuse(where, f"nested lists of {dtype.name} values", "a number beyond them")
    limits = np.iinfo(dtype) if whole else np.finfo(dtype)
    outside = wide[(wide < limits.min) | (wide > limits.max)]
    if outside.size:
        _refuse(where, f"nested lists of {dtype.name} values", outside[0].item())
    return wide.astype(dtype)


def _keys(where: str, values: object, names: Iterable[str]) -> dict[str, Any]:
    """Returns an object that has these keys and no others."""
    values = _typed(where, values, dict, "an object")
    names = list(names)
    missing = [name for name in names if name not in values]
    unknown = [str(key) for key in values if key not in names]
    if missing or unknown:
        received = [f"without {', '.join(missing)}"] if missing else []
        received += [f"with {', '.join(unknown)}"] if unknown else []
        _refuse(where, f"an object with the keys {', '.join(names) or 'none'}", ", ".join(received))
    return values


def _typed(where: str, value: object, kind: type, expected: str) -> Any:
    if not isinstance(value, kind):
        _refuse(where, expected, type(value).__name__)
    return value


def _refuse(where: str, expected: str, received: object) -> NoReturn:
    shown = repr(received)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}…"
    shown = shown.strip("'") if isinstance(received, str) else shown
    raise FormatError(
        f"{where} must be {expected}, received {shown}", kind="dictionary", expected=expected, received=received
    )
