"""`cnn2snn sweep`: a model quantized in many ways, side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn import _files
from cnn2snn.cli import _keras_files, _output, _parsers
from cnn2snn.errors import InvalidArgumentError

# Seconds to wait for a scheduler.
_TIMEOUT = 15


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "sweep",
        help="quantize a model in many ways and compare accuracy, size, NPs, latency and energy",
        description="Quantize, calibrate, convert, evaluate and map a float model once for each configuration, and "
        "show all of them side by side with the Pareto front. Without labels the classes of the float model count as "
        "right. Work can be shared by local processes or by the workers of a Dask cluster. What a worker that dies was "
        "at is done again. With a journal an interrupted sweep goes on where it ended.",
        examples=(
            "sweep -m model.keras images.npy --labels labels.npy -wq 2,4 -aq 2,4 -iq 8 -d AKD1000",
            "sweep -m model.keras images.npy --configurations bits.json --journal sweep.jsonl -j 4",
            "sweep -m model.keras images/ -wq 2,4 -aq 1,2,4 --scheduler tcp://10.0.0.1:8786 --csv table.csv",
        ),
    )
    _parsers.add_keras_model(parser, "float Keras model")
    _parsers.add_samples(parser, "the model")
    parser.add_argument(
        "--configurations",
        type=Path,
        metavar="FILE",
        help='JSON file with a list such as [{"weights": 4, "activations": 4, "input_weights": 8, '
        '"layers": {"sep*": {"weights": 2}}}]',
    )
    for option, what, default in (
        ("weight_quantization", "of the weights", "2,4"),
        ("activ_quantization", "of the activations", "2,4"),
        ("input_weight_quantization", "of the first layer's weights", "those of the others"),
    ):
        short = f"-{option[0]}q"
        parser.add_argument(
            short, f"--{option}", type=_widths, metavar="BITS", help=f"bits {what}, with commas (default: {default})"
        )
    parser.add_argument("-d", "--device", metavar="NAME", help="device to map on, such as AKD1000 (default: none)")
    parser.add_argument(
        "--calibration",
        choices=("none", "ranges", "auto"),
        default="ranges",
        help="ranges of activations (default), or all that calibrates without training (auto), or nothing",
    )
    parser.add_argument(
        "--calibration-samples", type=Path, metavar="FILE", help="inputs to calibrate with (default: 256 samples)"
    )
    workers = parser.add_mutually_exclusive_group()
    workers.add_argument("-j", "--processes", type=int, default=0, metavar="N", help="local processes (default: none)")
    workers.add_argument("--scheduler", metavar="ADDRESS", help="scheduler of a Dask cluster, tcp://HOST:PORT")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="file that keeps results, to go on from")
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="save the converted models here")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="save the table, .csv")
    _parsers.add_input_scaling(parser)
    _parsers.add_input_is_image(parser)
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def _widths(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers with commas, received {text!r}") from None


def _execute(arguments: argparse.Namespace) -> None:
    _keras_files.check(arguments.model)
    for path, suffix in ((arguments.csv, ".csv"), (arguments.journal, None)):
        if path is not None:
            if suffix is not None:
                _files.check_suffix(path, suffix)
            _files.check_folder(path)
            _files.check_not_read(path, arguments.model, arguments.samples, arguments.labels, arguments.configurations)
    configurations = _configurations(arguments)
    scaling = _parsers.input_scaling(arguments)
    model = _keras_files.load(arguments.model)

    from cnn2snn._samples import read_samples
    from cnn2snn.sweeping import sweep

    shape = tuple(model.inputs[0].shape)[1:]
    samples = read_samples(arguments.samples, shape, arguments.labels, limit=arguments.limit)
    client = None if arguments.scheduler is None else _client(arguments.scheduler)
    try:
        table = sweep(
            model,
            configurations,
            samples,
            device=arguments.device,
            client=client,
            processes=arguments.processes,
            calibration=arguments.calibration,
            calibration_samples=arguments.calibration_samples,
            input_scaling=scaling,
            input_is_image=_parsers.input_is_image(arguments),
            journal=arguments.journal,
            folder=arguments.folder,
        )
    finally:
        if client is not None:
            client.close()
    if arguments.csv is not None:
        with _files.replacing(arguments.csv) as temporary:
            temporary.write_text(table.to_csv(), encoding="utf-8", newline="")
    _output.show(table, arguments.json, file=arguments.model, samples_file=arguments.samples)


def _configurations(arguments: argparse.Namespace) -> Any:
    from cnn2snn.sweeping.configuration import configurations_of, grid

    widths = (arguments.weight_quantization, arguments.activ_quantization, arguments.input_weight_quantization)
    if arguments.configurations is None:
        weights, activations, input_weights = widths
        return configurations_of(grid(weights or [2, 4], activations or [2, 4], input_weights))
    if any(widths):
        raise InvalidArgumentError(
            "--configurations has all widths: -wq, -aq and -iq must not be given with it", kind="configurations"
        )
    return configurations_of(arguments.configurations)


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError("--scheduler needs Dask: install it with `pip install akida-sim[dask]`") from error
    return Client(address, timeout=_TIMEOUT)
