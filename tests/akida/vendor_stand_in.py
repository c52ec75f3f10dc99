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
    SameUpper = "upper"


class PoolType(Enum):
    NoPooling = "none"
    Max = "max"
    Average = "average"


class ActivationType(Enum):
    NoActivation = "none"
    ReLU = "relu"
    LUT = "table"


LayerType = Enum(
    "LayerType",
    "InputData InputConvolutional FullyConnected Convolutional SeparableConvolutional Quantizer InputConv2D Conv2D "
    "DepthwiseConv2D Conv2DTranspose DepthwiseConv2DTranspose Dense1D Add Concatenate BufferTempConv "
    "DepthwiseBufferTempConv StatefulRecurrent PicoPostProcessing Dequantizer Shiftmax",
)


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


class _Akida2(_Layer):
    """A layer of Akida 2.0. Its constructor takes the documented arguments, and adds those of what follows the sums."""

    def __init__(
        self, *, name, output_bits=8, buffer_bits=32, post_op_buffer_bits=32, activation=ActivationType.ReLU, **more
    ):
        assert isinstance(activation, ActivationType)
        super().__init__(
            name=name,
            activation=activation,
            output_bits=output_bits,
            buffer_bits=buffer_bits,
            post_op_buffer_bits=post_op_buffer_bits,
            **more,
        )

    @property
    def output_signed(self):
        p = self.parameters
        return p.activation is not ActivationType.ReLU or p.output_bits >= 8

    def _neural(self, weights, output_dims, *, first="input_shift"):
        """Makes weights, and the variables of what follows the sums."""
        filters = output_dims[2]
        if weights is not None:
            self._variable("weights", np.int8, weights)
            self._variable(first, np.uint8, (self.input_dims[2],))
        self._variable("bias", np.int8, (filters,))
        self._variable("bias_shift", np.uint8, (filters,))
        if self.parameters.activation is ActivationType.ReLU:
            self._variable("max_value", np.uint8, (filters,))
            self._variable("max_value_shift", np.uint8, (filters,))
        if self.parameters.activation is ActivationType.LUT:
            self._variable("activation_scales", np.uint8, (filters,))
            self._variable("activation_shift", np.int8, (filters,))
            self._variable("lut_values", np.int32, (2048,))
        self._variable("output_scales", np.uint8, (filters,))
        self._variable("output_shift", np.int8, (filters,))
        self.output_dims = output_dims


class _Conv2D(_Akida2):
    first = "input_shift"

    def __init__(
        self, *, name, kernel_size, padding=Padding.Same, kernel_stride=1, pool_type=PoolType.NoPooling, pool_size=-1,
        pool_stride=-1, weights_bits=8, **more,
    ):  # fmt: skip
        assert isinstance(padding, Padding)
        assert isinstance(pool_type, PoolType)
        super().__init__(
            name=name, kernel_size=kernel_size, padding=padding, kernel_stride=kernel_stride, pool_type=pool_type,
            pool_size=pool_size, pool_stride=pool_stride, weights_bits=weights_bits, **more,
        )  # fmt: skip

    def _size(self, size, window, stride):
        if self.parameters.padding is Padding.Valid:
            return (size - window) // stride + 1
        return math.ceil(size / stride)

    def _make(self):
        p, channels = self.parameters, self.input_dims[2]
        filters = getattr(p, "filters", channels)
        sizes = [self._size(size, p.kernel_size, p.kernel_stride) for size in self.input_dims[:2]]
        if p.pool_type is PoolType.Average:
            sizes = [1, 1]
        elif p.pool_type is PoolType.Max:
            sizes = [self._size(size, p.pool_size, p.pool_stride) for size in sizes]
        last = p.filters if hasattr(p, "filters") else 1
        self._neural((p.kernel_size, p.kernel_size, channels, last), [*sizes, filters], first=self.first)


class InputConv2D(_Conv2D):
    first = "padding_value"

    def __init__(self, *, input_shape, filters, **more):
        super().__init__(input_shape=input_shape, filters=filters, **more)


class Conv2D(_Conv2D):
    def __init__(self, *, filters, **more):
        super().__init__(filters=filters, **more)


class DepthwiseConv2D(_Conv2D):
    pass


class DepthwiseConv2DTranspose(_Akida2):
    def __init__(self, *, name, kernel_size, weights_bits=8, **more):
        super().__init__(name=name, kernel_size=kernel_size, weights_bits=weights_bits, **more)

    def _make(self):
        (x, y, channels), p = self.input_dims, self.parameters
        filters = getattr(p, "filters", channels)
        last = p.filters if hasattr(p, "filters") else 1
        self._neural((p.kernel_size, p.kernel_size, channels, last), [2 * x, 2 * y, filters])


