"""From a QuantizeML network to the layers of Akida 2.0."""

from __future__ import annotations

from collections.abc import Callable

from cnn2snn._problems import Problems
from cnn2snn.conversion.akida2.convolution import convolution, transposed
from cnn2snn.conversion.akida2.dense import dense
from cnn2snn.conversion.akida2.interface import dequantizer, input_data, is_image, quantizer
from cnn2snn.conversion.akida2.joining import add, concatenate
from cnn2snn.conversion.akida2.recurrent import pico, recurrent
from cnn2snn.conversion.akida2.stages import Parts
from cnn2snn.conversion.akida2.temporal import temporal
from cnn2snn.conversion.plan import LayerPlan, ModelPlan
from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.conversion.quantizeml.integers import Walk
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.network import Network
from cnn2snn.conversion.quantizeml.patterns import AKIDA2, AKIDA2_INPUT, Pattern, match
from cnn2snn.conversion.quantizeml.read_blocks import Reading, read_blocks

__all__ = ["plan_model"]

_MAKERS: dict[str, Callable[[Walk, Block, str], Parts]] = {
    "Quantizer": quantizer,
    "InputConv2D": convolution,
    "Conv2D": convolution,
    "DepthwiseConv2D": convolution,
    "Conv2DTranspose": transposed,
    "DepthwiseConv2DTranspose": transposed,
    "Dense1D": dense,
    "Add": add,
    "Concatenate": concatenate,
    "BufferTempConv": temporal,
    "DepthwiseBufferTempConv": temporal,
    "StatefulRecurrent": recurrent,
    "PicoPostProcessing": pico,
    "Dequantizer": dequantizer,
}

_IDENTITY = "insert a Conv2D of kernel size 1 that changes nothing"
# What to do about blocks that have no pattern, by a part of their kinds. The first part that fits counts.
_REMEDIES = {
    "SeparableConv2D": (
        "before quantizing, split it into a DepthwiseConv2D and a Conv2D of kernel size 1; Akida 1.0 has this layer"
    ),
    "InputQuantizer": "build the model so that one layer reads its input",
    "Permute": "leave Permute out, and build the model on maps (height, width, channels)",
    "ReLU-ReLU": "leave one of the two activations out",
    "ReLU-LUT": "leave one of the two activations out",
    "LUT-ReLU": "leave one of the two activations out",
    "LUT-LUT": "leave one of the two activations out",
    "ReLU-MaxPool2D": "put the max pooling before the activation",
    "LUT-MaxPool2D": "put the max pooling before the activation, where the activation never falls",
    "MaxPool2D-MaxPool2D": f"{_IDENTITY} and a ReLU between the two poolings",
    "Dense-LUT": "use a ReLU behind dense layers",
    "TempConv-LUT": "use a ReLU behind temporal layers",
    "Projection-LUT": "use a ReLU behind recurrent layers",
    "GlobalAveragePooling2D-ReLU": (
        "put the ReLU before the global average, as the networks of the published zoo do for Akida 2.0"
    ),
    "GlobalAveragePooling2D-LUT": "put the activation before the global average",
    "DepthwiseConv2D-GlobalAveragePooling2D": "put a Conv2D of kernel size 1 before the global average",
    "DepthwiseConv2D-ReLU-GlobalAveragePooling2D": "put a Conv2D of kernel size 1 before the global average",
    "DepthwiseConv2D-LUT-GlobalAveragePooling2D": "put a Conv2D of kernel size 1 before the global average",
    "MaxPool2D-ReLU-GlobalAveragePooling2D": "put a Conv2D between the max pooling and the global average",
    "MaxPool2D-LUT-GlobalAveragePooling2D": "put a Conv2D between the max pooling and the global average",
    "MaxPool2D-GlobalAveragePooling2D": "put a ReLU and a Conv2D between the max pooling and the global average",
    "Conv2D-MaxPool2D$": "put a ReLU behind the max pooling",
    "Add-": f"{_IDENTITY} behind it; quantizeml.models.quantize does so for maps",
    "Concatenate-": f"{_IDENTITY} behind it; quantizeml.models.quantize does so for maps",
    "^ReLU": f"{_IDENTITY} before it; quantizeml.models.quantize does so for maps",
    "^LUT": f"{_IDENTITY} before it; quantizeml.models.quantize does so for maps",
    "^GlobalAveragePooling2D": f"{_IDENTITY} before it",
    "^MaxPool2D": "put the max pooling between a convolution and its activation",
    "Flatten": "put a Dense layer directly behind Flatten, or leave Flatten out",
    "Reshape": "put a Dense layer directly behind Reshape, or leave Reshape out",
    "": f"{_IDENTITY}, so that the layers before it and those from it on are sequences of these",
}


