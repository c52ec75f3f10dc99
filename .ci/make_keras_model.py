"""Writes `model.h5` and `inputs.npy` to the current folder.

A small Keras CNN with random weights, and uint8 images for it.
"""

import keras
import numpy as np

keras.utils.set_random_seed(1)
layers = keras.layers
model = keras.Sequential(
    [
        layers.Input((8, 8, 1)),
        layers.Conv2D(8, 3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.SeparableConv2D(16, 3, padding="same", use_bias=False),
        layers.MaxPooling2D(2),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(16, 3, padding="same", use_bias=False),
        layers.GlobalAveragePooling2D(),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dense(10),
    ]
)
model.save("model.h5")
np.save("inputs.npy", np.random.default_rng(1).integers(0, 256, (32, 8, 8, 1), dtype=np.uint8))
