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

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from cnn2snn.akida import _arguments
from cnn2snn.akida._parameters import ENUMS
from cnn2snn.akida.enums import IpVersion, LayerType, PoolType
from cnn2snn.akida.layer import Layer
from cnn2snn.akida.layers import CLASSES
from cnn2snn.akida.model import Model
from cnn2snn.errors import InvalidTypeError, UnsupportedModelError

__all__ = ["export_to", "import_from"]

# Concat is not among the layers of the runtime's current documentation.
_COMMON = [kind for kind in CLASSES if kind != LayerType.Concat.name]
# A parameter of ours, but for Quantizer: the runtime derives the sign, and documents a property of this name.
_SIGN = "output_signed"


def export_to(model: Model, akida: Any) -> Any:
    """Builds the same model with the vendor's runtime.

    Layers are made by the documented constructors and variables set one by one, then read back and compared.

    Args:
        model: a complete model of this package.
        akida: the vendor's module, imported by you. Release 2.3 or later, whose parameters have the
            names used here (`kernel_size`, `filters`, `act_bits`, …) and whose shapes are
            (height, width, channels). For Akida 2.0 a release that has `ActivationType`.

    Returns:
        A `Model` of that module.

    Raises:
        TypeError: `model` is no model of this package, or `akida` lacks what the documentation names.
        RuntimeError: the model has a layer or a value that the runtime does not have, or the runtime refuses a
            layer or does not give back what was set. The message has the layer.
    """
    if not isinstance(model, Model):
        _arguments.wrong_type("", "model", "a cnn2snn.akida.Model", model)
    model._native.check_complete()
    needed = ["Model", *_enumerations(model), *(kind for kind in _COMMON if kind in map(_kind, model.layers))]
    missing = [name for name in needed if not hasattr(akida, name)]
    if missing:
        raise InvalidTypeError(
            f"akida must be the vendor's module of a release with these layers, this one has no {', '.join(missing)}",
            kind="akida",
            expected=", ".join(needed),
            received=akida,
        )
    target = akida.Model()
    made: dict[str, Any] = {}
    for layer in model.layers:
        made[layer.name] = _export(layer, akida, target, made)
    return target


def _kind(layer: Layer) -> str:
    return layer.parameters.layer_type.name


def _enumerations(model: Model) -> list[str]:
    """Returns the names of the enumerations that the layers' arguments have members of."""
    used = {enum for layer in model.layers for name, enum in ENUMS[layer._ip_version].items() if name in _values(layer)}
    return sorted(enum.__name__ for enum in used)


def _values(layer: Layer) -> dict[str, Any]:
    return layer.parameters._values


def _export(layer: Layer, akida: Any, target: Any, made: dict[str, Any]) -> Any:
    kind = _kind(layer)
    if kind not in _COMMON:
        _refuse(layer, f"the vendor's runtime has no {kind}", f"one of {', '.join(_COMMON)}", kind)
    try:
        twin = getattr(akida, kind)(**_arguments_of(layer, akida))
        target.add(twin, [made[inbound.name] for inbound in layer.inbounds])
        written = {}
        for name, values in _variables_for(layer, twin):
            twin.set_variable(name, values)
            written[name] = values
        variables = {name: np.asarray(twin.get_variable(name)) for name in written}
        shape = list(twin.output_dims)
        signed = getattr(twin, _SIGN, layer.output_signed)
    except UnsupportedModelError:
        raise
    except Exception as error:
        _refuse(layer, f"the vendor's runtime refused it: {error}", cause=error)
    if shape != layer.output_dims:
        _refuse(layer, "the vendor's runtime gives its output another shape", layer.output_dims, shape)
    if layer._ip_version is IpVersion.v2 and bool(signed) != layer.output_signed:
        _refuse(layer, f"the vendor's runtime derives another {_SIGN}", layer.output_signed, bool(signed))
    for name, values in written.items():
        if not np.array_equal(variables[name], values):
            _refuse(layer, f"the vendor's runtime does not give back the {name} that were set")
    return twin


def _arguments_of(layer: Layer, akida: Any) -> dict[str, Any]:
    """Returns the constructor's arguments of a layer, with the module's own enumerations.

    Without those that are younger than the others, at their defaults. Inputs of 8 and 16 bits are signed there, too.
    """
    arguments: dict[str, Any] = {"name": layer.name}
    enums = ENUMS[layer._ip_version]
    for name, value in _values(layer).items():
        if name in enums:
            arguments[name] = getattr(getattr(akida, enums[name].__name__), value.name)
        elif name == _SIGN and _kind(layer) != LayerType.Quantizer.name:
            continue
        elif name not in ("layer_type", "input_signed") and (name, value) != ("channels_first", False):
            arguments[name] = value
    return arguments


