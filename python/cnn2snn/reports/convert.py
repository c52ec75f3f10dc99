"""The report of `cnn2snn convert`: which activation levels begin at another integer than in the Keras model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cnn2snn import _table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np

    from cnn2snn.akida import Layer, Model
    from cnn2snn.conversion import ConversionReport

__all__ = ["Certificate", "ConvertReport", "LayerBoundaries"]


@dataclass(frozen=True)
class LayerBoundaries:
    """The activation boundaries of a layer, each of which is where a level begins.

    Attributes:
        name, type: the layer.
        channels: number of output channels with an activation.
        boundaries: number of boundaries in all channels; 0 without activation.
        boundaries_shifted: how many are at another integer than in the Keras model.
        channels_with_shifts: how many channels have such boundaries.
    """

    name: str
    type: str
    channels: int
    boundaries: int
    boundaries_shifted: int
    channels_with_shifts: int

    @classmethod
    def of(cls, layer: Layer, mismatches: np.ndarray) -> LayerBoundaries:
        """Counts the boundaries of a converted layer.

        Args:
            layer: the layer.
            mismatches: number of boundaries that are shifted, integers of shape (channels,).
        """
        bits = layer.output_bits
        channels = len(mismatches) if bits is not None else 0
        return cls(
            name=layer.name,
            type=layer.parameters.layer_type.name,
            channels=channels,
            boundaries=channels * (2**bits - 1) if channels else 0,
            boundaries_shifted=int(mismatches.sum(dtype=int)),
            channels_with_shifts=int((mismatches > 0).sum()),
        )


@dataclass(frozen=True)
class Certificate:
    """What is proved of every layer, saved to a file.

    Attributes:
        file: path of the file.
        report: what is proved.
    """

    file: str
    report: ConversionReport


@dataclass(frozen=True)
class ConvertReport:
    """A quantized model that was converted.

    Attributes:
        file: path of the quantized model.
        output: path of the converted model.
        input_scaling: (scale, shift) from inputs of the quantized model to those of the converted one.
        layers: the boundaries of each layer, in order; none in Akida 2.0, where conversion moves no boundary.
        certificate: what is proved of every layer, where that was asked for.
        ip_version: "v1" or "v2", the generation of the converted model.
        inputs: what its integer inputs stand for, in words; None for a QuantizeML model, which holds its own scales.

    Example:
        >>> pairs = [(block.layer, block.mismatches) for block in converted.blocks]  # doctest: +SKIP
        >>> print(ConvertReport.of(Path("q.h5"), Path("q.fbz"), model, pairs).text())  # doctest: +SKIP
        Model converted and saved to q.fbz
        All 60 activation boundaries are those of the Keras model.
    """

    file: str
    output: str
    input_scaling: tuple[float, float] | None
    layers: list[LayerBoundaries]
    certificate: Certificate | None = None
    ip_version: str = "v1"
    inputs: str | None = None

    @classmethod
    def of(
        cls,
        source: Path,
        target: Path,
        model: Model,
        layers: Iterable[tuple[Layer, np.ndarray]],
        certificate: Certificate | None = None,
        inputs: str | None = None,
    ) -> ConvertReport:
        """Returns the report on a conversion.

        Args:
            source: path of the quantized model.
            target: path of the converted model.
            model: the converted model.
            layers: its layers, each with the number of shifted boundaries per channel.
            certificate: what is proved of them.
            inputs: what integer inputs stand for, in words.
        """
        boundaries = [LayerBoundaries.of(layer, mismatches) for layer, mismatches in layers]
        version = model.ip_version.name
        return cls(str(source), str(target), model.input_scaling, boundaries, certificate, version, inputs)

    def to_dict(self) -> dict[str, Any]:
        """Returns the attributes but for the certificate, which has a file of its own."""
        layers = [asdict(layer) for layer in self.layers]
        return {
            "file": self.file,
            "output": self.output,
            "ip_version": self.ip_version,
            "input_scaling": self.input_scaling,
            **({} if self.inputs is None else {"inputs": self.inputs}),
            "layers": layers,
        }

    def text(self, width: int = 80) -> str:
        """Returns where the model is, the certificate or else the shifted boundaries, and what integers stand for."""
        lines = [f"Model converted and saved to {self.output}"]
        if self.certificate is None:
            exact = ["Every layer of Akida 2.0 gives the integers of the quantized network."]
            lines += exact if self.ip_version == "v2" else self._boundaries(width)
        else:
            lines += [f"Report saved to {self.certificate.file}", "", self.certificate.report.text(width)]
        if self.inputs is not None:
            lines.append(f"{self.inputs[0].upper()}{self.inputs[1:]}.")
        return "\n".join(lines)

    def _boundaries(self, width: int) -> list[str]:
        shifted = [layer for layer in self.layers if layer.boundaries_shifted]
        if not shifted:
            total = sum(layer.boundaries for layer in self.layers)
            return [f"All {total:,} activation boundaries are those of the Keras model."]
        headers = ("Layer", "Boundaries", "Shifted", "Channels")
        rows = [
            (
                layer.name,
                f"{layer.boundaries:,}",
                f"{layer.boundaries_shifted:,}",
                f"{layer.channels_with_shifts} of {layer.channels}",
            )
            for layer in shifted
        ]
        why = "Boundaries shifted to fit an integer threshold and one step per channel:"
        return [why, *_table.columns(headers, rows, width=width, right=(1, 2, 3))]
