"""Remedies that are followed work: each message on the way from Keras to Akida 1.0 is raised, and its remedy done.

`test_every_remedy_is_followed` finds the places in the sources that give a remedy: a new one asks for a case here.
"""

import ast
import inspect
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import cnn2snn
from cnn2snn import errors
from cnn2snn._keras import keras, tf
from cnn2snn.quantization_layers import (
    QuantizedConv2D,
    QuantizedDense,
    QuantizedDepthwiseConv2D,
    QuantizedReLU,
    QuantizedSeparableConv2D,
)
from cnn2snn.quantization_ops import LinearWeightQuantizer, MaxPerAxisQuantizer, MaxQuantizer
from cnn2snn.transforms import prepare, reshape

L = keras.layers
GAP = L.GlobalAveragePooling2D
Q4 = MaxPerAxisQuantizer(4)
PACKAGE = Path(cnn2snn.__file__).parent
# The files whose remedies are followed.
FILES = [
    PACKAGE / "quantization.py",
    *(PACKAGE / "conversion" / "keras").glob("*.py"),
    *(PACKAGE / "conversion" / "akida1" / name for name in ("layers.py", "inputs.py", "model.py", "variables.py")),
    PACKAGE / "conversion" / "scaling.py",
    PACKAGE / "conversion" / "input_rules.py",
    PACKAGE / "graph" / "read.py",
    PACKAGE / "graph" / "build.py",
    PACKAGE / "graph" / "batchnorm.py",
    PACKAGE / "graph" / "values.py",
    PACKAGE / "transforms" / "fold_batchnorm.py",
    PACKAGE / "transforms" / "invert_batchnorm_pooling.py",
]
# Helpers that make errors for others, and places that pass a remedy on.
MAKERS = {"__init__", "refuse", "_refuse", "_error", "_width", "_check"}
# Remedies that take another process or another file, or that no model asks for.
ELSEWHERE = {
    "read.py": (
        "environment variable",
        "load_quantized_model",
        "call it outside of tf.Graph",
        "turn them into numbers",
        "input of known size",
    ),
    "build.py": ("leave that out of the call",),
    # Of samples, which conversion does not read.
    "scaling.py": ("give the input_scaling that relates", "they are with"),
}


def chain(*layers, shape=(8, 8, 1)):
    return keras.Sequential([keras.Input(shape, name="input"), *layers])


def conv(filters=4, kernel=3, **arguments):
    return QuantizedConv2D(filters, kernel, Q4, **{"padding": "same", **arguments})


def stem():
    return L.Conv2D(4, 3, padding="same"), L.ReLU()


def head():
    return L.Flatten(name="flat"), L.Dense(3)


def body(*layers, shape=(8, 8, 1)):
    """Layers behind a convolution and its ReLU, and before a dense layer."""
    return chain(*stem(), *layers, *head(), shape=shape)


def pipeline(model, **options):
    """From a Keras model to an Akida model."""
    arguments = {key: options.pop(key) for key in ("quantizer_function", "fold_BN") if key in options}
    quantized = any(type(layer).__name__.startswith("Quantized") for layer in model.layers)
    return cnn2snn.convert(model if quantized else cnn2snn.quantize(model, 4, 4, 8, **arguments), **options)


@dataclass
class Case:
    """A model, the remedy of what is wrong with it, and the model with the remedy done.

    `broken` and `followed` give a model, or a model and options, for `pipeline`; or they do the job and give None.
    """

    broken: object
    remedy: str
    followed: object
    announced: str = ""
    then: tuple = field(default=())


def joined(join, activate=True, tops=(6.0, 6.0), flat=False):
    x = keras.Input((8, 8, 1))
    y = L.ReLU(6.0)(L.Conv2D(4, 3, padding="same")(x))
    branches = [L.Conv2D(4, 3, padding="same")(y) for _ in range(2)]
    if activate:
        branches = [L.ReLU(top)(branch) for branch, top in zip(branches, tops, strict=True)]
    if flat:
        return keras.Model(x, L.Dense(3)(join([L.Flatten()(branch) for branch in branches])))
    return keras.Model(x, L.Dense(3)(L.Flatten()(join(branches))))


def averaged_branches(maps):
    x = keras.Input((8, 8, 1))
    y = L.ReLU(6.0)(L.Conv2D(4, 3)(x))
    branches = [L.ReLU(6.0)(GAP()(L.Conv2D(4, 3)(y))) for _ in range(2)]
    if maps:
        branches = [L.Reshape((1, 1, 4))(branch) for branch in branches]
    return keras.Model(x, L.Dense(3)(L.Concatenate()(branches)))


def quantized_branches(tops=(6.0, 6.0), bits=(4, 4)):
    x = keras.Input((8, 8, 1))
    y = QuantizedReLU(4)(conv()(x))
    branches = [QuantizedReLU(b, top)(conv()(y)) for top, b in zip(tops, bits, strict=True)]
    return keras.Model(x, QuantizedReLU(4)(conv()(L.Concatenate()(branches))))


def split(before):
    x = keras.Input((8, 8, 1))
    y = L.Conv2D(4, 3, padding="same")(x)
    if before:
        y = L.ReLU(6.0)(y)
        branches = [L.ReLU(6.0)(L.Conv2D(4, 3, padding="same")(y)), y]
    else:
        branches = [L.ReLU(6.0)(y), L.ReLU(6.0)(y)]
    return keras.Model(x, L.Dense(3)(L.Flatten()(L.Concatenate()(branches))))


