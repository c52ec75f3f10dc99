"""Models for inputs of another size."""

from __future__ import annotations

from numbers import Integral

from cnn2snn._keras import keras
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from cnn2snn.graph import build, read

__all__ = ["reshape"]


def reshape(model_keras: keras.Model, input_x: int, input_y: int) -> keras.Model:
    """Makes the model for images of another size, with the same weights.

    Args:
        model_keras: the Keras model, whose input is (height, width, channels); it is not changed.
        input_x: the new size of the first axis of images, their height.
        input_y: the new size of the second axis, their width.

    Returns:
        A new model of the same kind and name.

    Raises:
        InvalidArgumentError: (ValueError) a size that is not a positive integer, one that is too small for the layers,
            or a layer whose weights depend on the size of its input, as those of a `Dense` behind a `Flatten` do.
        UnsupportedModelError: (RuntimeError) the inputs are not images.

    Example:
        >>> small = cnn2snn.transforms.reshape(model, 96, 160)  # doctest: +SKIP
    """
    for name, size in (("input_x", input_x), ("input_y", input_y)):
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise InvalidArgumentError(
                f"{name} must be a positive integer, received {size!r}", kind=name, expected="at least 1", received=size
            )
    graph = read(model_keras)
    source = graph.input
    if len(source.output_shape) != 3:
        raise UnsupportedModelError(
            f'layer "{source.name}": inputs must have the shape (height, width, channels), received '
            f"{source.output_shape}",
            layer=source.name,
            kind="input_shape",
            received=source.output_shape,
        )
    source.output_shape = (int(input_x), int(input_y), source.output_shape[2])
    try:
        return build(graph)
    except InvalidArgumentError as error:
        if error.kind != "weights_shape":
            raise
        raise InvalidArgumentError(
            f"{error}",
            layer=error.layer,
            kind=error.kind,
            expected=error.expected,
            received=error.received,
            remedy="they depend on the size of the images: use GlobalAveragePooling2D in place of Flatten",
        ) from None
    # What Keras says when a map becomes empty, or a Reshape does not fit.
    except ValueError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InvalidArgumentError(
            f'model "{graph.name}" cannot be made for images of {input_x} x {input_y}: {reason}',
            kind="input_shape",
            received=(input_x, input_y),
        ) from error
