"""Quantization in detail: quantizers of one's own, a quantizer per layer, activations of one's own, scales.

Each section prints what it shows; the script ends with status 1 when something is not as it says. The networks are
small and are trained for a minute at most on the handwritten digits that ship with scikit-learn. With matplotlib (the
extra `plot`) histograms of weights are saved as PNG files.

    python examples/tutorial.py [--out DIR] [--epochs N]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

import cnn2snn
from cnn2snn import akida
from cnn2snn.compatibility import CompatibilityReport
from cnn2snn.gamma_constraint import MinValueConstraint, add_gamma_constraint
from cnn2snn.layer_blocks import conv_block, dense_block, separable_conv_block
from cnn2snn.quantization_layers import QuantizedActivation
from cnn2snn.quantization_ops import LinearWeightQuantizer, WeightQuantizer

keras = tf.keras

SEED = 3
TRAINED_ON = 1200


class PercentileQuantizer(LinearWeightQuantizer):
    """A quantizer of one's own: the largest weights are clipped, the others get finer steps.

    A linear quantizer is defined by its scale factor alone: weights times the scale are rounded to integers and clipped
    to ±kmax_, here so that a given share of the weights is inside.

    Args:
        bitwidth: number of bits.
        share: the share of weights that is not clipped, in percent.
    """

    def __init__(self, bitwidth: int = 4, share: float = 98.0, **kwargs: object) -> None:
        super().__init__(bitwidth, **kwargs)
        self.share = share

    def scale_factor(self, w: tf.Tensor) -> tf.Tensor:
        """kmax_ over the magnitude that `share` percent of the weights do not exceed."""
        magnitudes = tf.sort(tf.reshape(tf.abs(w), [-1]))
        count = tf.cast(tf.size(magnitudes), tf.float32)
        place = tf.cast(tf.math.ceil(count * self.share / 100.0), tf.int32) - 1
        return self.kmax_ / tf.maximum(magnitudes[place], 1e-6)

    def get_config(self) -> dict:
        """The constructor's arguments, so that models with this quantizer can be saved."""
        return {**super().get_config(), "share": self.share}


class CoarseReLU(QuantizedActivation):
    """An activation of one's own: it is defined by its step. Outputs are 0, step, 2 step and so on."""

    @property
    def step(self) -> tf.Tensor:
        """A quarter, whatever the number of bits."""
        return tf.constant(0.25)


def read_digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Images (n, 8, 8, 1) uint8 in 0..240 and labels (n,), to train on and held out."""
    scans = load_digits()
    order = np.random.default_rng(SEED).permutation(len(scans.target))
    images = (scans.images[order, :, :, np.newaxis] * 15).astype(np.uint8)
    labels = scans.target[order].astype(np.int32)
    return (images[:TRAINED_ON], labels[:TRAINED_ON]), (images[TRAINED_ON:], labels[TRAINED_ON:])


def build_model() -> keras.Model:
    """Blocks of layers in the order that the chip computes: convolution, pooling, normalization, activation."""
    inputs = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Rescaling(1 / 255, name="rescaling")(inputs)
    x = conv_block(x, 24, 3, pooling="max", add_batchnorm=True, padding="same", use_bias=False, name="conv")
    x = separable_conv_block(x, 32, 3, pooling="global_avg", add_batchnorm=True, use_bias=False, name="separable")
    x = dense_block(x, 10, add_activation=False, name="classes")
    return keras.Model(inputs, x, name="tutorial")


def train(model: keras.Model, images: np.ndarray, labels: np.ndarray, epochs: int, rate: float = 3e-3) -> None:
    """Trains a float or a quantized model; the latter learns weights that are good after rounding."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(images.astype(np.float32), labels, batch_size=32, epochs=epochs, verbose=0)