def pooled_branches(after):
    x = keras.Input((8, 8, 1))
    y = L.Conv2D(4, 3, padding="same")(x)
    y = L.ReLU(6.0)(L.MaxPooling2D(2)(y)) if not after else L.ReLU(6.0)(y)
    z = L.MaxPooling2D(2)(y) if after else y
    branches = [L.ReLU(6.0)(L.Conv2D(4, 3, padding="same", strides=s)(t)) for t, s in ((y, 1 + after), (z, 1))]
    return keras.Model(x, L.Dense(3)(L.Flatten()(L.Concatenate()(branches))))


def normalized(gamma=1.0, value=0.0, pool=True, **arguments):
    model = body(
        L.Conv2D(4, 3, padding="same"),
        *([L.MaxPooling2D(2)] if pool else []),
        L.BatchNormalization(**arguments),
        L.ReLU(),
    )
    norm = next(layer for layer in model.layers if "Batch" in type(layer).__name__)
    norm.gamma.assign([1.0, gamma, 1.0, 1.0][: norm.gamma.shape[0]] + [1.0] * (norm.gamma.shape[0] - 4))
    norm.beta.assign([value, *[0.0] * (norm.beta.shape[0] - 1)])
    return model


def quantized_normalization(place, gamma=1.0):
    layers = [conv(), L.MaxPooling2D(2), L.BatchNormalization(), QuantizedReLU(4)]
    if place == "late":
        layers = [conv(), QuantizedReLU(4), L.BatchNormalization()]
    elif place == "early":
        layers = [conv(), L.BatchNormalization(), QuantizedReLU(4)]
    model = chain(*layers)
    norm = next(layer for layer in model.layers if "Batch" in type(layer).__name__)
    norm.gamma.assign([1.0, gamma, 1.0, 1.0])
    return model


def flattened_normalization():
    return chain(conv(), L.Flatten(), L.BatchNormalization())


def with_weights(model, value):
    kernel = np.asarray(model.layers[0].kernel).copy()
    kernel[0, 0, 0, 0] = value
    model.layers[0].kernel.assign(kernel)
    return model


def twice(shared):
    x = keras.Input((8, 8, 1))
    y = L.ReLU(6.0)(L.Conv2D(4, 3, padding="same")(x))
    one = L.Conv2D(4, 3, padding="same", name="one")
    branches = [L.ReLU(6.0)(layer(y)) for layer in (one, one if shared else L.Conv2D(4, 3, padding="same"))]
    return keras.Model(x, L.Dense(3)(L.Flatten()(L.Concatenate()(branches))))


def two_outputs(number):
    x = keras.Input((8, 8, 1))
    y = L.Flatten()(L.ReLU()(L.Conv2D(4, 3)(x)))
    return keras.Model(x, [L.Dense(3)(y), L.Dense(2)(y)][:number] if number > 1 else L.Dense(3)(y))


def two_inputs(number):
    if number == 1:
        return chain(*stem(), *head(), shape=(8, 8, 3))
    a, b = keras.Input((8, 8, 1)), keras.Input((8, 8, 2))
    return keras.Model([a, b], L.Dense(3)(L.Flatten()(L.ReLU()(L.Conv2D(4, 3)(L.Concatenate()([a, b]))))))


def operation(layer):
    x = keras.Input((8, 8, 1))
    y = L.Rescaling(1 / 255)(x) if layer else x / 255.0
    return keras.Model(x, L.Dense(3)(L.Flatten()(L.ReLU()(L.Conv2D(4, 3)(y)))))


def in_training(training):
    x = keras.Input((8, 8, 1))
    y = L.Dropout(0.5)(L.ReLU()(L.Conv2D(4, 3)(x)), **({"training": True} if training else {}))
    return keras.Model(x, L.Dense(3)(L.Flatten()(y)))


def same_names(alike):
    inner = keras.Sequential([keras.Input((8, 8, 1)), L.Conv2D(4, 3, name="it"), L.ReLU(name="relu_1")])
    x = keras.Input((8, 8, 1))
    y = L.Flatten()(inner(x))
    return keras.Model(x, L.Dense(3, name="it" if alike else "other")(y))


class PerTwo(LinearWeightQuantizer):
    def scale_factor(self, w):
        return np.full(3, 7.0, np.float32)


class PerChannel(LinearWeightQuantizer):
    def scale_factor(self, w):
        return np.full(w.shape[-2:], 7.0, np.float32)


class Off(LinearWeightQuantizer):
    def quantize(self, w):
        return w

    def scale_factor(self, w):
        return np.float32(3.3)


class OwnCall(QuantizedReLU):
    def call(self, inputs):
        return 2 * super().call(inputs)


class OwnStep(QuantizedReLU):
    @property
    def step(self):
        return np.float32(0.4)


class Zero(QuantizedReLU):
    @property
    def step(self):
        return np.float32(0.0)


class OwnConv(QuantizedConv2D):
    pass


class OwnReLU(L.ReLU):
    pass


class OwnFlatten(L.Layer):
    def call(self, x):
        return x


