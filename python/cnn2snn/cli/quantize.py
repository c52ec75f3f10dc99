"""`cnn2snn quantize`: a Keras model with float weights becomes one with quantized layers."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from cnn2snn.cli import _keras_files, _output, _parsers
from cnn2snn.reports.quantize import QuantizeReport

_SUFFIX = re.compile(r"_iq\d+_wq\d+_aq\d+$")


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "quantize",
        help="quantize the weights and activations of a Keras model",
        description="Replace the layers of a Keras model by quantized ones, which keep their "
        "weights and can be trained further. Fused activations and the like are rewritten first, as `cnn2snn prepare` "
        "does, and listed. A model that could never be converted is refused with all problems. The result is saved "
        "next to the model, with the numbers of bits in its name.",
        examples=(
            "quantize -m model.h5 -wq 4 -aq 4 -iq 8     saves model_iq8_wq4_aq4.h5",
            "quantize -m model.keras -wq 2 -o small.keras",
            "quantize -m net.h5 --config bits.json",
        ),
    )
    _parsers.add_keras_model(parser)
    parser.add_argument(
        "-wq",
        "--weight_quantization",
        "--weight-quantization",
        type=int,
        default=4,
        metavar="BITS",
        help="bits of the weights (default: 4)",
    )
    parser.add_argument(
        "-aq",
        "--activ_quantization",
        "--activ-quantization",
        type=int,
        default=4,
        metavar="BITS",
        help="bits of the activations (default: 4)",
    )
    parser.add_argument(
        "-iq",
        "--input_weight_quantization",
        "--input-weight-quantization",
        type=int,
        default=-1,
        metavar="BITS",
        help="bits of the first layer's weights (default: those of the others)",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="JSON file with the bits of single layers, by name or pattern, which prevail: "
        '{"conv_1": {"weights": 8}, "sep*": {"weights": 2, "activations": 4}}',
    )
    parser.add_argument(
        "--no-fold-BN",
        dest="fold_bn",
        action="store_false",
        help="keep batch normalizations as layers of their own",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="quantized model (default: the model's name with the numbers of bits)",
    )
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def output_name(model: Path, iq: int, wq: int, aq: int) -> str:
    """Returns the name of the quantized model without suffix: that of `model` with the numbers of bits added.

    Numbers of bits that the name ends with already are replaced.
    """
    base = _SUFFIX.sub("", _keras_files.stem(model))
    return f"{base}_iq{iq}_wq{wq}_aq{aq}"


def _execute(arguments: argparse.Namespace) -> None:
    source: Path = arguments.model
    wq, aq = arguments.weight_quantization, arguments.activ_quantization
    iq = wq if arguments.input_weight_quantization == -1 else arguments.input_weight_quantization
    name = output_name(source, iq, wq, aq)
    others = () if arguments.config is None else (arguments.config,)
    if arguments.config is not None:
        name += f"_{arguments.config.stem}"
    target = _keras_files.target(source, arguments.output, name, *others)
    model = _keras_files.load(source)

    import cnn2snn

    quantized, changes = cnn2snn.quantize(
        model,
        weight_quantization=wq,
        activ_quantization=aq,
        input_weight_quantization=iq,
        fold_BN=arguments.fold_bn,
        config=arguments.config,
        return_changes=True,
    )
    _keras_files.save(quantized, target)
    _output.show(QuantizeReport.of(source, target, quantized, changes.to_list()), arguments.json)
