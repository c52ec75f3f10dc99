"""Streams of inputs through models with state."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from cnn2snn import _akida
from cnn2snn.akida import _arguments
from cnn2snn.errors import InvalidTypeError


class Session:
    """Streams through a model, as `Model.session` makes them: each has queues and states of its own.

    A step takes one input of every stream, in order. Streams do not influence each other. They go through the model as
    it was when the session was made; later edits of the model do not matter. A model without state can have sessions
    too. Several threads may use a session: one call comes after the other.

    A call that is refused or interrupted leaves the streams where they were.

    Example:
        >>> import numpy as np
        >>> from cnn2snn import akida
        >>> queue = akida.DepthwiseBufferTempConv(2, name="sum")
        >>> model = akida.Model(layers=[akida.InputData((1, 1, 1), input_bits=8), queue])
        >>> queue.set_variable("weights", np.array([10, 1], np.int8).reshape(1, 1, 2, 1))
        >>> session = model.session(streams=2)
        >>> session.step(np.array([1, 5], np.int8).reshape(2, 1, 1, 1)).ravel()
        array([1, 5], dtype=int8)
        >>> session.step(np.array([2, 0], np.int8).reshape(2, 1, 1, 1)).ravel()
        array([12, 50], dtype=int8)
    """

    def __init__(self, native: _akida.Session) -> None:
        self._native = native

    @property
    def streams(self) -> int:
        """Number of streams."""
        return self._native.streams

    def step(self, inputs: np.ndarray) -> np.ndarray:
        """Runs the next input of every stream.

        Args:
            inputs: array of shape (streams, X, Y, C) and of the model's `input_dtype`.

        Returns:
            Integers as of `Model.forward`, of shape (streams, X, Y, C). `Model.dequantize` makes floats of them.

        Raises:
            ValueError: wrong dtype, shape or values, or another number of streams.
            TypeError: `inputs` is not an array.
        """
        return self._native.step(inputs)

    def run_clip(self, inputs: np.ndarray) -> np.ndarray:
        """Runs the next inputs of every stream, one step after the other.

        Args:
            inputs: array of shape (steps, streams, X, Y, C) and of the model's `input_dtype`. Time is the first axis.

        Returns:
            What as many calls of `step` give, of shape (steps, streams, X, Y, C).

        Raises:
            ValueError: wrong dtype, shape or values, or another number of streams. No step is then run.
            TypeError: `inputs` is not an array.
        """
        return self._native.run_clip(inputs)

    def taps(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Runs the next input of every stream and gives the outputs of every layer, in order.

        Args:
            inputs: as for `step`.

        Returns:
            Arrays of shape (streams, X, Y, C), of each layer's `output_dtype`.

        Raises:
            ValueError, TypeError: as for `step`.
        """
        return self._native.taps(inputs)

    def reset(self) -> None:
        """Puts every stream before its first input: queues and states are zero."""
        self._native.reset()

    def save(self) -> bytes:
        """Returns the queues and states of all streams, for `restore`. The model is not among them."""
        return self._native.save()

    def restore(self, saved: bytes) -> None:
        """Takes over streams that were saved, whatever their number.

        Args:
            saved: what `save` gave, in a session of an equal model.

        Raises:
            ValueError: the bytes are not those of streams through this model. The session is then unchanged.
            TypeError: not bytes.
        """
        if not isinstance(saved, (bytes, bytearray, memoryview)):
            _arguments.wrong_type("", "saved", "bytes", saved)
        self._native.restore(bytes(saved))

    def __reduce__(self) -> NoReturn:
        raise InvalidTypeError(
            "a session is not copied or pickled",
            kind="copy",
            remedy="save() its streams, and restore() them in another",
        )

    def __repr__(self) -> str:
        streams = self.streams
        return f"<Session of {streams} stream{'' if streams == 1 else 's'}>"
