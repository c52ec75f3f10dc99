"""Makes tests/fixtures/keras2-variants: HDF5 files as Keras 2 and the original toolkit write them.

    TF_USE_LEGACY_KERAS=1 python scripts/make_keras2_variants.py

The networks are quantized with this package under Keras 2; then the configuration in the file gets the form that the
original toolkit gives it: class names without a package, quantizers as Keras layers. Beside each NAME.h5 goes NAME.npz
with 4 samples x, the outputs y of the Keras model, and for each converted LAYER its integer weights LAYER/weights and
LAYER/depthwise, and the ideal thresholds and intervals LAYER/t and LAYER/s (H4 of docs/arithmetic.md).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import cnn2snn
from cnn2snn._keras import LEGACY, keras
from cnn2snn.conversion.pipeline import convert_blocks

FOLDER = Path(__file__).parent.parent / "tests" / "fixtures" / "keras2-variants"
L = keras.layers


def mobile() -> keras.Model:
    """Functional, slashes in names, normalizations kept, regularizers, compiled with an optimizer."""
    l2 = keras.regularizers.l2(4e-5)
    y = x = keras.Input((24, 24, 3), name="input")
    y = L.Rescaling(1 / 128, -1, name="rescaling")(y)
    y = L.Conv2D(6, 3, strides=2, padding="same", use_bias=False, kernel_regularizer=l2, name="conv_0")(y)
    y = L.BatchNormalization(name="conv_0/BN")(y)
    y = L.ReLU(6.0, name="conv_0/relu")(y)
    for number, filters in enumerate((8, 12), 1):
        name = f"separable_{number}"
        common = {"use_bias": False, "depthwise_regularizer": l2, "pointwise_regularizer": l2, "name": name}
        y = L.SeparableConv2D(filters, 3, strides=number, padding="same", **common)(y)
        if number == 2:
            y = L.GlobalAveragePooling2D(name=f"{name}/global_avg")(y)
        y = L.BatchNormalization(name=f"{name}/BN")(y)
        y = L.ReLU(6.0, name=f"{name}/relu")(y)
    y = L.Reshape((1, 1, 12), name="reshape_1")(y)
    y = L.Flatten()(L.Dropout(1e-3, name="dropout")(y))
    y = L.Activation("softmax", name="act_softmax")(L.Dense(5, use_bias=False, name="classifier")(y))
    model = cnn2snn.quantize(randomized(keras.Model(x, y, name="mobile")), 4, 4, 8, fold_BN=False)
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    return model


def gesture() -> keras.Model:
    """Sequential without input layer, constrained gammas, `SpatialDropout2D`, several quantizers."""
    constraint = cnn2snn.gamma_constraint.MinValueConstraint()
    layers = [L.Conv2D(6, 3, padding="same", use_bias=False, input_shape=(16, 16, 4), name="conv_0")]
    for number in range(2):
        layers += [
            L.MaxPooling2D(2, padding="same", name=f"conv_{number}/maxpool"),
            L.BatchNormalization(gamma_constraint=constraint, name=f"conv_{number}/BN"),
            L.ReLU(6.0 if number else None, name=f"conv_{number}/relu"),
            L.Conv2D(8, 3, padding="same", name=f"conv_{number + 1}"),
        ]
    layers += [L.ReLU(2.5), L.SpatialDropout2D(0.2), L.Flatten(), L.Dense(7, use_bias=False), L.Softmax()]
    layers += [L.Reshape((7,))]

    def quantizer(layer: keras.layers.Layer, default: Any) -> Any:
        quantizers = {
            "conv_0": cnn2snn.MaxQuantizer(4),
            "conv_1": cnn2snn.StdPerAxisQuantizer(3, 4),
            "conv_2": cnn2snn.StdWeightQuantizer(2.5, 2),
        }
        return quantizers.get(layer.name, default)

    return cnn2snn.quantize(
        randomized(keras.Sequential(layers, name="gesture")), 4, 2, fold_BN=False, quantizer_function=quantizer
    )


def discrete() -> keras.Model:
    """A model whose layers were quantized by hand, with `ActivationDiscreteRelu`."""
    q = cnn2snn.MaxPerAxisQuantizer
    layers = [
        cnn2snn.QuantizedConv2D(4, (3, 5), q(8), strides=(2, 1), name="first"),
        cnn2snn.ActivationDiscreteRelu(4),
        cnn2snn.QuantizedSeparableConv2D(6, 3, q(2), cnn2snn.MaxQuantizer(2), padding="same", name="second"),
        cnn2snn.ActivationDiscreteRelu(1),
        L.Flatten(),
        cnn2snn.QuantizedDense(3, cnn2snn.MaxQuantizer(4), name="third"),
    ]
    return randomized(keras.Sequential([keras.Input((9, 9, 1)), *layers], name="discrete"))


def randomized(model: keras.Model) -> keras.Model:
    """The model with weights that use the ranges of its activations."""
    rng = np.random.default_rng(11)

    def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
        if "gamma" in name or "variance" in name:
            return rng.uniform(0.4, 2.0, shape)
        if "kernel" in name:
            fan_in = np.prod(shape[:2]) if "depthwise" in name else np.prod(shape[:-1])
            return rng.normal(0, 1.5 / np.sqrt(fan_in), shape)
        return rng.normal(0, 0.3, shape)

    for layer in model.layers:
        layer.set_weights([values(weight.name, tuple(weight.shape)) for weight in layer.weights])
    return model


def original_form(value: Any) -> Any:
    """A configuration in the form that the original toolkit gives it."""
    if isinstance(value, list):
        return [original_form(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: original_form(item) for key, item in value.items()}
    for key in ("class_name", "registered_name"):
        if isinstance(value.get(key), str):
            value[key] = value[key].removeprefix("cnn2snn>")
    if str(value.get("class_name")).endswith("Quantizer"):
        value["config"] = {**value["config"], "name": "quantizer", "trainable": True, "dtype": "float32"}
    return value


def write(model: keras.Model, image: bool) -> None:
    """Writes one model and what follows from it."""
    path = FOLDER / f"{model.name}.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(original_form(json.loads(file.attrs["model_config"])))
    high = 256 if image else 16
    x = np.random.default_rng(12).integers(0, high, (4, *model.input_shape[1:]), dtype=np.uint8)
    y = np.asarray(model(x.astype(np.float32), training=False))
    blocks = convert_blocks(model, input_is_image=image).blocks
    derived = {
        f"{b.block.name}/{name}": getattr(b.ideal, name)
        for b in blocks
        for name in ("weights", "depthwise", "t", "s")
        if getattr(b.ideal, name) is not None
    }
    np.savez_compressed(path.with_suffix(".npz"), x=x, y=y, **derived)


if __name__ == "__main__":
    if not LEGACY:
        raise SystemExit("run it under Keras 2: set TF_USE_LEGACY_KERAS=1")
    FOLDER.mkdir(exist_ok=True)
    for made, is_image in ((mobile(), True), (gesture(), False), (discrete(), True)):
        write(made, is_image)
