"""QuantizeML networks as blocks of Akida 1.0, with the ideal boundaries that their own integers say.

The fit of thresholds and steps (H6) then does for them what it does for networks of this package.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from cnn2snn.conversion.akida1.fitting import certify, differing_by_channel
from cnn2snn.conversion.akida1.model import Converted, build_model
from cnn2snn.conversion.akida1.variables import IdealLayer
from cnn2snn.conversion.block import Activation, Block, Blocks, Kind, Weights, Window
from cnn2snn.conversion.quantizeml.account import account
from cnn2snn.conversion.quantizeml.akida1 import Akida1Layer, Akida1Plan, Ideal
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.integers.records import Neural, Separable
from cnn2snn.conversion.quantizeml.layer import Layer
from cnn2snn.conversion.scaling import InputScaling

__all__ = ["LevelIdeal", "QuantizedBlocks", "blocks_of", "convert_plan"]

_KINDS = {"Conv2D": Kind.CONVOLUTION, "SeparableConv2D": Kind.SEPARABLE, "Dense": Kind.DENSE}


@dataclass(frozen=True)
class LevelIdeal(IdealLayer):
    """An ideal layer whose boundaries a ReLU's bound may cut off; levels have a step of 1.

    Attributes:
        levels: where levels begin.
    """

    levels: Ideal

    @property
    def sums_integers(self) -> bool:
        """QuantizeML sums integers."""
        return True

    @property
    def float32_tops(self) -> np.ndarray | None:
        """The highest level of each filter in float32 where it is another one than exactly; else -1."""
        if self.levels.float32_top is None:
            return None
        tops = np.array(self.levels.float32_top)
        return np.where(tops != np.array(self.levels.top), tops, -1)

    def boundaries(self, act_bits: int) -> np.ndarray:
        """The integer boundaries, int64 of shape (filters, 2^act_bits - 1), exactly."""
        return self.levels.boundaries(act_bits)


@dataclass(frozen=True)
class QuantizedBlocks:
    """What the model of Akida 1.0 is built of.

    Attributes:
        blocks: the blocks.
        ideals: the ideal layer of each.
        scaling: how integer inputs follow from those of the network behind its Rescaling.
        input_is_image: whether the first layer reads images.
    """

    blocks: Blocks
    ideals: dict[str, IdealLayer]
    scaling: InputScaling
    input_is_image: bool


def blocks_of(plan: Akida1Plan) -> QuantizedBlocks:
    """The blocks of a plan, for `build_model`."""
    walk = plan.walk
    source = next(layer for layer in walk.layers.values() if layer.kind == "InputLayer")
    found = Blocks(plan.name, source.name, walk.shapes[source.name])
    ideals: dict[str, IdealLayer] = {}
    previous = ""
    for layer in plan.layers:
        if layer.block is None:
            continue
        block = _block(walk, layer, previous)
        found.blocks[block.name] = block
        ideals[block.name] = _ideal(walk, layer)
        previous = block.name
    found.folded = account({layer.name: layer.class_name for layer in walk.layers.values()}, plan.model)
    first = plan.layers[0].plan
    border = first.parameters.get("padding_value", 0)
    scales = [layer.arguments["scale"] for layer in walk.layers.values() if layer.kind == "Rescaling"]
    scale = float(np.prod([1.0, *(1 / scale for scale in scales)]))
    # The border of a quantized network stands for 0, as near as its integers come to that.
    scaling = InputScaling.of(scale, float(border), "Rescaling" if scales else "default")
    return QuantizedBlocks(found, ideals, scaling, first.type_name == "InputConvolutional")


def convert_plan(plan: Akida1Plan, thresholds: str) -> Converted:
    """The engine's model of a plan, with the blocks that it was made of.

    Args:
        plan: the plan.
        thresholds: "fit" fits thresholds and steps to the exact boundaries, "floor" takes those of the published
            converter, as they are before its correction of widths.

    Raises:
        UnsupportedModelError: a threshold or a step that no layer can hold.
    """
    found = blocks_of(plan)
    converted = build_model(found.blocks, found.scaling, found.input_is_image, ideals=found.ideals)
    if thresholds == "floor":
        variables = {layer.plan.name: layer.plan.variables for layer in plan.layers}
        for index, block in enumerate(converted.blocks):
            for name in ("threshold", "act_step"):
                block.layer.set_variable(name, variables[block.layer.name][name])
            assert block.ideal is not None
            differing = differing_by_channel(certify(block.layer, block.ideal), len(block.mismatches))
            converted.blocks[index] = replace(block, mismatches=differing)
    return converted


def _block(walk: Walk, layer: Akida1Layer, previous: str) -> Block:
    """The structure of a layer. Its weights are integers of scale 1, and a unit of its pre-activations is a level."""
    block, ideal = layer.block, layer.ideal
    assert block is not None
    assert ideal is not None
    main = next(member for member in block.layers if member.kind in _KINDS)
    record = walk.records[main.name]
    assert isinstance(record, Neural)
    depthwise = record.depthwise if isinstance(record, Separable) else None
    biases = [float(bias / gain) for bias, gain in zip(ideal.biases, ideal.gains, strict=True)]
    activation = None
    if ideal.top is not None:
        activation = Activation(block.output.name, layer.plan.parameters["act_bits"], 1.0)
    pooling = block.find("MaxPool2D")
    return Block(
        name=main.name,
        kind=_KINDS[main.kind],
        type=main.class_name,
        inbounds=[previous],
        input_shape=walk.shapes[block.first.inbounds[0]],
        output_shape=walk.shapes[main.name],
        window=None if main.kind == "Dense" else _window(main, layer.plan.parameters["padding"]),
        weights=Weights(
            bits=record.weights_bits,
            kernel=record.weights.astype(np.float32),
            kernel_scale=np.ones(1),
            bias=np.array(biases),
            depthwise=None if depthwise is None else depthwise.astype(np.float32),
        ),
        max_pooling=None if pooling is None else _pooling(pooling, layer.plan.parameters["padding"]),
        global_average=block.find("GlobalAveragePooling2D") is not None,
        activation=activation,
        output=block.output.name,
    )


def _window(layer: Layer, padding: str) -> Window:
    return Window(layer.arguments["kernel_size"], layer.arguments["strides"], padding.lower())


def _pooling(layer: Layer, padding: str) -> Window:
    size = layer.arguments["pool_size"]
    return Window(size, layer.arguments["strides"] or size, padding.lower())


def _ideal(walk: Walk, layer: Akida1Layer) -> IdealLayer:
    """Integer weights and exact boundaries: P = gain · z - bias, with z in levels or in units of the output."""
    block, ideal = layer.block, layer.ideal
    assert block is not None
    assert ideal is not None
    record = walk.records[next(member for member in block.layers if member.kind in _KINDS).name]
    assert isinstance(record, Neural)
    ratios = [_ratios(gain, bias) for gain, bias in zip(ideal.gains, ideal.biases, strict=True)]
    lines = ideal.lines()
    if ideal.top is None:
        # Without activation the line begins at the potential of z = 0.
        lines = [
            (-bias * gain.denominator, 0, gain.denominator)
            for gain, bias in zip(ideal.gains, ideal.biases, strict=True)
        ]
    return LevelIdeal(
        weights=record.weights,
        depthwise=record.depthwise if isinstance(record, Separable) else None,
        lines=lines,
        ratios=ratios,
        step=None if ideal.top is None else Fraction(1),
        t=np.array([start / denominator for start, _, denominator in lines]),
        s=np.array([float(gain) for gain in ideal.gains]),
        levels=ideal,
    )


def _ratios(gain: Fraction, bias: int) -> tuple[int, ...]:
    """Numerators and denominators of gain, bias and shift of P = gain · (z - bias / gain)."""
    return gain.numerator, gain.denominator, bias * gain.denominator, gain.numerator, 0, 1
