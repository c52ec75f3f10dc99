"""Files of models that were compiled and trained, written by either generation of Keras: `python -m` writes them all.

TF_USE_LEGACY_KERAS=1 python -m tests.keras.compiled_files FOLDER
"""

import sys
from pathlib import Path

import numpy as np

import cnn2snn
from cnn2snn._keras import LEGACY, keras, tf

L, optimizers = keras.layers, keras.optimizers

X = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
CLASSES = np.random.default_rng(1).integers(0, 3, (24, 1))
VALUES = np.random.default_rng(2).normal(size=(24, 3)).astype(np.float32)


def own_loss(truth, predicted):
    return tf.reduce_mean(tf.square(truth - predicted))


# Arguments of compile, made anew for each model.
COMPILED = {
    "name": lambda: ("sgd", "mse", None),
    "object": lambda: (
        optimizers.Adam(1e-2),
        keras.losses.MeanSquaredError(),
        [keras.metrics.MeanAbsoluteError(name="mine")],
    ),
    "classes": lambda: ("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"]),
    "class_name": lambda: ("adam", "sparse_categorical_crossentropy", ["accuracy", "sparse_categorical_accuracy"]),
    "momentum": lambda: (optimizers.SGD(0.01, momentum=0.9), ["mae"], [["mse"]]),
    "rms": lambda: (optimizers.RMSprop(1e-3), {"out": "mse"}, {"out": ["mae"]}),
    "schedule": lambda: (
        optimizers.Adam(optimizers.schedules.ExponentialDecay(1e-2, 4, 0.9)),
        keras.losses.Huber(),
        None,
    ),
}


def model_of(compiled):
    keras.utils.set_random_seed(3)
    x = keras.Input((4,))
    y = cnn2snn.QuantizedDense(5, cnn2snn.MaxQuantizer(4), name="hidden")(x)
    y = L.Dense(3, name="out")(cnn2snn.QuantizedReLU(4, 6.0, train_max_value=True, name="relu")(y))
    model = keras.Model(x, y)
    optimizer, loss, metrics = compiled
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics)
    return model


def train(model, name):
    truth = CLASSES if name in ("classes", "class_name") else VALUES
    model.fit(X, truth, epochs=2, batch_size=8, shuffle=False, verbose=0)


def write(folder):
    """Writes each model trained for two epochs, and the weights that two more give."""
    for name, compiled in COMPILED.items():
        model = model_of(compiled())
        train(model, name)
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        train(model, name)
        np.savez(folder / f"{name}.npz", *model.get_weights())
    own = model_of(("adam", own_loss, None))
    train(own, "own")
    # In this order: Keras 3 forgets the optimizer when it writes an HDF5 file.
    own.save(folder / "own.keras")
    own.save(folder / "own.h5")
    own.save_weights(folder / "only.weights.h5")
    x = keras.Input((4,))
    operations = keras.Model(x, L.Dense(3)(x) * 2.0 + 1.0)
    operations.save(folder / "operations.h5")
    keras.Sequential([keras.Input((4,)), L.Dense(2)]).save(folder / "ending.hdf5")
    if LEGACY:
        old = model_of((keras.optimizers.legacy.Adam(1e-2), keras.losses.MeanSquaredError(), ["accuracy"]))
        train(old, "older")
        old.save(folder / "older.h5")
        train(old, "older")
        np.savez(folder / "older.npz", *old.get_weights())
        unknown = model_of((keras.optimizers.Nadam(1e-2), "mse", None))
        train(unknown, "unknown")
        unknown.save(folder / "unknown.h5")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
