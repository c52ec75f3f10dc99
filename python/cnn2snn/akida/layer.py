"""What all layers have in common."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NoReturn

import numpy as np

from cnn2snn import _akida
from cnn2snn.akida import _arguments
from cnn2snn.akida._parameters import to_engine
from cnn2snn.akida.devices import Device, device_of
from cnn2snn.akida.enums import IpVersion
from cnn2snn.akida.layer_parameters import LayerParameters, plain
from cnn2snn.akida.learning import refuse
from cnn2snn.akida.mapping import LayerMapping, layer_mapping
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError, UnsupportedModelError


class LayerVariables(Mapping[str, np.ndarray]):
    """The variables of a layer by name.

    Reading an item gives a new array, assigning to it sets the variable.
    """

    __slots__ = ("_layer",)

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._layer._shapes():
            raise KeyError(name)
        return self._layer.get_variable(name)

    def __setitem__(self, name: str, values: np.ndarray) -> None:
        self._layer.set_variable(name, values)

    def __contains__(self, name: object) -> bool:
        return name in self._layer._shapes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._layer._shapes())

    def __len__(self) -> int:
        return len(self._layer._shapes())

    @property
    def names(self) -> list[str]:
        """The names of the variables."""
        return list(self)

    def __repr__(self) -> str:
        arrays = (f"{name}: {a.dtype} {a.shape}" for name, a in self.items())
        return f"{{{', '.join(arrays)}}}"


class Layer:
    """A layer, by itself or in a model.

    Made by the constructor of a layer type, it has a name and parameters. `Model.add` gives it a
    place in one model: dimensions, inbounds and variables; `Model.pop_layer` takes that away again,
    and the layer can be added anew, with new variables.
    """

    # The generation that the parameters are those of. `InputData` belongs to both.
    _ip_version: ClassVar[IpVersion] = IpVersion.v1
    # Arguments of the constructor that take one value only, and are no parameters.
    _fixed: ClassVar[tuple[str, ...]] = ()

    _given_name: str
    _spec: _akida.Spec
    _model: _akida.Model | None
    _native: _akida.Layer | None
    _index: int
    _inbounds: tuple[Layer, ...]

    def __init__(self, name: str = "", **parameters: object) -> None:
        kind = type(self)
        if kind is Layer:
            raise InvalidTypeError("Layer is the base of all layers", remedy="make one of a certain type")
        name = _arguments.string("name", name)
        values = to_engine(self._ip_version, name, parameters)
        self._take(_akida.Spec(kind.__name__, values, name or None), name)

    @classmethod
    def _argument_names(cls) -> list[str]:
        """Returns the constructor's arguments that are parameters: all but the name, and those of one value."""
        return [name for name in inspect.signature(cls).parameters if name not in ("name", *cls._fixed)]

    def _take(self, spec: _akida.Spec, name: str) -> None:
        self._spec = spec
        self._given_name = name
        self._detach()

    def _attach(self, model: _akida.Model, native: _akida.Layer, index: int, inbounds: tuple[Layer, ...]) -> None:
        self._model, self._native = model, native
        self._index, self._inbounds = index, inbounds

    def _detach(self) -> None:
        self._model = self._native = None
        self._index, self._inbounds = -1, ()

    def _place(self) -> tuple[_akida.Model, _akida.Layer, int]:
        """Returns the model, the place in it, and the index there."""
        if self._model is None or self._native is None:
            raise UnsupportedModelError(
                f"{_arguments.label(self._given_name)}a layer has dimensions and variables in a model only",
                layer=self._given_name or None,
                kind="detached",
                remedy="add it to one with Model.add",
            )
        return self._model, self._native, self._index

    def _copy(self) -> Layer:
        """Returns a layer with these parameters and this name that is in no model."""
        layer = type(self).__new__(type(self))
        layer._take(self._spec, self.name)
        return layer

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return self._place()[1].variables

    def _dtypes(self) -> dict[str, str]:
        return self._place()[1].dtypes

    @property
    def name(self) -> str:
        """The name; a layer made without one is named when it is added to a model."""
        return self._given_name if self._native is None else self._native.name

    @property
    def parameters(self) -> LayerParameters:
        """The constructor's arguments and `layer_type`."""
        return LayerParameters(self._spec)

    @property
    def variables(self) -> LayerVariables:
        """The variables by name, which the class of the layer lists.

        Assigning to an item sets the variable, as `set_variable` does.
        """
        return LayerVariables(self)

    def get_learning_histogram(self) -> NoReturn:
        """Refuses to tell what a layer has learned: edge learning is not part of this project.

        Raises:
            UnsupportedModelError: (RuntimeError) always.
        """
        refuse("Layer.get_learning_histogram")

    def get_variable_names(self) -> list[str]:
        """Returns the names of the variables."""
        return list(self._shapes())

    def get_variable(self, name: str) -> np.ndarray:
        """Returns a copy of a variable.

        Args:
            name: in Akida 1.0 `weights` (int8, (kernel height, kernel width, input channels, filters)),
                `weights_pw` (int8, (1, 1, channels, filters)), `threshold` (int32, (filters,)) or
                `act_step` (float32, (filters,)). The classes of Akida 2.0 have tables of theirs.

        Returns:
            A new array of the documented element type.

        Raises:
            ValueError: the layer has no such variable.
            RuntimeError: the layer is not in a model.
        """
        model, _, index = self._place()
        return model.get_variable(index, _arguments.string("name", name))

    def reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the lowest and the highest potential of each filter, whatever the inputs.

        They follow from the weights and the width of the inputs, padding and pooling considered, by interval
        arithmetic: no potential lies outside, and not all inside need to occur (``docs/arithmetic.md``, H5).

        Returns:
            Two int32 arrays of shape (filters,).

        Raises:
            ValueError: the layer has no weights.
            RuntimeError: the layer is not in a model.
        """
        model, _, index = self._place()
        return model.reach(index)

    def certify(self, boundaries: np.ndarray, device: Device | str) -> _akida.Certificates:
        """Returns what holds for every input of the layer, compared with ideal boundaries (``docs/arithmetic.md``, H9).

        Args:
            boundaries: int64, (filters, 2^act_bits - 1), rising; no elements for a layer without activation.
            device: the device whose registers hold threshold and step, or its documented name.

        Returns:
            int32 arrays (filters,): ``lowest`` and ``highest`` potential, ``lowest_level`` and ``highest_level``,
            ``held`` (whether the device holds threshold and step), ``moved_if_clipped`` (boundaries that would move
            if threshold and step were clipped to what the device holds). ``differences`` is int64 (differences, 5):
            filter, level, ideal boundary, the layer's boundary, a potential that exceeds one of the two alone.

        Raises:
            ValueError: another number of boundaries, an unknown device, or one of Akida 2.0.
            RuntimeError: the layer is not in a model.
        """
        model, _, index = self._place()
        return model.certify(index, boundaries, _with_registers(device)._native)

    def widths(self, device: Device | str) -> _akida.Widths:
        """Returns what a device holds of the layer's thresholds and steps.

        The simulator runs layers beyond these as well.

        Args:
            device: the device, or its documented name.

        Returns:
            ``min_threshold``, ``max_threshold``, ``max_step``, and ``step_unit``; stored steps are multiples of it.

        Raises:
            ValueError: an unknown device, or one of Akida 2.0.
            RuntimeError: the layer is not in a model.
        """
        return self._place()[1].widths(_with_registers(device)._native)

    def set_fitted(
        self, weights: dict[str, np.ndarray], ideal: np.ndarray, steps: np.ndarray, device: Device | str
    ) -> np.ndarray:
        """Sets weights, and the thresholds and steps that come nearest to ideal ones (``docs/arithmetic.md``, H6).

        Args:
            weights: all kernels by name, as for `set_variable`.
            ideal: int64, (filters, 2^act_bits - 1): ideal boundaries, rising. Without activation (filters,): ideal
                thresholds.
            steps: float64, (filters,): the ideal interval between boundaries, or the potentials per unit of output.
            device: the device whose registers the fit considers, or its documented name.

        Returns:
            uint8 (filters,): boundaries that differ from the ideal boundaries for a potential that the filter reaches.

        Raises:
            ValueError: a variable that is not allowed, an ideal that no layer can hold, or a device of
                Akida 2.0. The model is unchanged.
            RuntimeError: the layer is not in a model.
        """
        model, _, index = self._place()
        return model.set_fitted(index, weights, ideal, steps, _with_registers(device)._native)

    def set_variable(self, name: str, values: np.ndarray) -> None:
        """Replaces a variable.

        Args:
            name: as for `get_variable`.
            values: array of the shape and dtype that `get_variable` gives. Where these are integers, arrays of
                narrower integer types are taken as well, such as uint8 for `output_scales`. Weights are in
                ±(2^(weights_bits − 1) − 1), or {0, 1} for one bit; steps and scales are finite and positive.

        Raises:
            ValueError: the layer has no such variable; another shape or dtype; a value that is not
                allowed. The model is then unchanged.
            TypeError: `values` is not an array.
            RuntimeError: the layer is not in a model.
        """
        model, _, index = self._place()
        model.set_variable(index, _arguments.string("name", name), values)

    @property
    def input_dims(self) -> list[int]:
        """Shape of the input: [X, Y, C]; of a `Quantizer` with `channels_first` [C, X, Y]."""
        return list(self._place()[1].input_shape)

    @property
    def output_dims(self) -> list[int]:
        """Shape of the output: [X, Y, C]."""
        return list(self._place()[1].output_shape)

    @property
    def inbounds(self) -> list[Layer]:
        """The layers that this one reads; none for the first."""
        self._place()
        return list(self._inbounds)

    @property
    def input_bits(self) -> int:
        """Width of the input values in bits; 32 for the float32 inputs of a `Quantizer`."""
        return self._place()[1].input_bits

    @property
    def input_signed(self) -> bool:
        """Whether input values have a sign; those of Akida 1.0 have none."""
        return self._place()[1].input_signed

    @property
    def input_dtype(self) -> np.dtype:
        """Element type of the input: uint8, int8, int16, int32, or float32 for a `Quantizer`."""
        return np.dtype(self._place()[1].input_dtype)

    @property
    def output_bits(self) -> int | None:
        """Width of the outputs in bits; None for int32 potentials, which are outputs of Akida 1.0 without activation.

        In Akida 2.0 it is 32 for accumulators: outputs of a layer whose parameter `output_bits` is beyond 16.
        """
        return self._place()[1].output_bits

    @property
    def output_signed(self) -> bool:
        """Whether outputs have a sign. Levels of Akida 1.0 have none, potentials have one."""
        return self._place()[1].output_signed

    @property
    def output_dtype(self) -> np.dtype:
        """Element type of the outputs: uint8, int8, int16 or int32. Outputs of a `Dequantizer` are what it reads."""
        return np.dtype(self._place()[1].output_dtype)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input, border cells counted as work."""
        return self._place()[1].macs

    @property
    def mapping(self) -> LayerMapping | None:
        """Where the layer runs on the device that its model is mapped on; None in software."""
        model, _, index = self._place()
        return layer_mapping(model.mapping, index)

    def to_dict(self) -> dict[str, Any]:
        """Returns the layer as a dictionary of JSON types.

        Its keys: `name`; `inbounds`, their names; `input_shape` and `output_shape`, [X, Y, C]; `parameters`,
        `layer_type` and the constructor's arguments, enumerations as names; `variables`, nested lists
        of numbers by name.

        Raises:
            RuntimeError: the layer is not in a model.
        """
        return {
            "name": self.name,
            "inbounds": [inbound.name for inbound in self.inbounds],
            "input_shape": self.input_dims,
            "output_shape": self.output_dims,
            "parameters": {name: plain(value) for name, value in self.parameters._values.items()},
            "variables": {name: values.tolist() for name, values in self.variables.items()},
        }

    def __reduce__(self) -> NoReturn:
        raise InvalidTypeError(
            f"{_arguments.label(self.name)}a layer is not copied or pickled by itself",
            layer=self.name or None,
            kind="copy",
            remedy="copy its model",
        )

    def __repr__(self) -> str:
        name = f"{self.name!r}, " if self.name else ""
        kind, _, rest = repr(self.parameters).partition("(")
        text = f"{kind}({name}{rest}"
        return f"<{text.replace(', )', ')')}>"


def given(names: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments among the local names of a constructor: all but the layer itself and its class."""
    return {name: value for name, value in names.items() if name not in ("self", "__class__")}


def check_layer(layer: object) -> Layer:
    """Returns `layer` when it is a layer."""
    if not isinstance(layer, Layer):
        _arguments.wrong_type("", "layer", "a layer, such as Convolutional(…)", layer)
    return layer


def check_free(value: object) -> Layer:
    """Returns a value when it is a layer that is in no model."""
    layer = check_layer(value)
    if layer._model is not None:
        raise InvalidArgumentError(
            f"{_arguments.label(layer.name)}it is in a model already",
            layer=layer.name,
            kind="layer",
            remedy="make another layer for another place, or copy it with Model(layers=[…])",
        )
    return layer


def _with_registers(value: object) -> Device:
    """Returns a device of Akida 1.0, given as such or by its name: one whose registers hold thresholds and steps."""
    device = device_of(value)
    if device.ip_version != IpVersion.v1:
        remedy = "layers of Akida 2.0 have neither thresholds nor steps"
        _arguments.wrong_value("", "device", "one of Akida 1.0", device.name, remedy)
    return device
