"""Sections K and L: whole models."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import layers
from .numbers import Exact, Float32, Format

Model = list[dict[str, Any]]
State = dict[int, dict[str, np.ndarray]]


def formats(model: Model) -> list[Format | None]:
    """The format of each layer's outputs; None for `Dequantizer`, whose outputs are float32."""
    found: list[Format | None] = []
    for layer in model:
        read = [found[i] for i in layer["inbounds"]]
        found.append(None if layer["type"] == "Dequantizer" else layers.output_format(layer, read))
    return found


def shaped(model: Model, x: np.ndarray) -> np.ndarray:
    """The batch with the shape that the first layer declares: a vector may come as (n, C)."""
    return x.reshape(len(x), *model[0]["params"]["input_shape"])


def check_range(x: np.ndarray, form: Format) -> None:
    """B3."""
    outside = x[(x < form.low) | (x > form.high)]
    if outside.size:
        raise ValueError(f"B3: inputs are in {form.low} … {form.high}, received {outside.ravel()[0]}")


def run(model: Model, x: np.ndarray, state: State | None = None, *, keras_rounding: bool = False) -> list[np.ndarray]:
    """The outputs of every layer, in order, each in the type of B2 (`Dequantizer`: float32).

    Args:
        model: the layers.
        x: a batch. Of a temporal model: one frame of each stream.
        state: of each layer by its index; moves on by one call. None stands for zeros, and is forgotten.
        keras_rounding: makes the scale and shift steps in float32, as QuantizeML does. No rule of the page.
    """
    steps = Float32 if keras_rounding else Exact
    state = {} if state is None else state
    results: list[np.ndarray] = []
    for index, (layer, form) in enumerate(zip(model, formats(model), strict=True)):
        read = [results[i] for i in layer["inbounds"]] or [shaped(model, x)]
        if not layer["inbounds"] and layer["type"] != "Quantizer":
            check_range(read[0], Format(8, False) if layer["type"] == "InputConv2D" else form)
        values = layers.evaluate(layer, read, state.setdefault(index, {}), steps)
        if form is not None:
            assert values.min(initial=form.low) >= form.low, layer["name"]
            assert values.max(initial=form.high) <= form.high, layer["name"]
            values = values.astype(form.dtype)
        results.append(values)
    return results


def forward(model: Model, x: np.ndarray, state: State | None = None) -> np.ndarray:
    """L2: the integers of the last integer layer."""
    results = run(model, x, state)
    return results[-2] if model[-1]["type"] == "Dequantizer" else results[-1]


def predict(model: Model, x: np.ndarray, state: State | None = None) -> np.ndarray:
    """L3: what `Dequantizer` makes of them."""
    if model[-1]["type"] != "Dequantizer":
        raise ValueError("predict needs a Dequantizer; forward gives integers")
    return run(model, x, state)[-1]


class Session:
    """L5: the states of one batch of streams."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.reset()

    def reset(self) -> None:
        self.state: State = {}
        self.streams: int | None = None

    def run(self, x: np.ndarray, *, keras_rounding: bool = False) -> list[np.ndarray]:
        """One call: a frame of each stream; the outputs of every layer."""
        if self.streams not in (None, len(x)):
            raise ValueError(f"{self.streams} streams have a state, received {len(x)}; reset() forgets them")
        self.streams = len(x)
        return run(self.model, x, self.state, keras_rounding=keras_rounding)