class Conv2DTranspose(DepthwiseConv2DTranspose):
    def __init__(self, *, filters, **more):
        super().__init__(filters=filters, **more)


class Dense1D(_Akida2):
    def __init__(self, *, units, weights_bits=8, activation=ActivationType.NoActivation, **more):
        super().__init__(units=units, weights_bits=weights_bits, activation=activation, **more)

    def _make(self):
        units = self.parameters.units
        self._neural((math.prod(self.input_dims), units), [1, 1, units])


class DepthwiseBufferTempConv(_Akida2):
    def __init__(self, *, fifo_size, weights_bits=8, **more):
        super().__init__(fifo_size=fifo_size, weights_bits=weights_bits, **more)

    def _make(self):
        (x, y, channels), p = self.input_dims, self.parameters
        weights = (1, 1, p.fifo_size, channels)
        if hasattr(p, "filters"):
            weights = (1, 1, p.fifo_size * channels, p.filters)
        self._neural(weights, [x, y, weights[3]])


class BufferTempConv(DepthwiseBufferTempConv):
    def __init__(self, *, filters, **more):
        super().__init__(filters=filters, **more)


class StatefulRecurrent(_Akida2):
    def __init__(self, *, stateful_channels, output_channels, subsample=1, **more):
        super().__init__(
            stateful_channels=stateful_channels, output_channels=output_channels, subsample=subsample, **more
        )

    def _make(self):
        (_, steps, channels), p = self.input_dims, self.parameters
        states = p.stateful_channels
        self._variable("in_proj", np.int8, (channels, states))
        self._variable("input_shift", np.uint8, (channels,))
        self._variable("new_state_scale", np.uint8, (states,))
        for name in ("new_state_shift", "internal_state_outputs_shift"):
            self._variable(name, np.int8, (states,))
        for name in ("A_real", "A_imag"):
            self._variable(name, np.int16, (states,))
        self._variable("out_proj", np.int8, (states, p.output_channels))
        self._neural(None, [1, steps // p.subsample, p.output_channels])


class Add(_Layer):
    output_signed = True

    def __init__(self, *, name, output_bits=8, buffer_bits=32, post_op_buffer_bits=32):
        super().__init__(
            name=name, output_bits=output_bits, buffer_bits=buffer_bits, post_op_buffer_bits=post_op_buffer_bits
        )

    def _make(self):
        self.output_dims = self.input_dims
        for name, dtype in (("a_shift", np.uint8), ("b_shift", np.uint8), ("output_shift", np.int8)):
            self._variable(name, dtype, (self.input_dims[2],))


class Concatenate(_Layer):
    def __init__(self, *, name):
        super().__init__(name=name)

    def _make(self):
        self.output_signed = any(getattr(layer, "output_signed", True) for layer in self.inbounds)
        self.output_dims = [*self.input_dims[:2], sum(layer.output_dims[2] for layer in self.inbounds)]


class PicoPostProcessing(_Layer):
    output_signed = False

    def __init__(self, *, name, buffer_bits=44):
        super().__init__(name=name, buffer_bits=buffer_bits)

    def _make(self):
        self.output_dims = [1, 1, self.input_dims[2]]
        for name, dtype in (("input_scales", np.uint16), ("input_shift", np.int8), ("threshold", np.uint16)):
            self._variable(name, dtype, (self.input_dims[2],))


class Quantizer(_Layer):
    def __init__(self, *, name, input_shape, output_bits, output_signed, channels_first=False):
        self.output_signed = output_signed
        super().__init__(
            name=name,
            input_shape=input_shape,
            output_bits=output_bits,
            output_signed=output_signed,
            channels_first=channels_first,
        )

    def _make(self):
        x, y, c = self.input_dims
        self.output_dims = [y, c, x] if self.parameters.channels_first else [x, y, c]
        self._variable("scales", np.float32, (self.output_dims[2],))
        self._variable("zero_points", np.uint8, (self.output_dims[2],))


class Dequantizer(_Layer):
    def __init__(self, *, name):
        super().__init__(name=name)

    def _make(self):
        self.output_dims = self.input_dims
        self._variable("scales", np.float32, (self.input_dims[2],))


class Shiftmax(_Layer):
    """A layer that this package does not have."""

    def _make(self):
        self.output_dims = self.input_dims


class Model:
    def __init__(self):
        self.layers = []

    def add(self, layer, inbound_layers=()):
        calls.append(("add", layer.name, [inbound.name for inbound in inbound_layers]))
        layer._placed(list(inbound_layers) or self.layers[-1:])
        self.layers.append(layer)
