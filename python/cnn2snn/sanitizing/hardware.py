"""The passes that bring a model nearer to what the hardware can hold; each does what the pass of QuantizeML does."""

from __future__ import annotations

from cnn2snn.sanitizing.draft import Draft, Part

__all__ = ["sanitize_for_hardware"]

# QuantizeML inserts no identity convolution on more channels.
_MOST_CHANNELS = 2048
_JOINING = ("Add", "Concatenate")
_IDENTITY = "a Conv2D of kernel size 1 that changes nothing"
_CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "DepthwiseConv2DTranspose")


def sanitize_for_hardware(draft: Draft) -> None:
    """Splits layers, enlarges kernels, and inserts convolutions that change nothing."""
    _split_concatenations(draft)
    _enlarge_even_kernels(draft)
    _split_depthwise(draft)
    _separate_global_averages(draft)
    _follow_joins(draft)
    _follow_image_block(draft)
    _limit_readers(draft)


def _split_concatenations(draft: Draft) -> None:
    for part in draft:
        if part.kind != "Concatenate" or len(part.inbounds) < 3:
            continue
        first, *others = part.inbounds
        for other in others[:-1]:
            both = (draft.parts[first], draft.parts[other])
            shape = (*part.shape[:-1], sum(source.channels for source in both))
            name = draft.free_name(f"{part.name}_{other}")
            new = Part(name, "Concatenate", dict(part.arguments), [first, other], shape)
            # Before the layer that is split, behind all that it reads.
            order = list(draft.parts.values())
            order.insert(order.index(part), new)
            draft.parts = {entry.name: entry for entry in order}
            first = name
        part.inbounds = [first, others[-1]]
        draft.change(part, "split into several, each of two inputs")


def _enlarge_even_kernels(draft: Draft) -> None:
    for part in draft:
        if part.kind not in ("Conv2D", "DepthwiseConv2D") or part.arguments["padding"] != "same":
            continue
        (height, width), (stride, _) = part.arguments["kernel_size"], _strides(part)
        if _reads_image(draft, part):
            enlarged = stride in (1, 2) and height in (2, 6)
        else:
            enlarged = (stride == 1 and height in (2, 4, 6)) or (stride == 2 and height == 2)
        if enlarged:
            part.arguments["kernel_size"] = (height + 1, height + 1)
            draft.change(part, f"enlarged by zeros, from a kernel of {height}x{width} to {height + 1}x{height + 1}")


def _split_depthwise(draft: Draft) -> None:
    for part in draft:
        if part.kind != "DepthwiseConv2D" or part.arguments["padding"] != "same":
            continue
        if _strides(part)[0] == 2 and part.arguments["kernel_size"][0] in (5, 7):
            part.arguments["strides"] = (1, 1)
            arguments = {"kernel_size": (3, 3), "strides": (2, 2), "padding": "same", "use_bias": False}
            new = Part(f"{part.name}_identity_dw_conv", "DepthwiseConv2D", arguments, [part.name], part.shape)
            source = draft.source(part)
            part.shape = (*source.shape[:2], part.channels)
            draft.insert(new, part)
            draft.change(part, "split from its stride of 2, which a layer with a kernel of 3x3 behind it has")


def _separate_global_averages(draft: Draft) -> None:
    for joined, relu in draft.pairs(("Add",), ("ReLU",)):
        reader = draft.only_reader(relu)
        if reader is not None and reader.kind == "GlobalAveragePooling2D" and joined.channels <= _MOST_CHANNELS:
            _insert_identity(draft, joined)


def _follow_joins(draft: Draft) -> None:
    for part in draft:
        if part.kind in _JOINING and part.is_map and part.channels <= _MOST_CHANNELS:
            if not any(reader.kind in _CONVOLUTIONS for reader in draft.readers(part)):
                _insert_identity(draft, part)


def _follow_image_block(draft: Draft) -> None:
    part: Part | None = next(iter(draft))
    while part is not None and part.kind in ("InputLayer", "Rescaling"):
        part = draft.only_reader(part)
    if part is None or part.kind != "Conv2D" or not _reads_image(draft, part):
        return
    while (reader := draft.only_reader(part)) is not None and reader.kind in ("ReLU", "MaxPool2D", "LUT"):
        part = reader
    if len(draft.readers(part)) > 1:
        _insert_identity(draft, part)


def _limit_readers(draft: Draft) -> None:
    for part in draft:
        while part.is_map and part.channels <= _MOST_CHANNELS and len(readers := draft.readers(part)) > 2:
            new = _identity(draft, part, f"{part.name}_identity_conv_{len(readers)}")
            draft.insert(new, part, readers=readers[-2:])
            draft.change(part, f"given at most two readers, of which one is {_IDENTITY}")


def _insert_identity(draft: Draft, part: Part) -> None:
    new = _identity(draft, part, f"{part.name}_identity_conv")
    draft.insert(new, part)
    draft.change(part, f"followed by {_IDENTITY}")


def _identity(draft: Draft, source: Part, name: str) -> Part:
    arguments = {"filters": source.channels, "kernel_size": (1, 1), "padding": "valid", "use_bias": False}
    return Part(draft.free_name(name), "Conv2D", arguments, [source.name], source.shape)


def _reads_image(draft: Draft, part: Part) -> bool:
    """Whether a Conv2D reads the model's input of 1 or 3 channels, past Rescaling."""
    source = draft.source(part)
    if part.kind != "Conv2D" or source.channels not in (1, 3):
        return False
    while source.kind == "Rescaling":
        source = draft.source(source)
    return source.kind == "InputLayer"


def _strides(part: Part) -> tuple[int, int]:
    strides = part.arguments.get("strides", (1, 1))
    return tuple(strides) if isinstance(strides, (list, tuple)) else (strides, strides)
