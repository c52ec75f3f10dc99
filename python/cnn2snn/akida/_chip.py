"""What a model has to do with chips: checks, mapping, statistics, estimates."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn import _akida
from cnn2snn.akida import _arguments
from cnn2snn.akida.devices import Device, device_of
from cnn2snn.akida.layer import Layer
from cnn2snn.akida.mapping import MapMode, Sequence, sequences
from cnn2snn.akida.statistics import Estimate, LayerStatistics, NotMeasured, Statistics
from cnn2snn.akida.violation import Violation
from cnn2snn.errors import MappingError


class Mappable:
    """The part of `Model` that concerns chips."""

    _native: _akida.Model
    _layers: list[Layer]

    def check(self, device: Device | str) -> list[Violation]:
        """Returns every limit of a device that a layer breaks, in layer order.

        An empty list means that each layer can run on the device.

        Args:
            device: the device, or its documented name such as "AKD1000" or "SixNodesIPv2".

        Raises:
            ValueError: there is no device of this name.
            TypeError: neither a device nor a str.
            RuntimeError: the model is not complete.
        """
        found = self._native.check(device_of(device)._native)
        return [Violation._of(native) for native in found]

    def map(
        self,
        device: Device | str | None,
        hw_only: bool = False,
        mode: MapMode = MapMode.AllNps,
        constraints: None = None,
    ) -> None:
        """Places the layers on a device. Results stay the same; the next edit unmaps the model.

        Layers that the device cannot run are left to software. `sequences`, `Layer.mapping`, `skip_connections` and
        `summary` then show where everything is. A `Quantizer` and a `Dequantizer` run on the host, beside the device.

        Args:
            device: the device, or its documented name such as "AKD1000"; None unmaps the model.
            hw_only: whether the whole model has to run on the device, as one sequence; `Quantizer` and `Dequantizer`
                left out.
            mode: how the NPs are shared out.
            constraints: None: constraints are not supported.

        Raises:
            RuntimeError: the device refuses the model (`cnn2snn.errors.MappingError`, with all
                violations), for one as a model of another generation, or the model is not complete.
            ValueError: there is no device of this name.
            TypeError: an argument has the wrong type.
        """
        if constraints is not None:
            _arguments.wrong_value("", "constraints", "None", type(constraints).__name__)
        hw_only = _arguments.boolean("", "hw_only", hw_only)
        mode = _arguments.member("", "mode", mode, MapMode)
        if device is None:
            self._native.unmap()
            return
        found = self._native.map(device_of(device)._native, mode.name, hw_only)
        if found is not None:
            raise MappingError([Violation._of(native) for native in found])

    @property
    def device(self) -> Device | None:
        """The device that the model is mapped on; None in software."""
        mapping = self._native.mapping
        return None if mapping is None else Device(mapping.device)

    @property
    def sequences(self) -> list[Sequence]:
        """The sequences: a single one in software when the model is not mapped."""
        return sequences(self._layers, self._native.mapping)

    @property
    def skip_connections(self) -> list[tuple[Layer, Layer]]:
        """Skip connections on the device: (layer that makes the map, layer that joins it with another one).

        A connection is an input of an `Add` or `Concatenate` that is not of the layer just before it. Each takes a
        channel of skip DMA. There are none in software.
        """
        mapping = self._native.mapping
        pairs = [] if mapping is None else mapping.skip_connections
        return [(self._layers[producer], self._layers[consumer]) for producer, consumer in pairs]

    def measure(self, inputs: np.ndarray) -> Statistics:
        """Runs samples and counts zeros and events; `statistics` and `estimate` use the result.

        Args:
            inputs: samples, an array (n, height, width, channels) as for `Model.forward`. Those of a model with state
                (`has_state`) are the inputs of one stream, in order and from its beginning. The streams of
                `Model.forward` stay where they are.

        Raises:
            ValueError, TypeError: the inputs do not fit the model.
            RuntimeError: the model is not complete.
        """
        return self._statistics(self._native.measure(inputs))

    def _statistics(self, counted: _akida.Statistics) -> Statistics:
        names = [layer.name for layer in self._layers]
        rows = (LayerStatistics(*values) for values in counted.layers)
        return Statistics(counted.samples, dict(zip(names, rows, strict=True)))

    @property
    def statistics(self) -> Statistics:
        """Statistics of the samples last given to `measure`.

        Without such samples, and after every edit, they say that `measure` counts them: its text does, and so does the
        error of asking for a count. They are then false as a truth value.
        """
        counted = self._native.statistics
        return NotMeasured() if counted is None else self._statistics(counted)

    @property
    def metrics(self) -> dict[str, int]:
        """What a chip has measured of itself, by name: nothing, as models run on this host."""
        return {}

    @property
    def power_events(self) -> list[Any]:
        """What a chip has measured of its power: nothing, as models run on this host. `estimate` estimates energy."""
        return []

    def estimate(self) -> Estimate:
        """Returns what one input is estimated to take on the device that the model is mapped on.

        The estimate rests on the samples last given to `measure` and on published benchmarks;
        `docs/mapping.md` says how, and how good it is.

        Raises:
            RuntimeError: the model is not mapped, or partly in software; nothing has been measured;
                or no benchmark of the device is public.
        """
        return Estimate._of(self._native.estimate(), [layer.name for layer in self._layers])