def separable(**arguments):
    return chain(conv(), QuantizedReLU(4), QuantizedSeparableConv2D(4, 3, Q4, **arguments), QuantizedReLU(4))


def raises(call):
    def run():
        call()
        return None

    return run


def quantized():
    return cnn2snn.quantize(chain(L.Conv2D(4, 3, padding="same", name="c"), L.ReLU(name="r"), *head()), 4, 4, 8)


def target(name, bits=4):
    return lambda: (
        cnn2snn.quantize_layer(chain(L.Conv2D(4, 3, name="c"), L.ReLU(name="r"), *head()), name, bits) and None
    )


def fused(activation, prepared):
    model = chain(L.Conv2D(4, 3, activation=activation, name="c"), *head())
    return lambda: cnn2snn.quantize_layer(prepare(model) if prepared else model, "c", 4) and None


CASES = {
    # quantization.py
    "no such layer": Case(target("nowhere"), "the layers are input, c, r", target("r")),
    "nothing to quantize": Case(target("flat"), "name a convolution, a Dense or a ReLU", target("c")),
    "kernel is quantized": Case(
        raises(lambda: cnn2snn.quantize(quantized(), 0, 4)),
        r"its width must be 2\.\.8",
        raises(lambda: cnn2snn.quantize(quantized(), 2, 4)),
    ),
    "activation is quantized": Case(
        raises(lambda: cnn2snn.quantize(quantized(), 4, 0)),
        "its width must be at least 1",
        raises(lambda: cnn2snn.quantize(quantized(), 4, 1)),
    ),
    "slope": Case(
        lambda: body(L.Conv2D(4, 3), L.ReLU(negative_slope=0.1)),
        "use a plain ReLU",
        lambda: body(L.Conv2D(4, 3), L.ReLU()),
    ),
    "shifted": Case(
        lambda: body(L.Conv2D(4, 3), L.ReLU(threshold=0.5)), "use a plain ReLU", lambda: body(L.Conv2D(4, 3), L.ReLU())
    ),
    "fused gelu": Case(
        lambda: body(L.Conv2D(4, 3, activation="gelu")),
        'use "relu" and train',
        lambda: body(L.Conv2D(4, 3, activation="relu")),
    ),
    "fused relu of one layer": Case(
        fused("relu", False), "split it off with cnn2snn.transforms.prepare", fused("relu", True)
    ),
    "fused tanh of one layer": Case(
        fused("tanh", False), "split it off with cnn2snn.transforms.prepare", fused("relu", True)
    ),
    "dilated": Case(
        lambda: body(L.Conv2D(4, 3, dilation_rate=2), L.ReLU()),
        "use 1 and train",
        lambda: body(L.Conv2D(4, 3), L.ReLU()),
    ),
    "groups": Case(
        lambda: body(L.Conv2D(4, 3, groups=2), L.ReLU()),
        "use 1, or SeparableConv2D",
        lambda: body(L.SeparableConv2D(4, 3), L.ReLU()),
    ),
    "multiplier": Case(
        lambda: body(L.SeparableConv2D(4, 3, depth_multiplier=2), L.ReLU()),
        "use 1 and train",
        lambda: body(L.SeparableConv2D(4, 3), L.ReLU()),
    ),
    "leaky": Case(
        lambda: body(L.Conv2D(4, 3), L.LeakyReLU()), "use ReLU and train", lambda: body(L.Conv2D(4, 3), L.ReLU())
    ),
    "Activation(gelu)": Case(
        lambda: body(L.Conv2D(4, 3), L.Activation("gelu")), "use ReLU and train", lambda: body(L.Conv2D(4, 3), L.ReLU())
    ),
    "transposed": Case(
        lambda: body(L.Conv2DTranspose(4, 3), L.ReLU()), "use Conv2D and train", lambda: body(L.Conv2D(4, 3), L.ReLU())
    ),
    "normalization of layers": Case(
        lambda: body(L.Conv2D(4, 3), L.ReLU(), L.LayerNormalization()),
        "use BatchNormalization between the convolution and its activation",
        lambda: body(L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU()),
    ),
    "a layer that Akida 1.0 has nothing for": Case(
        lambda: body(L.Conv2D(4, 3), L.ReLU(), L.EinsumDense("abcd,de->abce", (6, 6, 3))),
        "remove it, or use Conv2D",
        lambda: body(L.Conv2D(4, 3), L.ReLU(), L.Conv2D(3, 1), L.ReLU()),
    ),
    "own ReLU": Case(
        lambda: body(L.Conv2D(4, 3), OwnReLU()), "or ReLU themselves", lambda: body(L.Conv2D(4, 3), L.ReLU())
    ),
    "late normalization at the end": Case(
        lambda: chain(*stem(), L.BatchNormalization()),
        "put it between the convolution or dense layer and the activation",
        lambda: chain(L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU()),
    ),
    "late normalization before a border": Case(
        lambda: body(L.MaxPooling2D(2), shifted_norm(), L.SeparableConv2D(4, 3, padding="same"), L.ReLU()),
        "put it between the convolution or dense layer and the activation",
        lambda: chain(
            L.Conv2D(4, 3),
            L.MaxPooling2D(2),
            L.BatchNormalization(),
            L.ReLU(),
            L.SeparableConv2D(4, 3, padding="same"),
            L.ReLU(),
        ),
    ),
    # conversion/keras
    "activation first": Case(
        lambda: chain(L.ReLU(), *stem(), *head()), "remove it and train", lambda: chain(*stem(), *head())
    ),
    "two activations": Case(lambda: body(L.ReLU()), "cannot follow each other: remove this one", body),
    "activation of one's own": Case(
        lambda: chain(conv(), OwnCall(4)),
        "its call, quantized_activation and threshold must be those",
        lambda: chain(conv(), OwnStep(4)),
    ),
    "final relu of a quantized model": Case(
        lambda: chain(conv(), QuantizedReLU(4), L.Flatten(), QuantizedDense(2, Q4), L.Activation("relu")),
        "use QuantizedReLU in its place",
        lambda: chain(conv(), QuantizedReLU(4), L.Flatten(), QuantizedDense(2, Q4), QuantizedReLU(4)),
    ),
    "softmax first": Case(
        lambda: chain(L.Softmax(), *stem(), *head()), "remove it and train", lambda: chain(*stem(), *head())
    ),
    "softmax behind a ReLU": Case(lambda: body(L.Softmax()), "remove it and train", body),
    "softmax in place of a ReLU": Case(
        lambda: chain(L.Conv2D(4, 3), L.Softmax(), *head()),
        "use a ReLU in its place",
        lambda: chain(L.Conv2D(4, 3), L.ReLU(), *head()),
    ),
    "fused tanh inside": Case(
        lambda: chain(L.Conv2D(4, 3, activation="tanh"), *head()),
        'elsewhere use "relu" and train again',
        lambda: chain(L.Conv2D(4, 3), L.ReLU(), *head()),
    ),
    "join by rows": Case(lambda: joined(L.Concatenate(axis=1)), r"join them there", lambda: joined(L.Concatenate())),
    "join without activations": Case(
        lambda: joined(L.Concatenate(), activate=False), "add a ReLU to each", lambda: joined(L.Concatenate())
    ),
    "join of flattened maps": Case(
        lambda: joined(L.Concatenate(), flat=True),
        "put it behind the Concatenate and train again",
        lambda: joined(L.Concatenate()),
    ),
    "join of vectors": Case(
        lambda: averaged_branches(False),
        r"give each the shape \(1, 1, channels\) with a Reshape",
        lambda: averaged_branches(True),
    ),
    "flatten before its activation": Case(
        lambda: chain(L.Conv2D(4, 3), L.Flatten(), L.ReLU(), L.Dense(3)),
        "swap the two, which changes no output",
        lambda: chain(L.Conv2D(4, 3), L.ReLU(), *head()),
    ),
    "add": Case(
        lambda: joined(L.Add(), activate=False),
        "join branches that each end in an activation with Concatenate",
        lambda: joined(L.Concatenate()),
    ),
    "multiply": Case(
        lambda: joined(L.Multiply()),
        "join branches that each end in an activation with Concatenate",
        lambda: joined(L.Concatenate()),
    ),
    "branches of different widths": Case(
        lambda: quantized_branches(bits=(2, 4)), "quantize them to one width", quantized_branches
    ),
    "branches of different steps": Case(
        lambda: quantized_branches(tops=(6.0, 3.0)), "give them the same bitwidth and max_value", quantized_branches
    ),
    "no activation": Case(
        lambda: chain(L.Conv2D(4, 3), L.Conv2D(4, 3), L.ReLU(), *head()),
        "add a ReLU between them",
        lambda: chain(L.Conv2D(4, 3), L.ReLU(), L.Conv2D(4, 3), L.ReLU(), *head()),
    ),
    "dense on a map": Case(
        lambda: chain(*stem(), L.Dense(3)), "put Flatten before it", lambda: chain(*stem(), *head())
    ),
    "late normalization of a quantized model": Case(
        lambda: quantized_normalization("late"), "swap the two and train", lambda: quantized_normalization("early")
    ),
    "normalization of a flattened map": Case(
        lambda: flattened_normalization(), "remove it and train", lambda: chain(conv(), L.BatchNormalization())
    ),
    "negative gamma of a quantized model": Case(
        lambda: quantized_normalization("pooled", -1.0),
        "constrain gamma .* or put the normalization before the pooling, then train",
        lambda: quantized_normalization("pooled"),
    ),
    "normalization first in a quantized model": Case(
        lambda: chain(L.BatchNormalization(), conv(), QuantizedReLU(4)),
        "put it there and train",
        lambda: chain(conv(), L.BatchNormalization(), QuantizedReLU(4)),
    ),
    "pooling first": Case(
        lambda: chain(L.MaxPooling2D(2), *stem(), *head()),
        "put a convolution before it, and an activation behind it",
        lambda: chain(L.Conv2D(4, 3, padding="same"), L.MaxPooling2D(2), L.ReLU(), *stem(), *head()),
    ),
    "pooling of branches": Case(
        lambda: joined(lambda branches: L.MaxPooling2D(2)(L.Concatenate()(branches))),
        "put a convolution before the pooling and an activation behind it",
        lambda: joined(lambda branches: L.ReLU()(L.MaxPooling2D(2)(L.Conv2D(4, 1)(L.Concatenate()(branches))))),
    ),
    "two poolings": Case(
        lambda: body(L.MaxPooling2D(2), L.MaxPooling2D(2)),
        "put a convolution before this pooling and an activation behind it",
        lambda: body(L.MaxPooling2D(2), L.Conv2D(4, 1), L.MaxPooling2D(2), L.ReLU()),
    ),
    "max pooling, then global average": Case(
        lambda: chain(*stem(), L.MaxPooling2D(2), GAP(), L.Dense(3)),
        "put a convolution before this pooling and an activation behind it",
        lambda: chain(*stem(), L.MaxPooling2D(2), L.Conv2D(4, 1), GAP(), L.ReLU(), L.Dense(3)),
    ),
    "global average behind a ReLU": Case(
        lambda: chain(*stem(), GAP(), L.Dense(3)),
        "swap the two and train",
        lambda: chain(L.Conv2D(4, 3), GAP(), L.ReLU(), L.Dense(3)),
    ),
    "max pooling on one branch": Case(
        lambda: pooled_branches(True),
        "put it before the activation, for all that read it",
        lambda: pooled_branches(False),
    ),
    "padding of a pooling": Case(
        lambda: chain(L.Conv2D(4, 3, padding="same"), L.MaxPooling2D(3), L.ReLU(), *head()),
        'use padding="same" here',
        lambda: chain(L.Conv2D(4, 3, padding="same"), L.MaxPooling2D(3, padding="same"), L.ReLU(), *head()),
    ),
    "behind the end": Case(
        lambda: chain(*stem(), L.Softmax(), L.Permute((2, 1, 3), name="permute")),
        "compute what follows on what the model gives, which ends here",
        lambda: chain(*stem(), L.Softmax()),
        announced="permute",
    ),
    "float layer": Case(
        lambda: chain(conv(), QuantizedReLU(4), L.Flatten(), L.Dense(3)),
        r"quantize the model first \(cnn2snn.quantize\)",
        lambda: cnn2snn.quantize(chain(conv(), QuantizedReLU(4), L.Flatten(), L.Dense(3)), 4, 4),
    ),
    "channels first": Case(
        lambda: chain(*stem(), L.Flatten(data_format="channels_first"), L.Dense(3)),
        r"build the model on maps \(height, width, channels\)",
        lambda: chain(*stem(), *head()),
    ),
    "split before the activation": Case(
        lambda: split(False), "put the activation before the split", lambda: split(True)
    ),
    "own convolution": Case(
        lambda: chain(OwnConv(4, 3, Q4), QuantizedReLU(4)), "use one of these", lambda: chain(conv(), QuantizedReLU(4))
    ),
    "late rescaling of a quantized model": Case(
        lambda: chain(conv(), QuantizedReLU(4), L.Rescaling(2.0), L.Flatten(), QuantizedDense(3, Q4)),
        "remove it and train",
        lambda: chain(conv(), QuantizedReLU(4), L.Flatten(), QuantizedDense(3, Q4)),
    ),
    "scales per channel": Case(
        lambda: chain(L.Rescaling([1 / 255, 1 / 128, 1 / 64], [0.0, -1.0, 0.0]), *stem(), *head(), shape=(8, 8, 3)),
        'use padding="valid" in the first layer',
        lambda: chain(
            L.Rescaling([1 / 255, 1 / 128, 1 / 64], [0.0, -1.0, 0.0]),
            L.Conv2D(4, 3),
            L.ReLU(),
            *head(),
            shape=(8, 8, 3),
        ),
    ),
    "negative Rescaling": Case(
        lambda: chain(L.Rescaling(-1 / 255), *stem(), *head()),
        r"rescale as in Rescaling\(1 / 128, -1\) and train",
        lambda: chain(L.Rescaling(1 / 128, -1), *stem(), *head()),
    ),
    "rescaling of one branch": Case(
        lambda: (rescaled(False), {"input_is_image": False}),
        "put Rescaling directly after the input, before any split",
        lambda: (rescaled(True), {"input_is_image": False}),
    ),
    "flatten before a convolution": Case(
        lambda: chain(conv(), QuantizedReLU(4), L.Flatten(), L.Reshape((8, 8, 4)), conv(), QuantizedReLU(4)),
        "remove it and train",
        lambda: chain(conv(), QuantizedReLU(4), conv(), QuantizedReLU(4)),
        announced="Reshape",
    ),
    "flatten without activation": Case(
        lambda: chain(L.Conv2D(4, 3), *head()), "put a ReLU before it", lambda: chain(*stem(), *head())
    ),
    "reshape": Case(lambda: body(L.Reshape((4, 16, 4)), *stem()), "remove it and train", lambda: body(*stem())),
    "average pooling": Case(
        lambda: body(L.AveragePooling2D(2)), "use MaxPooling2D and train", lambda: body(L.MaxPooling2D(2))
    ),
    "global max pooling": Case(
        lambda: chain(*stem(), L.GlobalMaxPooling2D(), L.Dense(3)),
        "use MaxPooling2D of the size of the map, then Flatten",
        lambda: chain(*stem(), L.MaxPooling2D(8), *head()),
    ),
    "depthwise alone": Case(
        lambda: body(L.DepthwiseConv2D(3), L.ReLU()),
        "or use SeparableConv2D",
        lambda: body(L.SeparableConv2D(4, 3), L.ReLU()),
    ),
    "depthwise with a bias": Case(
        lambda: chain(conv(), QuantizedReLU(4), QuantizedDepthwiseConv2D(3, Q4), conv(4, 1), QuantizedReLU(4)),
        r"give it no bias \(use_bias=False\) and let one convolution of kernel size 1",
        lambda: chain(
            conv(), QuantizedReLU(4), QuantizedDepthwiseConv2D(3, Q4, use_bias=False), conv(4, 1), QuantizedReLU(4)
        ),
    ),
    "cropping first": Case(
        lambda: chain(L.Cropping2D(1), *stem(), *head()),
        "compute it before the model, which begins behind it",
        lambda: chain(*stem(), *head(), shape=(6, 6, 1)),
    ),
    "permute at the end": Case(
        lambda: chain(*stem(), L.Permute((2, 1, 3))),
        "compute it on what the model gives, which ends before it",
        lambda: chain(*stem()),
    ),
    "cropping inside": Case(lambda: body(L.Cropping2D(1)), "remove it and train", body),
    "upsampling inside": Case(lambda: body(L.UpSampling2D(2)), "remove it and train", body),
    "zero padding before nothing that pads": Case(lambda: body(L.ZeroPadding2D(1)), "remove it and train", body),
    "zero padding that is not the same": Case(
        lambda: body(L.ZeroPadding2D(1), L.Conv2D(4, 3, strides=2), L.ReLU()),
        r'pad with \(\(0, 1\), \(0, 1\)\) or use padding="same" in "conv',
        lambda: body(L.ZeroPadding2D(((0, 1), (0, 1))), L.Conv2D(4, 3, strides=2), L.ReLU()),
        then=(lambda: body(L.Conv2D(4, 3, strides=2, padding="same"), L.ReLU()),),
    ),
    "zero padding before a kernel of 1x1": Case(
        lambda: body(L.ZeroPadding2D(1), L.Conv2D(4, 1), L.ReLU()), "remove it", lambda: body(L.Conv2D(4, 1), L.ReLU())
    ),
    "zero padding of a quantized model": Case(
        lambda: chain(L.ZeroPadding2D(1), conv(padding="valid"), QuantizedReLU(4)),
        'put padding="same" into the layers behind it with cnn2snn.transforms.prepare',
        lambda: prepare(chain(L.ZeroPadding2D(1), conv(padding="valid"), QuantizedReLU(4))),
    ),
    "NaN": Case(
        lambda: with_weights(body(), np.nan),
        "train the model anew, or assign other values",
        lambda: with_weights(body(), 0.5),
    ),
    "a scale of another shape": Case(
        lambda: (body(), {"quantizer_function": lambda layer, default: PerTwo(4)}),
        "correct the layer's quantizer",
        lambda: (body(), {"quantizer_function": lambda layer, default: MaxQuantizer(4)}),
    ),
    "scales of a depthwise kernel": Case(
        lambda: separable(quantizer_dw=PerChannel(4)),
        "use MaxQuantizer",
        lambda: separable(quantizer_dw=MaxQuantizer(4)),
    ),
    # conversion/akida1
    "3 bits": Case(
        lambda: chain(QuantizedConv2D(4, 3, MaxPerAxisQuantizer(3)), QuantizedReLU(4)),
        "quantize the layer to one of them",
        lambda: chain(QuantizedConv2D(4, 3, MaxPerAxisQuantizer(2)), QuantizedReLU(4)),
    ),
    "a border of no integer": Case(
        lambda: chain(L.Rescaling(1 / 127.5, -1), *stem(), *head()),
        r'rescale inputs by an integer, as in Rescaling\(1 / 128, -1\), use padding "valid", or give a padding_value',
        lambda: chain(L.Rescaling(1 / 128, -1), *stem(), *head()),
        then=(
            lambda: chain(L.Rescaling(1 / 127.5, -1), L.Conv2D(4, 3), L.ReLU(), *head()),
            lambda: (chain(L.Rescaling(1 / 127.5, -1), *stem(), *head()), {"padding_value": 128}),
        ),
    ),
    "shifted inputs that are no images": Case(
        lambda: (chain(L.Rescaling(1 / 8, -1), *stem(), *head()), {"input_is_image": False}),
        r"use Rescaling\(0\.125\) without offset",
        lambda: (chain(L.Rescaling(0.125), *stem(), *head()), {"input_is_image": False}),
    ),
    "shifted input_scaling": Case(
        lambda: (chain(*stem(), *head()), {"input_is_image": False, "input_scaling": (8, 8)}),
        r"pass \(8, 0\)",
        lambda: (chain(*stem(), *head()), {"input_is_image": False, "input_scaling": (8, 0)}),
    ),
    "dense first": Case(
        lambda: chain(*head()),
        "begin with a QuantizedConv2D and train again, or, .* at most 4 bits, convert with input_is_image=False",
        lambda: (chain(*head()), {"input_is_image": False}),
        then=(lambda: chain(*stem(), *head()),),
    ),
    "depthwise first": Case(
        lambda: chain(L.DepthwiseConv2D(3, name="dw"), L.Conv2D(4, 1), L.ReLU(), *head()),
        "begin with a QuantizedConv2D",
        lambda: chain(*stem(), L.DepthwiseConv2D(3), L.Conv2D(4, 1), L.ReLU(), *head()),
        then=(
            lambda: (
                chain(L.DepthwiseConv2D(3, name="dw"), L.Conv2D(4, 1), L.ReLU(), *head()),
                {"input_is_image": False},
            ),
        ),
    ),
    "two channels": Case(
        lambda: chain(*stem(), *head(), shape=(8, 8, 2)),
        "convert with input_is_image=False",
        lambda: (chain(*stem(), *head(), shape=(8, 8, 2)), {"input_is_image": False}),
    ),
    "dense first, behind a shift": Case(
        lambda: chain(L.Rescaling(1 / 8, -1), *head()),
        r"use Rescaling\(0\.125\) without offset and train again, then convert with input_is_image=False",
        lambda: (chain(L.Rescaling(1 / 8), *head()), {"input_is_image": False}),
        then=(lambda: chain(L.Rescaling(1 / 8, -1), *stem(), *head()),),
    ),
    "two channels, behind a shift": Case(
        lambda: chain(L.Rescaling(1 / 8, -1), *stem(), *head(), shape=(8, 8, 2)),
        r"use Rescaling\(0\.125\) without offset and train again, then convert with input_is_image=False",
        lambda: (chain(L.Rescaling(1 / 8), *stem(), *head(), shape=(8, 8, 2)), {"input_is_image": False}),
    ),
    "sizes that are not known": Case(
        lambda: averaged((None, None, 1)),
        "give the Input all sizes, for images with cnn2snn.transforms.reshape",
        lambda: averaged((8, 8, 1)),
        then=(lambda: reshape(averaged((None, None, 1)), 8, 8),),
    ),
    "inputs of two axes": Case(
        lambda: chain(L.Dense(3), L.ReLU(), L.Dense(3), shape=(8, 8)),
        "reshape them, as with Reshape directly behind the Input",
        lambda: chain(L.Reshape((8, 8, 1)), *stem(), *head(), shape=(8, 8)),
        announced="put Flatten before it",
    ),
    "an image that is split": Case(
        lambda: image_branches(False), "split after the first convolution", lambda: image_branches(True)
    ),
    "step of zero": Case(
        lambda: chain(conv(), Zero(4)),
        "give it a max_value greater than zero",
        lambda: chain(conv(), QuantizedReLU(4, 1.0)),
    ),
    "weights that are no integers": Case(
        lambda: chain(QuantizedConv2D(4, 3, Off(4)), QuantizedReLU(4)),
        "correct the layer's quantizer",
        lambda: chain(conv(), QuantizedReLU(4)),
    ),
    "gamma of zero": Case(
        lambda: quantized_normalization("early", 0.0),
        "assign other values to the weight",
        lambda: quantized_normalization("early", 0.5),
    ),
    # conversion/scaling.py
    "two scalings": Case(
        lambda: (chain(L.Rescaling(1 / 255), *stem(), *head()), {"input_scaling": (255, 0)}),
        "leave one of them out",
        lambda: chain(L.Rescaling(1 / 255), *stem(), *head()),
    ),
    "input_scaling the other way round": Case(
        lambda: (chain(*stem(), *head()), {"input_scaling": (1 / 255, 0)}),
        r"pass \(255, 0\)",
        lambda: (chain(*stem(), *head()), {"input_scaling": (255, 0)}),
        then=(lambda: chain(L.Rescaling(255.0, 0.0), L.Conv2D(4, 3), L.ReLU(), *head()),),
    ),
    "inputs of the Keras model": Case(
        raises(lambda: compared(lambda values: values)),
        r"inputs \* 255 \+ 0, rounded",
        raises(lambda: compared(lambda values: np.rint(values * 255).astype(np.uint8))),
    ),
    # graph
    "two outputs": Case(lambda: two_outputs(2), "make a model of each output", lambda: two_outputs(1)),
    "two inputs": Case(lambda: two_inputs(2), "as channels of one map", lambda: two_inputs(1)),
    "no input layer": Case(
        lambda: keras.Sequential([L.Dense(3)]),
        "give a Sequential model an Input layer",
        lambda: (chain(*head()), {"input_is_image": False}),
    ),
    "two layers of one name": Case(lambda: same_names(True), "give each its own", lambda: same_names(False)),
    "mixed precision": Case(
        lambda: chain(L.Conv2D(4, 3, dtype="mixed_bfloat16"), L.ReLU(), *head()),
        "without mixed precision",
        lambda: chain(*stem(), *head()),
    ),
    "a call with arguments": Case(lambda: in_training(True), "leave that out of the call", lambda: in_training(False)),
    "an operation": Case(lambda: operation(False), "use a Keras layer", lambda: operation(True)),
    "a layer used twice": Case(lambda: twice(True), "make a layer for each use", lambda: twice(False)),
    "normalization of another axis": Case(
        lambda: normalized(pool=False, axis=1), r"normalize the last axis \(axis=-1\)", lambda: normalized(pool=False)
    ),
    "NaN in a normalization": Case(
        lambda: normalized(value=np.nan), "assign other values to the weight", lambda: normalized(value=0.5)
    ),
    "strings": Case(lambda: of_type("string"), "turn them into numbers outside", lambda: of_type("float32")),
    "outside of eager mode": Case(
        raises(lambda: in_a_graph(body())),
        r"call it outside of tf\.Graph",
        raises(lambda: cnn2snn.quantize(body(), 4, 4)),
    ),
    # transforms
    "folding into one scale": Case(
        lambda: cnn2snn.quantize(scaled(one_scale()), 4, 4),
        r"use a per-axis quantizer, or leave the normalization in place \(fold_BN=False\)",
        lambda: cnn2snn.quantize(scaled(one_scale()), 4, 4, fold_BN=False),
        then=(lambda: cnn2snn.quantize(scaled(conv()), 4, 4),),
    ),
    "negative gamma behind max pooling": Case(
        lambda: normalized(-1.0),
        "constrain gamma .* or put the normalization before the pooling, then train",
        lambda: normalized(1.0),
        then=(lambda: normalized(-1.0, pool=False),),
    ),
}


