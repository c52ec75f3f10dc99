"""Configurations of a sweep: the widths to quantize with."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

from cnn2snn.errors import FormatError, InvalidArgumentError

__all__ = ["Configuration", "configurations_of", "grid"]

_KEYS = ("weights", "activations", "input_weights", "layers", "name")


@dataclass(frozen=True)
class Configuration:
    """The widths to quantize a model with.

    Attributes:
        weights: bits of the weights, as `weight_quantization` of `quantize`.
        activations: bits of the activations, as `activ_quantization`.
        input_weights: bits of the first layer's weights, as `input_weight_quantization`.
        layers: bits of single layers by name or pattern, as `config`.
        name: what it is called in tables; by default its widths, as "8/4/4" for input weights, weights and activations.
    """

    weights: int
    activations: int
    input_weights: int
    layers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    name: str = ""

    @classmethod
    def of(cls, value: Any) -> Configuration:
        """A configuration given as such, as (weights, activations[, input weights]), or as a dictionary.

        Raises:
            InvalidArgumentError: something else, or a key that is not known.
        """
        if isinstance(value, Configuration):
            return value
        if isinstance(value, (tuple, list)) and len(value) in (2, 3):
            value = dict(zip(_KEYS, value, strict=False))
        if not isinstance(value, Mapping) or not {"weights", "activations"} <= set(value) <= set(_KEYS):
            raise InvalidArgumentError(
                f"a configuration must have weights and activations, and may have {', '.join(_KEYS[2:])}, received "
                f"{value!r}",
                kind="configuration",
                expected=_KEYS,
                received=value,
                remedy='as in {"weights": 4, "activations": 4, "input_weights": 8}',
            )
        given = {"input_weights": value["weights"], **value}
        for name in _KEYS[:3]:
            if isinstance(given[name], bool) or not isinstance(given[name], Integral):
                raise InvalidArgumentError(
                    f"{name} of a configuration must be an integer, received {given[name]!r}",
                    kind=name,
                    received=given[name],
                )
        layers = given.get("layers") or {}
        if not isinstance(layers, Mapping) or not all(isinstance(widths, Mapping) for widths in layers.values()):
            raise InvalidArgumentError(
                f"layers of a configuration must be widths by name of layer, received {layers!r}",
                kind="layers",
                received=layers,
                remedy='as in {"conv_1": {"weights": 8}}',
            )
        layers = {str(name): {str(k): v for k, v in widths.items()} for name, widths in layers.items()}
        widths = [int(given[name]) for name in _KEYS[:3]]
        return cls(*widths, layers, str(given.get("name") or ""))

    @property
    def label(self) -> str:
        """The name, or else the widths."""
        if self.name:
            return self.name
        more = f" +{len(self.layers)}" if self.layers else ""
        return f"{self.input_weights}/{self.weights}/{self.activations}{more}"

    def with_layer(self, layer: str, kind: str, bits: int) -> Configuration:
        """The same, with other bits of "weights" or "activations" of a layer."""
        widths = {**self.layers.get(layer, {}), kind: bits}
        return Configuration(
            self.weights, self.activations, self.input_weights, {**self.layers, layer: widths}, self.name
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes; `of` takes them."""
        return {
            "weights": self.weights,
            "activations": self.activations,
            "input_weights": self.input_weights,
            "layers": {name: dict(widths) for name, widths in self.layers.items()},
            "name": self.name,
        }

    @property
    def key(self) -> str:
        """The configuration as text, equal for equal widths."""
        return json.dumps({**self.to_dict(), "name": ""}, sort_keys=True)


def grid(
    weights: Iterable[int], activations: Iterable[int], input_weights: Iterable[int] | None = None
) -> list[Configuration]:
    """All combinations of widths.

    Args:
        weights: bits of the weights.
        activations: bits of the activations.
        input_weights: bits of the first layer's weights; those of the others by default.

    Example:
        >>> [c.label for c in grid((2, 4), (2, 4), (8,))]
        ['8/2/2', '8/2/4', '8/4/2', '8/4/4']
    """
    first = list(input_weights) if input_weights is not None else [None]
    return [
        Configuration(w, a, w if iw is None else iw)
        for iw, w, a in itertools.product(first, list(weights), list(activations))
    ]


def configurations_of(values: Any) -> list[Configuration]:
    """The configurations in a list, or in a JSON file with a list.

    Raises:
        InvalidArgumentError: there is none, one is not possible, or two are equal.
        FormatError: the file is no JSON.
        OSError: the file cannot be read.
    """
    if isinstance(values, (str, Path)):
        path = Path(values)
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise FormatError(f"{path}: it is not a JSON file: {error}", kind="configurations") from error
    if isinstance(values, Mapping) or isinstance(values, Configuration) or not isinstance(values, Iterable):
        raise InvalidArgumentError(
            f"configurations must be a list, received {type(values).__name__}",
            kind="configurations",
            received=type(values).__name__,
            remedy='as in [{"weights": 4, "activations": 4}, {"weights": 2, "activations": 4}]',
        )
    found = [Configuration.of(value) for value in values]
    if not found:
        raise InvalidArgumentError("there must be at least one configuration, received none", kind="configurations")
    seen: dict[str, int] = {}
    for place, configuration in enumerate(found):
        if configuration.key in seen:
            raise InvalidArgumentError(
                f"configurations {seen[configuration.key]} and {place} are equal: {configuration.label}",
                kind="configurations",
                received=configuration.to_dict(),
                remedy="leave one out",
            )
        seen[configuration.key] = place
    return found
