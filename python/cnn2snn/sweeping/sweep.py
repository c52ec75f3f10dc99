"""`sweep`: a model quantized in many ways, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cnn2snn.sweeping.configuration import configurations_of
from cnn2snn.sweeping.result import Sweep

if TYPE_CHECKING:
    from cnn2snn._keras import keras
    from cnn2snn.akida import Device

__all__ = ["sweep"]


def sweep(
    model: keras.Model,
    configurations: Iterable[Any] | str | os.PathLike[str],
    samples: Any,
    labels: Any = None,
    device: Device | str | None = None,
    client: Any = None,
    *,
    processes: int = 0,
    calibration: str = "ranges",
    calibration_samples: Any = None,
    retrain: Callable[[keras.Model], keras.Model] | None = None,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    journal: str | os.PathLike[str] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Sweep:
    """Quantizes a float model in many ways, and says what each way costs and gives.

    Each configuration is quantized, calibrated, trained if `retrain` is given, converted, evaluated on the integer
    engine, and mapped on the device. Configurations that cannot be converted or mapped stay in the result with the
    reason.

    Args:
        model: the float model; it is not changed.
        configurations: a list, or the path of a JSON file with a list. An entry is a `Configuration`, (weights,
            activations), (weights, activations, input weights), or a dictionary {"weights", "activations",
            "input_weights", "layers", "name"} of bits. "layers" has bits by layer, as `config` of `quantize`.
            `cnn2snn.sweeping.grid` gives all combinations of widths.
        samples: inputs of the model, in any form that `cnn2snn` reads. Those of an integer type are inputs of the
            converted models where `input_scaling` is given.
        labels: the class of each sample; without them the classes of the float model count as right.
        device: the device to map on, or its documented name such as "AKD1000"; None for no mapping.
        client: a `distributed.Client` of a Dask cluster (extra `dask`), whose workers evaluate. They need this package
            with TensorFlow. A configuration whose worker dies is evaluated again.
        processes: number of local processes that evaluate; 0 for this process. A program that uses them does its work
            under ``if __name__ == "__main__":``, as `multiprocessing` asks for.
        calibration: "none", "ranges" (`calibration.activation_ranges`) or "auto" (`calibration.calibrate`, which takes
            longer).
        calibration_samples: inputs to calibrate with; the first 256 samples by default.
        retrain: takes each quantized model and gives the trained one. Workers in other processes must be able to import
            it; Dask also takes functions of a notebook.
        input_scaling: as for `convert`; by default that of a leading `Rescaling`, or the usual one that makes integers
            of all samples.
        input_is_image: as for `convert`.
        journal: a file that gets each result as it comes. A sweep of the same model, samples and options that is begun
            with it again goes on where it ended.
        folder: where to save the converted models, under names that tell the widths; None saves none.

    Returns:
        The results in the order of the configurations, with their Pareto front. It prints as a table; `to_dict`,
        `to_json` and `to_csv` have everything.

    Raises:
        InvalidArgumentError: (ValueError) an argument that is not possible, or a journal of another sweep.
        FormatError: (ValueError) a file of configurations or a journal that is none.
        UnsupportedModelError: (RuntimeError) workers died time and again.
        Exception: whatever `retrain` raises.

    Example:
        >>> table = cnn2snn.sweep(model, [(4, 4, 8), (2, 4, 8), (2, 2, 8)], images, labels, "AKD1000")  # doctest: +SKIP
        >>> print(table)  # doctest: +SKIP
        >>> table.best().configuration  # doctest: +SKIP
    """
    from cnn2snn.sweeping.runner import Options, Runner

    wanted = configurations_of(configurations)
    options = Options(
        device=device,
        client=client,
        processes=processes,
        calibration=calibration,
        calibration_samples=calibration_samples,
        retrain=retrain,
        input_scaling=input_scaling,
        input_is_image=input_is_image,
        journal=journal,
        folder=folder,
    )
    with Runner(model, samples, labels, options) as runner:
        results = runner.run(wanted)
    name = None if options.device is None else options.device.name
    return Sweep(runner.samples, runner.metric, runner.float_share, name, results)
