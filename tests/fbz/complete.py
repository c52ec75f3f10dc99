"""Models of Akida 2.0 with every parameter and variable that the oracle leaves to its default."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.oracle.akida2.counts import all_shapes

from . import akida2

ONES = ("activation_scales", "output_scales", "new_state_scale", "input_scales")


def complete(model: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The model with nothing left open (B5 to B7 of `docs/arithmetic-akida2.md`)."""
    shapes = all_shapes(model)
    made = []
    for index, layer in enumerate(model):
        full = {**layer, "params": parameters(layer), "variables": {}}
        names = akida2.tensor_names(full)
        if layer["type"] in akida2.WITH_WEIGHTS:
            names = ("weights", *names)
        if layer["type"] == "PicoPostProcessing":
            names = (*names, "threshold")
        for name in names:
            shape = akida2.variable_shape(full, name, shapes[: index + 1])
            dtype = dtype_of(layer["type"], name)
            first = 1 if name in ONES else -1 if name == "max_value" else 0
            given = layer["variables"].get(name, np.full(shape, first))
            full["variables"][name] = np.asarray(given).astype(dtype).reshape(shape)
        made.append(full)
    return made


def dtype_of(kind: str, name: str) -> np.dtype:
    if name in ("weights", "in_proj", "out_proj"):
        return np.dtype(np.int8)
    return np.dtype(np.uint16) if name == "threshold" else akida2.tensor_type(kind, name)


def parameters(layer: dict[str, Any]) -> dict[str, Any]:
    kind, given = layer["type"], layer["params"]
    defaults: dict[str, Any] = {}
    if kind in akida2.CONVOLUTIONS:
        defaults = {"pool_type": "NoPooling"}
        if given.get("pool_type") == "Max" and given.get("pool_stride") is None:
            defaults["pool_stride"] = given["pool_size"]
    if kind in akida2.WITH_WEIGHTS:
        defaults["weights_bits"] = 8
    if kind in akida2.WITH_STAGE or kind == "Add":
        bits = given.get("output_bits", 8)
        unsigned = given.get("activation") == "ReLU" and bits < 8
        buffer_bits = 28 if kind == "StatefulRecurrent" else 32
        defaults |= {"output_bits": 8, "buffer_bits": buffer_bits, "post_op_buffer_bits": 32}
        defaults["output_signed"] = not unsigned
    if kind in akida2.WITH_STAGE:
        defaults["activation"] = "NoActivation"
    if kind == "PicoPostProcessing":
        defaults = {"buffer_bits": 44}
    if kind == "Quantizer":
        defaults = {"channels_first": False}
    return defaults | {name: value for name, value in given.items() if value is not None}
