"""The passes that give a float model layers that can be quantized; each does what the pass of QuantizeML does."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn.sanitizing.draft import Draft, Part

__all__ = ["TABLES", "sanitize_structure"]

TABLES = {
    "gelu": "gelu",
    "swish": "swish",
    "silu": "swish",
    "hard_silu": "hard_silu",
    "hard_swish": "hard_silu",
    "leaky_relu": "leaky_relu",
}
"""The activations that become a table, and what QuantizeML calls them."""

_FOLDING = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "Conv2DTranspose", "DepthwiseConv2DTranspose", "Dense")
_TEMPORAL = ("BufferTempConv", "DepthwiseBufferTempConv")


def sanitize_structure(draft: Draft) -> None:
    """Rewrites layers that have no quantized form as ones that have; what cannot be rewritten stays."""
    _split_activations(draft)
    _name_activations(draft)
    _make_depthwise(draft)
    _remove_reshapes(draft)
    _align_rescaling(draft)
    _move_poolings(draft)
    _move_normalizations(draft)
    _fold_normalizations(draft)
    _remove_zero_paddings(draft)


def _split_activations(draft: Draft) -> None:
    for part in draft:
        activation = part.arguments["activation"]
        if part.kind != "Activation" and activation != "linear":
            part.arguments["activation"] = "linear"
            new = Part(f"{part.name}_activ", "Activation", {"activation": activation}, [part.name], part.shape)
            new.name = draft.free_name(new.name)
            draft.insert(new, part)
            draft.change(part, f"split from its activation {activation}, which becomes a layer of its own")


def _name_activations(draft: Draft) -> None:
    """Activations by the layers that QuantizeML has for them."""
    for part in draft:
        activation, alpha = None, part.arguments.get("alpha", part.arguments.get("negative_slope"))
        if part.kind == "Activation":
            activation = part.arguments["activation"]
        elif part.kind == "LeakyReLU":
            activation = "leaky_relu"
        elif part.kind == "PReLU" and (slope := _one_slope(part)) is not None:
            activation, alpha = "leaky_relu", slope
        if activation == "relu":
            part.kind, part.arguments = "ReLU", {"max_value": None}
        elif activation in TABLES:
            before, part.kind = part.kind, "LUT"
            part.arguments = {"activation": TABLES[activation]}
            if activation == "leaky_relu" and alpha is not None:
                part.arguments["alpha"] = float(np.ravel(alpha)[0])
            if before != "Activation":
                draft.change(part, f"replaced, the {before} by a table of {TABLES[activation]}")


def _one_slope(part: Part) -> float | None:
    """The slope of a PReLU that has the same for all values."""
    slopes = np.ravel(next(iter(part.weights.values()), np.zeros(0)))
    return float(slopes[0]) if slopes.size and np.all(slopes == slopes[0]) else None


def _make_depthwise(draft: Draft) -> None:
    for part in draft:
        groups = part.arguments.get("groups", 1)
        if part.kind == "Conv2D" and groups > 1 and groups == part.channels == draft.source(part).channels:
            part.kind, part.arguments["groups"] = "DepthwiseConv2D", 1
            draft.change(part, "replaced by a DepthwiseConv2D, as each channel is a group")


def _remove_reshapes(draft: Draft) -> None:
    kinds = ("Reshape", "Flatten")
    while pairs := draft.pairs(kinds, kinds):
        first, second = pairs[0]
        draft.remove(first)
        draft.change(first, f'left out, as "{second.name}" behind it gives the shape')


def _align_rescaling(draft: Draft) -> None:
    part = next((part for part in draft if part.kind == "Rescaling"), None)
    if part is None:
        return
    scale, offset = np.ravel(part.arguments["scale"]), np.ravel(part.arguments.get("offset", 0))
    if scale.size == 1 and not np.any(offset):
        return
    reader = draft.only_reader(part)
    if reader is None or reader.kind not in ("Conv2D", "Dense", *_TEMPORAL):
        # Quantization then refuses the Rescaling.
        return
    part.arguments["offset"] = 0.0
    if scale.size > 1:
        part.arguments["scale"] = 1.0
    reader.arguments["use_bias"] = True
    if reader.kind == "Conv2D" and reader.arguments["padding"] == "same":
        reader.arguments["padding_value"] = [0.0]
    draft.change(part, f'folded, its offset and scales per channel, into "{reader.name}" behind it')


def _move_poolings(draft: Draft) -> None:
    for activation, pooling in draft.pairs(("ReLU", "LUT"), ("MaxPool2D",)):
        if activation.kind == "LUT" and activation.arguments["activation"] != "leaky_relu":
            continue
        draft.exchange(activation, pooling)
        activation.shape = pooling.shape
        draft.change(pooling, "moved before the activation")


def _move_normalizations(draft: Draft) -> None:
    pairs = draft.pairs(("MaxPool2D", "GlobalAveragePooling2D"), ("BatchNormalization",))
    if any(p.kind == "MaxPool2D" and np.any(norm.weights.get("gamma", 1) <= 0) for p, norm in pairs):
        # The pass then moves none.
        return
    for pooling, normalization in pairs:
        draft.exchange(pooling, normalization)
        source = draft.source(normalization)
        normalization.shape = source.shape
        normalization.arguments["axis"] = -1
        draft.change(normalization, "moved before the pooling")


def _fold_normalizations(draft: Draft) -> None:
    pairs = draft.pairs((*_FOLDING, *_TEMPORAL), ("BatchNormalization",))
    if any(np.any(norm.weights.get("gamma", 1) == 0) or not _is_last(norm) for _, norm in pairs):
        # The pass then folds none.
        return
    for part, normalization in pairs:
        draft.remove(normalization)
        part.arguments["use_bias"] = True
        draft.change(normalization, "folded into the layer before it")


def _is_last(normalization: Part) -> bool:
    axis = np.ravel(normalization.arguments.get("axis", -1))
    return axis.size == 1 and axis[0] in (-1, len(normalization.shape))


def _remove_zero_paddings(draft: Draft) -> None:
    for padding, part in draft.pairs(("ZeroPadding2D",), ("Conv2D", "SeparableConv2D", "DepthwiseConv2D")):
        strides = _pair(part.arguments.get("strides", 1))
        before = draft.source(padding).shape[:2]
        after = tuple((size or 0) * stride for size, stride in zip(part.shape, strides, strict=False))
        if part.arguments["padding"] == "valid" and after == before:
            part.arguments["padding"] = "same"
            draft.remove(padding)
            draft.change(padding, f'left out, and "{part.name}" behind it gets the padding same')


def _pair(value: Any) -> tuple[int, int]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value, value)
