"""Samples and labels, in whatever form they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from cnn2snn import _arrays, _images
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError

__all__ = ["Samples", "read_labels", "read_samples"]

# How tf.data says that a data set never ends.
_INFINITE = -1


@dataclass(frozen=True)
class Samples:
    """Inputs of a model and, where they are known, their classes.

    Attributes:
        inputs: (n, …) numbers of the type that they came in, n at least 1.
        labels: the number of each input's class, (n,) int64, or None.
        classes: the names of the classes, where they come from folders.
    """

    inputs: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)


def read_samples(
    source: Any, shape: tuple[int | None, ...], labels: Any = None, *, limit: int | None = None
) -> Samples:
    """Reads samples from any of their usual forms.

    `source` is one of

    - an array (n, …), whatever has `__array__`, or lists of numbers;
    - a pair (inputs, labels) of these;
    - a `tf.data.Dataset`, of batches or of single samples, with or without labels;
    - an iterable of batches, such as a generator, a Keras `PyDataset` or a PyTorch `DataLoader`. A batch is an array
      (n, …), or (inputs, labels), or (inputs, labels, weights). The weights are not used;
    - the path of a `.npy` or `.npz` file, or of a folder with a folder of images for each class.

    An iterable is read to its end, once.

    Args:
        source: where samples come from.
        shape: the shape of one input of the model; None where a size is open.
        labels: classes of the samples, where `source` has none: as for `read_labels`, or the path of a `.npy` file.
        limit: samples to use at most: the first of them, or of a folder evenly taken ones. All by default.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, that are no finite numbers, or without
            end; as many labels as samples are needed.
        InvalidTypeError: (TypeError) something else than the forms above.
        FormatError: (ValueError) a file that cannot be read.
        OSError: a file that is not there.

    Example:
        >>> read_samples([[1, 2], [3, 4]], (2,), [0, 1]).labels
        array([0, 1])
    """
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, Integral) or limit < 1):
        raise InvalidArgumentError(
            f"the number of samples must be a positive integer, received {limit!r}", kind="limit", received=limit
        )
    if isinstance(source, Samples):
        found, own, classes = source.inputs, source.labels, source.classes
    elif isinstance(source, (str, Path)):
        found, own, classes = _from_path(Path(source), shape, limit)
    else:
        found, own = _from_memory(source, shape, limit)
        classes = ()
    inputs = _checked(found, shape)[:limit]
    if labels is None:
        labels = own
    elif isinstance(labels, (str, Path)):
        labels = _arrays.load(Path(labels))
    if labels is not None:
        labels = read_labels(labels)
        # With a limit, labels of all samples may be given.
        if len(labels) != len(found) and not (limit is not None and len(labels) > len(inputs) == limit):
            raise InvalidArgumentError(
                f"as many labels as samples are needed, received {len(labels)} labels for {len(found)} samples",
                kind="labels",
                expected=len(found),
                received=len(labels),
            )
        labels = labels[: len(inputs)]
    return Samples(inputs, labels, classes)


def read_labels(labels: Any) -> np.ndarray:
    """The number of each sample's class, (n,) int64.

    Args:
        labels: integers (n,) or (n, 1), or one-hot rows (n, classes).

    Raises:
        InvalidArgumentError: (ValueError) anything else.
    """
    found = _array(labels, "labels")
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    one_hot = found.ndim == 2 and bool(np.all((found == 0) | (found == 1)) and np.all(found.sum(axis=1) == 1))
    if one_hot:
        found = found.argmax(axis=1)
    if found.ndim != 1 or not np.array_equal(found, np.rint(found)) or np.any(found < 0):
        raise InvalidArgumentError(
            "labels must be numbers of classes, integers of shape (n,) from 0, or one-hot rows, received "
            f"{found.dtype} of shape {found.shape}",
            kind="labels",
            expected="(n,)",
            received=found.shape,
        )
    return found.astype(np.int64)


def _from_path(path: Path, shape: tuple[int | None, ...], limit: int | None) -> tuple[Any, Any, tuple[str, ...]]:
    if path.is_dir():
        return _images.read_folder(path, shape, limit)
    return _arrays.load_all(path), None, ()


def _from_memory(source: Any, shape: tuple[int | None, ...], limit: int | None) -> tuple[Any, Any]:
    """Inputs and labels, or None, of what is no path."""
    if isinstance(source, (list, tuple)) or hasattr(source, "__array__"):
        return _pair(source, len(shape)) or (source, None)
    if (not isinstance(source, Iterable) and not hasattr(source, "__getitem__")) or isinstance(source, (dict, bytes)):
        raise InvalidTypeError(
            "samples must be an array, a list, a tf.data.Dataset, an iterable of batches or a path, received "
            f"{type(source).__name__}",
            kind="samples",
            received=type(source).__name__,
        )
    inputs, labels, count = [], [], 0
    for item in _items(source, limit):
        pair = tuple(item[:2]) if isinstance(item, tuple) and len(item) in (2, 3) else _pair(item, len(shape))
        part, truth = pair or (item, None)
        part = _array(part, "samples")
        single = part.ndim == len(shape)
        inputs.append(part[np.newaxis] if single else part)
        if truth is not None:
            truth = _array(truth, "labels")
            labels.append(truth[np.newaxis] if single else truth)
        if labels and len(labels) != len(inputs):
            raise InvalidArgumentError("labels must come with all batches or with none", kind="labels")
        if inputs[-1].shape[1:] != inputs[0].shape[1:] or not inputs[-1].ndim:
            raise InvalidArgumentError(
                f"all batches must have one shape but for the first axis, received {inputs[0].shape} and "
                f"{inputs[-1].shape}",
                kind="samples",
                received=inputs[-1].shape,
            )
        count += len(inputs[-1])
        if limit is not None and count >= limit:
            break
    if not inputs:
        raise InvalidArgumentError(
            "samples must have at least one batch, received none",
            kind="samples",
            remedy="a generator that has been read gives nothing more: make a new one",
        )
    return np.concatenate(inputs), np.concatenate(labels) if labels else None


def _items(source: Any, limit: int | None) -> Iterator[Any]:
    """The batches, or single samples, of a data set or an iterable."""
    if hasattr(source, "as_numpy_iterator"):
        if limit is None and int(source.cardinality()) == _INFINITE:
            raise InvalidArgumentError(
                "samples must come to an end, received a data set that repeats itself",
                kind="samples",
                remedy="take a part of it, as with dataset.take(10)",
            )
        return source.as_numpy_iterator()
    # A Keras PyDataset is read by index; to iterate over it would not end.
    if not isinstance(source, Iterable) or hasattr(source, "on_epoch_end"):
        return (source[index] for index in range(len(source)))
    return iter(source)


def _pair(item: Any, rank: int) -> tuple[Any, Any] | None:
    """Inputs and labels of a batch that holds both, inputs being batches of arrays of `rank` axes; else None."""
    if not isinstance(item, (list, tuple)) or len(item) not in (2, 3):
        return None
    shapes = [getattr(part, "shape", None) for part in item[:2]]
    if shapes[0] is None or len(shapes[0]) != rank + 1 or len(np.shape(item[1])) > 2:
        return None
    return item[0], item[1]


def _array(values: Any, what: str) -> np.ndarray:
    """An array of numbers."""
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise InvalidArgumentError(
            f"{what} must be numbers, in arrays or lists of even lengths, received {type(values).__name__} of "
            f"{array.dtype}",
            kind=what,
            received=str(array.dtype),
        )
    return array


def _checked(values: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """An array with samples that a model takes."""
    samples = _array(values, "samples")
    fits = samples.ndim == len(shape) + 1 and all(
        want in (None, have) for want, have in zip(shape, samples.shape[1:], strict=True)
    )
    if not fits or not len(samples):
        expected = f"(n, {', '.join('any' if n is None else str(n) for n in shape)})"
        raise InvalidArgumentError(
            f"samples must have the shape {expected} with n at least 1, received {samples.shape}",
            kind="samples",
            expected=expected,
            received=samples.shape,
            remedy=_remedy(samples.shape, shape),
        )
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        place = tuple(int(index) for index in np.argwhere(~np.isfinite(samples))[0])
        raise InvalidArgumentError(
            f"samples must be finite, received {samples[place]} at {list(place)}",
            kind="samples",
            received=float(samples[place]),
        )
    return samples


def _remedy(received: tuple[int, ...], shape: tuple[int | None, ...]) -> str | None:
    def fits(candidate: tuple[int, ...]) -> bool:
        return len(candidate) == len(shape) and all(
            want in (None, have) for want, have in zip(shape, candidate, strict=True)
        )

    if fits(received):
        return "add the axis that counts samples, with samples[np.newaxis]"
    if fits((*received[1:], 1)):
        return "add the axis of channels, with samples[..., np.newaxis]"
    if len(received) == len(shape) + 1 and fits((*received[2:], *received[1:2])):
        return "put channels last, with np.moveaxis(samples, 1, -1)"
    return None
