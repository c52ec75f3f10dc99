"""`predict` and `evaluate` of one converted model over data that one machine does not hold: Dask arrays, folders."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn2snn import _arrays, _files, akida
from cnn2snn._progress import Progress
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError

if TYPE_CHECKING:
    import dask.array as da

__all__ = ["evaluate", "predict"]

# Inputs of a file that are in memory at a time.
_BATCH = 1024


def predict(
    model: akida.Model | str | os.PathLike[str],
    inputs: da.Array | str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    client: Any = None,
) -> da.Array | list[Path]:
    """Runs a converted model on inputs that one machine does not hold.

    Args:
        model: the converted model, or the path of its `.fbz` file; one that `akida.Model.predict` takes.
        inputs: a Dask array (n, X, Y, C) of the model's `input_dtype`, or a folder of `.npy` files of such arrays, read
            a part at a time.
        output: for a folder: the folder for the outputs, which is made where there is none; each file has the name of
            its inputs. Files that are there already are not computed again.
        client: for a folder: a `distributed.Client` whose workers see both folders; None for this process. A Dask array
            is computed by whom Dask is told to ask.

    Returns:
        Of a Dask array another one, float32 (n, X, Y, C), that is computed when it is asked for. Of a folder the paths
        of the outputs, in the order of the names.

    Raises:
        InvalidArgumentError: (ValueError) a folder without `.npy` files, the same folder for inputs and outputs, or
            inputs that the model does not take.
        InvalidTypeError: (TypeError) inputs of another kind, for which `akida.Model.predict` is there.
        OSError: a folder or file that is not there or cannot be written.

    Example:
        >>> images = dask.array.from_zarr("images.zarr")  # doctest: +SKIP
        >>> cnn2snn.predict("model.fbz", images).to_zarr("outputs.zarr")  # doctest: +SKIP
        >>> cnn2snn.predict("model.fbz", "images/", "outputs/")  # doctest: +SKIP
    """
    model = _model(model)
    if _is_dask(inputs):
        if output is not None:
            raise InvalidArgumentError(
                "output is a folder for the outputs of a folder, and inputs are a Dask array",
                kind="output",
                received=str(output),
                remedy="store the result, as with its to_zarr",
            )
        whole = _whole_inputs(inputs, model)
        shape = tuple(model.output_shape)
        chunks = (whole.chunks[0], *((size,) for size in shape))
        meta = np.empty((0, *shape), np.float32)
        return whole.map_blocks(_predicted, model, dtype=np.float32, chunks=chunks, meta=meta)
    files = _files_of(inputs)
    if output is None:
        raise InvalidArgumentError("a folder of inputs needs output, a folder for the outputs", kind="output")
    target = Path(output)
    target.mkdir(parents=True, exist_ok=True)
    if target.samefile(files[0].parent):
        raise InvalidArgumentError(
            f"{target}: the outputs would replace the inputs",
            kind="output",
            received=str(target),
            remedy="name another folder",
        )
    results = [target / file.name for file in files]
    missing = [(file, result) for file, result in zip(files, results, strict=True) if not result.exists()]
    for _ in _each(_predict_file, [(model, file, result) for file, result in missing], client):
        pass
    return results


def evaluate(
    model: akida.Model | str | os.PathLike[str],
    inputs: da.Array | str | os.PathLike[str],
    labels: Any,
    client: Any = None,
) -> float:
    """The accuracy of a converted model on inputs that one machine does not hold.

    Args:
        model: as for `predict`; one that `akida.Model.evaluate` takes.
        inputs: as for `predict`.
        labels: integers (n,): a Dask array or any other array; for a folder a folder of `.npy` files, each with the
            name of its inputs.
        client: a `distributed.Client` whose workers count; None for this process, or whom Dask is told to ask.

    Returns:
        The share of inputs whose class is its label, 0 … 1.

    Raises:
        InvalidArgumentError, InvalidTypeError, OSError: as for `predict`, and labels that are not as many as inputs.

    Example:
        >>> cnn2snn.evaluate("model.fbz", images, labels)  # doctest: +SKIP
        >>> cnn2snn.evaluate("model.fbz", "images/", "labels/", client)  # doctest: +SKIP
    """
    model = _model(model)
    if _is_dask(inputs):
        counts = _count_blocks(model, _whole_inputs(inputs, model), labels, client)
    else:
        files = _files_of(inputs)
        truths = Path(labels)
        for file in files:
            # An error at once, not after hours.
            (truths / file.name).stat()
        counts = list(_each(_count_file, [(model, file, truths / file.name) for file in files], client))
    total = sum(count for _, count in counts)
    if not total:
        raise InvalidArgumentError("inputs must be at least one, received none", kind="inputs")
    return sum(right for right, _ in counts) / total


def _count_blocks(model: akida.Model, inputs: da.Array, labels: Any, client: Any) -> list[tuple[int, int]]:
    import dask
    import dask.array as da

    truth = da.asarray(labels)
    if truth.shape != inputs.shape[:1]:
        raise InvalidArgumentError(
            f"labels must be of shape ({inputs.shape[0]},), one per input, received {truth.shape}",
            kind="labels",
            expected=inputs.shape[:1],
            received=truth.shape,
        )
    parts = truth.rechunk((inputs.chunks[0],)).to_delayed().ravel()
    count = dask.delayed(_counted)
    known = dask.delayed(model)
    tasks = [count(known, block, part) for block, part in zip(inputs.to_delayed().ravel(), parts, strict=True)]
    if client is None:
        return list(dask.compute(*tasks))
    return client.gather(client.compute(tasks))


def _each(function: Callable[..., Any], arguments: list[tuple[Any, ...]], client: Any) -> Iterable[Any]:
    """The results of a function for each of some arguments, with progress."""
    progress = Progress(len(arguments))
    futures: list[Any] = []
    try:
        if client is None:
            results: Iterable[Any] = (function(*given) for given in arguments)
        else:
            futures = [client.submit(function, *given, pure=False) for given in arguments]
            results = (future.result() for future in futures)
        for done, result in enumerate(results, 1):
            yield result
            progress.update(done)
    finally:
        progress.close()
        if futures:
            client.cancel(futures)


def _predicted(inputs: np.ndarray, model: akida.Model) -> np.ndarray:
    return model.predict(np.ascontiguousarray(inputs))


def _predict_file(model: akida.Model, source: Path, target: Path) -> None:
    _files.save_array(target, np.concatenate([model.predict(part) for part in _parts(source)]))


def _counted(model: akida.Model, inputs: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """How many inputs are right, and how many there are."""
    if not len(inputs):
        return 0, 0
    inputs = np.ascontiguousarray(inputs)
    return round(model.evaluate(inputs, np.asarray(labels)) * len(inputs)), len(inputs)


def _count_file(model: akida.Model, source: Path, truth: Path) -> tuple[int, int]:
    labels = _arrays.load(truth)
    count = sum(len(part) for part in _parts(source))
    if labels.shape != (count,):
        raise InvalidArgumentError(
            f"{truth}: labels must be of shape ({count},), one per input, received {labels.shape}",
            kind="labels",
            expected=(count,),
            received=labels.shape,
        )
    right, done = 0, 0
    for part in _parts(source):
        right += _counted(model, part, labels[done : done + len(part)])[0]
        done += len(part)
    return right, count


def _parts(path: Path) -> Iterable[np.ndarray]:
    """The inputs of a file, a part at a time; one part without inputs where it has none."""
    array = _arrays.load(path)
    for start in range(0, max(len(array), 1), _BATCH):
        yield np.ascontiguousarray(array[start : start + _BATCH])


def _whole_inputs(inputs: da.Array, model: akida.Model) -> da.Array:
    """Inputs whose blocks have whole samples."""
    expected = (model.input_dtype, tuple(model.input_shape))
    if inputs.ndim != 4 or (inputs.dtype, inputs.shape[1:]) != expected:
        raise InvalidArgumentError(
            f"inputs must be {expected[0]} of shape (n, {', '.join(map(str, expected[1]))}), received {inputs.dtype} "
            f"of shape {inputs.shape}",
            kind="inputs",
            expected=expected,
            received=(inputs.dtype, inputs.shape),
        )
    return inputs.rechunk(dict.fromkeys(range(1, inputs.ndim), -1))


def _is_dask(values: Any) -> bool:
    return type(values).__module__.partition(".")[0] == "dask" and hasattr(values, "map_blocks")


def _model(model: Any) -> akida.Model:
    if isinstance(model, akida.Model):
        return model
    if not isinstance(model, (str, os.PathLike)):
        raise InvalidTypeError(
            f"model must be a cnn2snn.akida.Model or the path of one, received {type(model).__name__}",
            kind="model",
            received=type(model).__name__,
        )
    return akida.Model(model)


def _files_of(inputs: Any) -> list[Path]:
    if not isinstance(inputs, (str, os.PathLike)):
        raise InvalidTypeError(
            f"inputs must be a Dask array or a folder, received {type(inputs).__name__}",
            kind="inputs",
            received=type(inputs).__name__,
            remedy="arrays in memory are for the methods of the model, such as model.predict",
        )
    folder = Path(inputs)
    files = sorted(file for file in folder.iterdir() if file.suffix == ".npy")
    if not files:
        raise InvalidArgumentError(f"{folder}: it has no .npy files", kind="inputs", received=str(folder))
    return files
