"""Rules for a whole model, before it is split into blocks."""

from __future__ import annotations

from collections.abc import Mapping

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.blocks import is_skipped
from cnn2snn.conversion.quantizeml.layer import Layer, refuse
from cnn2snn.conversion.quantizeml.network import DEQUANTIZER, Network
from cnn2snn.conversion.quantizeml.shapes import Shape
from cnn2snn.errors import UnsupportedModelError

__all__ = ["check_ends", "check_model"]

_SPLIT = "split the model into several, or join branches with Add or Concatenate"


def check_ends(network: Network, problems: Problems) -> None:
    """Checks that a model has one input, one output and at most one Dequantizer; problems go to `problems`."""
    inputs = tuple(node.name for node in network.nodes.values() if node.class_name == "InputLayer")
    # A second input may be read behind the Dequantizer alone, or be missing in the list of inputs.
    inputs = network.inputs if len(network.inputs) != 1 else inputs
    for what, names in (("input", inputs), ("output", network.outputs)):
        if len(names) != 1:
            problems.add(
                UnsupportedModelError(
                    f'model "{network.name}": it must have one {what}, received {len(names)}',
                    kind=f"{what}s",
                    expected=1,
                    received=len(names),
                    remedy=_SPLIT,
                )
            )
    ends = [name for name, readers in network.consumers().items() if not readers]
    if len(ends) != 1:
        listed = ", ".join(f'"{name}"' for name in ends)
        problems.add(
            UnsupportedModelError(
                f'model "{network.name}": one layer must end its quantized part, received {listed}',
                kind="outputs",
                expected=1,
                received=ends,
                remedy=_SPLIT,
            )
        )


def check_model(layers: Mapping[str, Layer], shapes: Mapping[str, Shape], problems: Problems) -> None:
    """Checks the rules that hold for the layers of every model.

    A model must have layers that are not skipped, and an input of rank 1 or 3, or 2 with recurrent layers. Maps have
    their channels last. Convolutions have neither dilation nor groups. Problems go to `problems`.
    """
    if len(shapes) == len(layers) and all(is_skipped(layer, shapes) for layer in layers.values()):
        problems.add(
            UnsupportedModelError(
                "the model has no quantized layer to convert",
                kind="structure",
                remedy="quantize it with quantizeml.models.quantize",
            )
        )
    recurrent = any(layer.kind == "StatefulRecurrent" for layer in layers.values())
    for layer in layers.values():
        arguments = layer.arguments
        if layer.kind == "InputLayer" and layer.name in shapes and not recurrent:
            _check_rank(layer, shapes[layer.name], problems)
        for name, allowed, remedy in (
            ("data_format", "channels_last", "build the model on maps (height, width, channels)"),
            ("dilation_rate", (1, 1), "use a larger kernel"),
            ("groups", 1, "use a DepthwiseConv2D, or Conv2D without groups"),
            ("depth_multiplier", 1, "put a Conv2D of kernel size 1 after it"),
        ):
            value = arguments.get(name)
            if value is not None and value != allowed:
                problems.add(
                    refuse(
                        layer,
                        f"{name} must be {allowed}, received {value}",
                        kind=name,
                        expected=allowed,
                        received=value,
                        remedy=remedy,
                    )
                )
        if arguments.get("offset"):
            problems.add(
                refuse(
                    layer,
                    f"the offset must be folded into the next layer, received {arguments['offset']:g}",
                    kind="offset",
                    expected=0,
                    received=arguments["offset"],
                    remedy="quantize the model with quantizeml.models.quantize, which folds it",
                )
            )
        if layer.kind == DEQUANTIZER and len(layer.inbounds) != 1:
            problems.add(
                refuse(
                    layer,
                    f"it must read one layer, received {len(layer.inbounds)}",
                    kind="inbound",
                    expected=1,
                    received=len(layer.inbounds),
                    remedy=_SPLIT,
                )
            )


def _check_rank(layer: Layer, shape: Shape, problems: Problems) -> None:
    if len(shape) in (1, 3):
        return
    problems.add(
        refuse(
            layer,
            f"the input must be (height, width, channels) or (channels,), received {shape}",
            kind="input_shape",
            expected="rank 1 or 3",
            received=shape,
            remedy="reshape the input; a clip goes through temporal layers frame by frame",
        )
    )
