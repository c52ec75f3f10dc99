"""A second implementation of `docs/arithmetic-akida2.md`, in NumPy, written from that page alone.

It is slow and plain on purpose: 64-bit integers, a loop over the positions of a kernel. The engine must equal it
without exception. Comments name the rules of the page.

A model is a list of dictionaries, one per layer, in order:

- ``name`` and ``type``: text, e.g. ``"conv_1"`` and ``"Conv2D"``;
- ``inbounds``: indices of the layers read, in order; empty for the first layer;
- ``params``: the constructor's arguments by name, enumerations as text. An argument that is absent has its default. A
  layer without ``activation`` has none;
- ``variables``: arrays by name. A variable that is absent is not set (B5).

Modules: `numbers` (sections A and B1), `geometry` (C2 and F1), `sums` (C), `stage` (D and E), `temporal` (H, I, J),
`layers` (one function per type), `model` (K, L: `run`, `forward`, `predict`, `Session`), `counts` (shapes, M4, M5),
`bounds` (M1), `checks` (what is refused).
"""

from .model import Session, forward, predict, run

__all__ = ["Session", "forward", "predict", "run"]
