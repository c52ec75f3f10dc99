"""The report of `cnn2snn diff`: where two `.fbz` files differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from cnn2snn.akida import Layer, Model

__all__ = ["DiffReport", "Difference", "VariableDifference"]

_ABSENT = "absent"


@dataclass(frozen=True)
class Difference:
    """Something in which two models differ.

    Attributes:
        layer: name of the layer; None for the model itself.
        what: a parameter, a variable whose shapes differ, "layer", "type", "inbounds", "input_scaling", ...
        left, right: what each model has; "absent" where one has nothing.
    """

    layer: str | None
    what: str
    left: Any
    right: Any

    def sentence(self) -> str:
        """Returns the difference in a line."""
        return f"{self._place()}: {_show(self.left)} -> {_show(self.right)}"

    def _place(self) -> str:
        return ".".join(filter(None, (self.layer, self.what)))


@dataclass(frozen=True)
class VariableDifference(Difference):
    """A variable of one shape whose values differ; `left` and `right` are the first values that do.

    Attributes:
        differing: number of values that differ.
        values: number of all values.
        largest: the largest difference between two values.
        at: indices of the first values that differ.
    """

    differing: int
    values: int
    largest: float
    at: list[int]

    def sentence(self) -> str:
        """Returns the difference in a line."""
        return (
            f"{self._place()}: {self.differing:,} of {self.values:,} values differ, by at most {self.largest:g}; "
            f"at {_show(self.at)}: {_show(self.left)} -> {_show(self.right)}"
        )


@dataclass(frozen=True)
class DiffReport:
    """Where two models differ.

    Attributes:
        left, right: paths of the files.
        differences: those of the model itself, then those of the layers in their order.

    Example:
        >>> print(DiffReport.of(one, two, Path("one.fbz"), Path("two.fbz")).text())  # doctest: +SKIP
        conv.filters: 4 -> 5
    """

    left: str
    right: str
    differences: list[Difference]

    @classmethod
    def of(cls, left: Model, right: Model, left_file: Path, right_file: Path) -> DiffReport:
        """Compares models that were read from files. Layers are matched by name.

        The variables of one layer at a time are held in memory.
        """
        return cls(str(left_file), str(right_file), _differences(left, right))

    @property
    def equal(self) -> bool:
        """Whether the models are equal."""
        return not self.differences

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes, and whether the models are equal."""
        differences = [asdict(difference) for difference in self.differences]
        return {"left": self.left, "right": self.right, "equal": self.equal, "differences": differences}

    def text(self, width: int = 80) -> str:
        """Returns a line per difference, whatever the width, or a sentence where there is none."""
        return "\n".join(difference.sentence() for difference in self.differences) or "The models are equal."


def _differences(left: Model, right: Model) -> list[Difference]:
    differences: list[Difference] = []

    def note(layer: str | None, what: str, one: Any, two: Any) -> None:
        if one != two:
            differences.append(Difference(layer, what, one, two))

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


def _type(layer: Layer | None) -> str:
    return _ABSENT if layer is None else layer.parameters.layer_type.name


def _parameters(one: Layer, two: Layer) -> dict[str, tuple[Any, Any]]:
    """Returns both values of each parameter, enumerations as names."""
    ours, theirs = (layer._place()[1].spec.parameters for layer in (one, two))
    return {name: (ours.get(name, _ABSENT), theirs.get(name, _ABSENT)) for name in {**ours, **theirs}}


def _variable(one: Layer, two: Layer, name: str) -> Difference | None:
    shapes = [list(shapes[name]) if name in (shapes := layer._shapes()) else _ABSENT for layer in (one, two)]
    if shapes[0] != shapes[1]:
        return Difference(one.name, name, *shapes)
    ours, theirs = one.get_variable(name).ravel(), two.get_variable(name).ravel()
    places = np.flatnonzero(ours != theirs)
    if not len(places):
        return None
    first = places[0]
    return VariableDifference(
        layer=one.name,
        what=name,
        left=ours[first].item(),
        right=theirs[first].item(),
        differing=len(places),
        values=len(ours),
        largest=np.abs(ours[places].astype(np.float64) - theirs[places]).max().item(),
        at=[int(i) for i in np.unravel_index(first, shapes[0])],
    )


def _show(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"({', '.join(map(_show, value))})"
    if isinstance(value, float):
        return f"{value:.9g}"
    return str(value)
