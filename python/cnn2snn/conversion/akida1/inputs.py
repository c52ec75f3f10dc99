"""How a model of Akida 1.0 takes its inputs: images through the first convolution, other values through `InputData`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cnn2snn import akida
from cnn2snn._problems import Problems
from cnn2snn.conversion.block import Block, Blocks
from cnn2snn.conversion.input_rules import image_refusal, value_refusal
from cnn2snn.conversion.scaling import InputScaling
from cnn2snn.errors import UnsupportedModelError

__all__ = ["ImageInput", "input_data"]


def input_data(blocks: Blocks, scaling: InputScaling, problems: Problems) -> akida.InputData:
    """The layer for inputs that are not images, values of 4 bits.

    Raises:
        InvalidArgumentError: inputs are shifted.
    """
    if (error := value_refusal(scaling)) is not None:
        problems.add(error)
    shape = blocks.input_shape
    dims = (1, 1, *shape) if len(shape) == 1 else shape
    return akida.InputData(dims, input_bits=4, name=blocks.input_name)


@dataclass(frozen=True)
class ImageInput:
    """Images, which the first convolution reads itself.

    Attributes:
        blocks: the model that reads them.
        scaling: how integer inputs follow from those of the network.
        padding_value: the border that was asked for; None for the integer that stands for 0.
    """

    blocks: Blocks
    scaling: InputScaling
    padding_value: int | None

    def convolution(self, block: Block, arguments: dict[str, Any]) -> akida.InputConvolutional:
        """The first layer, with the arguments that all convolutions have.

        Raises:
            UnsupportedModelError: another layer than a convolution, a second layer, another number of channels than 1
                or 3, or no integer that stands for 0.
        """
        if (error := image_refusal(block, self.blocks, self.scaling)) is not None:
            raise error
        return akida.InputConvolutional(block.input_shape, padding_value=self._border(block), **arguments)

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
