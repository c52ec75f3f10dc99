"""From blocks to a model of Akida 1.0: its layers with integer weights, thresholds and steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.conversion.akida1.fitting import mismatches_without_layer, set_variables
from cnn2snn.conversion.akida1.inputs import ImageInput, input_data
from cnn2snn.conversion.akida1.layers import engine_layer
from cnn2snn.conversion.akida1.variables import IdealLayer, ideal_layer
from cnn2snn.conversion.block import Block, Blocks, Kind
from cnn2snn.conversion.input_rules import shape_refusal
from cnn2snn.conversion.scaling import InputScaling
from cnn2snn.errors import UnsupportedModelError

__all__ = ["Converted", "ConvertedBlock", "build_model"]


@dataclass(frozen=True)
class ConvertedBlock:
    """A block, its engine layer, and how one became the other.

    Attributes:
        block: the block.
        layer: the layer in the engine's model.
        ideal: integer weights in the layout of `Weights`, and ideal thresholds and steps; None for a `Concat`.
        step: the step of the outputs; None without activation.
        mismatches: how many activation boundaries differ from the ideal ones, per channel.
        input_shift: β of the layer's integer inputs.
    """

    block: Block
    layer: akida.Layer
    ideal: IdealLayer | None
    step: float | None
    mismatches: np.ndarray
    input_shift: Fraction


@dataclass
class Converted:
    """The engine's model and what it was made of.

    Attributes:
        model: the engine's model.
        source: the network as blocks.
        scaling: how integer inputs follow from those of the network.
        blocks: the blocks, in order.
    """

    model: akida.Model
    source: Blocks
    scaling: InputScaling
    blocks: list[ConvertedBlock] = field(default_factory=list)


def build_model(
    blocks: Blocks,
    scaling: InputScaling,
    input_is_image: bool,
    problems: Problems | None = None,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
    ideals: Mapping[str, IdealLayer] | None = None,
) -> Converted:
    """The engine's model of the blocks.

    Args:
        blocks: the blocks.
        scaling: how the model's integer inputs follow from those of the network.
        input_is_image: as for `cnn2snn.convert`.
        problems: receives what cannot be expressed; by default the first error is raised. With errors collected the
            layers of the result have no variables, and layers that cannot be told are missing.
        thresholds: as for `cnn2snn.convert`.
        padding_value: as for `cnn2snn.convert`.
        ideals: integer weights and ideal boundaries by block, of networks whose own integers say them; by default they
            follow from the blocks (H2 to H4).

    Raises:
        InvalidArgumentError, UnsupportedModelError: what cannot be expressed; see `cnn2snn.convert`.
    """
    problems = problems or Problems()
    if (error := shape_refusal(blocks)) is not None:
        problems.add(error)
        return Converted(akida.Model(), blocks, scaling)
    image = ImageInput(blocks, scaling, padding_value) if input_is_image else None
    builder = _Builder(blocks, scaling, image, thresholds, problems, ideals or {})
    for block in blocks.blocks.values():
        with builder.problems.catch():
            builder.add(block)
    return builder.converted


class _Builder:
    def __init__(
        self,
        blocks: Blocks,
        scaling: InputScaling,
        image: ImageInput | None,
        thresholds: str,
        problems: Problems,
        ideals: Mapping[str, IdealLayer],
    ) -> None:
        self.ideals = ideals
        self.converted = Converted(akida.Model(), blocks, scaling)
        self.scaling = scaling
        self.image = image
        self.thresholds = thresholds
        self.problems = problems
        # The engine layer of each block, and the step of its outputs.
        self.layers: dict[str, akida.Layer] = {}
        self.steps: dict[str, float] = {}
        # The blocks that another one reads.
        self.read = {name for block in blocks.blocks.values() for name in block.inbounds}
        if image is None:
            with problems.catch():
                layer = input_data(blocks, scaling, problems)
                self.converted.model.add(layer)
                self.layers[""] = layer

    def add(self, block: Block) -> None:
        """Adds the engine layer of one block; the layers that it reads are there."""
        if block.kind is Kind.CONCAT:
            self._concat(block)
            return
        step = None
        with self.problems.catch():
            step = _step(block)
        if block.weights is None:
            return
        image = self.image if block.is_input else None
        layer = engine_layer(block, image=image, is_read=block.name in self.read, problems=self.problems)
        inbounds = [] if image is not None else [self.layers.get(name) for name in block.inbounds]
        if None not in inbounds:
            self.converted.model.add(layer, inbounds)
            self.layers[block.name] = layer
        if step is not None:
            self.steps[block.name] = step
        if any(self.problems.has(part.name) for part in (block, block.activation) if part is not None):
            return
        self._set_variables(block, layer, step)

    def _set_variables(self, block: Block, layer: akida.Layer, step: float | None) -> None:
        alpha, beta = self._input_of(block)
        ideal = self.ideals.get(block.name)
        if ideal is None:
            ideal = ideal_layer(block, input_scale=alpha, input_shift=beta)
        if self.problems.found:
            # The layer may have no place in the model, and needs no variables.
            mismatches = mismatches_without_layer(block, ideal)
        else:
            scale, shift = self._floor_input_of(block)
            mismatches = set_variables(
                layer, block, ideal, thresholds=self.thresholds, input_scale=scale, input_shift=shift
            )
        self.converted.blocks.append(ConvertedBlock(block, layer, ideal, step, mismatches, beta))

    def _input_of(self, block: Block) -> tuple[Fraction, Fraction]:
        """α and β of the integers that a block reads."""
        if block.is_input:
            return self.scaling.scale, self.scaling.shift
        # Where errors are collected, the step of a block that was refused is not known.
        return 1 / Fraction(self.steps.get(block.inbounds[0], 1)), Fraction(0)

    def _floor_input_of(self, block: Block) -> tuple[float, float]:
        """α and β in the types of H8."""
        if block.is_input:
            return float(self.scaling.scale), self.scaling.given_shift
        return float(np.float32(1) / np.float32(self.steps[block.inbounds[0]])), 0.0

    def _concat(self, block: Block) -> None:
        if not all(name in self.steps and name in self.layers for name in block.inbounds):
            return
        layer = akida.Concat(name=block.name)
        self.converted.model.add(layer, [self.layers[name] for name in block.inbounds])
        self.layers[block.name] = layer
        # All branches have one step: the reader refuses others.
        step = self.steps[block.inbounds[0]]
        self.steps[block.name] = step
        self.converted.blocks.append(ConvertedBlock(block, layer, None, step, np.zeros(0, np.uint8), Fraction(0)))


def _step(block: Block) -> float | None:
    """The step of a block's activation, which must be usable."""
    if block.activation is None:
        return None
    step = block.activation.step
    if not (np.isfinite(step) and step > 0):
        raise UnsupportedModelError(
            f'layer "{block.activation.name}": step must be finite and greater than zero, received {step}',
            layer=block.activation.name,
            kind="step",
            received=step,
            remedy="give it a max_value greater than zero and train again",
        )
    return step
