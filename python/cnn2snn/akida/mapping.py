"""Models on devices: sequences, passes, and the units of each layer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from cnn2snn.akida import _arguments
from cnn2snn.akida.np import Mapping, Type
from cnn2snn.errors import UnsupportedModelError

if TYPE_CHECKING:
    from cnn2snn import _akida
    from cnn2snn.akida.layer import Layer
    from cnn2snn.akida.model import Model


class MapMode(IntEnum):
    """How the NPs of a device are shared out."""

    AllNps = 1
    """As many NPs as possible with as few passes as possible."""
    HwPr = 2
    """As many NPs and passes as possible: the chip is reprogrammed in parts while it runs."""
    Minimal = 3
    """As few NPs as possible."""


class BackendType(IntEnum):
    """What runs a sequence."""

    Software = 0
    Hardware = 1
    Hybrid = 2


@dataclass(frozen=True)
class LayerMapping:
    """Where a layer runs on a device.

    Attributes:
        nps: its units: NPs, or the image convolution unit. Layers without arithmetic of an NP have none: InputData,
            Add, Concatenate.
    """

    nps: tuple[Mapping, ...]

    @property
    def components(self) -> dict[Type, int]:
        """Number of units by type."""
        return dict(Counter(np.type for np in self.nps))


@dataclass(frozen=True)
class Pass:
    """Layers that are programmed together.

    Attributes:
        layers: the layers.
    """

    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class Sequence:
    """Layers that run without a stop, on the device or in software.

    Attributes:
        name: `HW/` or `SW/` and the names of the first and last layer.
        backend: what runs it.
        passes: parts that are programmed one after the other; one in software.
        program_size: about how many bytes its program would take on the chip, weights in external
            memory included; None in software, and on Akida 2.0, for which no sizes are public.
    """

    name: str
    backend: BackendType
    passes: tuple[Pass, ...]
    program_size: int | None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of all passes."""
        return tuple(layer for part in self.passes for layer in part.layers)

    @property
    def program(self) -> None:
        """None: programs of the chip are not made here."""
        return


def sequences(layers: list[Layer], mapping: _akida.Mapping | None) -> list[Sequence]:
    """Returns the sequences of a model: a single one in software when it is not mapped."""
    if not layers:
        return []
    if mapping is None:
        name = f"SW/{layers[0].name}-{layers[-1].name}"
        return [Sequence(name, BackendType.Software, (Pass(tuple(layers)),), None)]
    found = []
    for native in mapping.sequences:
        backend = BackendType.Hardware if native.is_hardware else BackendType.Software
        parts = tuple(Pass(tuple(layers[start:end])) for start, end in native.passes)
        found.append(Sequence(native.name, backend, parts, native.program_bytes))
    return found


def layer_mapping(mapping: _akida.Mapping | None, index: int) -> LayerMapping | None:
    """Returns where a layer runs on the device; None in software."""
    nps = None if mapping is None else mapping.layer(index)
    return None if nps is None else LayerMapping(tuple(map(Mapping._of, nps)))


def compute_minimal_memory(model: Model) -> tuple[int, int]:
    """Returns the memory that one NP must have for a model as it is mapped.

    An NP of this size has room for what any NP takes of a layer. With less, the mapping would be another one.

    Args:
        model: a model that is mapped (`Model.map`).

    Returns:
        (bytes for inputs, bytes for filters). Filters in external memory do not count. (0, 0) where no NP is used.

    Raises:
        RuntimeError: the model is not mapped.
        TypeError: not a model.

    Example:
        >>> model.map(create_device(64, 2), hw_only=True)  # doctest: +SKIP
        >>> compute_minimal_memory(model)  # doctest: +SKIP
        (18816, 9216)
    """
    if not hasattr(model, "device") or not hasattr(model, "layers"):
        _arguments.wrong_type("", "model", "a Model", model)
    if model.device is None:
        raise UnsupportedModelError("the model is not mapped", kind="mapping", remedy="call map first")
    nps = [np for layer in model.layers if layer.mapping for np in layer.mapping.nps if np.type != Type.HRC]
    return max((np.input_size for np in nps), default=0), max((np.weight_size for np in nps), default=0)
