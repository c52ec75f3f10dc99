"""What a model has to do with inputs: outputs, classes, accuracy, the outputs of every layer, streams."""

from __future__ import annotations

import numpy as np

from cnn2snn import _akida
from cnn2snn.akida import _arguments
from cnn2snn.akida._classes import check_labels, outputs_per_class
from cnn2snn.akida.enums import LayerType
from cnn2snn.akida.layer import Layer
from cnn2snn.akida.session import Session
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

        The largest integer is not always the class of an input: thresholds, steps and scales differ between channels,
        and are not applied to potentials. `predict_classes` gives classes, `classes_of` those of integers.

        A model with state (`has_state`) takes one step of as many streams as there are inputs: input i goes on with
        stream i of the last call. `reset` begins new streams. Whole clips go through `session`.

        Args:
            inputs: array of shape (n, X, Y, C) and of the model's `input_dtype`: uint8 for images and for inputs of up
                to 4 bits, with values of the first layer's `input_bits`; int8 or int16 for `InputData` of 8 or 16 bits;
                float32 without NaN for a `Quantizer`. It is read where it lies when it is C-contiguous, and must
                not be written to meanwhile.
            batch_size: number of inputs between two looks for Ctrl-C; 0 leaves it to the engine. It
                has no influence on the result, and none on a model with state.
            threads: the most threads to use; 0 for one per core. There are never more than cores, and all
                runs of the process share them: while one has them, others use their calling thread
                alone. It has no influence on the result. A model with state runs on the calling thread.

        Returns:
            Array of shape (n, X, Y, C) and of the model's `output_dtype`. Akida 1.0: uint8 levels, or int32 potentials
            when the last layer has no activation (its threshold is not applied). Akida 2.0: the integers of
            the last layer, or those that a `Dequantizer` at the end reads; int32 for accumulators.

        Raises:
            ValueError: wrong dtype, shape or values; for a model with state, another number of inputs than in the
                last call.
            TypeError: `inputs` is not an array.
            RuntimeError: the model is not complete.
        """
        return self._native.forward(inputs, *_run_options(batch_size, threads))

    def predict(self, inputs: np.ndarray, batch_size: int = 0, *, threads: int = 0) -> np.ndarray:
        """Runs the network and gives real numbers.

        In Akida 1.0 they are (potential − threshold) / act_step. In Akida 2.0 they are what the `Dequantizer` at the
        end makes of the integers of `forward`.

        Args:
            inputs: as for `forward`.
            batch_size: as for `forward`.
            threads: as for `forward`.

        Returns:
            float32 array of shape (n, X, Y, C).

        Raises:
            ValueError: wrong dtype, shape or values, as for `forward`.
            TypeError: `inputs` is not an array.
            RuntimeError: a model of Akida 1.0 whose last layer has an activation, or a model of Akida 2.0
                without `Dequantizer`: `forward` gives their outputs. Or the model is not complete.
        """
        return self._native.predict(inputs, *_run_options(batch_size, threads))

    def dequantize(self, outputs: np.ndarray) -> np.ndarray:
        """Returns the floats that the `Dequantizer` at the end makes of integers: integer · scale of its channel.

        Args:
            outputs: what `forward`, `Session.step` or `Session.run_clip` gave: an array of the model's `output_dtype`
                whose last axes are the model's `output_shape`.

        Returns:
            float32 array of the same shape.

        Raises:
            ValueError: wrong dtype or shape.
            TypeError: `outputs` is not an array.
            RuntimeError: the model has no `Dequantizer`, or is not complete.
        """
        return self._native.dequantize(outputs)

    @property
    def has_state(self) -> bool:
        """Whether outputs depend on earlier inputs: some layer is temporal or recurrent."""
        return self._native.has_state

    def reset(self) -> None:
        """Begins new streams in a model with state, for `forward` and the methods that call it.

        The next call says how many streams there are. Every edit of the model begins new streams as well. Models
        without state and sessions are not concerned.
        """
        self._native.reset()

    def session(self, streams: int = 1) -> Session:
        """Returns streams through the model as it is now, all before their first input.

        They share nothing with each other, nor with `forward`.

        Args:
            streams: number of streams.

        Raises:
            ValueError: not at least one stream.
            TypeError: not an integer.
            RuntimeError: the model is not complete.

        Example:
            >>> import numpy as np
            >>> from cnn2snn import akida
            >>> model = akida.Model(layers=[akida.InputData((4, 4, 2), input_bits=8), akida.BufferTempConv(3, 5)])
            >>> clip = np.zeros((100, 1, 4, 4, 2), np.int8)  # 100 steps of one stream
            >>> model.session().run_clip(clip).shape
            (100, 1, 4, 4, 3)
        """
        return Session(self._native.session(_arguments.integer("", "streams", streams)))

    def predict_classes(
        self, inputs: np.ndarray, num_classes: int = 0, batch_size: int = 0, *, threads: int = 0
    ) -> np.ndarray:
        """Returns the class of each input: the index of its largest output, the first in a tie.

        Outputs are those of `predict` where the model has them, else the integers of `forward`.

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
        outputs_per_class(self._end(-1), num_classes)  # refuses a model without classes before it is run
        return self.classes_of(self.forward(inputs, batch_size, threads=threads), num_classes)

    def classes_of(self, outputs: np.ndarray, num_classes: int = 0) -> np.ndarray:
        """Returns the classes of integers that the model gave: what `predict_classes` gives for their inputs.

        Integers become the real numbers that they stand for, with the thresholds, steps and scales of their channels.
        The class is the index of the largest of them, the first in a tie.

        Args:
            outputs: what `forward`, `Session.step` or `Session.run_clip` gave: an array of the model's `output_dtype`
                whose last axes are the model's `output_shape`.
            num_classes: as for `predict_classes`.

        Returns:
            int32 array of the shape of the axes before the last three.

        Raises:
            ValueError: wrong dtype or shape, or outputs that cannot be shared out among the classes.
            TypeError: an argument has the wrong type.
            RuntimeError: outputs with more than one position, or a model that is not complete.

        Example:
            >>> import numpy as np
            >>> from cnn2snn import akida
            >>> dense = akida.FullyConnected(2, weights_bits=2, activation=False, name="classes")
            >>> model = akida.Model(layers=[akida.InputData((1, 1, 1)), dense])
            >>> model.get_layer("classes").set_variable("act_step", np.array([4, 1], np.float32))
            >>> potentials = np.array([[[[5, 4]]]], np.int32)  # stand for 1.25 and 4
            >>> model.classes_of(potentials)
            array([1], dtype=int32)
        """
        last = self._end(-1)
        classes = last.output_dims[2] // outputs_per_class(last, num_classes)
        return self._native.classes_of(outputs, classes)

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

        Streams of a model with state move on by a step, as with `forward`.

        Args:
            inputs: as for `forward`.

        Returns:
            Arrays of shape (n, X, Y, C), of each layer's `output_dtype`: uint8 levels or int32 potentials in Akida 1.0.

        Raises:
            ValueError: wrong dtype, shape or values, as for `forward`.
            TypeError: `inputs` is not an array.
            RuntimeError: the model is not complete.
        """
        return self._native.forward_taps(inputs)

    def _predicts(self) -> bool:
        """Whether the model has float outputs, so that its integers stand for other numbers."""
        last = self._end(-1)
        return last.output_bits is None or last.parameters.layer_type is LayerType.Dequantizer


def _run_options(batch_size: object, threads: object) -> tuple[int, int]:
    return (
        _arguments.integer("", "batch_size", batch_size, low=0),
        _arguments.integer("", "threads", threads, low=0),
    )
