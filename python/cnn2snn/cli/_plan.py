"""How a model runs on this host: kernels, the reasons for them, memory."""

from __future__ import annotations

import textwrap
from typing import Any

from cnn2snn import _table


def report(model: Any) -> dict[str, Any]:
    """Returns the plan of a model as plain values."""
    memory = model.plan_memory()
    kernels: dict[str, list[dict[str, Any]]] = {name: [] for name in memory.packed}
    for choice in model.explain_plan():
        declined = [{"kernel": kernel, "reason": reason} for kernel, reason in choice.declined]
        kernels[choice.layer].append({"kernel": choice.kernel, "declined": declined})
    return {
        "layers": [
            {"layer": name, "kernels": kernels[name], "packed_bytes": size} for name, size in memory.packed.items()
        ],
        "scratch_bytes_per_thread": memory.scratch,
    }


def text(plan: dict[str, Any], width: int) -> list[str]:
    """Returns the lines of a report on a plan.

    Args:
        plan: what `report` gives.
        width: characters per line to aim at.
    """
    rows = []
    reasons: dict[tuple[str, str], list[str]] = {}
    for layer in plan["layers"]:
        names = [kernel["kernel"] for kernel in layer["kernels"]] or ["none needed"]
        for index, name in enumerate(names):
            rows.append(("" if index else layer["layer"], name, "" if index else _size(layer["packed_bytes"])))
        for kernel in layer["kernels"]:
            for declined in kernel["declined"]:
                reasons.setdefault((declined["kernel"], declined["reason"]), []).append(layer["layer"])
    lines = _table.columns(("Layer", "Kernels", "Packed"), rows, width=width, right=(2,))
    for (kernel, reason), layers in reasons.items():
        sentence = f"Not {kernel}, as {reason}: {', '.join(layers)}."
        lines += textwrap.wrap(sentence, max(width, 40), subsequent_indent="    ", break_long_words=False)
    packed = _size(sum(layer["packed_bytes"] for layer in plan["layers"]))
    lines.append(f"Memory: {packed} of packed weights, {_size(plan['scratch_bytes_per_thread'])} for each thread")
    return lines


def _size(count: int) -> str:
    return f"{count / 1024:,.1f} KiB"
