"""How a model of Akida 1.0 takes its inputs: images through the first convolution, other values through `InputData`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.conversion.block import Block, Blocks, Kind
from cnn2snn.conversion.scaling import InputScaling
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError

__all__ = ["ImageInput", "input_data"]


def input_data(blocks: Blocks, scaling: InputScaling, problems: Problems) -> akida.InputData:
    """The layer for inputs that are not images, values of 4 bits.

    Raises:
        UnsupportedModelError: the shape is not that of a map or of a vector.
        InvalidArgumentError: inputs are shifted.
    """
    if scaling.shift != 0:
        problems.add(
            InvalidArgumentError(
                f"inputs that are not images are not shifted: the shift must be 0, received {float(scaling.shift):g}",
                kind="input_scaling",
                expected=0,
                received=float(scaling.shift),
                remedy=_unshifted(scaling),
            )
        )
    shape = blocks.input_shape
    if len(shape) not in (1, 3) or None in shape:
        raise UnsupportedModelError(
            f'layer "{blocks.input_name}": the input shape must be (height, width, channels) or (channels,) '
            f"of known sizes, received {shape}",
            layer=blocks.input_name,
            kind="input_shape",
            received=shape,
        )
    dims = (1, 1, *shape) if len(shape) == 1 else shape
    return akida.InputData(dims, input_bits=4, name=blocks.input_name)


def _unshifted(scaling: InputScaling) -> str:
    """What to do instead of shifting inputs."""
    scale = float(scaling.scale)
    if scaling.source == "Rescaling":
        return f"use Rescaling({1 / scale:g}) without offset and train again"
    return f"pass ({scale:g}, 0) and train the model on inputs that begin at 0"


@dataclass(frozen=True)
class ImageInput:
    """Images, which the first convolution reads itself.

    Attributes:
        scaling: how integer inputs follow from those of the network.
        padding_value: the border that was asked for; None for the integer that stands for 0.
    """

    scaling: InputScaling
    padding_value: int | None

    def convolution(self, block: Block, arguments: dict[str, Any]) -> akida.InputConvolutional:
        """The first layer, with the arguments that all convolutions have.

        Raises:
            UnsupportedModelError: another layer than a convolution, another number of channels than 1 or 3, or no
                integer that stands for 0.
        """
        if block.kind is not Kind.CONVOLUTION:
            raise UnsupportedModelError(
                f'layer "{block.name}": the first layer for images must be a QuantizedConv2D, received a {block.type}',
                layer=block.name,
                kind="first_layer",
                expected="QuantizedConv2D",
                received=f"a {block.type}",
                remedy=(
                    "begin with a QuantizedConv2D and train again, or, for inputs of at most 4 bits, convert with "
                    "input_is_image=False"
                ),
            )
        shape = block.input_shape
        if None in shape or shape[-1] not in (1, 3):
            raise UnsupportedModelError(
                f'layer "{block.name}": an image must have known sizes and 1 or 3 channels, received {shape}',
                layer=block.name,
                kind="input_shape",
                expected="1 or 3 channels",
                received=shape,
                remedy="for other inputs of at most 4 bits convert with input_is_image=False",
            )
        return akida.InputConvolutional(shape, padding_value=self._border(block), **arguments)

    def _border(self, block: Block) -> int:
        """The integer input that stands for 0; any value where nothing is padded."""
        if self.padding_value is not None:
            return self.padding_value
        shift = self.scaling.shift
        if shift.denominator == 1 and 0 <= shift <= 255:
            return int(shift)
        if not block.has_border:
            return 0
        raise UnsupportedModelError(
            f'layer "{block.name}": with padding "same" the input that stands for 0 (the padding value) must be an '
            f"integer in 0..255, received {float(shift):g}",
            layer=block.name,
            kind="padding_value",
            expected="0..255",
            received=float(shift),
            remedy=(
                'rescale inputs by an integer, as in Rescaling(1 / 128, -1), use padding "valid", or give a '
                "padding_value, with which borders are inexact"
            ),
        )
