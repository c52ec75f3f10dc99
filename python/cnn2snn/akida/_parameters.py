"""What the constructors of layers take: the type of each parameter, by its documented name.

A name means the same in every layer of a generation. What values a layer allows is the engine's to say.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import partial
from typing import Any

from cnn2snn.akida import _arguments
from cnn2snn.akida.enums import ActivationType, IpVersion, Padding, PoolType

# Takes the layer's name, that of the parameter and the value, and refuses values of another type.
Check = Callable[[str, str, object], Any]


def _activation(layer: str, name: str, value: object) -> ActivationType:
    """Returns an activation; a bool, as in earlier releases, says whether there is a ReLU."""
    if isinstance(value, bool):
        return ActivationType.ReLU if value else ActivationType.NoActivation
    return _arguments.member(layer, name, value, ActivationType)


def _sign(layer: str, name: str, value: object) -> bool | None:
    return None if value is None else _arguments.boolean(layer, name, value)


# Without windows, a pooling has -1 in place of its size. A stride of -1 is the size.
_window = partial(_arguments.square, low=-1)
_windows = partial(_arguments.pair, low=-1)

_BOTH: dict[str, Check] = {
    "filters": _arguments.integer,
    "input_bits": _arguments.bits,
    "input_shape": _arguments.triple,
    "input_signed": _arguments.boolean,
    "padding": partial(_arguments.member, enum=Padding),
    "pool_type": partial(_arguments.member, enum=PoolType),
    "units": _arguments.integer,
    "weights_bits": _arguments.bits,
}

CHECKS: dict[IpVersion, dict[str, Check]] = {
    IpVersion.v1: {
        **_BOTH,
        "act_bits": _arguments.bits,
        "activation": _arguments.boolean,
        "kernel_size": _arguments.pair,
        "kernel_stride": _arguments.pair,
        "padding_value": partial(_arguments.integer, low=0, high=255),
        "pool_size": _windows,
        "pool_stride": _windows,
    },
    IpVersion.v2: {
        **_BOTH,
        "activation": _activation,
        "buffer_bits": _arguments.bits,
        "channels_first": _arguments.boolean,
        "fifo_size": _arguments.integer,
        "kernel_size": _arguments.square,
        "kernel_stride": _arguments.square,
        "output_bits": _arguments.bits,
        "output_channels": _arguments.integer,
        "output_signed": _sign,
        "pool_size": _window,
        "pool_stride": _window,
        "post_op_buffer_bits": _arguments.bits,
        "stateful_channels": _arguments.integer,
        "subsample": _arguments.integer,
    },
}

# The enumerations among them. The engine knows their members by name.
ENUMS: dict[IpVersion, dict[str, type[IntEnum]]] = {
    IpVersion.v1: {"padding": Padding, "pool_type": PoolType},
    IpVersion.v2: {"activation": ActivationType, "padding": Padding, "pool_type": PoolType},
}


def to_engine(ip_version: IpVersion, layer: str, parameters: dict[str, object]) -> list[tuple[str, Any]]:
    """Returns parameters as the engine takes them: members of enumerations by name, without what is left open.

    Args:
        ip_version: the generation of the layer.
        layer: name of the layer, for errors.
        parameters: what was given.
    """
    checks = CHECKS[ip_version]
    values = [(name, checks[name](layer, name, value)) for name, value in parameters.items()]
    return [(name, v.name if isinstance(v, IntEnum) else v) for name, v in values if v is not None]


def from_engine(name: str, value: Any) -> Any:
    """Returns a parameter as users see it."""
    # Only members of enumerations are words.
    return ENUMS[IpVersion.v2][name][value] if isinstance(value, str) else value
