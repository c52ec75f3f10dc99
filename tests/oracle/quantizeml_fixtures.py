"""The recorded models of `tests/fixtures/quantizeml` in the form of the oracle of Akida 2.0."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[1] / "fixtures" / "quantizeml"


@dataclass
class Fixture:
    """A recorded model.

    Attributes:
        model: its layers, as `tests.oracle.akida2` takes them.
        layers: its layers as they are recorded.
        calls: inputs, calls first; one call where the model has no state.
        out: integers of each layer in Keras, calls first; None where nothing is recorded.
        exact: the same in exact arithmetic.
        y: float outputs, in the recorded shape.
    """

    model: list[dict[str, Any]]
    layers: list[dict[str, Any]]
    calls: np.ndarray
    out: list[np.ndarray | None]
    exact: list[np.ndarray | None]
    y: np.ndarray


def _meta(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return json.loads(str(file["meta"]))


AKIDA2 = [path.stem for path in sorted(FOLDER.glob("*.npz")) if _meta(path)["ip_version"] == "v2"]


def layer_description(recorded: dict[str, Any], variables: dict[str, np.ndarray]) -> dict[str, Any]:
    """A recorded layer in the form of the oracle; the recorded range tells the sign of its outputs."""
    params = dict(recorded["params"])
    if recorded["range"]:
        params["output_signed"] = recorded["range"][0] < 0
    return {
        "name": recorded["name"],
        "type": recorded["type"],
        "inbounds": recorded["inbounds"],
        "params": params,
        "variables": variables,
    }


@cache
def load(name: str) -> Fixture:
    """A fixture of Akida 2.0 by the name of its file."""
    with np.load(FOLDER / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files}
    meta = json.loads(str(arrays["meta"]))
    layers = meta["layers"]
    one_call = not meta.get("calls")

    def recorded(key: str) -> np.ndarray | None:
        values = arrays.get(key)
        return values[None] if values is not None and one_call else values

    out = [recorded(f"{k}/out") for k in range(len(layers))]
    exact = [recorded(f"{k}/exact") for k in range(len(layers))]
    variables = [{v: arrays[f"{k}/{v}"] for v in layer["vars"]} for k, layer in enumerate(layers)]
    return Fixture(
        model=[layer_description(layer, found) for layer, found in zip(layers, variables, strict=True)],
        layers=layers,
        calls=recorded("x"),
        out=out,
        exact=[out[k] if e is None else e for k, e in enumerate(exact)],
        y=arrays["y"],
    )
