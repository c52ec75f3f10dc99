"""Models carried to and from the vendor's runtime, through its documented API alone.

The runtime is never imported here: you pass the module that your licence gives you. A model converted by this package
can so be saved, mapped and programmed with the vendor's tools. `docs/real-hardware.md` has the steps, and what could
not be tested.

Example:
    >>> import akida as vendor                                              # doctest: +SKIP
    >>> from cnn2snn.akida import Model, bridge
    >>> bridge.export_to(Model("model.fbz"), vendor).map(vendor.devices()[0])  # doctest: +SKIP
"""

from __future__ import annotations

import inspect
from typing import Any, NoReturn

import numpy as np

from cnn2snn.akida import _arguments
from cnn2snn.akida._parameters import ENUMS
from cnn2snn.akida.enums import LayerType, PoolType
from cnn2snn.akida.layer import Layer
from cnn2snn.akida.layers import CLASSES
from cnn2snn.akida.model import Model
from cnn2snn.errors import InvalidTypeError, UnsupportedModelError

__all__ = ["export_to", "import_from"]

# Concat is not among the layers of the runtime's current documentation.
_COMMON = [kind for kind in CLASSES if kind != LayerType.Concat.name]
_NEEDED = ("Model", "Padding", "PoolType", *_COMMON)


def export_to(model: Model, akida: Any) -> Any:
    """Builds the same model with the vendor's runtime.

    Layers are made by the documented constructors and variables set one by one, then read back and compared.

    Args:
        model: a complete model of this package.
        akida: the vendor's module, imported by you. Release 2.3 or later, whose parameters have the
            names used here (`kernel_size`, `filters`, `act_bits`, …) and whose shapes are
            (height, width, channels).

    Returns:
        A `Model` of that module.

    Raises:
        TypeError: `model` is no model of this package, or `akida` lacks what the documentation names.
        RuntimeError: the model has a layer that the runtime does not have, or the runtime refuses a layer
            or does not give back what was set. The message has the layer.
    """
    if not isinstance(model, Model):
        _arguments.wrong_type("", "model", "a cnn2snn.akida.Model", model)
    missing = [name for name in _NEEDED if not hasattr(akida, name)]
    if missing:
        raise InvalidTypeError(
            f"akida must be the vendor's module of release 2.3 or later, this one has no {', '.join(missing)}",
            kind="akida",
            expected=", ".join(_NEEDED),
            received=akida,
        )
    model._native.check_complete()
    target = akida.Model()
    made: dict[str, Any] = {}
    for layer in model.layers:
        made[layer.name] = _export(layer, akida, target, made)
    return target


def _export(layer: Layer, akida: Any, target: Any, made: dict[str, Any]) -> Any:
    kind = layer.parameters.layer_type.name
    if kind not in _COMMON:
        _refuse(layer, f"the vendor's runtime has no {kind}", f"one of {', '.join(_COMMON)}", kind)
    try:
        twin = getattr(akida, kind)(**_arguments_of(layer, akida))
        target.add(twin, [made[inbound.name] for inbound in layer.inbounds])
        for name, values in layer.variables.items():
            twin.set_variable(name, values)
        variables = {name: np.asarray(twin.get_variable(name)) for name in layer.variables}
        shape = list(twin.output_dims)
    except Exception as error:
        _refuse(layer, f"the vendor's runtime refused it: {error}", cause=error)
    if shape != layer.output_dims:
        _refuse(layer, "the vendor's runtime gives its output another shape", layer.output_dims, shape)
    for name, values in layer.variables.items():
        if not np.array_equal(variables[name], values):
            _refuse(layer, f"the vendor's runtime does not give back the {name} that were set")
    return twin


def _arguments_of(layer: Layer, akida: Any) -> dict[str, Any]:
    """Returns the constructor's arguments of a layer, with the module's own enumerations.

    Without `input_signed`, which is always false here and younger than the other arguments.
    """
    arguments: dict[str, Any] = {"name": layer.name}
    for name, value in layer.parameters._values.items():
        if name in ENUMS:
            arguments[name] = getattr(getattr(akida, ENUMS[name].__name__), value.name)
        elif name not in ("layer_type", "input_signed"):
            arguments[name] = value
    return arguments