def accuracy(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images that a Keras model classifies rightly."""
    outputs = np.asarray(model(images.astype(np.float32), training=False))
    return float(np.mean(outputs.argmax(axis=-1) == labels))


def kernels(model: keras.Model) -> dict[str, tuple[np.ndarray, WeightQuantizer]]:
    """The float kernel and the quantizer of every quantized layer; of separable ones the pointwise kernel."""
    found = {}
    for layer in model.layers:
        if hasattr(layer, "quantizer"):
            kernel = getattr(layer, "pointwise_kernel", None)
            found[layer.name] = (np.asarray(layer.kernel if kernel is None else kernel), layer.quantizer)
    return found


def show_grids(model: keras.Model) -> None:
    """Prints which integers the weights of each layer are."""
    for name, (kernel, quantizer) in kernels(model).items():
        quantized, scale = np.asarray(quantizer.quantize(kernel)), np.asarray(quantizer.scale_factor(kernel))
        integers = np.rint(quantized * scale).astype(int)
        error = float(np.sqrt(np.mean((quantized - kernel) ** 2)))
        print(
            f"  {name:<9} {type(quantizer).__name__:<19} {scale.size:>3} scale{'s' if scale.size > 1 else ' '} "
            f"{integers.min():>4} to {integers.max():>3}  rms error {error:.4f}"
        )


def save_histograms(models: dict[str, keras.Model], folder: Path) -> Path | None:
    """Draws the float and the quantized weights of every layer, a row per model; None without matplotlib."""
    try:
        import matplotlib as mpl
    except ImportError:
        return None
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    layers = list(kernels(next(iter(models.values()))))
    figure, axes = plt.subplots(
        len(models), len(layers), figsize=(4 * len(layers), 2.6 * len(models)), squeeze=False, layout="constrained"
    )
    for row, (title, model) in zip(axes, models.items(), strict=True):
        for axis, (name, (kernel, quantizer)) in zip(row, kernels(model).items(), strict=True):
            bins = np.linspace(-np.abs(kernel).max(), np.abs(kernel).max(), 60)
            axis.hist(kernel.ravel(), bins, alpha=0.5, label="float")
            axis.hist(np.asarray(quantizer.quantize(kernel)).ravel(), bins, alpha=0.5, label="quantized")
            axis.set_title(f"{title}: {name}", fontsize=9)
    axes[0][0].legend()
    path = folder / "tutorial_weights.png"
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def mixed(layer: keras.layers.Layer, default: WeightQuantizer) -> WeightQuantizer:
    """A quantizer per layer, for `quantize`: called with each float layer and the quantizer that it would get.

    A separable layer asks twice: for its pointwise, then for its depthwise kernel, which needs one scale.
    """
    if layer.name == "conv":
        return cnn2snn.StdWeightQuantizer(threshold=3, bitwidth=default.bitwidth)
    if layer.name == "classes":
        return PercentileQuantizer(default.bitwidth)
    return default


def section(title: str) -> None:
    """Prints the title of a section."""
    print(f"\n{title}\n{'-' * len(title)}")


def run(out: Path, epochs: int) -> list[str]:
    """The tutorial; files go to the folder `out`. Returns what was not as it should be."""
    wrong: list[str] = []
    (images, labels), (test_images, test_labels) = read_digits()

    def report(title: str, model: keras.Model) -> float:
        result = accuracy(model, test_images, test_labels)
        print(f"  {title:<42} {result:7.2%}")
        return result

    section("1. A float model")
    model = build_model()
    train(model, images, labels, epochs)
    report("accuracy, float", model)
    print(f"  {check(model)}")

    section("2. Quantizers")
    print("By default each output channel has a scale of its own, and the largest weight")
    print("of the channel becomes the largest integer. What the weights become:")
    variants = {
        "default": None,
        "max": lambda layer, default: cnn2snn.MaxQuantizer(default.bitwidth),
        "own": lambda layer, default: PercentileQuantizer(default.bitwidth),
        "mixed": mixed,
    }
    quantized = {
        name: cnn2snn.quantize(model, 4, 4, input_weight_quantization=8, quantizer_function=function)
        for name, function in variants.items()
    }
    for name, variant in quantized.items():
        print(f"\n {name}")
        show_grids(variant)
        report("accuracy without training", variant)
    path = save_histograms(quantized, out)
    print(f"\n  histograms of the weights: {path or 'they need matplotlib (the extra plot)'}")

    section("3. Training, saving and loading with a quantizer of one's own")
    best = quantized["mixed"]
    train(best, images, labels, max(epochs // 2, 1), 1e-3)
    trained = report("accuracy of the mixed model, trained", best)
    file = out / "tutorial.keras"
    best.save(file)
    loaded = cnn2snn.load_quantized_model(file, custom_objects={"PercentileQuantizer": PercentileQuantizer})
    if report("accuracy of the same from its file", loaded) != trained:
        wrong.append("the loaded model must be the saved one")

    section("4. Layers by hand, and an activation of one's own")
    print("One scale for all channels, then pooling, normalization and an activation: the")
    print("normalization is folded into thresholds, the integer weights stay as they are.")
    by_hand = build_by_hand()
    train(by_hand, images, labels, epochs)
    report("accuracy, trained with quantized weights", by_hand)
    converted = cnn2snn.convert(by_hand, file_path=out / "tutorial.fbz")
    wrong += compare(by_hand, converted, test_images, test_labels)

    section("5. Gammas that can be folded")
    print("Behind a max pooling a gamma must be greater than zero, and a tiny one makes")
    print("thresholds and steps huge, beyond what a chip can hold:\n")
    weak = keras.models.clone_model(model)
    weak.set_weights(model.get_weights())
    gamma = weak.get_layer("conv_BN").gamma
    gamma.assign(np.where(np.arange(gamma.shape[0]) == 2, -0.1, np.asarray(gamma)))
    refusal = check(weak)
    print(refusal)
    constrained = add_gamma_constraint(weak)
    train(constrained, images, labels, 1)
    print("\nWith a lower bound for gamma, after one more epoch:\n")
    acceptance = check(constrained)
    print(acceptance)
    if refusal or not acceptance:
        wrong.append("the bound of gamma must make the model compatible")
    return wrong


def check(model: keras.Model) -> CompatibilityReport:
    """Judges a model for Akida 1.0 alone, whose layers it is made of."""
    with cnn2snn.set_akida_version(cnn2snn.AkidaVersion.v1):
        return cnn2snn.check_model_compatibility(model)


def build_by_hand() -> keras.Model:
    """A network of quantized layers from the start, without a float model."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 255, name="rescaling"),
            cnn2snn.QuantizedConv2D(24, 3, cnn2snn.MaxQuantizer(8), padding="same", use_bias=False, name="conv"),
            layers.MaxPool2D(2, padding="same", name="conv_maxpool"),
            layers.BatchNormalization(gamma_constraint=MinValueConstraint(), name="conv_BN"),
            CoarseReLU(4, name="conv_relu"),
            layers.Flatten(name="flatten"),
            cnn2snn.QuantizedDense(10, cnn2snn.MaxPerAxisQuantizer(4), name="classes"),
        ],
        name="by_hand",
    )


def compare(model: keras.Model, converted: akida.Model, images: np.ndarray, labels: np.ndarray) -> list[str]:
    """Runs both on the same images; returns what is not as it should be."""
    outputs = np.asarray(model(images.astype(np.float32), training=False))
    predicted = converted.predict(images).reshape(outputs.shape)
    same = float(np.mean(predicted.argmax(axis=-1) == outputs.argmax(axis=-1)))
    right = converted.evaluate(images, labels)
    print(f"  {'accuracy, converted, by the integer engine':<42} {right:7.2%}")
    print(f"  {'images of the same class in both':<42} {same:7.2%}")
    return [] if same > 0.99 else ["the engine must classify like Keras"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the tutorial; returns the process's exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("examples/out"), help="where files go")
    parser.add_argument("--epochs", type=int, default=25, help="how long networks are trained")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(SEED)
    wrong = run(options.out, options.epochs)
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    if not wrong:
        print(f"\nall as it should be; files are in {options.out}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
