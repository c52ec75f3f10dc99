"""A drawing of the NPs of a device with the layers on them."""

from __future__ import annotations

import colorsys
import html
from typing import Any

from cnn2snn.akida._summary import OWN_MODEL

_CELL, _GAP, _MARGIN, _LINE = 30, 14, 20, 18
_MOST_NAME = 34


def draw(model: Any, name: str, device: Any) -> str:
    """Returns the mapping of a model as an SVG image: a panel per pass, and the layers by colour.

    Args:
        model: a model that is mapped.
        name: what it is called, such as the name of its file.
        device: the device that it is mapped on.
    """
    colours = _colours(layer.name for layer in model.layers)
    mesh = _Mesh(device)
    skips: dict[str, list[str]] = {}
    for producer, consumer in model.skip_connections:
        skips.setdefault(consumer.name, []).append(f"the map of {producer.name}")
    body: list[str] = []
    y = 2 * _MARGIN + (2 if device.ip_version.name == "v1" else 3) * _LINE
    for sequence in model.sequences:
        if sequence.backend.name != "Hardware":
            y = _software(body, sequence, y) + _MARGIN
            continue
        for number, part in enumerate(sequence.passes, 1):
            title = sequence.name if len(sequence.passes) == 1 else f"{sequence.name}, pass {number}"
            y = _panel(body, mesh, title, part.layers, colours, y, skips) + _MARGIN
    width = max(mesh.width + 2 * _MARGIN + 330, 560)
    head = [
        _text(_MARGIN, _MARGIN + 10, f"{name} on {device.name} ({device.version})", size=16, bold=True),
        _text(_MARGIN, _MARGIN + 28, "Schematic: the places of NPs on the chip are not public.", size=12, fill="#666"),
    ]
    if device.ip_version.name == "v2":
        head.append(_text(_MARGIN, _MARGIN + 28 + _LINE, OWN_MODEL, size=12, fill="#666"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + _MARGIN}" '
        f'viewBox="0 0 {width} {y + _MARGIN}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join([*head, *body]) + "\n</svg>\n"
    )


class _Mesh:
    """Where NPs are drawn: four in a square per node, nodes in rows."""

    def __init__(self, device: Any) -> None:
        self.nps = device.mesh.nps
        self.hrc = device.mesh.hrc is not None
        columns = max((np.ident.col for np in self.nps), default=0)
        rows = max((np.ident.row for np in self.nps), default=0)
        node = 2 * _CELL + _GAP
        self.width = _CELL * 2 + _GAP + columns * node
        self.height = max(rows * node - _GAP, 2 * _CELL)

    def place(self, ident: Any) -> tuple[int, int]:
        """Returns the upper left corner of an NP."""
        node = 2 * _CELL + _GAP
        left = 2 * _CELL + _GAP + (ident.col - 1) * node
        return left + ident.id % 2 * _CELL, (ident.row - 1) * node + ident.id // 2 * _CELL


def _panel(
    body: list[str],
    mesh: _Mesh,
    title: str,
    layers: Any,
    colours: dict[str, str],
    top: int,
    skips: dict[str, list[str]],
) -> int:
    """Adds a pass; returns where the next one may begin."""
    users = {np.ident: (layer, np) for layer in layers for np in (layer.mapping.nps if layer.mapping else ())}
    used = sum(np.type.name != "HRC" for _, np in users.values())
    body.append(_text(_MARGIN, top + 12, f"{title}: {used} of {len(mesh.nps)} NPs", size=13, bold=True))
    top += _LINE + 4
    if mesh.hrc:
        image = next(((layer, np) for layer, np in users.values() if np.type.name == "HRC"), None)
        body.append(_cell(_MARGIN, top, 2 * _CELL - 6, 2 * _CELL, image, colours, "HRC"))
    for np in mesh.nps:
        x, y = mesh.place(np.ident)
        label = "/".join(sorted(kind.name for kind in np.types))
        body.append(_cell(_MARGIN + x, top + y, _CELL - 2, _CELL - 2, users.get(np.ident), colours, label))
    left, y = mesh.width + 2 * _MARGIN, top
    for layer in layers:
        units = ", ".join(f"{n} {kind.name}" for kind, n in layer.mapping.components.items()) or "no unit"
        if layer.name in skips:
            units += f", with {', '.join(skips[layer.name])}"
        name = layer.name if len(layer.name) <= _MOST_NAME else f"{layer.name[: _MOST_NAME - 1]}…"
        body.append(f'<rect x="{left}" y="{y}" width="12" height="12" fill="{colours[layer.name]}"/>')
        body.append(_text(left + 18, y + 11, f"{name}: {units}", size=12))
        y += _LINE
    return max(top + mesh.height, y)


def _software(body: list[str], sequence: Any, top: int) -> int:
    """Adds a sequence in software where it runs; returns where the next one may begin."""
    names = ", ".join(layer.name for part in sequence.passes for layer in part.layers)
    body.append(_text(_MARGIN, top + 12, f"{sequence.name}: in software", size=13, bold=True))
    body.append(_text(_MARGIN, top + 12 + _LINE, names, size=12))
    return top + 2 * _LINE


def _cell(x: int, y: int, width: int, height: int, user: Any, colours: dict[str, str], label: str) -> str:
    fill, title = "#f2f2f2", f"{label}: not used"
    if user is not None:
        layer, np = user
        rows = np.spatial_partition
        fill = colours[layer.name]
        title = (
            f"{layer.name} on {np.type.name}: filters {np.start_neuron} to {np.start_neuron + np.filters - 1}, "
            f"input rows {rows.x} to {rows.x + rows.shape[0] - 1}"
        )
    shape = (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{fill}" stroke="#999">'
        f"<title>{html.escape(title)}</title></rect>"
    )
    if label != "HRC":
        return shape
    return shape + _text(x + width // 2, y + height // 2 + 4, label, size=12, anchor="middle")


def _text(
    x: int, y: int, text: str, *, size: int, bold: bool = False, fill: str = "#222", anchor: str = "start"
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x}" y="{y}" font-size="{size}"{weight} fill="{fill}" text-anchor="{anchor}"'
    return f"<text {place}>{html.escape(text)}</text>"


def _colours(names: Any) -> dict[str, str]:
    """Returns a colour for each layer, neighbours far apart."""
    colours = {}
    for index, name in enumerate(names):
        # Steps of the golden ratio never come close to an earlier hue.
        red, green, blue = colorsys.hls_to_rgb(index * 0.618034 % 1, 0.72 if index % 2 else 0.6, 0.6)
        colours[name] = f"#{int(255 * red):02x}{int(255 * green):02x}{int(255 * blue):02x}"
    return colours