def of_type(dtype):
    x = keras.Input((8, 8, 1), dtype=dtype)
    y = L.Identity()(x) if dtype == "string" else L.Flatten()(L.ReLU()(L.Conv2D(4, 3)(x)))
    return keras.Model(x, y if dtype == "string" else L.Dense(3)(y))


def in_a_graph(model):
    with tf.Graph().as_default():
        cnn2snn.quantize(model, 4, 4)


def compared(inputs):
    model = cnn2snn.quantize(body(), 4, 4, 8)
    values = np.random.default_rng(1).integers(0, 256, (2, 8, 8, 1)).astype(np.float32) / 255
    cnn2snn.analysis.compare(model, cnn2snn.convert(model, input_scaling=(255, 0)), inputs(values))


def one_scale():
    return QuantizedConv2D(4, 3, MaxQuantizer(4))


def scaled(first):
    model = chain(first, L.BatchNormalization(name="norm"), QuantizedReLU(4))
    model.get_layer("norm").gamma.assign([0.5, 1.0, 1.5, 2.0])
    return model


def shifted_norm():
    return L.BatchNormalization(beta_initializer=keras.initializers.Constant(0.5))


def rescaled(both):
    x = keras.Input((8, 8, 1))
    scaled = L.Rescaling(1 / 15)(x)
    branches = [L.ReLU(6.0)(L.Conv2D(4, 3)(y)) for y in (scaled, scaled if both else x)]
    return keras.Model(x, L.Dense(3)(L.Flatten()(L.Concatenate()(branches))))


