"""From blocks to engine layers: parameters, integer weights, thresholds and steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.conversion.block import Block, Blocks, MaxPooling
from cnn2snn.conversion.fitting import Place, fit, set_variables
from cnn2snn.conversion.scaling import InputScaling
from cnn2snn.conversion.variables import IdealLayer, NeuralArrays, ideal_layer
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from cnn2snn.graph import Graph, Node

__all__ = ["Converted", "ConvertedBlock", "borders", "build_model"]

WEIGHT_BITS = (2, 4, 8)
ACT_BITS = (1, 2, 4)


@dataclass(frozen=True)
class ConvertedBlock:
    """A block, its engine layer, and how one became the other.

    Attributes:
        block: the block.
        layer: the layer in the engine's model.
        ideal: integer weights in Keras' layout and ideal thresholds and steps; None for a `Concat`.
        step: the step of the activation; None without.
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
        graph: the Keras model.
        scaling: how integer inputs follow from Keras inputs.
        blocks: the blocks, in order.
    """

    model: akida.Model
    graph: Graph
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
) -> Converted:
    """The engine's model of the blocks.

    Args:
        blocks: the blocks.
        scaling: how the model's integer inputs follow from Keras inputs.
        input_is_image: as for `cnn2snn.convert`.
        problems: receives what cannot be expressed; by default the first error is raised. With errors collected the
            layers of the result have no variables, and those that cannot be told are missing.
        thresholds: as for `cnn2snn.convert`.
        padding_value: as for `cnn2snn.convert`.

    Raises:
        InvalidArgumentError, UnsupportedModelError: what cannot be expressed; see `cnn2snn.convert`.
    """
    builder = _Builder(blocks, scaling, input_is_image, problems or Problems())
    builder.thresholds, builder.padding_value = thresholds, padding_value
    for block in blocks.blocks.values():
        with builder.problems.catch():
            builder.add(block)
    return builder.converted


class _Builder:
    def __init__(self, blocks: Blocks, scaling: InputScaling, input_is_image: bool, problems: Problems) -> None:
        self.converted = Converted(akida.Model(), blocks.graph, scaling)
        self.blocks = blocks
        self.scaling = scaling
        self.image = input_is_image
        self.problems = problems
        self.thresholds = "fit"
        self.padding_value: int | None = None
        # The engine layer of each block, and the step of its outputs.
        self.layers: dict[str, akida.Layer] = {}
        self.steps: dict[str, float] = {}
        if not input_is_image:
            with problems.catch():
                self._input_data(blocks.graph.input)

    def _input_data(self, node: Node) -> None:
        if self.scaling.shift != 0:
            self.problems.add(
                InvalidArgumentError(
                    "inputs that are not images are not shifted: the shift must be 0, "
                    f"received {float(self.scaling.shift):g}",
                    kind="input_scaling",
                    expected=0,
                    received=float(self.scaling.shift),
                    remedy=self._unshifted(),
                )
            )
        shape = node.output_shape
        if len(shape) not in (1, 3) or None in shape:
            raise UnsupportedModelError(
                f'layer "{node.name}": the input shape must be (height, width, channels) or (channels,) '
                f"of known sizes, received {shape}",
                layer=node.name,
                kind="input_shape",
                received=shape,
            )
        dims = (1, 1, *shape) if len(shape) == 1 else shape
        layer = akida.InputData(dims, input_bits=4, name=node.name)
        self.converted.model.add(layer)
        self.layers[""] = layer

    def _unshifted(self) -> str:
        """What to do instead of shifting inputs."""
        scale = float(self.scaling.scale)
        if self.scaling.source == "Rescaling":
            return f"use Rescaling({1 / scale:g}) without offset and train again"
        return f"pass ({scale:g}, 0) and train the model on inputs that begin at 0"

    def add(self, block: Block) -> None:
        """Adds the engine layer of one block; those that it reads are there."""
        if block.is_concat:
            self._concat(block)
            return
        arrays, step = None, None
        with self.problems.catch():
            step = _step(block)
        with self.problems.catch():
            arrays = _read_arrays(block)
        if arrays is None:
            return
        is_input = block.inbounds == [""]
        layer = self._layer(block, arrays, is_input)
        if is_input and self.image and self.layers:
            raise UnsupportedModelError(
                f'layer "{block.name}": an image is read by one layer, received a second',
                layer=block.name,
                kind="first_layer",
                expected=1,
                received=2,
                remedy="split after the first convolution",
            )
        inbounds = [] if is_input and self.image else [self.layers.get(name) for name in block.inbounds]
        if None not in inbounds:
            self.converted.model.add(layer, inbounds)
            self.layers[block.name] = layer
        if step is not None:
            self.steps[block.name] = step
        if any(self.problems.has(node.name) for node in (block.node, block.activation) if node is not None):
            return
        alpha, beta = self._input_of(block)
        # Pooling comes after the convolution, whose output shape is (height, width, filters).
        positions = int(np.prod(block.node.output_shape[:2])) if block.pooling == "average" else 1
        ideal = ideal_layer(arrays, input_scale=alpha, input_shift=beta, positions=positions, step=step)
        if self.problems.found:
            # The layer may have no place in the model, and needs no variables.
            mismatches = fit(block, ideal, None)[2]
        else:
            place = Place(*self._floor_input_of(block), positions, self.thresholds)
            mismatches = set_variables(layer, block, arrays, ideal, place)
        self.converted.blocks.append(ConvertedBlock(block, layer, ideal, step, mismatches, beta))

    def _input_of(self, block: Block) -> tuple[Fraction, Fraction]:
        """α and β of the integers that a block reads."""
        if block.inbounds == [""]:
            return self.scaling.scale, self.scaling.shift
        # Where errors are collected, the step of a block that was refused is not known.
        return 1 / Fraction(self.steps.get(block.inbounds[0], 1)), Fraction(0)

    def _floor_input_of(self, block: Block) -> tuple[float, float]:
        """α and β in the types of H8."""
        if block.inbounds == [""]:
            return float(self.scaling.scale), self.scaling.given_shift
        return float(np.float32(1) / np.float32(self.steps[block.inbounds[0]])), 0.0

    def _concat(self, block: Block) -> None:
        if not all(name in self.steps and name in self.layers for name in block.inbounds):
            return
        steps = {name: self.steps[name] for name in block.inbounds}
        if len(set(steps.values())) > 1:
            listed = ", ".join(f'"{name}": {step:g}' for name, step in steps.items())
            raise UnsupportedModelError(
                f'layer "{block.name}": the activations of all branches must have the same step, received {listed}',
                layer=block.name,
                kind="step",
                received=steps,
                remedy="give them the same bitwidth and max_value, or quantize the float model, which brings them to one",
            )
        layer = akida.Concat(name=block.name)
        self.converted.model.add(layer, [self.layers[name] for name in block.inbounds])
        self.layers[block.name] = layer
        step = next(iter(steps.values()))
        self.steps[block.name] = step
        self.converted.blocks.append(ConvertedBlock(block, layer, None, step, np.zeros(0, np.uint8), Fraction(0)))

    def _layer(self, block: Block, arrays: NeuralArrays, is_input: bool) -> akida.Layer:
        node = block.node
        name = node.name
        bits = self._bits(name, "weights", arrays.bitwidth, WEIGHT_BITS)
        activation: dict = {"activation": False}
        if block.activation is not None:
            width = block.activation.config["bitwidth"]
            activation = {"act_bits": self._bits(block.activation.name, "activations", width, ACT_BITS)}
        elif any(name in other.inbounds for other in self.blocks.blocks.values()):
            # The missing activation is reported; the rest is judged as if it were there.
            activation = {"act_bits": max(ACT_BITS)}
        if node.is_a("Dense"):
            if is_input and self.image:
                raise _not_an_image(block, "a QuantizedDense")
            return akida.FullyConnected(arrays.kernel.shape[-1], name=name, weights_bits=bits, **activation)
        kernel = arrays.kernel if arrays.depthwise is None else arrays.depthwise
        common = {
            "kernel_size": kernel.shape[:2],
            "filters": arrays.kernel.shape[-1],
            "name": name,
            "padding": _padding(block),
            "kernel_stride": tuple(node.config["strides"]),
            "weights_bits": bits,
            **_pooling(block),
            **activation,
        }
        if not (is_input and self.image):
            cls = akida.Convolutional if arrays.depthwise is None else akida.SeparableConvolutional
            return cls(**common)
        if arrays.depthwise is not None:
            raise _not_an_image(block, "a QuantizedSeparableConv2D")
        shape = tuple(node.layer.input.shape[1:])
        if None in shape or shape[-1] not in (1, 3):
            raise UnsupportedModelError(
                f'layer "{name}": an image must have known sizes and 1 or 3 channels, received {shape}',
                layer=name,
                kind="input_shape",
                expected="1 or 3 channels",
                received=shape,
                remedy="for other inputs of at most 4 bits convert with input_is_image=False",
            )
        value = self._padding_value(block)
        return akida.InputConvolutional(shape, padding_value=value, **common)

    def _bits(self, layer: str, what: str, received: int, allowed: tuple[int, ...]) -> int:
        """A width that an engine layer has; the nearest one where errors are collected."""
        if received in allowed:
            return received
        listed = ", ".join(str(bits) for bits in allowed)
        self.problems.add(
            InvalidArgumentError(
                f'layer "{layer}": the bitwidth of {what} must be one of {listed}, received {received}',
                layer=layer,
                kind="weights_bits" if what == "weights" else "act_bits",
                expected=allowed,
                received=received,
                remedy="quantize the layer to one of them",
            )
        )
        return min(allowed, key=lambda bits: abs(bits - received))

    def _padding_value(self, block: Block) -> int:
        """The integer input that is a Keras zero; any value where nothing is padded."""
        if self.padding_value is not None:
            return self.padding_value
        shift = self.scaling.shift
        if shift.denominator == 1 and 0 <= shift <= 255:
            return int(shift)
        sizes = zip(
            block.node.layer.input.shape[1:3],
            block.node.config["kernel_size"],
            block.node.config["strides"],
            strict=True,
        )
        if not any(any(borders(*size, block.node.config["padding"])) for size in sizes):
            return 0
        raise UnsupportedModelError(
            f'layer "{block.name}": with padding "same" the input that stands for 0 (the padding value) must be an '
            f"integer in 0..255, received {float(shift):g}",
            layer=block.name,
            kind="padding_value",
            expected="0..255",
            received=float(shift),
            remedy=(
                "rescale inputs by an integer, as in "
                'Rescaling(1 / 128, -1), use padding "valid", or give a padding_value, with which borders are inexact'
            ),
        )


def borders(size: int, kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """Border cells before and after one axis of a map, as TensorFlow lays them (C2)."""
    if padding != "same":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _not_an_image(block: Block, received: str) -> UnsupportedModelError:
    return UnsupportedModelError(
        f'layer "{block.name}": the first layer for images must be a QuantizedConv2D, received {received}',
        layer=block.name,
        kind="first_layer",
        expected="QuantizedConv2D",
        received=received,
        remedy="for inputs of at most 4 bits convert with input_is_image=False",
    )


def _padding(block: Block) -> akida.Padding:
    padding = block.node.config["padding"]
    if isinstance(block.pooling, MaxPooling) and tuple(block.node.config["kernel_size"]) == (1, 1):
        # A 1x1 kernel has no border: the padding of the pooling rules.
        padding = block.pooling.padding
    return akida.Padding.Same if padding == "same" else akida.Padding.Valid


def _pooling(block: Block) -> dict:
    if block.pooling == "average":
        return {"pool_type": akida.PoolType.Average}
    if isinstance(block.pooling, MaxPooling):
        return {
            "pool_type": akida.PoolType.Max,
            "pool_size": block.pooling.size,
            "pool_stride": block.pooling.stride,
        }
    return {}


def _step(block: Block) -> float | None:
    if block.activation is None:
        return None
    step = float(np.float32(block.activation.layer.step))
    if not (np.isfinite(step) and step > 0):
        raise UnsupportedModelError(
            f'layer "{block.activation.name}": step must be finite and greater than zero, received {step}',
            layer=block.activation.name,
            kind="step",
            received=step,
        )
    return step


def _read_arrays(block: Block) -> NeuralArrays:
    """What conversion needs of the block's Keras layer."""
    node = block.node
    quantizer = node.config["quantizer"]
    kernel = node.weights.get("pointwise_kernel", node.weights.get("kernel"))
    filters = kernel.shape[-1]
    depthwise, depthwise_scale = None, 1.0
    if "depthwise_kernel" in node.weights:
        quantizer_dw = node.config["quantizer_dw"]
        if quantizer_dw.bitwidth != quantizer.bitwidth:
            raise InvalidArgumentError(
                f'layer "{node.name}": quantizer and quantizer_dw must have the same bitwidth, received '
                f"{quantizer.bitwidth} and {quantizer_dw.bitwidth}",
                layer=node.name,
                kind="weights_bits",
                expected=quantizer.bitwidth,
                received=quantizer_dw.bitwidth,
            )
        raw = node.weights["depthwise_kernel"]
        depthwise = np.asarray(quantizer_dw.quantize(raw))
        scales = np.ravel(np.asarray(quantizer_dw.scale_factor(raw), np.float64))
        if scales.size != 1:
            raise UnsupportedModelError(
                f'layer "{node.name}": quantizer_dw must give one scale for the whole depthwise kernel, received '
                f"{scales.size}",
                layer=node.name,
                kind="quantizer_dw",
                expected=1,
                received=scales.size,
                remedy="use MaxQuantizer",
            )
        depthwise_scale = float(scales[0])
    kernel_scale = np.ravel(np.asarray(quantizer.scale_factor(kernel), np.float64))
    if kernel_scale.size not in (1, filters):
        raise UnsupportedModelError(
            f'layer "{node.name}": scale_factor must give one scale, or one for each of the {filters} filters, '
            f"received {kernel_scale.size}",
            layer=node.name,
            kind="quantizer",
            expected=(1, filters),
            received=kernel_scale.size,
            remedy="correct the layer's quantizer",
        )
    ones = np.ones(filters)
    return NeuralArrays(
        name=node.name,
        bitwidth=quantizer.bitwidth,
        kernel=np.asarray(quantizer.quantize(kernel)),
        kernel_scale=kernel_scale,
        depthwise=depthwise,
        depthwise_scale=depthwise_scale,
        bias=node.weights.get("bias", np.zeros(filters, np.float32)),
        norm_scale=ones if block.scale is None else block.scale,
        norm_offset=0 * ones if block.offset is None else block.offset,
    )
