"""`cnn2snn map`: whether a converted model fits on a chip, where its layers go, what it would take."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from pathlib import Path
from typing import Any

from cnn2snn import _files, _json, _table
from cnn2snn.cli import _arrays, _parsers
from cnn2snn.errors import MappingError

_MODES = ("AllNps", "HwPr", "Minimal")


def add_parser(commands: Any) -> None:
    """Adds the command to the sub-parsers `commands`."""
    parser = _parsers.add_command(
        commands,
        "map",
        help="place an .fbz file on a chip: does it fit, where, how fast",
        description="Place a converted model on a chip without having one: which units run each layer, in how many "
        "passes, which limits stand in the way and what to change. With samples, latency and energy are estimated "
        "where public benchmarks allow it. The exit code is 1 when the chip refuses the model.",
        examples=(
            "map model.fbz --device AKD1000",
            "map model.fbz --device AKD1500 --samples images.npy",
            "map model.fbz --device AKD1000 --hw-only --svg mapping.svg",
        ),
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="converted model, .fbz")
    parser.add_argument(
        "-d", "--device", default="AKD1000", metavar="NAME", help="AKD1000 (default), AKD1500 or TwoNodesIPv1"
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
    model = Model(arguments.model)
    device = device_of(arguments.device)
    width = shutil.get_terminal_size().columns
    report: dict[str, Any] = {"file": str(arguments.model), **_describe_device(device), "mode": arguments.mode}
    try:
        model.map(device, hw_only=arguments.hw_only, mode=MapMode[arguments.mode])
    except MappingError as error:
        report |= {"mapped": False, "violations": [violation.to_dict() for violation in error.violations]}
        print(_json.dumps(report) if arguments.json else "\n".join(_refusal(report, width)))
        return 1
    report |= {"mapped": True, **_describe(model, device)}
    if arguments.samples is not None:
        report |= _measure(model, arguments.samples)
    if arguments.svg is not None:
        from cnn2snn.cli import _map_svg

        with _files.replacing(arguments.svg) as temporary:
            temporary.write_text(_map_svg.draw(model, device), encoding="utf-8")
    print(_json.dumps(report) if arguments.json else "\n".join(_text(report, width)))
    return 0


def _describe_device(device: Any) -> dict[str, Any]:
    return {"device": device.name, "version": str(device.version), "device_nps": len(device.mesh.nps)}


def _describe(model: Any, device: Any) -> dict[str, Any]:
    from cnn2snn.akida._summary import count_components

    sequences, layers = [], []
    for sequence in model.sequences:
        hardware = sequence.backend.name == "Hardware"
        sequences.append(
            {
                "name": sequence.name,
                "backend": sequence.backend.name,
                "passes": [[layer.name for layer in part.layers] for part in sequence.passes],
                "program_bytes": sequence.program_size,
            }
        )
        for number, part in enumerate(sequence.passes, 1):
            layers += [_describe_layer(layer, sequence.name, number if hardware else None) for layer in part.layers]
    units = {kind.name: count for kind, count in count_components(model).items()}
    programs = [s["program_bytes"] for s in sequences if s["program_bytes"] is not None]
    return {
        "nps": sum(count for kind, count in units.items() if kind != "HRC"),
        "components": units,
        "passes": sum(len(s["passes"]) for s in sequences if s["backend"] == "Hardware"),
        "program_bytes": sum(programs) if programs else None,
        "sequences": sequences,
        "layers": layers,
        "violations": [violation.to_dict() for violation in model.check(device)],
    }


def _describe_layer(layer: Any, sequence: str, number: int | None) -> dict[str, Any]:
    report = {
        "name": layer.name,
        "type": layer.parameters.layer_type.name,
        "output_shape": layer.output_dims,
        "sequence": sequence,
        "pass": number,
        "components": {},
        "units": [],
    }
    if layer.mapping is not None:
        report["components"] = {kind.name: count for kind, count in layer.mapping.components.items()}
        report["units"] = [
            {
                "type": np.type.name,
                "place": [np.ident.col, np.ident.row, np.ident.id],
                "filters": [np.start_neuron, np.start_neuron + np.filters],
                "rows": [np.spatial_partition.x, np.spatial_partition.x + np.spatial_partition.shape[0]],
                "input_bytes": np.input_size,
                "weight_bytes": np.weight_size,
                "external_bytes": np.external_size,
            }
            for np in layer.mapping.nps
        ]
    return report


def _measure(model: Any, path: Path) -> dict[str, Any]:
    statistics = model.measure(_arrays.load(path))
    report: dict[str, Any] = {
        "samples": statistics.samples,
        "statistics": {
            name: {"sparsity": s.sparsity, "events": s.events, "effective_macs": s.effective_macs}
            for name, s in statistics.layers.items()
        },
        "estimate": None,
    }
    try:
        estimate = model.estimate()
    except RuntimeError as error:
        return {**report, "no_estimate": str(error)}
    error = ("median", "largest")
    report["estimate"] = {
        "note": "estimated, not measured",
        "latency_ms": estimate.latency_ms,
        "fps": estimate.fps,
        "energy_mj": estimate.energy_mj,
        "latency_error": dict(zip(error, estimate.latency_error, strict=True)),
        "energy_error": dict(zip(error, estimate.energy_error, strict=True)),
        "source": estimate.source,
        "layers": {name: {"latency_ms": e.latency_ms, "energy_mj": e.energy_mj} for name, e in estimate.layers.items()},
    }
    return report


def _device_line(report: dict[str, Any]) -> str:
    return f"Device    {report['device']} ({report['version']}), {report['device_nps']} NPs"


def _refusal(report: dict[str, Any], width: int) -> list[str]:
    problems = _count(len(report["violations"]), "problem")
    return [_device_line(report), f"Mapping   refused: {problems}", "", *_violations(report["violations"], width)]


def _text(report: dict[str, Any], width: int) -> list[str]:
    lines = [_device_line(report), *_fold("Mapping   ", _mapping(report), width)]
    if report["program_bytes"] is not None:
        lines.append(f"Program   about {report['program_bytes']:,} bytes")
    lines += ["", *_layer_table(report, width)]
    if "samples" in report:
        lines += ["", *_estimate(report, width)]
    software, possible = ([v for v in report["violations"] if v["effect"] == e] for e in ("software", "possible"))
    if software:
        lines += ["", f"Why layers are in software ({len(software)}):", *_violations(software, width)]
    if possible:
        lines += ["", *_overflows(possible, width)]
    return lines + _passes_advice(report, width)


def _mapping(report: dict[str, Any]) -> str:
    units = ", ".join(f"{count} {kind}" for kind, count in report["components"].items()) or "no unit"
    passes, software = report["passes"], sum(s["backend"] == "Software" for s in report["sequences"])
    parts = [report["mode"], f"{_count(report['nps'], 'NP')} ({units})", _count(passes, "pass", "passes")]
    if software:
        parts.append(f"{len(report['sequences'])} sequences, {software} of them in software")
    return ", ".join(parts)


def _layer_table(report: dict[str, Any], width: int) -> list[str]:
    headers = ["Layer", "Output", "Units", "Filters", "Rows", "Input B", "Weight B", "Pass"]
    estimates = (report.get("estimate") or {}).get("layers", {})
    counted = report.get("statistics", {})
    headers += ["Sparsity"] * bool(counted) + ["est. ms"] * bool(estimates)
    rows = []
    for layer in report["layers"]:
        units = layer["units"]
        most = {key: max((u[key] for u in units), default=0) for key in ("input_bytes", "weight_bytes")}
        spans = {key: max((u[key][1] - u[key][0] for u in units), default=0) for key in ("filters", "rows")}
        kinds = ", ".join(f"{count} {kind}" for kind, count in layer["components"].items())
        cells = [kinds or "-", *map(str, spans.values()), *(f"{n:,}" for n in most.values())] if units else ["-"] * 5
        row = [layer["name"], _table.shape(layer["output_shape"]), *cells]
        row.append("software" if layer["pass"] is None else str(layer["pass"]))
        if counted:
            row.append(f"{100 * counted[layer['name']]['sparsity']:.0f} %")
        if estimates:
            row.append(f"{estimates[layer['name']]['latency_ms']:.3f}")
        rows.append(row)
    # What one unit takes of a layer is left out where it does not fit.
    for dropped in ((), ("Input B", "Weight B"), ("Input B", "Weight B", "Filters", "Rows")):
        kept = [i for i, title in enumerate(headers) if title not in dropped]
        titles = [headers[i] for i in kept]
        table = [[row[i] for i in kept] for row in rows]
        lines = _table.columns(titles, table, width=10**6, right=range(3, len(kept)))
        if max(map(len, lines)) <= width:
            return lines
    return _table.columns(titles, table, width=width, right=range(3, len(kept)))


def _estimate(report: dict[str, Any], width: int) -> list[str]:
    estimate = report["estimate"]
    if estimate is None:
        return _fold("Estimate  ", report["no_estimate"].removeprefix("no estimate").removeprefix(": ").strip(), width)
    latency, energy = (
        f"±{100 * e['largest']:.0f} %, half of them ±{100 * e['median']:.0f} %"
        for e in (estimate["latency_error"], estimate["energy_error"])
    )
    samples = _count(report["samples"], "sample")
    return [
        f"Estimate  (not a measurement) from the events of {samples}:",
        f"          {estimate['latency_ms']:.3f} ms per frame ({latency})",
        f"          {estimate['fps']:.1f} frames per second, one after the other",
        f"          {estimate['energy_mj']:.3f} mJ per frame ({energy})",
        *_fold("          ", f"Constants {estimate['source']}. Single layers are less certain.", width),
    ]


def _violations(found: list[dict[str, Any]], width: int) -> list[str]:
    """Returns a paragraph per violation, and the sources below all of them."""
    sources = {f"{violation['standing']}: {violation['source']}": None for violation in found}
    numbers = {source: number for number, source in enumerate(sources, 1)}
    lines = []
    for violation in found:
        number = numbers[f"{violation['standing']}: {violation['source']}"]
        lines += _fold("- ", f"{violation['message']} [{number}]", width)
    lines.append("")
    for source, number in numbers.items():
        lines += _fold(f"[{number}] ", source, width)
    return lines


def _overflows(found: list[dict[str, Any]], width: int) -> list[str]:
    """Returns what the potentials of layers could reach, and once what that means."""
    first = found[0]
    title = f"Possible overflow in {_count(len(found), 'layer')}, which weights and input bits alone do not exclude:"
    lines = _fold("", title, width)
    for violation in found:
        lines += _fold("- ", f"{violation['layer']}: {violation['received']}", width)
    register = f"{first['allowed']} ({first['standing']}, {first['source']})"
    meaning = f"{first['rule'].capitalize()}s fit {register}; {first['remedy']}."
    return [*lines, *_fold("", meaning, width)]


def _passes_advice(report: dict[str, Any], width: int) -> list[str]:
    """Says what keeps the layers on the chip from running in one pass."""
    if report["passes"] < 2 or report["mode"] == "HwPr":
        return []
    sizes = sorted(((len(layer["units"]), layer["name"]) for layer in report["layers"]), reverse=True)
    largest = ", ".join(f"{name} ({nps})" for nps, name in sizes[:3] if nps)
    advice = (
        f"{report['passes']} passes: all layers together take {report['nps']} NPs, the device has "
        f"{report['device_nps']}; every frame reprograms it. Fewer filters, smaller inputs or fewer bits in the layers "
        f"with the most NPs, {largest}, save passes."
    )
    return ["", *_fold("", advice, width)]


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _fold(title: str, text: str, width: int, indent: int | None = None) -> list[str]:
    after = " " * (len(title) if indent is None else indent)
    return textwrap.wrap(
        title + text, max(width, 40), subsequent_indent=after, break_on_hyphens=False, break_long_words=False
    )
