"""Models as text and as HTML."""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnn2snn import _table
from cnn2snn.akida.enums import LayerType

if TYPE_CHECKING:
    from cnn2snn.akida.layer import Layer
    from cnn2snn.akida.model import Model

_SHORT = {
    LayerType.InputConvolutional: "InputConv.",
    LayerType.Convolutional: "Conv.",
    LayerType.SeparableConvolutional: "Sep.Conv.",
    LayerType.FullyConnected: "Fully.",
}
_TITLES = ("Layer (type)", "Output shape", "Kernel shape")


def _rows(layers: Sequence[Layer]) -> list[tuple[str, str, str, str]]:
    """Returns (name and type, output shape, kernel shape, inbounds); two rows for two kernels."""
    rows = []
    for layer in layers:
        kind = layer.parameters.layer_type
        name = f"{layer.name} ({_SHORT.get(kind, kind.name)})"
        shapes = layer._shapes()
        kernels = [str(shapes[v]) for v in ("weights", "weights_pw") if v in shapes] or ["N/A"]
        inbounds = ", ".join(inbound.name for inbound in layer.inbounds) or "N/A"
        rows.append((name, str(layer.output_dims), kernels[0], inbounds))
        rows.extend(("", "", kernel, "") for kernel in kernels[1:])
    return rows


def _is_chain(layers: Sequence[Layer]) -> bool:
    pairs = itertools.pairwise(layers)
    return all(layer.inbounds == [previous] for previous, layer in pairs)


def text(model: Model, width: int = 80) -> str:
    """Returns the table that `Model.summary` prints."""
    layers = model.layers
    if not layers:
        return "Model without layers"
    head = _table.columns(
        ("Input shape", "Output shape", "Layers"),
        [(str(layers[0].input_dims), str(layers[-1].output_dims), str(len(layers)))],
        width=width,
        right=(2,),
        gap=3,
    )
    rows = _rows(layers)
    if _is_chain(layers):
        body = _table.columns(_TITLES, [row[:3] for row in rows], width=width, gap=3)
    else:
        body = _table.columns((*_TITLES, "Inbounds"), rows, width=width, gap=3)
    return "\n".join(["Model summary", "", *head, "", *body])


def markup(model: Model) -> str:
    """Returns the summary as an HTML table."""
    rows = _rows(model.layers)
    titles = "".join(f"<th>{html.escape(t)}</th>" for t in (*_TITLES, "Inbounds"))
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<p>{html.escape(repr(model))}</p><table><thead><tr>{titles}</tr></thead><tbody>{cells}</tbody></table>"
