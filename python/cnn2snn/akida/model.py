"""The model of the documented API."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from cnn2snn import _akida
from cnn2snn._files import path_of
from cnn2snn.akida import _arguments, _copies, _dictionary, _summary
from cnn2snn.akida._chip import Mappable
from cnn2snn.akida._plan import KernelChoice, PlanMemory
from cnn2snn.akida._run import Runnable
from cnn2snn.akida.enums import IpVersion
from cnn2snn.akida.layer import Layer, check_free
from cnn2snn.akida.layers import layers_of
from cnn2snn.akida.learning import WithoutLearning
from cnn2snn.errors import InvalidArgumentError


class Model(Runnable, Mappable, WithoutLearning):
    """A network of layers of Akida 1.0 or Akida 2.0 that runs on this host, bit-exactly.

    Layers form a graph: each reads the outputs of earlier ones, the first takes the inputs, the
    last gives the outputs. Every change is checked; one that breaks a rule raises an error and
    changes nothing. A model whose branches are not all joined yet can be built on, but neither run
    nor saved.

    Several threads can run one model, also while another one edits it: a run under way goes on with
    the model as it was. Complete models are copied and pickled with their variables. A model with temporal or
    recurrent layers keeps streams between calls of `forward`; `session` makes others. No file or copy has streams.

    Args:
        filename: `.fbz` file to load.
        layers: layers to add one after the other, each reading the one before. Layers of another model are copied with
            their variables, each reading the copies of what it reads there. Where the first of them is no input, an
            `InputData` is put before it.

    Raises:
        ValueError: the file is not a valid model, or a layer does not fit.
        TypeError: an argument has the wrong type.
        OSError: the file cannot be read.
    """

    def __init__(
        self,
        filename: str | os.PathLike[str] | None = None,
        layers: Iterable[Layer] | None = None,
    ) -> None:
        if filename is not None and layers is not None:
            raise InvalidArgumentError("a model must be made of a file or of layers, received both", kind="layers")
        if filename is None:
            self._hold(_akida.Model())
        else:
            self._hold(_akida.Model.load(path_of("filename", filename)))
        if layers is not None:
            if isinstance(layers, Layer) or not isinstance(layers, Iterable):
                _arguments.wrong_type("", "layers", "a list of layers", layers)
            _copies.fill(self, layers)

    def _hold(self, native: _akida.Model) -> None:
        self._native = native
        self._layers = layers_of(native)
        # Keeps the list of layers in step with the native model; not needed to run.
        self._editing = threading.Lock()

    # Building

    def add(self, layer: Layer, inbound_layers: Sequence[Layer] = ()) -> None:
        """Adds a layer.

        Args:
            layer: a layer that is in no model.
            inbound_layers: layers of this model whose outputs it reads; the last layer when empty.

        Raises:
            ValueError: the layer does not fit its inputs, its name is taken, it is in a model
                already, or an inbound is not in this model.
            TypeError: an argument has the wrong type.
        """
        if isinstance(inbound_layers, Layer) or not isinstance(inbound_layers, Sequence):
            expected = "a list of layers of this model"
            _arguments.wrong_type("", "inbound_layers", expected, inbound_layers)
        with self._editing:
            layer = check_free(layer)
            inbounds = [self._index_of(inbound) for inbound in inbound_layers]
            index = self._native.add(layer.name, layer._spec, inbounds)
            native = self._native.layer(index)
            read = tuple(self._layers[i] for i in native.inbounds)
            layer._attach(self._native, native, index, read)
            self._layers.append(layer)

    def _index_of(self, layer: object) -> int:
        if not isinstance(layer, Layer):
            _arguments.wrong_type("", "every inbound", "a layer of this model", layer, kind="inbound")
        if layer._model is not self._native:
            remedy = "add it first" if layer._model is None else ""
            name = f'"{layer.name}", which is not in it'
            _arguments.wrong_value("", "every inbound", "a layer of this model", name, remedy, kind="inbound")
        return layer._index

    def pop_layer(self) -> None:
        """Removes the last layer, which loses its variables and can be added again.

        Raises:
            ValueError: the model has no layer.
        """
        with self._editing:
            self._native.pop()
            self._layers.pop()._detach()

    # Looking

    @property
    def layers(self) -> list[Layer]:
        """The layers, first to last."""
        return list(self._layers)

    def get_layer(self, name_or_index: str | int) -> Layer:
        """Returns a layer.

        Args:
            name_or_index: its name, or its index; negative ones count from the end.

        Raises:
            ValueError: there is no such layer.
            TypeError: neither a str nor an integer.
        """
        layers = self._layers
        if isinstance(name_or_index, str):
            for layer in layers:
                if layer.name == name_or_index:
                    return layer
            names = ", ".join(f'"{layer.name}"' for layer in layers) or "none"
            _arguments.wrong_value("", "the layer", f"one of {names}", f'"{name_or_index}"', kind="layer")
        count = len(layers)
        index = _arguments.integer("", "the layer's index", name_or_index, low=-(2**31), kind="index")
        if not -count <= index < count:
            allowed = f"in {-count}..={count - 1}" if count else "absent: the model has no layer"
            _arguments.wrong_value("", "the layer's index", allowed, index, kind="index")
        return layers[index]

    def get_layer_count(self) -> int:
        """Returns the number of layers."""
        return len(self._layers)

    @property
    def layer_count(self) -> int:
        """The number of layers."""
        return len(self._layers)

    @property
    def input_shape(self) -> list[int]:
        """Shape of one input: [X, Y, C]; [C, X, Y] for a `Quantizer` with `channels_first`."""
        return self._end(0).input_dims

    @property
    def input_dtype(self) -> np.dtype:
        """Element type of the inputs: uint8, int8, int16, or float32 for a `Quantizer`."""
        return self._end(0).input_dtype

    @property
    def output_shape(self) -> list[int]:
        """Shape of one output: [X, Y, C]."""
        return self._end(-1).output_dims

    @property
    def output_dtype(self) -> np.dtype:
        """Element type of what `forward` gives: uint8, int8, int16 or int32."""
        return self._end(-1).output_dtype

    @property
    def ip_version(self) -> IpVersion:
        """Generation of the hardware that the layers belong to; `v1` where they leave it open."""
        versions = (layer._spec.ip_version for layer in self._layers)
        return IpVersion[next(filter(None, versions), IpVersion.v1.name)]

    @property
    def input_scaling(self) -> tuple[float, float] | None:
        """How inputs follow from those of the network that the model was made from: (scale, shift).

        Inputs of this model are scale · x + shift for real inputs x of that network. `convert` says it; None where
        nobody has. It is kept in files and copies, and changes no result.

        Raises:
            ValueError: (when set) not two finite numbers, the first greater than zero.
            TypeError: (when set) not a tuple of numbers.
        """
        return self._native.input_scaling

    @input_scaling.setter
    def input_scaling(self, value: tuple[float, float] | None) -> None:
        scaling = None if value is None else _arguments.reals("input_scaling", value, 2)
        self._native.set_input_scaling(scaling)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one input, border cells counted as work."""
        return sum(layer.macs for layer in self._layers)

    def summary(self) -> None:
        """Prints shapes and layers."""
        print(_summary.text(self))

    def explain_plan(self) -> list[KernelChoice]:
        """Returns the kernel that runs each operation on this host, and why not a faster one.

        Raises:
            RuntimeError: the model is not complete.
        """
        return [KernelChoice(c.layer, c.kernel, tuple(c.declined)) for c in self._native.choices()]

    def plan_memory(self) -> PlanMemory:
        """Returns the memory that running the model takes on this host.

        Raises:
            RuntimeError: the model is not complete.
        """
        packed, scratch = self._native.plan_bytes()
        return PlanMemory(dict(zip((layer.name for layer in self._layers), packed, strict=True)), scratch)

    # Saving

    def save(self, model_file: str | os.PathLike[str]) -> None:
        """Writes the model to an `.fbz` file, all of it or nothing.

        Args:
            model_file: path of the file; its folder must exist.

        Raises:
            OSError: the file cannot be written. An old file is then as it was.
            RuntimeError: the model is not complete.
        """
        self._native.save(path_of("model_file", model_file))

    def to_buffer(self) -> bytes:
        """Returns the bytes of the `.fbz` file; equal models give equal bytes.

        Raises:
            RuntimeError: the model is not complete.
        """
        return self._native.to_buffer()

    @staticmethod
    def from_buffer(buffer: bytes) -> Model:
        """Returns the model in the bytes of an `.fbz` file.

        Args:
            buffer: bytes, bytearray or memoryview.

        Raises:
            ValueError: the bytes are not a valid model.
            TypeError: not bytes.
        """
        if not isinstance(buffer, (bytes, bytearray, memoryview)):
            _arguments.wrong_type("", "buffer", "bytes", buffer)
        model = Model.__new__(Model)
        model._hold(_akida.Model.from_buffer(bytes(buffer)))
        return model

    def to_dict(self) -> dict[str, Any]:
        """Returns the model as a dictionary of JSON types, variables as nested lists of numbers.

        It has the keys `format`, `format_version`, `ip_version`, `input_scaling` and `layers`; a layer's are those
        of `Layer.to_dict`. `from_dict` gives an equal model.

        Raises:
            RuntimeError: the model is not complete.
        """
        self._native.check_complete()
        return {**_dictionary.head_of(self), "layers": [layer.to_dict() for layer in self._layers]}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Model:
        """Returns the model in a dictionary made by `to_dict`, checked as a file is.

        Args:
            values: the dictionary. No key may be missing, none is ignored; shapes must be those that
                follow from the parameters.

        Raises:
            ValueError: the dictionary is not that of a valid model; the message has the key.
            TypeError: not a dictionary.
        """
        if not isinstance(values, dict):
            _arguments.wrong_type("", "values", "a dictionary made by Model.to_dict", values)
        model = Model()
        _dictionary.fill(model, values)
        return model

    def to_json(self) -> str:
        """Returns `to_dict` as JSON text, one layer a line. It is lossless: numbers read back exactly.

        Raises:
            RuntimeError: the model is not complete.
        """
        self._native.check_complete()
        return _dictionary.text_of(self)

    @staticmethod
    def from_json(text: str | bytes) -> Model:
        """Returns the model in a text made by `to_json`, checked as a file is.

        Args:
            text: JSON text; bytes are UTF-8.

        Raises:
            ValueError: the text is not that of a valid model; the message says where.
            TypeError: neither str nor bytes.
        """
        if not isinstance(text, (str, bytes, bytearray)):
            _arguments.wrong_type("", "text", "a str or bytes", text)
        values = _dictionary.parse(text)
        model = Model()
        _dictionary.fill(model, values)
        return model

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return Model.from_buffer, (self.to_buffer(),)

    def __repr__(self) -> str:
        if not self._layers:
            return "<Model without layers>"
        count = len(self._layers)
        plural = "s" if count > 1 else ""
        return f"<Model of {count} layer{plural}: {self.input_shape} to {self.output_shape}>"

    def _repr_html_(self) -> str:
        return _summary.markup(self)