def image_branches(after):
    x = y = keras.Input((8, 8, 1))
    if after:
        y = L.ReLU(6.0)(L.Conv2D(4, 3)(x))
    branches = [L.ReLU(6.0)(L.Conv2D(4, 3)(y)) for _ in range(2)]
    return keras.Model(x, L.Dense(3)(L.Flatten()(L.Concatenate()(branches))))


def averaged(shape):
    return chain(L.Conv2D(4, 3), GAP(), L.ReLU(), L.Dense(3), shape=shape)


def run(make):
    """Takes a model through the pipeline, or does what the case does itself."""
    made = make()
    if made is not None:
        model, options = made if isinstance(made, tuple) else (made, {})
        pipeline(model, **options)


def is_reported(make):
    """Whether `check_model_compatibility` reports what is wrong with a model; true of what is no model alone."""
    try:
        made = make()
    except errors.Cnn2SnnError:
        return True
    model, options = made if isinstance(made, tuple) else (made, {})
    return bool(options) or "v1" not in cnn2snn.check_model_compatibility(model).convertible_versions


@pytest.fixture(scope="module")
def used():
    """The places in the sources whose remedies were raised: pairs of file name and line."""
    return set()


@pytest.fixture
def recording(monkeypatch, used):
    """Notes where each error with a remedy was made."""
    make = errors.Cnn2SnnError.__init__

    def note(self, *arguments, **details):
        make(self, *arguments, **details)
        frame = inspect.currentframe().f_back
        while frame.f_code.co_name in MAKERS and frame.f_back is not None:
            used.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
            frame = frame.f_back
        used.add((Path(frame.f_code.co_filename).name, frame.f_lineno))

    monkeypatch.setattr(errors.Cnn2SnnError, "__init__", note)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_remedy_that_is_followed_leads_to_a_model_that_passes(name, recording):
    case = CASES[name]
    with pytest.raises(errors.Cnn2SnnError) as caught:
        run(case.broken)
    # Each of several problems has a line with its remedy.
    lines = str(caught.value).splitlines()
    assert [line for line in lines if re.search(case.remedy, line.partition(";")[2])], lines
    assert is_reported(case.broken)
    others = [line for line in lines if not re.search(case.remedy, line)]
    assert all(case.announced and case.announced in line for line in others), others
    for follow in (case.followed, *case.then):
        run(follow)


def remedies():
    """The places in the sources that give a remedy: file, first and last line, text."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            for keyword in node.keywords:
                if keyword.arg == "remedy" and not (
                    isinstance(keyword.value, ast.Constant) and not keyword.value.value
                ):
                    yield file.name, node.lineno, node.end_lineno, ast.unparse(keyword.value)


def test_every_remedy_is_followed(used):
    """Runs after the cases, in the order of the file."""
    if not used:
        pytest.skip("the cases did not run")
    missing = [
        f"{file}:{first} {text}"
        for file, first, last, text in remedies()
        if not any(name == file and first <= line <= last for name, line in used)
        and not any(part in text for part in ELSEWHERE.get(file, ()))
    ]
    assert missing == []
