"""The engine as an implementation of Akida 2.0 for the rule tests, by its native module alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnn2snn import _akida
from cnn2snn.errors import UnsupportedModelError

from .akida2.layers import TEMPORAL

Description = list[dict[str, Any]]

OUTPUTS = {"output_bits": 8, "buffer_bits": 32, "post_op_buffer_bits": 32}
# A layer that names no activation has none, as in the oracle. The published constructors have others.
STAGE = {**OUTPUTS, "activation": "NoActivation", "weights_bits": 8}
WINDOWS = {**STAGE, "pool_type": "NoPooling", "pool_size": -1, "pool_stride": -1}
RECURRENT = {name: value for name, value in STAGE.items() if name != "weights_bits"}
DEFAULTS: dict[str, dict[str, Any]] = {
    "InputData": {"input_signed": False},
    "Quantizer": {"channels_first": False},
    "InputConv2D": WINDOWS,
    "Conv2D": WINDOWS,
    "DepthwiseConv2D": WINDOWS,
    "Conv2DTranspose": STAGE,
    "DepthwiseConv2DTranspose": STAGE,
    "Dense1D": STAGE,
    "Add": OUTPUTS,
    "Concatenate": {},
    "BufferTempConv": STAGE,
    "DepthwiseBufferTempConv": STAGE,
    "StatefulRecurrent": {**RECURRENT, "buffer_bits": 28, "subsample": 1},
    "PicoPostProcessing": {"buffer_bits": 44},
    "Dequantizer": {},
}


def specification(layer: dict[str, Any]) -> _akida.Spec:
    """Type and parameters of a layer, with the defaults of the page where it names none."""
    parameters = {**DEFAULTS[layer["type"]], **layer["params"]}
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in parameters.items()}
    return _akida.Spec(layer["type"], list(values.items()), layer["name"])


@contextmanager
def refusals() -> Iterator[None]:
    """Refusals of a whole model, which are a RuntimeError in Python, as the ValueError of all implementations."""
    try:
        yield
    except UnsupportedModelError as error:
        raise ValueError(str(error)) from error


def native(model: Description) -> _akida.Model:
    """The engine's model. A vector of one entry stands for all channels, as in the oracle."""
    made = _akida.Model()
    for index, layer in enumerate(model):
        made.add(layer["name"], specification(layer), layer["inbounds"])
        shapes, dtypes = made.layer(index).variables, made.layer(index).dtypes
        for name, values in layer["variables"].items():
            if name in shapes:
                wide = np.asarray(values)
                if wide.shape == (1,):
                    wide = np.broadcast_to(wide, shapes[name])
                values = wide.astype(dtypes[name])
                assert (values == wide).all() or not np.isfinite(wide).all(), f"{dtypes[name]} does not hold {name}"
            made.set_variable(index, name, np.ascontiguousarray(values))
    with refusals():
        made.check_complete()
    return made


def has_state(model: Description) -> bool:
    """Whether a call depends on the calls before it."""
    return any(layer["type"] in (*TEMPORAL, "StatefulRecurrent") for layer in model)


class Session:
    """The engine's streams: those of its model."""

    def __init__(self, model: Description) -> None:
        self.model = native(model)
        self.reset = self.model.reset

    def forward(self, x: np.ndarray) -> np.ndarray:
        return self.model.forward(x, 0, 1)


class Engine:
    """The compute kernels of this host."""

    session = Session

    def check(self, model: Description) -> None:
        native(model)

    def forward(self, model: Description, x: np.ndarray) -> np.ndarray:
        return native(model).forward(x, 0, 1)

    def predict(self, model: Description, x: np.ndarray) -> np.ndarray:
        with refusals():
            return native(model).predict(x, 0, 1)

    def shapes(self, model: Description) -> list[tuple[int, int, int]]:
        return [layer.output_shape for layer in native(model).layers()]

    def macs(self, model: Description) -> int:
        return sum(layer.macs for layer in native(model).layers())

    def events(self, model: Description, x: np.ndarray) -> list[tuple[float, float]]:
        return [(events, macs) for _, events, macs in native(model).measure(x).layers]
