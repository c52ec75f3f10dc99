"""A model of Akida as plain data: its layers with parameters and integer variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["LayerPlan", "ModelPlan"]


@dataclass(frozen=True)
class LayerPlan:
    """A layer of Akida.

    Attributes:
        name: its name.
        type_name: its type in the public API, such as "Conv2D".
        inbounds: the indices of the layers that it reads, in order; none for what reads the model's input.
        parameters: the arguments of its constructor by name; enumerations are the names of their members.
        variables: its variables by name. A missing variable has its neutral value: no shift, no bias, no bound, no
            output stage.
        output_signed: whether its outputs have a sign; None where outputs are floats.
        keras: the names of the layers that it was made of, without layers that compute nothing.
    """

    name: str
    type_name: str
    inbounds: tuple[int, ...]
    parameters: Mapping[str, Any]
    variables: Mapping[str, np.ndarray] = field(default_factory=dict)
    output_signed: bool | None = True
    keras: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelPlan:
    """A model of Akida.

    Attributes:
        name: its name.
        layers: its layers, each after those that it reads.
        ignored: the layers behind the quantized part, which are not converted.
    """

    name: str
    layers: tuple[LayerPlan, ...]
    ignored: tuple[str, ...] = ()
