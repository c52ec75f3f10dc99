"""Networks as people write them: those of tutorials, and random ones with all that `prepare` looks for."""

import numpy as np

from cnn2snn._keras import keras, tf
from tests.keras.models import randomize

L = keras.layers


def chain(shape, *layers):
    return keras.Sequential([keras.Input(shape), *layers])


def mnist():
    return chain(
        (28, 28, 1),
        L.Rescaling(1 / 255),
        L.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        L.MaxPooling2D(pool_size=(2, 2)),
        L.Conv2D(8, kernel_size=(3, 3), activation="relu"),
        L.MaxPooling2D(pool_size=(2, 2)),
        L.Flatten(),
        L.Dropout(0.5),
        L.Dense(10, activation="softmax"),
    )


def mnist_of_two_axes():
    return chain(
        (28, 28),
        L.Reshape((28, 28, 1)),
        L.Conv2D(12, 3, activation=tf.nn.relu),
        L.MaxPooling2D(2),
        L.Flatten(),
        L.Dense(10, activation=tf.nn.softmax),
    )


def cifar10():
    return chain(
        (32, 32, 3),
        L.Conv2D(8, (3, 3), activation="relu"),
        L.MaxPooling2D((2, 2)),
        L.Conv2D(16, (3, 3), activation="relu"),
        L.MaxPooling2D((2, 2)),
        L.Conv2D(16, (3, 3), activation="relu"),
        L.Flatten(),
        L.Dense(16, activation="relu"),
        L.Dense(10),
    )


def cifar10_normalized():
    """Normalizations behind activations, and padded convolutions behind these."""
    layers = []
    for filters in (8, 8, 12):
        layers += [L.Conv2D(filters, 3, padding="same", activation="relu"), L.BatchNormalization()]
        layers += [L.Conv2D(filters, 3, padding="same", activation="relu"), L.BatchNormalization()]
        layers += [L.MaxPooling2D(2), L.Dropout(0.2)]
    layers += [L.Flatten(), L.Dense(16, activation="relu"), L.BatchNormalization(), L.Dropout(0.5)]
    return chain((32, 32, 3), *layers, L.Dense(10, activation="softmax"))


def cats_and_dogs():
    return chain(
        (36, 36, 3),
        L.RandomFlip("horizontal"),
        L.RandomRotation(0.1),
        L.RandomZoom(0.2),
        L.Resizing(36, 36),
        L.Rescaling(1.0 / 255),
        L.Conv2D(8, 3, padding="same", activation="relu"),
        L.MaxPooling2D(),
        L.Conv2D(16, 3, padding="same", activation="relu"),
        L.MaxPooling2D(),
        L.Dropout(0.2),
        L.Flatten(),
        L.Dense(16, activation="relu"),
        L.Dense(1, activation="sigmoid"),
    )


def functional():
    x = inputs = keras.Input((28, 28, 1))
    x = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(x)))
    x = L.Dropout(0.25)(L.MaxPooling2D(2)(x))
    branches = [L.Conv2D(4, size, padding="same", activation="relu6")(x) for size in (1, 3)]
    x = L.Conv2D(8, 1, activation="relu")(L.Concatenate()(branches))
    return keras.Model(inputs, L.Activation("softmax")(L.Dense(10)(L.Flatten()(x))))


def mobile():
    """Depthwise convolutions with biases, zero padding, a convolution of 1x1 with padding "valid"."""
    return chain(
        (32, 32, 3),
        L.ZeroPadding2D(((0, 1), (0, 1))),
        L.Conv2D(8, 3, strides=2, use_bias=False),
        L.BatchNormalization(),
        L.ReLU(6.0),
        L.ZeroPadding2D(1),
        L.DepthwiseConv2D(3),
        L.Conv2D(12, 1),
        L.BatchNormalization(),
        L.Activation("relu6"),
        L.Conv2D(8, 1, padding="valid"),
        L.GlobalAveragePooling2D(),
        L.ReLU(),
        L.Dense(5, activation="tanh"),
    )


def normalized_inputs():
    return chain(
        (24, 24, 3),
        L.Normalization(mean=[123.7, 116.3, 103.5], variance=[3411.0, 3260.0, 3294.0]),
        L.Conv2D(8, 5, activation="relu"),
        L.MaxPooling2D(2),
        L.GaussianNoise(0.1),
        L.Flatten(),
        L.Dense(4, activation="softmax"),
    )


