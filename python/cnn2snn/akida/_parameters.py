"""What the constructors of layers take: the type of each parameter, by its documented name.

A name means the same in every layer. What values a layer allows is the engine's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any

from cnn2snn.akida import _arguments
from cnn2snn.akida.enums import Padding, PoolType

ENUMS: dict[str, type[IntEnum]] = {"padding": Padding, "pool_type": PoolType}

# Each takes the layer's name, that of the parameter and the value, and refuses values of another type.
CHECKS: dict[str, Callable[[str, str, object], Any]] = {
    "act_bits": _arguments.bits,
    "activation": _arguments.boolean,
    "filters": _arguments.integer,
    "input_bits": _arguments.bits,
    "input_shape": _arguments.triple,
    "input_signed": _arguments.boolean,
    "kernel_size": _arguments.pair,
    "kernel_stride": _arguments.pair,
    "padding_value": partial(_arguments.integer, low=0, high=255),
    # (-1, -1) stands for no window, or for the size.
    "pool_size": partial(_arguments.pair, low=-1),
    "pool_stride": partial(_arguments.pair, low=-1),
    "units": _arguments.integer,
    "weights_bits": _arguments.bits,
}


def to_engine(layer: str, name: str, value: object) -> Any:
    """Returns a parameter as the engine takes it, enumerations by their names.

    Args:
        layer: name of the layer, for errors.
        name: the parameter.
        value: what was given.
    """
    if name in ENUMS:
        return _arguments.member(layer, name, value, ENUMS[name]).name
    return CHECKS[name](layer, name, value)


def from_engine(name: str, value: Any) -> Any:
    """Returns a parameter as users see it."""
    return ENUMS[name][value] if name in ENUMS else value
