"""A stand-in for the vendor's module: what the public API documentation names, and a record of the calls.

Written from that documentation alone, for the tests of the bridge. It computes nothing; shapes follow the documented
formulas. Attributes beyond the documented ones are not there, so that the bridge cannot come to need any.
"""

from __future__ import annotations

import math
from enum import Enum
from types import SimpleNamespace

import numpy as np

calls: list[tuple] = []


class Padding(Enum):
    Valid = "valid"
    Same = "same"


class PoolType(Enum):
    NoPooling = "none"
    Max = "max"
    Average = "average"


class LayerType(Enum):
    InputData = "a"
    InputConvolutional = "b"
    FullyConnected = "c"
    Convolutional = "d"
    SeparableConvolutional = "e"
    BufferTempConv = "f"


class _Layer:
    def __init__(self, **parameters):
        calls.append((type(self).__name__, dict(parameters)))
        self.name = parameters.pop("name")
        self.parameters = SimpleNamespace(layer_type=LayerType[type(self).__name__], **parameters)
        self.inbounds = []
        self._variables = {}

    def _placed(self, inbounds):
        self.inbounds = inbounds
        if inbounds:
            self.input_dims = list(inbounds[0].output_dims)
            self.input_bits = getattr(inbounds[0].parameters, "act_bits", None) or inbounds[0].parameters.input_bits
        else:
            self.input_dims = list(self.parameters.input_shape)
        self._make()

    def _make(self):
        raise NotImplementedError

    def _variable(self, name, dtype, shape):
        self._variables[name] = np.zeros(shape, dtype)

    def _outputs(self, filters):
        self._variable("threshold", np.int32, (filters,))
        self._variable("act_step", np.float32, (filters,))

    def get_variable_names(self):
        return list(self._variables)

    def get_variable(self, name):
        return self._variables[name].copy()

    def set_variable(self, name, values):
        calls.append(("set_variable", self.name, name))
        held = self._variables[name]
        if values.dtype != held.dtype or values.shape != held.shape:
            raise ValueError(f"{name}: {values.dtype} {values.shape} is not {held.dtype} {held.shape}")
        self._variables[name] = values.copy()


class InputData(_Layer):
    def __init__(self, input_shape, input_bits=4, name=""):
        super().__init__(input_shape=input_shape, input_bits=input_bits, name=name)

    def _make(self):
        self.output_dims = self.input_dims


class _Convolution(_Layer):
    def __init__(
        self, kernel_size, filters, name="", padding=Padding.Same, kernel_stride=(1, 1), weights_bits=1,
        pool_size=(-1, -1), pool_type=PoolType.NoPooling, pool_stride=(-1, -1), activation=True, act_bits=1, **more,
    ):  # fmt: skip
        assert isinstance(padding, Padding)
        assert isinstance(pool_type, PoolType)
        super().__init__(
            kernel_size=kernel_size, filters=filters, name=name, padding=padding, kernel_stride=kernel_stride,
            weights_bits=weights_bits, pool_size=pool_size, pool_type=pool_type, pool_stride=pool_stride,
            activation=activation, act_bits=act_bits, **more,
        )  # fmt: skip

    def _size(self, size, window, stride):
        if self.parameters.padding is Padding.Same:
            return math.ceil(size / stride)
        return (size - window) // stride + 1

    def _make(self):
        p = self.parameters
        self._weights(*p.kernel_size, self.input_dims[2], p.filters)
        self._outputs(p.filters)
        sizes = [self._size(*a) for a in zip(self.input_dims[:2], p.kernel_size, p.kernel_stride, strict=True)]
        if p.pool_type is PoolType.Average:
            sizes = [1, 1]
        elif p.pool_type is PoolType.Max:
            sizes = [self._size(*a) for a in zip(sizes, p.pool_size, p.pool_stride, strict=True)]
        self.output_dims = [*sizes, p.filters]

    def _weights(self, height, width, channels, filters):
        self._variable("weights", np.int8, (height, width, channels, filters))


class InputConvolutional(_Convolution):
    def __init__(self, input_shape, kernel_size, filters, *, padding_value=0, **more):
        super().__init__(kernel_size, filters, input_shape=input_shape, padding_value=padding_value, **more)


class Convolutional(_Convolution):
    pass


class SeparableConvolutional(_Convolution):
    def _weights(self, height, width, channels, filters):
        self._variable("weights", np.int8, (height, width, channels, 1))
        self._variable("weights_pw", np.int8, (1, 1, channels, filters))


class FullyConnected(_Layer):
    def __init__(self, units, name="", weights_bits=1, activation=True, act_bits=1):
        super().__init__(units=units, name=name, weights_bits=weights_bits, activation=activation, act_bits=act_bits)

    def _make(self):
        units = self.parameters.units
        self._variable("weights", np.int8, (1, 1, math.prod(self.input_dims), units))
        self._outputs(units)
        self.output_dims = [1, 1, units]


class BufferTempConv(_Layer):
    """A layer of Akida 2.0."""

    def _make(self):
        self.output_dims = self.input_dims


class Model:
    def __init__(self):
        self.layers = []

    def add(self, layer, inbound_layers=()):
        calls.append(("add", layer.name, [inbound.name for inbound in inbound_layers]))
        layer._placed(list(inbound_layers) or self.layers[-1:])
        self.layers.append(layer)
