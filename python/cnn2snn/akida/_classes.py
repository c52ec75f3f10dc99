"""Classes, the outputs they belong to, and labels."""

from __future__ import annotations

import numpy as np

from cnn2snn.akida import _arguments
from cnn2snn.akida.layer import Layer
from cnn2snn.errors import UnsupportedModelError


def check_labels(labels: object, classes: int) -> np.ndarray:
    """Returns labels as an array, each the number of one of `classes` classes."""
    truth = np.asarray(labels)
    if truth.dtype.kind not in "iu":
        remedy = "convert one-hot labels with argmax(axis=1)" if truth.ndim > 1 else ""
        _arguments.wrong_value("", "labels", "integers", f"dtype {truth.dtype}", remedy)
    if truth.ndim != 1:
        remedy = "flatten them with ravel()" if truth.shape[1:] == (1,) else ""
        _arguments.wrong_value("", "labels", "of shape (n,)", truth.shape, remedy)
    wrong = np.flatnonzero((truth < 0) | (truth >= classes))
    if wrong.size:
        received = f"{truth[wrong[0]]} at index {wrong[0]}"
        _arguments.wrong_value("", "labels", f"in 0..={classes - 1}", received)
    return truth


def outputs_per_class(last: Layer, num_classes: int = 0) -> int:
    """Returns how many neighbouring outputs of the last layer share a class.

    Raises an error when it has no classes, or not so many.
    """
    x, y, outputs = last.output_dims
    if (x, y) != (1, 1):
        raise UnsupportedModelError(
            f'layer "{last.name}": classes need an output of shape (1, 1, C), received ({x}, {y}, {outputs})',
            layer=last.name,
            kind="predict_classes",
            expected="(1, 1, C)",
            received=(x, y, outputs),
        )
    classes = _arguments.integer("", "num_classes", num_classes, low=0) or outputs
    if outputs % classes:
        expected = f"0 or a divisor of {outputs}, the number of outputs"
        _arguments.wrong_value("", "num_classes", expected, classes)
    return outputs // classes
