"""From a Keras CNN to integer inference on a simulated Akida 1.0 chip, on real handwritten digits.

The 1,797 scans that ship with scikit-learn are classified by a small CNN: trained in float, quantized to 8-bit input
weights and 4-bit weights and activations, retrained, snapped to what the chip holds exactly, converted, saved, loaded,
and run by the integer engine. The script prints what each step does to the accuracy, attributes every activation that
differs between quantized Keras and the engine, and ends with status 1 when a bar is missed.

    python examples/digits.py [--out DIR]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import cnn2snn
from cnn2snn import akida
from cnn2snn.analysis import Comparison, compare
from cnn2snn.transforms import snap_to_chip

keras = tf.keras

SEED = 1
FLOAT_EPOCHS = 60
QUANTIZED_EPOCHS = 30
BATCH = 64

FLOAT_BAR = 0.98
RETRAINED_BAR = 0.97
CONVERTED_MARGIN = 0.005


@dataclass(frozen=True)
class Digits:
    """Images (n, 8, 8, 1) uint8 and labels (n,) int32: two thirds to train, one third held out."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def read_digits() -> Digits:
    """Reads the scans, scaled from 0..16 to 0..255, and splits them with every class in the same proportion."""
    scans = load_digits()
    images = np.rint(scans.images * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    labels = scans.target.astype(np.int32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=1 / 3, random_state=SEED, stratify=labels
    )
    return Digits(train_x, train_y, test_x, test_y)


def build_model() -> keras.Model:
    """An image convolution, a separable one with max pooling, one with global average pooling, a dense layer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 255, name="rescaling"),
            layers.Conv2D(32, 3, padding="same", use_bias=False, name="conv_1"),
            layers.BatchNormalization(name="conv_1_bn"),
            layers.ReLU(6.0, name="conv_1_relu"),
            layers.SeparableConv2D(64, 3, padding="same", use_bias=False, name="separable_2"),
            layers.MaxPooling2D(2, padding="same", name="separable_2_pool"),
            layers.BatchNormalization(name="separable_2_bn"),
            layers.ReLU(6.0, name="separable_2_relu"),
            layers.Conv2D(64, 3, padding="same", use_bias=False, name="conv_3"),
            layers.GlobalAveragePooling2D(name="conv_3_gap"),
            layers.BatchNormalization(name="conv_3_bn"),
            layers.ReLU(6.0, name="conv_3_relu"),
            layers.Dense(10, name="classes"),
        ],
        name="digits",
    )


class Progress(keras.callbacks.Callback):
    """One line that counts epochs on a terminal, and one line per training elsewhere."""

    def __init__(self, title: str, epochs: int) -> None:
        super().__init__()
        self._title = title
        self._epochs = epochs
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Shows the epoch and the accuracy on the training images."""
        last = epoch + 1 == self._epochs
        if not (sys.stdout.isatty() or last):
            return
        seconds = time.perf_counter() - self._start
        accuracy = (logs or {}).get("accuracy", float("nan"))
        line = f"{self._title}: epoch {epoch + 1}/{self._epochs}, {seconds:.0f} s"
        line += f", training accuracy {accuracy:.1%}"
        print(f"\r{line}" if sys.stdout.isatty() else line, end="\n" if last else "", flush=True)


def train(model: keras.Model, digits: Digits, epochs: int, rate: float, title: str) -> None:
    """Trains on images shifted by at most one pixel, the rate falling to zero."""

    def shift(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        bordered = tf.pad(image, [[1, 1], [1, 1], [0, 0]])
        return tf.image.random_crop(bordered, [8, 8, 1], seed=SEED), label

    images = digits.train_images.astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((images, digits.train_labels))
    dataset = dataset.shuffle(len(images), seed=SEED).map(shift).batch(BATCH)
    steps = epochs * -(-len(images) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    callbacks = [Progress(title, epochs)]
    model.fit(dataset, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)


def accuracy(model: keras.Model, digits: Digits) -> float:
    """The share of held-out digits that a Keras model classifies rightly."""
    logits = np.asarray(model(digits.test_images.astype(np.float32), training=False))
    return float(np.mean(np.argmax(logits, axis=-1) == digits.test_labels))


def images_per_second(model: akida.Model, images: np.ndarray) -> float:
    """The best of several runs over all images, on all cores."""
    many = np.tile(images, (10, 1, 1, 1))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        model.forward(many)
        best = min(best, time.perf_counter() - start)
    return len(many) / best


@dataclass(frozen=True)
class Results:
    """What the job came to."""

    float_accuracy: float
    quantized_accuracy: float
    retrained_accuracy: float
    snapped_accuracy: float
    converted_accuracy: float
    report: Comparison
    unsnapped_accuracy: float
    unsnapped: Comparison
    file_size: int
    images_per_second: float

    def missed_bars(self) -> list[str]:
        """Every bar that is missed, in words."""
        missed = []
        if self.float_accuracy < FLOAT_BAR:
            missed.append(f"the float model must reach {FLOAT_BAR:.1%}")
        if self.retrained_accuracy < RETRAINED_BAR:
            missed.append(f"the retrained model must reach {RETRAINED_BAR:.1%}")
        if abs(self.converted_accuracy - self.retrained_accuracy) > CONVERTED_MARGIN:
            missed.append(f"the converted model must be within {100 * CONVERTED_MARGIN} point of the retrained")
        if not self.report or not self.unsnapped:
            missed.append("every difference between Keras and the engine must have a cause")
        if self.report.totals.format:
            missed.append("the chip must hold every boundary of the snapped model")
        return missed

    def __str__(self) -> str:
        totals = self.report.totals
        causes = {
            "boundary that the chip cannot hold": totals.format,
            "float32 rounding in Keras": totals.float_rounding,
            "inputs that differ already": totals.propagated,
            "unexplained": totals.unexplained,
        }
        rows = [
            ("test accuracy, float", f"{self.float_accuracy:.2%}"),
            ("test accuracy, quantized", f"{self.quantized_accuracy:.2%}"),
            ("test accuracy, retrained", f"{self.retrained_accuracy:.2%}"),
            ("test accuracy, snapped", f"{self.snapped_accuracy:.2%}"),
            ("test accuracy, converted (engine)", f"{self.converted_accuracy:.2%}"),
            ("activations compared with Keras", f"{totals.total:,}"),
            ("  that differ", f"{totals.differing:,}"),
            *((f"    {cause}", f"{count:,}") for cause, count in causes.items()),
            ("without snapping: test accuracy", f"{self.unsnapped_accuracy:.2%}"),
            ("without snapping: activations that differ", f"{self.unsnapped.totals.differing:,}"),
            ("size of digits.fbz", f"{self.file_size:,} bytes"),
            ("engine, all cores", f"{self.images_per_second:,.0f} images/s"),
        ]
        left, right = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{name:<{left}}  {value:>{right}}" for name, value in rows)


def run(digits: Digits, out: Path) -> Results:
    """The main job; files go to the folder `out`."""
    model = build_model()
    train(model, digits, FLOAT_EPOCHS, 3e-3, "float model")
    model.save(out / "digits.keras")
    quantized = cnn2snn.quantize(model, weight_quantization=4, activ_quantization=4, input_weight_quantization=8)
    quantized_accuracy = accuracy(quantized, digits)
    train(quantized, digits, QUANTIZED_EPOCHS, 1e-3, "quantized model")
    snapped, moved = snap_to_chip(quantized, return_report=True)
    snapped.save(out / "digits_iq8_wq4_aq4.keras")
    print(f"\nsteps and thresholds moved to where the chip holds them:\n\n{moved}")

    file = out / "digits.fbz"
    cnn2snn.convert(snapped, file_path=file)
    unsnapped = cnn2snn.convert(quantized)
    converted = akida.Model(file)
    print()
    converted.summary()
    print("\ncomparing the activations of all layers, Keras and engine ...\n", flush=True)
    report = compare(snapped, converted, digits.test_images)
    print(f"{report}\n")
    return Results(
        float_accuracy=accuracy(model, digits),
        quantized_accuracy=quantized_accuracy,
        retrained_accuracy=accuracy(quantized, digits),
        snapped_accuracy=accuracy(snapped, digits),
        converted_accuracy=converted.evaluate(digits.test_images, digits.test_labels),
        report=report,
        unsnapped_accuracy=unsnapped.evaluate(digits.test_images, digits.test_labels),
        unsnapped=compare(quantized, unsnapped, digits.test_images),
        file_size=file.stat().st_size,
        images_per_second=images_per_second(converted, digits.test_images),
    )


def main() -> int:
    """Runs the job; returns the process's exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("examples/out"), help="where files go")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(SEED)
    digits = read_digits()
    print(f"{len(digits.train_labels)} digits to train on, {len(digits.test_labels)} held out")
    results = run(digits, out)
    print(results)
    # For those who want to look closer: the same images and labels, for `cnn2snn run`.
    np.save(out / "test_images.npy", digits.test_images)
    np.save(out / "test_labels.npy", digits.test_labels)
    missed = results.missed_bars()
    for bar in missed:
        print(f"missed: {bar}", file=sys.stderr)
    if not missed:
        print(f"\nall bars reached; files are in {out}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
