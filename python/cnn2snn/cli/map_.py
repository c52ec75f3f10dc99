"""`cnn2snn map`: whether a converted model fits on a chip, where its layers go, what it would take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from cnn2snn import _arrays, _files
from cnn2snn.cli import _output, _parsers
from cnn2snn.errors import MappingError
from cnn2snn.reports import map_svg
from cnn2snn.reports.map_ import MapReport, Measurement

_DEFAULTS = {"v1": "AKD1000", "v2": "SixNodesIPv2"}
_MODES = ("AllNps", "HwPr", "Minimal")


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "map",
        help="place an .fbz file on a chip: does it fit, where, how fast",
        description="Place a converted model on a chip without having one: which units run each layer, in how many "
        "passes, which limits stand in the way and what to change. With samples, latency and energy are estimated "
        "where public benchmarks allow it. Of Akida 2.0 no NP counts, sizes, times or energies are public: limits are "
        "checked, units are counted by a model of this project, and events are counted. The exit code is 1 when the "
        "chip refuses the model.",
        examples=(
            "map model.fbz --device AKD1000",
            "map model.fbz --device AKD1500 --samples images.npy",
            "map model.fbz --device AKD1000 --hw-only --svg mapping.svg",
            "map model.fbz --device SixNodesIPv2 --hw-only",
        ),
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="converted model, .fbz")
    parser.add_argument(
        "-d",
        "--device",
        metavar="NAME",
        help="AKD1000 (default for models of Akida 1.0), AKD1500, TwoNodesIPv1, SixNodesIPv2 (default for models of "
        "Akida 2.0) or TwoNodesIPv2; SixNodesIPv2@2.10 has the limits of releases before 2.14, 8 bits alone",
    )
    parser.add_argument(
        "--mode",
        choices=_MODES,
        default="AllNps",
        help="AllNps (default): as many NPs as possible in as few passes as possible; HwPr: as many NPs and passes as "
        "possible; Minimal: as few NPs as possible",
    )
    parser.add_argument("--hw-only", action="store_true", help="refuse models of which a part would run in software")
    parser.add_argument(
        "-s",
        "--samples",
        type=Path,
        metavar="FILE",
        help="inputs in a .npy file: count their events, and estimate latency and energy from them",
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the NPs with the layers on them")
    _parsers.add_json(parser)
    parser.set_defaults(execute=_execute)


def _execute(arguments: argparse.Namespace) -> int:
    from cnn2snn.akida import MapMode, Model
    from cnn2snn.akida.devices import device_of

    if arguments.svg is not None:
        _files.check_suffix(arguments.svg, ".svg")
        _files.check_folder(arguments.svg)
        _files.check_not_read(arguments.svg, arguments.model, arguments.samples)
    path: Path = arguments.model
    model = Model(path)
    device = device_of(arguments.device or _DEFAULTS[model.ip_version.name])
    try:
        model.map(device, hw_only=arguments.hw_only, mode=MapMode[arguments.mode])
    except MappingError as error:
        _output.show(MapReport.refused(path, device, arguments.mode, error.violations), arguments.json)
        return 1
    measurement = None
    if arguments.samples is not None:
        measurement = Measurement.of(model, model.measure(_arrays.load(arguments.samples)))
    report = MapReport.of(model, path, device, arguments.mode, measurement)
    if arguments.svg is not None:
        with _files.replacing(arguments.svg) as temporary:
            temporary.write_text(map_svg.draw(model, path.name, device), encoding="utf-8")
    _output.show(report, arguments.json)
    return 0