def import_from(vendor_model: Any) -> Model:
    """Builds a model of this package from one of the vendor's runtime.

    Only documented properties are read: `layers`, and of each layer `name`, `parameters`, `inbounds`, `input_dims`,
    `output_dims` and the variables.

    Args:
        vendor_model: a `Model` of the vendor's module, release 2.3 or later, with Akida 1.0 layers.

    Returns:
        The model, checked like every other.

    Raises:
        TypeError: `vendor_model` lacks a documented property.
        ValueError: a parameter or variable is not allowed here.
        RuntimeError: it has a layer that this package does not have. The message has the layer.
    """
    model = Model()
    made: dict[str, Layer] = {}
    for theirs in _read(vendor_model, "layers", "the model"):
        name = str(_read(theirs, "name", "a layer"))
        where = f'layer "{name}"'
        layer = _import(theirs, name, where)
        inbounds = [made[str(_read(inbound, "name", where))] for inbound in _read(theirs, "inbounds", where)]
        model.add(layer, inbounds)
        made[name] = layer
        shape = [int(size) for size in _read(theirs, "output_dims", where)]
        if shape != layer.output_dims:
            _refuse(layer, "its output has another shape here", shape, layer.output_dims)
        for variable in layer.get_variable_names():
            layer.set_variable(variable, np.asarray(_read(theirs, "get_variable", where)(variable)))
    model._native.check_complete()
    return model


def _import(theirs: Any, name: str, where: str) -> Layer:
    parameters = _read(theirs, "parameters", where)
    kind = _name_of(_read(parameters, "layer_type", f"{where}: its parameters"))
    if kind not in _COMMON:
        raise UnsupportedModelError(
            f"{where}: {kind} is not among the Akida 1.0 layers {', '.join(_COMMON)}",
            layer=name,
            kind="layer_type",
            expected=", ".join(_COMMON),
            received=kind,
        )
    return CLASSES[kind](**_their_arguments(theirs, name, kind, parameters, where), name=name)


def _their_arguments(theirs: Any, layer: str, kind: str, parameters: Any, where: str) -> dict[str, Any]:
    """Returns the arguments of the constructor here that make the same layer."""
    arguments: dict[str, Any] = {}
    for name in inspect.signature(CLASSES[kind]).parameters:
        if name == "input_shape":
            arguments[name] = tuple(int(size) for size in _read(theirs, "input_dims", where))
        elif name in ENUMS:
            arguments[name] = _member(layer, name, _read(parameters, name, f"{where}: its parameters"))
        elif name == "input_signed":
            arguments[name] = bool(getattr(parameters, name, False))
        elif name != "name":
            arguments[name] = _read(parameters, name, f"{where}: its parameters")
    # What has no effect may hold anything there.
    if arguments.get("pool_type") is PoolType.NoPooling:
        arguments["pool_size"] = arguments["pool_stride"] = (-1, -1)
    if not arguments.get("activation", True):
        arguments["act_bits"] = 1
    return arguments


def _member(layer: str, name: str, value: Any) -> Any:
    members = ENUMS[name].__members__
    if _name_of(value) not in members:
        _arguments.wrong_value(layer, name, f"one of {', '.join(members)}", _name_of(value))
    return members[_name_of(value)]


def _name_of(member: Any) -> str:
    return str(getattr(member, "name", member))


def _read(owner: Any, name: str, where: str) -> Any:
    """Returns a documented attribute."""
    try:
        return getattr(owner, name)
    except AttributeError:
        raise InvalidTypeError(
            f"{where}: it has no {name}",
            kind=name,
            received=owner,
            remedy="what is read must be a model of the vendor's module, release 2.3 or later",
        ) from None


def _refuse(
    layer: Layer, text: str, expected: object = None, received: object = None, cause: BaseException | None = None
) -> NoReturn:
    both = "" if expected is None else f"; expected {expected}, received {received}"
    raise UnsupportedModelError(
        f'layer "{layer.name}": {text}{both}', layer=layer.name, kind="bridge", expected=expected, received=received
    ) from cause
