"""Small models of Akida 2.0 in the form of the oracle, for tests: layers in a line by constructors of a few words."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

NUMBER = count()
DTYPES = {
    "weights": np.int8,
    "in_proj": np.int8,
    "out_proj": np.int8,
    "bias": np.int8,
    "max_value": np.int16,
    "lut_values": np.int32,
    "output_scales": np.uint16,
    "activation_scales": np.uint16,
    "new_state_scale": np.uint16,
    "input_scales": np.uint16,
    "threshold": np.uint16,
    "output_shift": np.int8,
    "activation_shift": np.int8,
    "new_state_shift": np.int8,
    "internal_state_outputs_shift": np.int8,
    "A_real": np.int16,
    "A_imag": np.int16,
    "scales": np.float32,
}
OTHERS = (
    "input_shift",
    "bias_shift",
    "max_value_shift",
    "padding_value",
    "a_shift",
    "b_shift",
    "zero_points",
)


def array(values: Any, dtype: type) -> np.ndarray:
    """An array of a type that holds the values."""
    made = np.asarray(values)
    assert np.issubdtype(dtype, np.floating) or (made == made.astype(dtype)).all(), f"{dtype} does not hold {values}"
    return made.astype(dtype)


def layer(kind: str, params: dict[str, Any], read: int | tuple[int, ...] | None = None, **given: Any) -> dict[str, Any]:
    """A layer; `given` are variables, and parameters for everything that is none. It reads the layer `read`, or 0."""
    variables = {}
    params = dict(params)
    for name, values in given.items():
        if name in DTYPES or name in OTHERS:
            dtype = DTYPES.get(name, np.uint8)
            if name == "input_shift" and kind == "PicoPostProcessing":
                dtype = np.int8
            variables[name] = array(np.atleast_1d(values), dtype)
        else:
            params[name] = values
    inbounds = [0] if read is None else list(np.atleast_1d(read))
    return {
        "name": f"{kind.lower()}_{next(NUMBER)}",
        "type": kind,
        "inbounds": [int(i) for i in inbounds],
        "params": params,
        "variables": variables,
    }


def data(shape: tuple[int, int, int], bits: int = 8) -> dict[str, Any]:
    """An InputData, the first layer."""
    made = layer("InputData", {"input_shape": shape, "input_bits": bits})
    return made | {"inbounds": []}


def conv(kernel: int, filters: int, padding: str = "Same", stride: int = 1, channels: int = 1, **given: Any) -> dict:
    """A Conv2D of one input channel unless `channels` says otherwise, with weights of zero unless they are given."""
    params = {"kernel_size": kernel, "filters": filters, "padding": padding, "kernel_stride": stride}
    given = {"weights": np.zeros((kernel, kernel, channels, filters)), **given}
    return layer("Conv2D", params, **given)


def image(
    shape: tuple[int, int, int], weights: np.ndarray, padding: str = "Same", stride: int = 1, **given: Any
) -> dict:
    """An InputConv2D, the first layer."""
    kernel, filters = np.shape(weights)[0], np.shape(weights)[3]
    params = {
        "input_shape": shape,
        "kernel_size": kernel,
        "filters": filters,
        "padding": padding,
        "kernel_stride": stride,
    }
    return layer("InputConv2D", params, weights=weights, **given) | {"inbounds": []}


def dense(weights: Any, read: int | None = None, **given: Any) -> dict[str, Any]:
    """A Dense1D."""
    return layer("Dense1D", {"units": np.shape(weights)[1]}, read, weights=weights, **given)


def buffer_temp_conv(
    fifo: int, weights: Any, shape: tuple[int, int, int] = (1, 1, 1), **given: Any
) -> list[dict[str, Any]]:
    """A BufferTempConv on 16 bits, weights as rows of frames and channels. Outputs are accumulators."""
    params = {"fifo_size": fifo, "filters": np.shape(weights)[1], "output_bits": 32}
    return [data(shape, 16), layer("BufferTempConv", params, weights=np.asarray(weights)[None, None], **given)]


def depthwise_buffer_temp_conv(
    weights: Any, shape: tuple[int, int, int] = (1, 1, 1), **given: Any
) -> list[dict[str, Any]]:
    """A DepthwiseBufferTempConv on 16 bits, a row of weights per frame. Outputs are accumulators."""
    params = {"fifo_size": len(weights), "output_bits": 32}
    made = layer("DepthwiseBufferTempConv", params, weights=np.asarray(weights)[None, None], **given)
    return [data(shape, 16), made]


def recurrent(shape: tuple[int, int, int] = (1, 2, 1), subsample: int = 1, **given: Any) -> list[dict[str, Any]]:
    """A StatefulRecurrent on 16 bits: the worked example of section I but for what is given."""
    given = {
        "in_proj": [[100]],
        "out_proj": [[2]],
        "A_real": 16384,
        "A_imag": 8192,
        "new_state_scale": 128,
        "new_state_shift": 3,
        "internal_state_outputs_shift": -15,
        "output_bits": 32,
        **given,
    }
    states, channels = np.shape(given["out_proj"])
    params = {"stateful_channels": states, "output_channels": channels, "subsample": subsample}
    return [data(shape, 16), layer("StatefulRecurrent", params, **given)]


def dequantizer(scales: Any, read: int) -> dict[str, Any]:
    """A Dequantizer, the last layer."""
    return layer("Dequantizer", {}, read, scales=scales)


def one_unit(**stage: Any) -> list[dict[str, Any]]:
    """One input of 16 bits, one unit, weight 1: the sum is the input."""
    return [data((1, 1, 1), 16), dense([[1]], **stage)]


def scalars(*numbers: int, dtype: type = np.int16) -> np.ndarray:
    """A batch of single values."""
    return np.array(numbers, dtype).reshape(-1, 1, 1, 1)


def values(engine: Any, model: list[dict[str, Any]], x: np.ndarray) -> list[int]:
    """All integers of the last integer layer."""
    return engine.forward(model, x).ravel().tolist()
