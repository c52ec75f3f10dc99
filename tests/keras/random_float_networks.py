"""Random float networks, with branches and all that transforms look for."""

import numpy as np

from cnn2snn._keras import keras
from tests.keras.models import randomize

L = keras.layers


class Grower:
    """Grows a functional model; shapes are (12, 10, 3) or (7,)."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.number = 0

    def chance(self, probability):
        return bool(self.rng.random() < probability)

    def pick(self, *choices):
        return choices[int(self.rng.integers(len(choices)))]

    def name(self, kind):
        self.number += 1
        return f"{kind}_{self.number}"

    def relu(self):
        return L.ReLU(self.pick(None, 6.0, 1.5), name=self.name("relu"))

    def norm(self):
        return L.BatchNormalization(**self.pick({}, {}, {"scale": False}, {"center": False}), name=self.name("bn"))

    def conv_block(self, x, end=False):
        kind = self.pick(L.Conv2D, L.SeparableConv2D)
        filters = int(self.rng.integers(2, 7))
        options = {"padding": self.pick("same", "valid"), "use_bias": self.chance(0.5)}
        if x.shape[1] < 4 or x.shape[2] < 4:
            options["padding"] = "same"
        x = kind(filters, self.pick(1, 3), name=self.name("conv"), **options)(x)
        normalized, pooled = self.chance(0.7), self.chance(0.4) and x.shape[1] >= 4 and x.shape[2] >= 4
        first = self.chance(0.5)
        if normalized and first:
            x = self.norm()(x)
        after_relu = pooled and self.chance(0.4) and (first or not normalized)
        if pooled and not after_relu:
            x = L.MaxPooling2D(2, padding=self.pick("same", "valid"), name=self.name("pool"))(x)
        if normalized and not first:
            x = self.norm()(x)
        x = self.relu()(x)
        if after_relu:
            x = L.MaxPooling2D(2, name=self.name("pool"))(x)
        return L.Dropout(0.3, name=self.name("dropout"))(x) if self.chance(0.3) else x

    def split(self, x):
        """Two or three branches of one size, joined."""
        branches = []
        for _ in range(int(self.rng.integers(2, 4))):
            y = L.Conv2D(int(self.rng.integers(2, 5)), 3, padding="same", name=self.name("conv"))(x)
            y = self.norm()(y) if self.chance(0.5) else y
            branches.append(self.relu()(y))
        return L.Concatenate(name=self.name("join"))(branches)

    def convolutional(self, branches):
        x = inputs = keras.Input((12, 10, 3), name="image")
        x = self.conv_block(x)
        if branches:
            x = self.split(x)
        x = self.conv_block(x)
        if self.chance(0.5):
            x = L.Conv2D(5, 3, padding="same", use_bias=False, name=self.name("conv"))(x)
            x = L.GlobalAveragePooling2D(name=self.name("gap"))(x)
            x = self.norm()(x)
            x = self.relu()(x)
        else:
            x = L.Flatten(name=self.name("flatten"))(x)
        x = L.Dense(6, name=self.name("dense"))(x)
        x = self.relu()(self.norm()(x))
        return keras.Model(inputs, L.Dense(3, name="classes")(x), name="grown")

    def dense(self):
        x = inputs = keras.Input((7,), name="values")
        for _ in range(3):
            x = L.Dense(int(self.rng.integers(2, 9)), use_bias=self.chance(0.5), name=self.name("dense"))(x)
            x = self.norm()(x) if self.chance(0.5) else x
            x = self.relu()(x)
        return keras.Model(inputs, L.Dense(3, name="classes")(x), name="grown")


def random_network(seed, branches=False):
    """A random network, and four inputs for it."""
    grower = Grower(seed)
    model = grower.dense() if seed % 4 == 3 and not branches else grower.convolutional(branches)
    randomize(model, seed)
    for layer in model.layers:
        # A dead filter, now and then.
        if hasattr(layer, "kernel") and layer.name != "classes" and grower.chance(0.3):
            kernel = np.asarray(layer.kernel).copy()
            kernel[..., 0] = 0
            layer.kernel.assign(kernel)
    inputs = grower.rng.normal(size=(4, *model.inputs[0].shape[1:])).astype(np.float32)
    return model, inputs
