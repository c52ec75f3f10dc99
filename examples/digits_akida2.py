"""From a QuantizeML model to integer inference on a simulated Akida 2.0, on real handwritten digits.

`digits_quantizeml.h5` is a residual CNN, trained on two thirds of the scans that ship with scikit-learn, and quantized
to 8 bits with QuantizeML under Keras 2. This script needs neither: it converts the file, saves and loads the result,
and classifies the digits that training did not see. It ends with status 1 where the engine does not classify as many
digits rightly as quantized Keras.

    python examples/digits_akida2.py [--out DIR]
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import cnn2snn
from cnn2snn import akida

MODEL = Path(__file__).with_name("digits_quantizeml.h5")
# How training split the scans, and what Keras 2 classified rightly of those held out, before and after quantization.
SEED = 41
HELD_OUT = 599
RIGHT_FLOAT = 593
RIGHT_QUANTIZED = 593


def held_out_digits() -> tuple[np.ndarray, np.ndarray]:
    """Returns images (n, 16, 16, 1) uint8, each pixel of a scan four times, and their digits."""
    scans = load_digits()
    chosen = np.random.default_rng(SEED).permutation(len(scans.target))[-HELD_OUT:]
    small = np.rint(scans.images[chosen] * (255 / 16)).astype(np.uint8)
    return small.repeat(2, axis=1).repeat(2, axis=2)[..., np.newaxis], scans.target[chosen]


def images_per_second(model: akida.Model, images: np.ndarray) -> float:
    """Returns the best of several runs over all images, on all cores."""
    many = np.tile(images, (10, 1, 1, 1))
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        model.forward(many)
        best = min(best, time.perf_counter() - start)
    return len(many) / best


@dataclass(frozen=True)
class Results:
    """What the job came to.

    Attributes:
        right: how many held-out digits the engine classifies rightly.
        file_size: bytes of the saved model.
        images_per_second: speed of the engine.
    """

    right: int
    file_size: int
    images_per_second: float

    def __str__(self) -> str:
        rows = [
            ("Akida 2.0: test accuracy, float (recorded)", f"{RIGHT_FLOAT / HELD_OUT:.2%}"),
            ("Akida 2.0: test accuracy, quantized (recorded)", f"{RIGHT_QUANTIZED / HELD_OUT:.2%}"),
            ("Akida 2.0: test accuracy, converted (engine)", f"{self.right / HELD_OUT:.2%}"),
            ("size of digits_akida2.fbz", f"{self.file_size:,} bytes"),
            ("engine, all cores", f"{self.images_per_second:,.0f} images/s"),
        ]
        left, right = (max(len(row[i]) for row in rows) for i in (0, 1))
        return "\n".join(f"{name:<{left}}  {value:>{right}}" for name, value in rows)


def run(out: Path) -> Results:
    """Runs the job; files go to the folder `out`."""
    file = out / "digits_akida2.fbz"
    cnn2snn.convert(MODEL, file_path=file)
    model = akida.Model(file)
    model.summary()
    images, labels = held_out_digits()
    right = int(np.sum(model.predict_classes(images) == labels))
    return Results(right, file.stat().st_size, images_per_second(model, images))


def main() -> int:
    """Runs the job; returns the process's exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("examples/out"), help="where files go")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    results = run(out)
    print(f"\n{results}")
    if results.right != RIGHT_QUANTIZED:
        print(f"missed: the engine must classify {RIGHT_QUANTIZED} digits rightly", file=sys.stderr)
        return 1
    print(f"\nas many digits as quantized Keras; the model is in {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
