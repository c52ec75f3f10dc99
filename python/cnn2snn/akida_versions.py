"""Which generation of Akida conversion targets.

Models quantized with this package convert to Akida 1.0 whatever the version, as documented: Akida 2.0 needs another
kind of quantization. QuantizeML models convert to the version in force.

The version is that of the innermost `set_akida_version` of the thread or task, else of the environment variable
``CNN2SNN_TARGET_AKIDA_VERSION`` ("v1" or "v2"), else v2, as documented.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum

from cnn2snn.errors import InvalidArgumentError, InvalidTypeError

__all__ = ["AkidaVersion", "asked_akida_version", "get_akida_version", "set_akida_version"]

_VARIABLE = "CNN2SNN_TARGET_AKIDA_VERSION"


class AkidaVersion(Enum):
    """A generation of Akida."""

    v1 = "v1"
    """Akida 1.0: AKD1000, AKD1500."""
    v2 = "v2"
    """Akida 2.0."""


# A context variable: threads and tasks do not see each other's version.
_version: ContextVar[AkidaVersion | None] = ContextVar("akida_version", default=None)


def asked_akida_version() -> AkidaVersion | None:
    """The generation that a context or the environment variable asks for; None where neither does.

    Raises:
        InvalidArgumentError: (ValueError) the environment variable names no version.
    """
    version = _version.get()
    if version is not None:
        return version
    name = os.environ.get(_VARIABLE)
    if name is None:
        return None
    try:
        return AkidaVersion(name)
    except ValueError:
        raise InvalidArgumentError(
            f"the environment variable {_VARIABLE} must be v1 or v2, received {name!r}",
            kind="akida_version",
            expected=("v1", "v2"),
            received=name,
            remedy=f"set it to one of them, or unset {_VARIABLE}",
        ) from None


def get_akida_version() -> AkidaVersion:
    """The generation that conversion targets.

    Raises:
        InvalidArgumentError: (ValueError) the environment variable names no version.
    """
    return asked_akida_version() or AkidaVersion.v2


@contextmanager
def set_akida_version(version: AkidaVersion) -> Iterator[None]:
    """Sets the generation that conversion targets within a `with` block.

    Args:
        version: the generation.

    Raises:
        InvalidTypeError: (TypeError) `version` is not an `AkidaVersion`.

    Example:
        >>> from cnn2snn import AkidaVersion, get_akida_version, set_akida_version
        >>> with set_akida_version(AkidaVersion.v1):
        ...     get_akida_version()
        <AkidaVersion.v1: 'v1'>
    """
    if not isinstance(version, AkidaVersion):
        raise InvalidTypeError(
            f"version must be an AkidaVersion, received {version!r}",
            kind="akida_version",
            expected="AkidaVersion",
            received=version,
            remedy="for example AkidaVersion.v1",
        )
    token = _version.set(version)
    try:
        yield
    finally:
        _version.reset(token)
