"""What inputs of Akida 1.0 can be: images, which a convolution reads, or values of 4 bits, which are not shifted."""

from __future__ import annotations

from cnn2snn._problems import Problems
from cnn2snn.conversion.block import Block, Blocks, Kind
from cnn2snn.conversion.scaling import InputScaling, input_scaling_of
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError

__all__ = ["check_either", "image_refusal", "shape_refusal", "value_refusal"]


def check_either(blocks: Blocks, problems: Problems) -> None:
    """Refuses a model whose inputs can be neither images nor values, whatever conversion is told of them.

    Args:
        blocks: the model.
        problems: receives what images are refused for, or what both are.
    """
    if (error := shape_refusal(blocks)) is not None:
        problems.add(error)
        return
    scaling = InputScaling.of(1.0, 0.0, "default")
    with problems.catch():
        scaling = input_scaling_of(blocks, None)
    if value_refusal(scaling) is None:
        return
    for block in blocks.blocks.values():
        if block.is_input and (error := image_refusal(block, blocks, scaling)) is not None:
            problems.add(error)


def shape_refusal(blocks: Blocks) -> UnsupportedModelError | None:
    """Why inputs of the shape of the model's cannot be taken at all; None where they can."""
    shape = blocks.input_shape
    if len(shape) not in (1, 3):
        remedy = "reshape them, as with Reshape directly behind the Input"
    elif None in shape:
        remedy = "give the Input all sizes, for images with cnn2snn.transforms.reshape"
    else:
        return None
    return UnsupportedModelError(
        f'layer "{blocks.input_name}": the input shape must be (height, width, channels) or (channels,) '
        f"of known sizes, received {shape}",
        layer=blocks.input_name,
        kind="input_shape",
        received=shape,
        remedy=remedy,
    )


def value_refusal(scaling: InputScaling) -> InvalidArgumentError | None:
    """Why inputs cannot be values; None where they can."""
    if scaling.shift == 0:
        return None
    scale = float(scaling.scale)
    if scaling.source == "Rescaling":
        remedy = f"use Rescaling({1 / scale:g}) without offset and train again"
    else:
        remedy = f"pass ({scale:g}, 0) and train the model on inputs that begin at 0"
    return InvalidArgumentError(
        f"inputs that are not images are not shifted: the shift must be 0, received {float(scaling.shift):g}",
        kind="input_scaling",
        expected=0,
        received=float(scaling.shift),
        remedy=remedy,
    )


def image_refusal(block: Block, blocks: Blocks, scaling: InputScaling) -> UnsupportedModelError | None:
    """Why a block that reads the model's input cannot read images; None where it can.

    Args:
        block: the block.
        blocks: the model.
        scaling: how inputs are scaled, which says what keeps them from being values instead.
    """
    readers = [other for other in blocks.blocks.values() if other.is_input]
    if block.name != readers[0].name:
        return UnsupportedModelError(
            f'layer "{block.name}": an image is read by one layer, received a second',
            layer=block.name,
            kind="first_layer",
            expected=1,
            received=len(readers),
            remedy="split after the first convolution",
        )
    refused = value_refusal(scaling)
    values = f"{refused.remedy}, then " if refused is not None else ""
    values = f"for inputs of at most 4 bits, {values}convert with input_is_image=False"
    if block.kind is not Kind.CONVOLUTION:
        return UnsupportedModelError(
            f'layer "{block.name}": the first layer for images must be a QuantizedConv2D, received a {block.type}',
            layer=block.name,
            kind="first_layer",
            expected="QuantizedConv2D",
            received=f"a {block.type}",
            remedy=f"begin with a QuantizedConv2D and train again, or, {values}",
        )
    if block.input_shape[-1] not in (1, 3):
        return UnsupportedModelError(
            f'layer "{block.name}": an image must have 1 or 3 channels, received {block.input_shape}',
            layer=block.name,
            kind="input_shape",
            expected="1 or 3 channels",
            received=block.input_shape,
            remedy=values,
        )
    return None