def _variables_for(layer: Layer, twin: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Gives the variables of a layer as the runtime holds them: in its element types, in its shapes."""
    theirs = list(twin.get_variable_names())
    variables = dict(layer.variables)
    bounds = variables.get("max_value")
    if bounds is not None and (bounds < 0).any():
        # The runtime has no value for this. A ReLU whose bounds were never set has none.
        if (bounds >= 0).any():
            _refuse(layer, "the vendor's runtime has no ReLU with bounds for some of its filters only")
        del variables["max_value"], variables["max_value_shift"]
    for name, values in variables.items():
        if name not in theirs:
            if (values != _neutral(name)).any():
                _refuse(layer, f"the vendor's runtime has no variable {name}")
            continue
        held = np.asarray(twin.get_variable(name))
        cast = values.astype(held.dtype)
        if not np.array_equal(cast, values):
            _refuse(layer, f"the vendor's runtime holds {name} as {held.dtype}, which these values do not fit")
        yield name, cast.reshape(held.shape) if cast.size == held.size else cast


def _neutral(name: str) -> int:
    """Returns the value of a variable of one axis that has no effect."""
    return 1 if name.endswith(("scale", "scales")) else 0


def import_from(vendor_model: Any) -> Model:
    """Builds a model of this package from one of the vendor's runtime.

    Only documented properties are read: `layers`, and of each layer `name`, `parameters`, `inbounds`, `input_dims`,
    `output_dims` and the variables.

    Args:
        vendor_model: a `Model` of the vendor's module, release 2.3 or later.

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
        _take_variables(layer, theirs, where)
    model._native.check_complete()
    return model


def _import(theirs: Any, name: str, where: str) -> Layer:
    parameters = _read(theirs, "parameters", where)
    kind = _name_of(_read(parameters, "layer_type", f"{where}: its parameters"))
    if kind not in _COMMON:
        raise UnsupportedModelError(
            f"{where}: {kind} is not among the layers {', '.join(_COMMON)}",
            layer=name,
            kind="layer_type",
            expected=", ".join(_COMMON),
            received=kind,
        )
    return CLASSES[kind](**_their_arguments(theirs, name, kind, parameters, where), name=name)


def _their_arguments(theirs: Any, layer: str, kind: str, parameters: Any, where: str) -> dict[str, Any]:
    """Returns the arguments of the constructor here that make the same layer."""
    arguments: dict[str, Any] = {}
    version = CLASSES[kind]._ip_version
    for name in CLASSES[kind]._argument_names():
        if name == "input_shape":
            arguments[name] = tuple(int(size) for size in _read(theirs, "input_dims", where))
        elif name in ENUMS[version]:
            arguments[name] = _member(version, layer, name, _read(parameters, name, f"{where}: its parameters"))
        elif name in ("input_signed", "channels_first"):
            arguments[name] = bool(getattr(parameters, name, False))
        elif name == _SIGN and kind != LayerType.Quantizer.name:
            signed = getattr(theirs, _SIGN, None)
            arguments[name] = None if signed is None else bool(signed)
        else:
            arguments[name] = _read(parameters, name, f"{where}: its parameters")
    # What has no effect may hold anything there.
    if arguments.get("pool_type") is PoolType.NoPooling:
        arguments["pool_size"] = arguments["pool_stride"] = (-1, -1) if version is IpVersion.v1 else -1
    if version is IpVersion.v1 and not arguments.get("activation", True):
        arguments["act_bits"] = 1
    return arguments


def _take_variables(layer: Layer, theirs: Any, where: str) -> None:
    """Sets the variables of a layer to those of the runtime's layer."""
    names = list(_read(theirs, "get_variable_names", where)())
    for name, shape in layer._shapes().items():
        if name not in names:
            if len(shape) > 1:
                _refuse(layer, f"it has no variable {name} in the vendor's runtime")
            continue
        values = np.asarray(_read(theirs, "get_variable", where)(name))
        dtype = np.dtype(layer._dtypes()[name])
        if np.can_cast(values.dtype, dtype):
            values = values.astype(dtype)
        if values.ndim == len(shape) == 1 and values.size == 1:
            values = np.repeat(values, shape)
        if name == "max_value":
            # A bound of 0 would leave nothing: these bounds were never set.
            values = np.where(values == 0, dtype.type(-1), values)
        layer.set_variable(name, values)


def _member(version: IpVersion, layer: str, name: str, value: Any) -> Any:
    if isinstance(value, bool):  # an activation, in earlier releases
        return value
    members = ENUMS[version][name].__members__
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
