"""What a model has to do with inputs: outputs, classes, accuracy, the outputs of every layer."""

from __future__ import annotations

import numpy as np

from cnn2snn import _akida
from cnn2snn.akida import _arguments
from cnn2snn.akida._classes import check_labels, classes_of, outputs_per_class
from cnn2snn.akida.layer import Layer
from cnn2snn.errors import UnsupportedModelError


class Runnable:
    """The part of `Model` that runs inputs."""

    _native: _akida.Model
    _layers: list[Layer]

    def _end(self, index: int) -> Layer:
        """Returns the first (0) or the last layer (-1)."""
        if not self._layers:
            raise UnsupportedModelError("the model has no layer yet", kind="structure")
        return self._layers[index]

    def forward(self, inputs: np.ndarray, batch_size: int = 0, *, threads: int = 0) -> np.ndarray:
        """Runs the integer network.

        Args:
            inputs: uint8 array of shape (n, X, Y, C), with values of the first layer's
                `input_bits`. It is read where it lies when it is C-contiguous, and must not be
                written to meanwhile.
            batch_size: number of inputs between two looks for Ctrl-C; 0 leaves it to the engine. It
                has no influence on the result.
            threads: the most threads to use; 0 for one per core. There are never more than cores, and all
                runs of the process share them: while one has them, others use their calling thread
                alone. It has no influence on the result.

        Returns:
            Array of shape (n, X, Y, C): uint8 levels, or int32 potentials when the last layer has
            no activation (its threshold is not applied).

        Raises:
            ValueError: wrong dtype, shape or values.
            TypeError: `inputs` is not an array.
            RuntimeError: the model is not complete.
        """
        return self._native.forward(inputs, *_run_options(batch_size, threads))

    def predict(self, inputs: np.ndarray, batch_size: int = 0, *, threads: int = 0) -> np.ndarray:
        """Runs the network and gives real numbers: (potential − threshold) / act_step.

        Args:
            inputs: as for `forward`.
            batch_size: as for `forward`.
            threads: as for `forward`.

        Returns:
            float32 array of shape (n, X, Y, C).

        Raises:
            ValueError: wrong dtype, shape or values.
            TypeError: `inputs` is not an array.
            RuntimeError: the last layer has an activation, or the model is not complete.
        """
        return self._native.predict(inputs, *_run_options(batch_size, threads))

    def predict_classes(
        self, inputs: np.ndarray, num_classes: int = 0, batch_size: int = 0, *, threads: int = 0
    ) -> np.ndarray:
        """Returns the class of each input: the index of its largest output, the first in a tie.

        Outputs are those of `predict`, or the levels of `forward` when the last layer has an
        activation.

        Args:
            inputs: as for `forward`.
            num_classes: number of classes, each with an equal number of neighbouring outputs; 0 for
                one output per class.
            batch_size: as for `forward`.
            threads: as for `forward`.

        Returns:
            int32 array of shape (n,).

        Raises:
            ValueError: wrong inputs, or outputs that cannot be shared out among the classes.
            TypeError: an argument has the wrong type.
            RuntimeError: outputs with more than one position, or a model that is not complete.
        """
        per_class = outputs_per_class(self._end(-1), num_classes)
        run = self.predict if self._end(-1).output_bits is None else self.forward
        return classes_of(run(inputs, batch_size, threads=threads), per_class)

    def evaluate(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        num_classes: int = 0,
        batch_size: int = 0,
        *,
        threads: int = 0,
    ) -> float:
        """Returns the accuracy: the share of inputs whose class is its label.

        Args:
            inputs: as for `forward`, at least one.
            labels: integers of shape (n,), each the number of a class from 0 on.
            num_classes: as for `predict_classes`.
            batch_size: as for `forward`.
            threads: as for `forward`.

        Returns:
            A number in 0 … 1.

        Raises:
            ValueError: wrong inputs, labels that are no classes or not as many as inputs, or no
                input at all.
            TypeError: an argument has the wrong type.
            RuntimeError: as for `predict_classes`.
        """
        per_class = outputs_per_class(self._end(-1), num_classes)
        truth = check_labels(labels, self._end(-1).output_dims[2] // per_class)
        if isinstance(inputs, np.ndarray) and inputs.ndim == 4 and len(inputs) != len(truth):
            expected = f"of shape ({len(inputs)},), one per input"
            _arguments.wrong_value("", "labels", expected, truth.shape)
        classes = self.predict_classes(inputs, num_classes, batch_size, threads=threads)
        if not len(classes):
            _arguments.wrong_value("", "inputs", "at least one", "none")
        return float(np.mean(classes == truth))

    def forward_taps(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Runs the network on one thread and gives the outputs of every layer, in order.

        Args:
            inputs: as for `forward`.

        Returns:
            Arrays of shape (n, X, Y, C): uint8 levels, or int32 potentials for a layer without
            activation.

        Raises:
            ValueError: wrong dtype, shape or values.
            TypeError: `inputs` is not an array.
            RuntimeError: the model is not complete.
        """
        return self._native.forward_taps(inputs)


def _run_options(batch_size: object, threads: object) -> tuple[int, int]:
    return (
        _arguments.integer("", "batch_size", batch_size, low=0),
        _arguments.integer("", "threads", threads, low=0),
    )
