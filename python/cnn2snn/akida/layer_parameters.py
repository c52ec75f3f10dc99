"""The parameters of a layer, as users see them."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NoReturn

from cnn2snn import _akida
from cnn2snn.akida._parameters import from_engine
from cnn2snn.akida.enums import LayerType


class LayerParameters:
    """The constructor's arguments of a layer and its `layer_type`, as read-only attributes.

    Arguments are given as the layer uses them: `pool_stride` of a max pooling made with (−1, −1) or −1 is
    its `pool_size`; `act_bits` of a layer without activation, where it has no effect, is 1; `output_signed`
    made with None is the sign that follows.
    """

    __slots__ = ("_values",)
    _values: dict[str, Any]

    def __init__(self, spec: _akida.Spec) -> None:
        values: dict[str, Any] = {"layer_type": LayerType[spec.layer_type]}
        for name, value in spec.parameters.items():
            values[name] = from_engine(name, value)
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:
        # Not through the attribute `_values`: copying asks for it before it is there.
        values = object.__getattribute__(self, "_values")
        if name in values:
            return values[name]
        kind = values["layer_type"].name
        raise AttributeError(f"{kind} has no parameter {name!r}; it has {', '.join(values)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"parameter {name!r} cannot be changed; remove the layer and add another")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._values})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LayerParameters) and self._values == other._values

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __getstate__(self) -> dict[str, Any]:
        return self._values

    def __setstate__(self, state: dict[str, Any]) -> None:
        object.__setattr__(self, "_values", state)

    def __repr__(self) -> str:
        kind, *rest = self._values.items()
        return f"{kind[1].name}({', '.join(f'{name}={_show(value)}' for name, value in rest)})"


def _show(value: object) -> str:
    if isinstance(value, IntEnum):
        return f"{type(value).__name__}.{value.name}"
    return repr(value)


def plain(value: Any) -> Any:
    """Returns a parameter as a value that JSON has."""
    if isinstance(value, IntEnum):
        return value.name
    return list(value) if isinstance(value, tuple) else value
