"""Files for the tests of the QuantizeML reader: the fixtures, copies of them with changes, and small models by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from cnn2snn.conversion.quantizeml import Network
from cnn2snn.conversion.quantizeml.model_config import read_model_config
from cnn2snn.conversion.quantizeml.network import before_dequantizer

FIXTURES = Path(__file__).parents[2] / "fixtures" / "quantizeml"


def recorded(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the published converter made of a fixture: its description, and all arrays."""
    with np.load(FIXTURES / f"{name}.npz") as file:
        arrays = {key: file[key] for key in file.files if key != "meta"}
        return json.loads(str(file["meta"])), arrays


def names(ip_version: str, suffix: str) -> list[str]:
    """The fixtures of a generation that have a file with this suffix."""
    found = [path.stem for path in sorted(FIXTURES.glob(f"*{suffix}"))]
    return [name for name in found if recorded(name)[0]["ip_version"] == ip_version]


def changed(
    name: str,
    folder: Path,
    config: Callable[[dict[str, dict[str, Any]]], object] | None = None,
    variables: dict[str, Any] | None = None,
) -> Path:
    """A copy of a fixture.

    Args:
        name: the fixture.
        folder: where the copy goes.
        config: changes the entries of the layers in `model_config`, given by name.
        variables: new values by the path of the dataset below `model_weights`.
    """
    path = folder / "changed.h5"
    shutil.copyfile(FIXTURES / f"{name}.h5", path)
    with h5py.File(path, "r+") as file:
        if config is not None:
            model = json.loads(file.attrs["model_config"])
            config({entry["name"]: entry for entry in model["config"]["layers"]})
            file.attrs["model_config"] = json.dumps(model)
        for place, values in (variables or {}).items():
            del file["model_weights"][place]
            file["model_weights"][place] = np.asarray(values, np.float32)
    return path


class Model:
    """A Functional model by hand, layer by layer.

    Args:
        shape: the shape of its input, without the batch.
        dtype: the type of its input.
    """

    def __init__(self, shape: tuple[int | None, ...], dtype: str = "uint8") -> None:
        self.layers: list[dict[str, Any]] = []
        self.variables: dict[str, dict[str, np.ndarray]] = {}
        self.random = np.random.default_rng(0)
        self.last = ""
        self.add("InputLayer", "input_1", [], batch_input_shape=[None, *shape], dtype=dtype)

    def add(
        self,
        cls: str,
        name: str,
        inbounds: list[str] | None = None,
        variables: dict[str, Any] | None = None,
        **config: Any,
    ) -> str:
        """Adds a layer behind the last one, or behind `inbounds`."""
        inbounds = [self.last] if inbounds is None else inbounds
        nodes = [[[source, 0, 0, {}] for source in inbounds]] if inbounds else []
        prefix = "Custom>" if cls.startswith(("Quantized", "Input", "Dequantizer")) and cls != "InputLayer" else ""
        self.layers.append(
            {"class_name": f"{prefix}{cls}", "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}
        )
        self.variables[name] = {key: np.asarray(value, np.float32) for key, value in (variables or {}).items()}
        self.last = name
        return name

    def conv(self, name: str, channels: int, filters: int, inbounds: list[str] | None = None, **config: Any) -> str:
        """Adds a 3x3 QuantizedConv2D of 8 bits without bias; `output_bits` gives it an output quantizer."""
        bits, axis = config.pop("output_bits", None), config.pop("axis", "per-tensor")
        size = config.setdefault("kernel_size", [3, 3])
        quant = {"weight_quantizer": {"bitwidth": 8}, "buffer_bitwidth": 28}
        variables = {"kernel": self.random.normal(size=(*size, channels, filters))}
        if bits is not None:
            quant["output_quantizer"] = {"bitwidth": bits, "axis": axis}
            variables |= self.ranges(filters if axis == "per-axis" else None)
        config = {"padding": "same", "use_bias": False, "quant_config": quant, **config}
        return self.add("QuantizedConv2D", name, inbounds, variables, filters=filters, **config)

    def relu(self, name: str, inbounds: list[str] | None = None, bits: int | None = 8, **config: Any) -> str:
        """Adds a QuantizedReLU with an output quantizer per tensor."""
        quant = {} if bits is None else {"output_quantizer": {"bitwidth": bits, "signed": bits >= 8}}
        variables = {} if bits is None else self.ranges()
        config = {"max_value": 6.0, "quant_config": quant, **config}
        return self.add("QuantizedReLU", name, inbounds, variables, **config)

    def dense(self, name: str, inputs: int, units: int, inbounds: list[str] | None = None, **config: Any) -> str:
        """Adds a QuantizedDense of 8 bits without bias."""
        variables = {"kernel": self.random.normal(size=(inputs, units))}
        config = {"use_bias": False, "quant_config": {"weight_quantizer": {"bitwidth": 8}}, **config}
        return self.add("QuantizedDense", name, inbounds, variables, units=units, **config)

    def end(self, inbounds: list[str] | None = None) -> Model:
        """Adds the Dequantizer."""
        self.add("Dequantizer", "dequantizer", inbounds)
        return self

    @staticmethod
    def ranges(channels: int | None = None) -> dict[str, np.ndarray]:
        """Variables of an output quantizer."""
        shape = () if channels is None else (channels,)
        return {
            "output_quantizer/range_max": np.full(shape, 4, np.float32),
            "output_quantizer/rescaling_rate": np.ones(shape, np.float32),
        }

    def config(self) -> dict[str, Any]:
        """The configuration as Keras 2 writes it."""
        return {
            "class_name": "Functional",
            "config": {
                "name": "model",
                "layers": self.layers,
                "input_layers": [[self.layers[0]["name"], 0, 0]],
                "output_layers": [[self.last, 0, 0]],
            },
        }

    def network(self) -> Network:
        """The neutral form of the model, without a file."""
        skeleton = read_model_config(self.config())
        nodes = [
            replace(node, variables={path.rpartition("/")[2]: v for path, v in self.variables[node.name].items()})
            for node in skeleton.nodes
        ]
        kept, ignored = before_dequantizer(nodes)
        return Network(skeleton.name, kept, skeleton.inputs, skeleton.outputs, ignored)

    def save(self, folder: Path) -> Path:
        """Writes the model and returns its path."""
        path = folder / "model.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(self.config())
            weights = file.create_group("model_weights")
            for layer, variables in self.variables.items():
                group = weights.require_group(layer)
                paths = [f"{layer}/{name}:0" for name in variables]
                group.attrs["weight_names"] = paths if paths else np.zeros(0)
                for place, values in zip(paths, variables.values(), strict=True):
                    group[place] = values
        return path


def small() -> Model:
    """A model that can be converted: an image layer, a dense layer and the Dequantizer."""
    model = Model((4, 4, 3))
    model.conv("conv", 3, 2, kernel_size=[3, 3], padding="valid")
    model.relu("relu")
    model.add("QuantizedFlatten", "flatten")
    model.dense("dense", 8, 5)
    return model.end()
