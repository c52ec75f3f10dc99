"""Times quantize and convert on MobileNet 1.0/224: python benches/quantize_convert.py [rounds].

The first round includes what TensorFlow does once in a process. Batch statistics are random, so that nothing is 0 or 1.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import cnn2snn
from cnn2snn import zoo


def main() -> None:
    rng = np.random.default_rng(0)
    model = zoo.mobilenet_imagenet()
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            n = layer.gamma.shape[0]
            layer.set_weights(
                [rng.uniform(0.5, 2, n), rng.normal(0, 0.3, n), rng.normal(0, 0.3, n), rng.uniform(0.3, 2, n)]
            )
    print("round  quantize  convert  together, seconds")
    for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 4):
        start = time.perf_counter()
        quantized = cnn2snn.quantize(model, 4, 4, 8)
        between = time.perf_counter()
        cnn2snn.convert(quantized)
        end = time.perf_counter()
        print(f"{number:5}  {between - start:8.2f}  {end - between:7.2f}  {end - start:8.2f}")


if __name__ == "__main__":
    main()
