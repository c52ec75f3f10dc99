"""Layers of float models that QuantizeML cannot quantize: at the end they stay in float, elsewhere they are refused."""

from __future__ import annotations

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.conversion.quantizeml.classes import CLASSES
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import IDENTITIES
from cnn2snn.sanitizing.draft import Draft, Part

__all__ = ["refuse", "refuse_float_layers"]

_OTHER_ACTIVATION = "use ReLU, or an activation that a table computes: gelu, swish, hard_silu or leaky_relu"
_REMEDIES = {
    "Activation": _OTHER_ACTIVATION,
    "AveragePooling2D": "use GlobalAveragePooling2D at the end, a convolution of stride 2 elsewhere",
    "Conv1D": "use Conv2D on inputs of height 1",
    "Conv3D": (
        "QuantizeML rewrites some models of Conv3D as models of frames: quantize the model, and check what it gives"
    ),
    "ELU": _OTHER_ACTIVATION,
    "GlobalMaxPooling2D": "use GlobalAveragePooling2D",
    "Lambda": "compute it outside of the model, or use layers",
    "LayerNormalization": "use BatchNormalization directly behind a convolution, into which it is folded",
    "Multiply": "use Add or Concatenate",
    "PReLU": "use LeakyReLU, or train it with one slope for all values",
    "Softmax": "leave it out; it can stand at the end of the model",
    "Subtract": "use Add, and let the layer before it change the sign",
    "UpSampling2D": "use Conv2DTranspose of kernel size 3 or 4, stride 2 and padding same",
    "ZeroPadding2D": "leave it out, and use padding same in the convolution behind it",
}
_FINAL = ("Activation", "Softmax")
# Layers that only move values.
_MOVING = ("Dropout", "Flatten", "Reshape")


def refuse(part: Part, problem: str, *, kind: str, **details: object) -> UnsupportedModelError:
    """The error for a layer of a float model."""
    return UnsupportedModelError(f'layer "{part.name}" ({part.kind}): {problem}', layer=part.name, kind=kind, **details)


def refuse_float_layers(draft: Draft, problems: Problems) -> tuple[str, ...]:
    """Takes out the layers that cannot be quantized.

    A layer that changes no shape is bypassed, so that the others can be judged. Of a layer that does, nothing behind
    it can be judged.

    Args:
        draft: the sanitized model.
        problems: receives the layers that were refused.

    Returns:
        The layers at the end that stay in float.
    """
    left_out = _final_layers(draft)
    for name in reversed(left_out):
        draft.remove(draft.parts[name])
    for part in draft:
        if part.name not in draft.parts:
            # It stands behind a layer that was refused.
            continue
        _check_arguments(draft, part, problems)
        if part.kind in ("InputLayer", "LUT") or (part.kind != "Activation" and f"Quantized{part.kind}" in CLASSES):
            continue
        if not problems.has(part.name):
            problems.add(
                refuse(
                    part,
                    "QuantizeML cannot quantize it, and quantization ends before it",
                    kind="layer",
                    received=part.kind,
                    remedy=_remedy(draft, part),
                )
            )
        if len(part.inbounds) == 1 and draft.source(part).shape == part.shape:
            draft.remove(part)
        else:
            _cut(draft, part)
    return left_out


def _final_layers(draft: Draft) -> tuple[str, ...]:
    """The layers at the end from the first one on that must stay in float; all of them keep the values in order."""
    chain: list[Part] = []
    part = draft.parts[draft.output]
    while part.kind in (*_FINAL, *_MOVING) and len(part.inbounds) == 1:
        chain.insert(0, part)
        part = draft.source(part)
        if draft.only_reader(part) is None:
            break
    first = next((i for i, part in enumerate(chain) if part.kind in _FINAL), len(chain))
    return tuple(part.name for part in chain[first:])


def _remedy(draft: Draft, part: Part) -> str:
    if part.kind in IDENTITIES:
        return "leave it out with cnn2snn.transforms.prepare, as it computes nothing at inference"
    if part.kind != "BatchNormalization":
        return _REMEDIES.get(part.kind, "use layers of which QuantizeML has a quantized form, or leave it out")
    gamma = part.weights.get("gamma", np.ones(1))
    if np.any(gamma == 0):
        return "make every gamma other than zero (`cnn2snn.layer_blocks` and `gamma_constraint` help), so that it folds"
    if draft.source(part).kind == "MaxPool2D" and np.any(gamma < 0):
        return "put it before the max pooling, or make every gamma greater than zero, so that it folds"
    return "put it directly behind a convolution or Dense, or behind the pooling of one, so that it folds"


def _cut(draft: Draft, part: Part) -> None:
    """Takes out a layer and all that read it; the model ends at what it reads."""
    gone = {part.name}
    for other in draft:
        if gone & set(other.inbounds):
            gone.add(other.name)
    for name in gone:
        del draft.parts[name]
    if draft.output in gone:
        draft.output = part.inbounds[0]


def _check_arguments(draft: Draft, part: Part, problems: Problems) -> None:
    """Refuses arguments that quantized layers do not have, and goes on as if they were right."""
    if part.kind == "ReLU":
        for name in ("negative_slope", "threshold"):
            if value := float(part.arguments.get(name) or 0):
                problems.add(
                    refuse(
                        part,
                        f"{name} must be 0, received {value:g}",
                        kind=name,
                        expected=0,
                        received=value,
                        remedy="use LeakyReLU" if name == "negative_slope" else "use a plain ReLU and train again",
                    )
                )
    elif part.kind == "Rescaling":
        scale, offset = np.ravel(part.arguments["scale"]), np.ravel(part.arguments.get("offset", 0))
        if scale.size > 1 or np.any(offset):
            problems.add(
                refuse(
                    part,
                    "a Conv2D or Dense must read it alone, into which its offset and its scales per channel go",
                    kind="rescaling",
                    received=[reader.name for reader in draft.readers(part)],
                    remedy="put a Conv2D or Dense directly behind it, or use one scale and no offset",
                )
            )
            part.arguments["scale"], part.arguments["offset"] = 1.0, 0.0
        else:
            part.arguments["scale"], part.arguments["offset"] = float(scale[0]), 0.0