TUTORIALS = (
    mnist,
    mnist_of_two_axes,
    cifar10,
    cifar10_normalized,
    cats_and_dogs,
    functional,
    mobile,
    normalized_inputs,
)


class Writer:
    """Writes a random network, most of which can be converted."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def chance(self, probability):
        return bool(self.rng.random() < probability)

    def pick(self, *choices):
        return choices[int(self.rng.integers(len(choices)))]

    def training_layer(self):
        return self.pick(L.Dropout, L.GaussianNoise, L.SpatialDropout2D, L.GaussianDropout)(0.2)

    def beginning(self):
        layers = []
        if self.chance(0.4):
            layers.append(
                self.pick(lambda: L.RandomFlip(), lambda: L.RandomRotation(0.1), lambda: L.Activation("linear"))()
            )
        if self.chance(0.3):
            layers.append(L.Rescaling(self.pick(1 / 255, 1 / 128), self.pick(0.0, -1.0)))
        if self.chance(0.3):
            layers.append(L.Normalization(mean=[1.0, 2.0, 3.0], variance=[4.0, 2.0, 1.0]))
        if self.chance(0.15):
            layers.append(L.BatchNormalization())
        return layers

    def activation(self):
        """The argument of a layer with weights, and the layers behind it."""
        kind = self.pick("fused", "layer", "Activation", "layer of the layer")
        name = self.pick("relu", "relu6")
        if kind == "fused":
            return name, []
        if kind == "layer":
            return None, [L.ReLU(self.pick(None, 6.0))]
        if kind == "Activation":
            return None, [L.Activation(name)]
        return L.ReLU(6.0), []

    def block(self, size):
        """A convolution and what people put around it."""
        given, behind = self.activation()
        kernel, stride = self.pick(1, 3, 5), self.pick(1, 1, 2)
        padding = self.pick("same", "valid") if size >= 8 else "same"
        layers = []
        if padding == "valid" and self.chance(0.5):
            fitting = {(1, 1): 0, (1, 2): 0, (3, 1): 1, (3, 2): ((0, 1), (0, 1)), (5, 1): 2, (5, 2): ((1, 2), (1, 2))}
            layers.append(L.ZeroPadding2D(self.pick(fitting[kernel, stride], fitting[kernel, stride], 1, 2)))
        early = self.chance(0.3) and given is None
        make = self.pick(L.Conv2D, L.Conv2D, L.SeparableConv2D, "pair")
        filters = int(self.rng.integers(2, 6))
        if make == "pair":
            layers.append(L.DepthwiseConv2D(kernel, strides=stride, padding=padding, use_bias=self.chance(0.7)))
            layers.append(L.Conv2D(filters, 1, activation=given))
        else:
            layers.append(make(filters, kernel, strides=stride, padding=padding, activation=given))
        if early:
            layers += [self.training_layer()] if self.chance(0.2) else []
            layers.append(L.BatchNormalization())
        layers += behind
        if self.chance(0.3):
            layers.append(L.MaxPooling2D(2, padding="same"))
        if not early and self.chance(0.4):
            layers.append(L.BatchNormalization())
        if self.chance(0.3):
            layers.append(self.training_layer())
        return layers


def random_ordinary_network(seed):
    """A random network and four images of 8 bits for it. Some cannot be converted."""
    writer = Writer(seed)
    beginning = writer.beginning()
    model = keras.Sequential([keras.Input((16, 16, 3)), *beginning])
    # A border would need another zero in each channel.
    normalized = any("Normalization" in type(layer).__name__ for layer in beginning) and writer.chance(0.8)
    model.add(L.Conv2D(4, 3, padding="valid" if normalized else writer.pick("same", "valid"), activation="relu"))
    for _ in range(int(writer.rng.integers(1, 4))):
        for layer in writer.block(model.output_shape[1]):
            model.add(layer)
    model.add(L.Flatten())
    if writer.chance(0.3):
        model.add(L.Dense(6, activation="relu"))
        model.add(L.BatchNormalization())
    model.add(L.Dense(3, activation=writer.pick(None, "softmax", "sigmoid", "tanh")))
    randomize(model, seed, negative_gammas=writer.chance(0.2))
    images = writer.rng.integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    return model, images
