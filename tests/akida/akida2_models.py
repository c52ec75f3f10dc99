"""Models of Akida 2.0 for tests, with variables that spread their outputs."""

import numpy as np

from cnn2snn import akida
from cnn2snn.akida import ActivationType, PoolType


def fill(model, seed=0):
    """Gives every variable random values that a chip holds as well."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        bits = getattr(layer.parameters, "weights_bits", 8)
        for name, values in layer.variables.items():
            kind = "sum_shift" if (layer.name, name) == ("sum", "output_shift") else name
            layer.set_variable(name, _values(rng, kind, values, 2 ** (bits - 1) - 1))
    return model


def _values(rng, name, old, largest_weight):
    if old.dtype == np.float32:
        return rng.uniform(0.1, 30, old.shape).astype(np.float32)
    low, high = {
        "weights": (-largest_weight, largest_weight),
        "in_proj": (-127, 127),
        "out_proj": (-127, 127),
        "bias": (-128, 127),
        "max_value": (100, 255),
        "max_value_shift": (5, 8),
        "sum_shift": (-2, 0),
        "lut_values": (-30_000, 30_000),
        "output_scales": (100, 255),
        "output_shift": (-14, -9),
        "activation_shift": (-12, -8),
        "new_state_scale": (1, 255),
        "internal_state_outputs_shift": (-15, -15),
        "A_real": (-20_000, 20_000),
        "A_imag": (-20_000, 20_000),
        "input_scales": (1, 60_000),
        "threshold": (0, 20_000),
        "zero_points": (0, 255),
        "padding_value": (0, 255),
    }.get(name, (-3, 3) if old.dtype == np.int8 else (0, 3))
    return rng.integers(low, high, old.shape, endpoint=True).astype(old.dtype)


def model_of_every_layer():
    """A model of every layer without state, from floats of shape (8, 6, 3) to floats of shape (1, 1, 3)."""
    model = akida.Model(
        layers=[
            akida.Quantizer((8, 6, 3), output_signed=False, name="quantizer"),
            akida.InputConv2D((8, 6, 3), 4, 3, kernel_stride=2, output_bits=4, weights_bits=4, name="image"),
            akida.Conv2DTranspose(4, 3, name="left"),
        ]
    )
    _, image, left = model.layers
    model.add(akida.DepthwiseConv2DTranspose(4, activation=ActivationType.NoActivation, name="right"), [image])
    model.add(akida.Add(name="sum"), [left, model.get_layer("right")])
    model.add(akida.Concatenate(name="join"), [model.get_layer("sum"), left])
    model.add(akida.DepthwiseConv2D(3, activation=ActivationType.LUT, name="table"))
    model.add(akida.Conv2D(5, 3, pool_type=PoolType.Max, pool_size=2, output_bits=8, name="pooled"))
    model.add(akida.Conv2D(6, 1, pool_type=PoolType.Average, output_bits=16, name="average"))
    model.add(akida.Dense1D(3, output_bits=32, name="classes"))
    model.add(akida.Dequantizer(name="floats"))
    return fill(model)


def stateful_model():
    """A model of every layer with state, from int16 rows of shape (1, 8, 2) to decisions of shape (1, 1, 2)."""
    model = akida.Model(
        layers=[
            akida.InputData((1, 8, 2), input_bits=16, name="rows"),
            akida.BufferTempConv(3, 3, name="queue"),
            akida.DepthwiseBufferTempConv(2, activation=ActivationType.NoActivation, name="depthwise"),
            akida.StatefulRecurrent(4, 2, output_bits=32, name="states"),
        ]
    )
    model.add(akida.PicoPostProcessing(name="decision"), [model.layers[-1], model.layers[0]])
    return fill(model)


def queue_model():
    """A model whose outputs are 10 times the input before, plus the newest input; int8 of shape (1, 1, 1)."""
    queue = akida.BufferTempConv(1, 2, activation=ActivationType.NoActivation, name="queue")
    model = akida.Model(layers=[akida.InputData((1, 1, 1), input_bits=8, name="in"), queue])
    queue.set_variable("weights", np.array([10, 1], np.int8).reshape(1, 1, 2, 1))
    return model


def steps(*values):
    """A clip for `queue_model`: values of shape (steps, streams) as int8 of shape (steps, streams, 1, 1, 1)."""
    return np.array(values, np.int8)[..., np.newaxis, np.newaxis, np.newaxis]
