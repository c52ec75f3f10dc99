"""`cnn2snn compare`: where and why a converted model differs from its quantized model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn import _arrays, _files
from cnn2snn.cli import _keras_files, _output, _parsers


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "compare",
        help="find where and why a converted model differs from its quantized model",
        description="Run a quantized model and the model converted from it on the same inputs, and say per layer how "
        "many values differ, by how much and why. QuantizeML models (.h5, .onnx) are evaluated in float32 without "
        "TensorFlow; they are compared with models of Akida 2.0 and of Akida 1.0. The exit code is 0 when conversion "
        "accounts for every difference, 1 when something is wrong, 2 when the models cannot be compared.",
        examples=(
            "compare -m model_iq8_wq4_aq4.h5 model_iq8_wq4_aq4.fbz images.npy",
            "compare -m model.keras model.fbz images.npy -sc 255 -sh 0 --figure f.png",
            "compare -m ds_cnn_kws_i8_w8_a8.h5 ds_cnn_kws_i8_w8_a8.fbz sounds.npy",
        ),
    )
    _parsers.add_keras_model(parser, "quantized model", ".h5, .hdf5, .keras or .onnx")
    parser.add_argument("converted", type=Path, metavar="MODEL", help="converted model, .fbz")
    parser.add_argument(
        "samples",
        type=Path,
        metavar="SAMPLES",
        help="inputs of the converted model, in their type (uint8, int8, int16 or float32; time first where the model "
        "has state): .npy file, or .npz file with one array or one named arr_0 or x",
    )
    _parsers.add_input_scaling(parser)
    parser.add_argument(
        "--figure", type=Path, metavar="FILE", help="save a figure, .png, .pdf or .svg (needs matplotlib)"
    )
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute, code_of_errors=2)


def _execute(arguments: argparse.Namespace) -> int:
    from cnn2snn.akida import Model

    _keras_files.check(arguments.model, ".onnx")
    if arguments.figure is not None:
        _files.check_suffix(arguments.figure, ".png", ".pdf", ".svg")
        _files.check_folder(arguments.figure)
        _files.check_not_read(arguments.figure, arguments.model, arguments.converted, arguments.samples)
    scaling = _parsers.input_scaling(arguments)
    converted = Model(arguments.converted)
    samples = _arrays.load(arguments.samples)

    from cnn2snn.analysis import compare

    with _keras_files.quiet():
        report = compare(arguments.model, converted, samples, scaling)
    if arguments.figure is not None:
        figure = report.figure()
        with _files.replacing(arguments.figure) as temporary:
            figure.savefig(temporary)
    files = {"file": arguments.model, "converted": arguments.converted, "samples_file": arguments.samples}
    _output.show(report, arguments.json, **files)
    return 0 if report else 1
