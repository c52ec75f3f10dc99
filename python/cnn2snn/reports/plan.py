"""The report of `cnn2snn run --explain`: how a model runs on this host, by which kernels and in how much memory."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cnn2snn import _table

if TYPE_CHECKING:
    from cnn2snn.akida import Model

__all__ = ["DeclinedKernel", "Kernel", "LayerPlan", "PlanReport"]


@dataclass(frozen=True)
class DeclinedKernel:
    """A compute kernel that is not used.

    Attributes:
        kernel: its name.
        reason: why it is not used, in words.
    """

    kernel: str
    reason: str


@dataclass(frozen=True)
class Kernel:
    """A compute kernel that is used.

    Attributes:
        kernel: its name.
        declined: the kernels that would have come first.
    """

    kernel: str
    declined: list[DeclinedKernel]


@dataclass(frozen=True)
class LayerPlan:
    """How a layer runs.

    Attributes:
        layer: its name.
        kernels: the kernels of its operations, in order; none where nothing is multiplied.
        packed_bytes: bytes of packed weights and other parameters, which all threads share.
    """

    layer: str
    kernels: list[Kernel]
    packed_bytes: int


@dataclass(frozen=True)
class PlanReport:
    """How a model runs on this host.

    Attributes:
        layers: all layers, first to last.
        scratch_bytes_per_thread: bytes that each thread needs for itself.

    Example:
        >>> print(PlanReport.of(akida.Model("model.fbz")).text())  # doctest: +SKIP
    """

    layers: list[LayerPlan]
    scratch_bytes_per_thread: int

    @classmethod
    def of(cls, model: Model) -> PlanReport:
        """Returns the plan of a model.

        Raises:
            RuntimeError: the model is not complete.
        """
        memory = model.plan_memory()
        kernels: dict[str, list[Kernel]] = {name: [] for name in memory.packed}
        for choice in model.explain_plan():
            declined = [DeclinedKernel(kernel, reason) for kernel, reason in choice.declined]
            kernels[choice.layer].append(Kernel(choice.kernel, declined))
        layers = [LayerPlan(name, kernels[name], size) for name, size in memory.packed.items()]
        return cls(layers, memory.scratch)

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes."""
        return asdict(self)

    def text(self, width: int = 80) -> str:
        """Returns the table of layers, the reasons for which kernels are not used, and the memory in KiB."""
        rows = []
        # For each reason the kernels and the layers, each once, in order.
        reasons: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
        for layer in self.layers:
            names = [kernel.kernel for kernel in layer.kernels] or ["none needed"]
            for index, name in enumerate(names):
                rows.append(("" if index else layer.layer, name, "" if index else _size(layer.packed_bytes)))
            for kernel in layer.kernels:
                for declined in kernel.declined:
                    kernels, layers = reasons.setdefault(declined.reason, ({}, {}))
                    kernels[declined.kernel] = layers[layer.layer] = None
        lines = _table.columns(("Layer", "Kernels", "Packed"), rows, width=width, right=(2,))
        for reason, (kernels, layers) in reasons.items():
            sentence = f"Not {', '.join(kernels)}, as {reason}: {', '.join(layers)}."
            lines += textwrap.wrap(
                sentence, max(width, 40), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
            )
        packed = _size(sum(layer.packed_bytes for layer in self.layers))
        scratch = _size(self.scratch_bytes_per_thread)
        return "\n".join([*lines, f"Memory: {packed} of packed weights, {scratch} for each thread"])


def _size(count: int) -> str:
    return f"{count / 1024:,.1f} KiB"
