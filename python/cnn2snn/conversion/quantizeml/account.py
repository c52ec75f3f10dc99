"""What becomes of the layers of a QuantizeML network that are no layers of the converted model."""

from __future__ import annotations

from collections.abc import Mapping

from cnn2snn.conversion.block import Folded
from cnn2snn.conversion.plan import ModelPlan
from cnn2snn.conversion.quantizeml.layer import kind_of

__all__ = ["account"]

_BECAME = {
    "InputLayer": "the input",
    "Rescaling": "input scaling, merged into the scales behind it",
    "ReLU": "activation of its layer",
    "LUT": "table of its layer",
    "MaxPool2D": "pooling of its layer",
    "GlobalAveragePooling2D": "pooling of its layer",
    "Flatten": "left out: its layer flattens by itself",
    "Dropout": "left out: computes nothing at inference",
    "Activation": "left out: computes nothing",
    "Reshape": "left out: moves no value",
}
_DEQUANTIZER = {
    "PicoPostProcessing": "left out: decisions have no scale",
    "": "scale of the outputs, merged into the steps of the last layer",
}


def account(classes: Mapping[str, str], plan: ModelPlan) -> list[Folded]:
    """What became of every layer that is no layer of the converted model, in order.

    Args:
        classes: the classes of the layers of the network by name.
        plan: the layers of the converted model.
    """
    owner = {member: layer.name for layer in plan.layers for member in layer.keras}
    names = {layer.name for layer in plan.layers}
    found = [
        Folded(name, class_name, _became(kind_of(class_name), plan), owner.get(name))
        for name, class_name in classes.items()
        if name not in names
    ]
    return [*found, *(Folded(name, "", "not converted: behind the Dequantizer", None) for name in plan.ignored)]


def _became(kind: str, plan: ModelPlan) -> str:
    if kind == "Dequantizer":
        last = plan.layers[-1].type_name if plan.layers else ""
        return _DEQUANTIZER.get(last, _DEQUANTIZER[""])
    return _BECAME.get(kind, "part of its layer")