def plan_model(network: Network, problems: Problems | None = None) -> ModelPlan:
    """The layers of Akida 2.0 that compute what a QuantizeML network computes, as plain data.

    Args:
        network: the network, as `read_h5` or `read_keras_model` gives it.
        problems: receives what cannot be converted. By default all problems that can be told at once are raised
            together.

    Returns:
        The layers in the order of the published converter. Where problems are collected, layers that were refused are
        missing.

    Raises:
        InvalidArgumentError: (ValueError) a value that no layer can have.
        UnsupportedModelError: (RuntimeError) a structure that Akida 2.0 cannot express.
    """
    reading = read_blocks(network, AKIDA2, AKIDA2_INPUT, _cut, _REMEDIES)
    builder = _Builder(reading)
    for index in range(len(reading.blocks)):
        with reading.problems.catch():
            builder.add(index)
    reading.problems.settle(problems)
    return ModelPlan(network.name, tuple(builder.plans), network.ignored)


def _cut(layer: Layer, before: Layer) -> bool:
    """Whether a block of Akida 2.0 ends between a layer and the one that it reads."""
    quantizer = before.quantizers.get("output_quantizer")
    # Quantizers of 11 bits before a table, and of 16 bits for states, lie within a block.
    if quantizer is not None and quantizer["bitwidth"] < 9:
        return True
    if layer.kind == "Dequantizer" or before.kind == "InputQuantizer" or len(before.inbounds) > 1:
        return True
    return before.kind == "ExtractToken" and before.arguments["axis"] == 1


class _Builder:
    """Makes the layers one by one.

    Args:
        reading: the blocks in order, and their integers.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._walk = walk = reading.walk
        self._blocks = reading.blocks
        self._input = next((layer for layer in walk.layers.values() if layer.kind == "InputLayer"), None)
        self.plans: list[LayerPlan] = []
        # The layer of each block.
        self._made: dict[int, int] = {}
        # The image layer, and the InputData, where there is one.
        self._image: str | None = None
        self._data: int | None = None

    def add(self, index: int) -> None:
        """Adds the layers of a block, whose sources have been added."""
        block = self._blocks[index]
        if block.kinds == ("Dequantizer",) and self._is_pico(block.sources[0]):
            # A decision needs no scale.
            return
        if self._reading.is_refused(block) or not all(s is None or s in self._made for s in block.sources):
            # The block, or one that it reads, was refused.
            return
        pattern = self._image_pattern(block)
        if pattern is not None:
            # An image layer takes the model's input by itself.
            sources = [self._made[source] for source in block.sources if source is not None]
        else:
            pattern = match(block, AKIDA2)
            assert pattern is not None
            sources = [] if pattern.type_name == "Quantizer" else self._sources(block)
        parameters, variables = _MAKERS[pattern.type_name](self._walk, block, pattern.type_name)
        main = next(layer for layer in reversed(block.layers) if layer.kind == pattern.main)
        signed = None if pattern.type_name == "Dequantizer" else self._walk.records[block.output.name].output.signed
        self._made[index] = len(self.plans)
        self.plans.append(
            LayerPlan(
                name=main.name,
                type_name=pattern.type_name,
                inbounds=tuple(sources),
                parameters=parameters,
                variables=variables,
                output_signed=signed,
                keras=tuple(layer.name for layer in block.layers),
            )
        )

    def _is_pico(self, source: int | None) -> bool:
        return source is not None and self._blocks[source].kinds == ("PicoPostProcessing",)

    def _source(self, block: Block) -> Layer | None:
        """The input of the model, or its input quantizer, where the block reads it; else None."""
        for source in block.sources:
            layer = self._input if source is None else self._blocks[source].first
            if layer is not None and layer.kind in ("InputLayer", "InputQuantizer"):
                return layer
        return None

    def _image_pattern(self, block: Block) -> Pattern | None:
        """The pattern of an image layer, where the block reads images and is one."""
        source, pattern = self._source(block), match(block, AKIDA2_INPUT)
        if source is None or pattern is None or not is_image(self._walk, source):
            return None
        if self._image is not None:
            raise refuse(
                block.first,
                f'one layer can read images, received "{self._image}" and this one',
                kind="first_layer",
                expected=1,
                received=2,
                remedy="split after the first convolution and its activation",
            )
        self._image = block.first.name
        return pattern

    def _sources(self, block: Block) -> list[int]:
        """The layers that a block reads. An InputData is added before the first block that needs one."""
        source = self._source(block)
        if source is not None and self._data is None:
            is_input = source.kind == "InputLayer"
            quantizers = [] if is_input else [self._made[s] for s in block.sources if s is not None]
            name = source.name if is_input else self._free_name("inputdata")
            plan = input_data(self._walk, source, name, tuple(quantizers))
            self._data = len(self.plans)
            self.plans.append(plan)
        return [self._data if self._is_input(s) else self._made[s] for s in block.sources]  # type: ignore[index,misc]

    def _is_input(self, source: int | None) -> bool:
        return source is None or self._blocks[source].first.kind == "InputQuantizer"

    def _free_name(self, wanted: str) -> str:
        """A name that no layer has."""
        name, number = wanted, 0
        while name in self._walk.layers:
            number += 1
            name = f"{wanted}_{number}"
        return name
