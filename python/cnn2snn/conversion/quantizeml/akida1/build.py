"""From a QuantizeML network to the layers of Akida 1.0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.conversion.plan import LayerPlan, ModelPlan
from cnn2snn.conversion.quantizeml.akida1.ideal import Ideal
from cnn2snn.conversion.quantizeml.akida1.layers import main_of, make
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.fixed_point import scaled
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.network import DEQUANTIZER, Network
from cnn2snn.conversion.quantizeml.patterns import AKIDA1, AKIDA1_INPUT, match
from cnn2snn.conversion.quantizeml.read_blocks import Reading, read_blocks

__all__ = ["Akida1Layer", "Akida1Plan", "plan_akida1"]

# What to do about blocks that have no pattern, by a part of their kinds. The first part that fits counts.
_REMEDIES = {
    "TempConv": "convert to Akida 2.0, which has temporal layers",
    "Stateful": "convert to Akida 2.0, which has recurrent layers",
    "Transpose": "convert to Akida 2.0, which has transposed convolutions",
    "DepthwiseConv2D": "use SeparableConv2D; or convert to Akida 2.0, which has this layer",
    "LUT": "use a ReLU with max_value; or convert to Akida 2.0, which has tables",
    "Add": "build the model without branches; or convert to Akida 2.0, which has Add",
    "Concatenate": "build the model without branches; or convert to Akida 2.0, which has Concatenate",
    "Permute": "leave Permute out, and build the model on maps (height, width, channels)",
    "ReLU-ReLU": "leave one of the two activations out",
    "ReLU-MaxPool2D": "put the max pooling before the activation",
    "ReLU-GlobalAveragePooling2D": (
        "put the global average before the ReLU, as the networks of the published zoo do for Akida 1.0"
    ),
    "MaxPool2D$": "put a ReLU behind the max pooling",
    "Flatten": "put a Dense layer directly behind Flatten, or leave Flatten out",
    "Reshape": "put a Dense layer directly behind Reshape, or leave Reshape out",
    "": "put a convolution and its ReLU between the layers, so that all are sequences of these",
}


@dataclass(frozen=True)
class Akida1Layer:
    """A layer of Akida 1.0 and what it should compute.

    Attributes:
        plan: the layer. Thresholds and steps are those of the published converter, before it fits them to widths. The
            step of a last layer without activation is the potentials per unit of the output.
        ideal: where its levels begin exactly; None for InputData.
        block: the layers of the network that it was made of; None for InputData.
    """

    plan: LayerPlan
    ideal: Ideal | None
    block: Block | None


@dataclass(frozen=True)
class Akida1Plan:
    """A model of Akida 1.0 as plain data.

    Attributes:
        name: its name.
        layers: its layers, in order.
        ignored: the layers behind the quantized part, which are not converted.
        walk: the network with its integers.
    """

    name: str
    layers: tuple[Akida1Layer, ...]
    ignored: tuple[str, ...]
    walk: Walk

    @property
    def model(self) -> ModelPlan:
        """The layers alone."""
        return ModelPlan(self.name, tuple(layer.plan for layer in self.layers), self.ignored)


def plan_akida1(network: Network, problems: Problems | None = None) -> Akida1Plan:
    """The layers of Akida 1.0 that compute what a QuantizeML network computes, as plain data.

    Args:
        network: the network, as `read_h5` or `read_keras_model` gives it, quantized per tensor.
        problems: receives what cannot be converted. By default all problems that can be told at once are raised
            together.

    Raises:
        InvalidArgumentError: (ValueError) a width or a border that no layer can have.
        UnsupportedModelError: (RuntimeError) a structure that Akida 1.0 cannot express.
    """
    reading = read_blocks(network, AKIDA1, AKIDA1_INPUT, _cut, _REMEDIES)
    layers: list[Akida1Layer] = []
    dequantizer = next((i for i, b in enumerate(reading.blocks) if b.kinds == (DEQUANTIZER,)), None)
    last = len(reading.blocks) - 1 if dequantizer is None else dequantizer - 1
    for index, block in enumerate(reading.blocks):
        if index != dequantizer:
            with reading.problems.catch():
                _add(reading, block, index == last, layers)
    reading.problems.settle(problems)
    return Akida1Plan(network.name, tuple(layers), network.ignored, reading.walk)


def _cut(layer: Layer, before: Layer) -> bool:
    """Whether a block of Akida 1.0 ends between a layer and the one that it reads."""
    return layer.kind == DEQUANTIZER or before.kind == "InputQuantizer" or "output_quantizer" in before.quantizers


def _add(reading: Reading, block: Block, is_last: bool, layers: list[Akida1Layer]) -> None:
    """Adds the layer of a block, and the InputData before it where it needs one."""
    walk = reading.walk
    if block.first.kind == "InputQuantizer":
        raise refuse(
            block.first,
            "Akida 1.0 has no layer that quantizes floats",
            kind="dtype",
            remedy="build the model with an Input of dtype uint8 and a Rescaling behind it, and quantize that",
        )
    if reading.is_refused(block):
        return
    image = match(block, AKIDA1_INPUT) if block.is_input and _is_image(walk) else None
    pattern = image or match(block, AKIDA1)
    assert pattern is not None
    if block.is_input and image is None:
        layers.append(Akida1Layer(_input_data(walk), None, None))
    output = walk.records[block.output.name].output
    scales = None
    if is_last:
        count = walk.shapes[block.output.name][-1]
        unit = np.float32(1) if output.scale is None else output.scale
        scales = scaled(np.broadcast_to(unit, (count,)), -output.frac_bits)
        if not np.all(np.isfinite(scales) & (scales > 0)):
            raise refuse(
                block.output,
                "the scales of its outputs must be float32 numbers greater than zero",
                kind="scales",
                remedy="calibrate the model on samples of its inputs",
            )
    parameters, variables, ideal = make(walk, block, pattern.type_name, scales)
    plan = LayerPlan(
        name=main_of(block).name,
        type_name=pattern.type_name,
        inbounds=(len(layers) - 1,) if layers else (),
        parameters=parameters,
        variables=variables,
        output_signed=not parameters["activation"],
        keras=tuple(layer.name for layer in block.layers),
    )
    layers.append(Akida1Layer(plan, ideal, block))


def _model_input(walk: Walk) -> Layer:
    return next(layer for layer in walk.layers.values() if layer.kind == "InputLayer")


def _is_image(walk: Walk) -> bool:
    """Whether the model's input is an image: bytes of 1 or 3 channels. Floats of older files are bytes."""
    layer = _model_input(walk)
    shape = walk.shapes[layer.name]
    return len(shape) == 3 and shape[-1] in (1, 3) and layer.arguments["dtype"] in ("uint8", "float32")


def _input_data(walk: Walk) -> LayerPlan:
    """The layer for inputs that are no images: values of 4 bits, 0 to 15."""
    layer = _model_input(walk)
    shape = walk.shapes[layer.name]
    if len(shape) not in (1, 3):
        raise refuse(
            layer,
            f"the input must be (height, width, channels) or (channels,), received {shape}",
            kind="input_shape",
            received=shape,
        )
    parameters = {"input_shape": [1] * (3 - len(shape)) + list(shape), "input_bits": 4}
    return LayerPlan(layer.name, "InputData", (), parameters, output_signed=False)
