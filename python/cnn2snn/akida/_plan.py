"""What a plan, the form of a model that runs on this host, tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KernelChoice:
    """The compute kernel that runs one operation of a layer on this host.

    Attributes:
        layer: name of the layer.
        kernel: name of the kernel.
        declined: kernels that would have come first, each with the reason for which it is not used.
    """

    layer: str
    kernel: str
    declined: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PlanMemory:
    """The memory that running a model takes on this host.

    Attributes:
        packed: bytes of packed weights and other parameters by layer name; all threads share them.
        scratch: bytes that each thread needs for itself.
    """

    packed: dict[str, int]
    scratch: int
