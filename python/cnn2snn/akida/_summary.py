"""Models as text and as HTML."""

from __future__ import annotations

import html
import itertools
from collections import Counter
from typing import TYPE_CHECKING

from cnn2snn import _table
from cnn2snn.akida.enums import IpVersion

if TYPE_CHECKING:
    from cnn2snn.akida.layer import Layer
    from cnn2snn.akida.mapping import Sequence
    from cnn2snn.akida.model import Model
    from cnn2snn.akida.np import Type

SHORT_TYPES = {
    "InputConvolutional": "InputConv.",
    "Convolutional": "Conv.",
    "SeparableConvolutional": "Sep.Conv.",
    "FullyConnected": "Fully.",
    "DepthwiseConv2D": "Dw.Conv2D",
    "Conv2DTranspose": "Conv2DT.",
    "DepthwiseConv2DTranspose": "Dw.Conv2DT.",
    "BufferTempConv": "Temp.Conv.",
    "DepthwiseBufferTempConv": "Dw.Temp.Conv.",
    "StatefulRecurrent": "Recurrent",
    "PicoPostProcessing": "PicoPost.",
}
OWN_MODEL = "Units of Akida 2.0 are counted by a model of this project, not by the vendor's."
"""What a mapping on Akida 2.0 must say of its counts: nothing public tells those of the vendor's tools."""
_TITLES = ("Layer (type)", "Output shape", "Kernel shape")


def _rows(layer: Layer) -> list[list[str]]:
    """Returns [name and type, output shape, kernel shape]; two rows for two kernels."""
    kind = layer.parameters.layer_type.name
    name = f"{layer.name} ({SHORT_TYPES.get(kind, kind)})"
    # Variables of one axis are no kernels.
    kernels = [str(shape) for shape in layer._shapes().values() if len(shape) > 1] or ["N/A"]
    return [[name, str(layer.output_dims), kernels[0]], *(["", "", kernel] for kernel in kernels[1:])]


def _is_chain(layers: list[Layer]) -> bool:
    pairs = itertools.pairwise(layers)
    return all(layer.inbounds == [previous] for previous, layer in pairs)


def components(layer: Layer) -> str:
    """Returns the units of a layer, such as "16 CNP1"; "N/A" in software, and where there are none."""
    mapping = layer.mapping
    if mapping is None or not mapping.nps:
        return "N/A"
    return ", ".join(f"{count} {kind.name}" for kind, count in mapping.components.items())


def count_components(model: Model) -> dict[Type, int]:
    """Returns the units of all layers by type; an NP counts in each pass that uses it."""
    total: Counter[Type] = Counter()
    for layer in model.layers:
        total.update(layer.mapping.components if layer.mapping else {})
    return {kind: total[kind] for kind in sorted(total)}


def banner(sequence: Sequence) -> str:
    """Returns the line above the layers of a sequence."""
    passes = len(sequence.passes)
    notes = [sequence.backend.name]
    if passes > 1:
        notes.append(f"{passes} passes")
    text = f"== {sequence.name} ({', '.join(notes)})"
    return text if sequence.program_size is None else f"{text} - size: about {sequence.program_size:,} bytes"


def text(model: Model, width: int = 80) -> str:
    """Returns the tables that `Model.summary` prints."""
    layers, sequences = model.layers, model.sequences
    if not layers:
        return "Model without layers"
    titles = ["Input shape", "Output shape", "Sequences", "Layers"]
    row = [str(layers[0].input_dims), str(layers[-1].output_dims), str(len(sequences)), str(len(layers))]
    units = count_components(model)
    if model.device is not None:
        titles.append("NPs")
        row.append(str(sum(count for kind, count in units.items() if kind.name != "HRC")))
        if model.device.ip_version == IpVersion.v2:
            titles.append("Skip DMAs")
            row.append(str(len(model.skip_connections)))
        external = sum(np.external_size for layer in layers if layer.mapping for np in layer.mapping.nps)
        if external:
            titles.append("External memory (bytes)" if len(titles) < 6 else "External (bytes)")
            row.append(str(external))
    gap = 3 if width > 80 or len(titles) < 6 else 2
    lines = ["Model summary", "", *_table.columns(titles, [row], width=width, right=range(2, len(row)), gap=gap)]
    if units:
        rows = [(kind.name, str(count)) for kind, count in units.items()]
        lines += ["", *_table.columns(("Component (type)", "Count"), rows, width=width, right=(1,), gap=3)]
    if model.device is not None and model.device.ip_version == IpVersion.v2:
        lines += ["", OWN_MODEL]
    return "\n".join([*lines, "", *_layers(model, width)])


def _layers(model: Model, width: int) -> list[str]:
    """Returns the table of layers, each sequence below its banner."""
    titles = list(_TITLES)
    graph, mapped = not _is_chain(model.layers), model.device is not None
    several = any(len(sequence.passes) > 1 for sequence in model.sequences)
    titles += ["Components"] * mapped + ["Pass"] * several + ["Inbounds"] * graph
    rows, banners = [], {}
    for sequence in model.sequences:
        banners[len(rows)] = banner(sequence)
        for number, part in enumerate(sequence.passes, 1):
            for layer in part.layers:
                first, *more = _rows(layer)
                if mapped:
                    first.append(components(layer))
                if several:
                    first.append(str(number))
                if graph:
                    first.append(", ".join(inbound.name for inbound in layer.inbounds) or "N/A")
                rows += [first, *(row + [""] * (len(first) - len(row)) for row in more)]
    head, rule, *body = _table.columns(titles, rows, width=width, gap=3 if width > 80 or not mapped else 2)
    lines = [head, rule]
    for index, line in enumerate(body):
        if index in banners:
            lines.append(_table.shorten(banners[index], width))
        lines.append(line)
    return lines


def markup(model: Model) -> str:
    """Returns the summary as an HTML table."""
    rows = []
    for layer in model.layers:
        first, *more = _rows(layer)
        inbounds = ", ".join(inbound.name for inbound in layer.inbounds) or "N/A"
        rows += [[*first, components(layer), inbounds], *([*row, "", ""] for row in more)]
    titles = (*_TITLES, "Components", "Inbounds")
    heads = "".join(f"<th>{html.escape(t)}</th>" for t in titles)
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<p>{html.escape(repr(model))}</p><table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"
