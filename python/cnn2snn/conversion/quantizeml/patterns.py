"""Patterns: which sequences of Keras layers become which layer of Akida, and what to do about others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from cnn2snn.conversion.quantizeml.blocks import Block
from cnn2snn.errors import UnsupportedModelError

__all__ = ["AKIDA1", "AKIDA1_INPUT", "AKIDA2", "AKIDA2_INPUT", "Pattern", "match", "no_pattern"]


@dataclass(frozen=True)
class Pattern:
    """A sequence of layers.

    Attributes:
        type_name: the type of the Akida layer.
        kinds: the kinds of the Keras layers, without "Quantized".
        main: the kind of the layer that gives the Akida layer its name.
    """

    type_name: str
    kinds: tuple[str, ...]
    main: str

    def __str__(self) -> str:
        return "-".join(self.kinds)


def _patterns(type_name: str, main: str, *tails: str, before: Sequence[str] = ()) -> list[Pattern]:
    """Patterns of one main layer; a tail is kinds with "-" between them, "" for none."""
    found = []
    for tail in tails:
        after = [_SHORT.get(kind, kind) for kind in tail.split("-") if kind]
        found.append(Pattern(type_name, (*before, main, *after), main))
    return found


_SHORT = {"MaxPool": "MaxPool2D", "GAP": "GlobalAveragePooling2D"}
# Layers that no other layer can stand for.
_INTERFACE = ("InputQuantizer", "Dequantizer")
# What may stand before a dense layer.
_BEFORE_DENSE = ((), ("Flatten",), ("Reshape",), ("Reshape", "Flatten"))


def _dense(type_name: str) -> list[Pattern]:
    return [p for before in _BEFORE_DENSE for p in _patterns(type_name, "Dense", "", "ReLU", before=before)]


AKIDA2_INPUT = _patterns("InputConv2D", "Conv2D", "ReLU", "MaxPool-ReLU", "LUT", "MaxPool-LUT")
AKIDA2 = [
    *_patterns("Quantizer", "InputQuantizer", ""),
    *_patterns("Conv2D", "Conv2D", "", "ReLU", "MaxPool-ReLU", "ReLU-GAP", "GAP", "LUT", "MaxPool-LUT", "LUT-GAP"),
    *_patterns("DepthwiseConv2D", "DepthwiseConv2D", "", "ReLU", "MaxPool-ReLU", "LUT", "MaxPool-LUT"),
    *_patterns("Conv2DTranspose", "Conv2DTranspose", "", "ReLU", "LUT"),
    *_patterns("DepthwiseConv2DTranspose", "DepthwiseConv2DTranspose", "", "ReLU", "LUT"),
    *_dense("Dense1D"),
    *_patterns("Add", "Add", ""),
    *_patterns("Concatenate", "Concatenate", ""),
    *_patterns("Dequantizer", "Dequantizer", ""),
    *_patterns("BufferTempConv", "BufferTempConv", "", "ReLU"),
    *_patterns("DepthwiseBufferTempConv", "DepthwiseBufferTempConv", "", "ReLU"),
    *_patterns(
        "StatefulRecurrent",
        "StatefulProjection",
        "",
        "ReLU",
        before=("StatefulProjection", "StatefulRecurrent", "ExtractToken"),
    ),
    *_patterns("PicoPostProcessing", "PicoPostProcessing", ""),
]
AKIDA1_INPUT = _patterns("InputConvolutional", "Conv2D", "ReLU", "MaxPool-ReLU")
AKIDA1 = [
    *_patterns("Quantizer", "InputQuantizer", ""),
    *_patterns("Convolutional", "Conv2D", "", "ReLU", "MaxPool-ReLU", "GAP-ReLU", "GAP"),
    *_patterns("SeparableConvolutional", "SeparableConv2D", "", "ReLU", "MaxPool-ReLU", "GAP-ReLU", "GAP"),
    *_dense("FullyConnected"),
    *_patterns("Dequantizer", "Dequantizer", ""),
]


def match(block: Block, patterns: Sequence[Pattern]) -> Pattern | None:
    """The pattern of a block, or None."""
    return next((pattern for pattern in patterns if pattern.kinds == block.kinds), None)


def no_pattern(block: Block, patterns: Sequence[Pattern], remedies: dict[str, str]) -> UnsupportedModelError:
    """The error for a block that has no pattern.

    Args:
        block: the block.
        patterns: the patterns that are allowed; those next to the block are named.
        remedies: what to do about a block, by a part of its kinds with "-" between them, "^" for its begin and "$" for
            its end. The first that fits is taken.
    """
    kinds = block.kinds
    near = [pattern for pattern in patterns if set(pattern.kinds) & set(kinds)] or [
        pattern for pattern in patterns if pattern.main not in _INTERFACE
    ]

    def distance(pattern: Pattern) -> tuple[float, ...]:
        # Names of layers that look alike decide where sequences have as much in common.
        common = len(set(pattern.kinds) & set(kinds))
        alike = _likeness(str(pattern), "-".join(kinds))
        return -_likeness(pattern.kinds, kinds), -common, -alike if alike > 0.5 else 0.0

    near.sort(key=distance)
    allowed = ", ".join(list(dict.fromkeys(map(str, near)))[:3])
    text = f"^{'-'.join(kinds)}$"
    remedy = next((remedy for part, remedy in remedies.items() if part in text), None)
    layers = "the layers" if len(kinds) > 1 else "layer"
    generation = "Akida 1.0" if patterns is AKIDA1 else "Akida 2.0"
    return UnsupportedModelError(
        f"{layers} {block}: no layer of {generation} computes {'-'.join(kinds)}, nearest are {allowed}",
        layer=block.first.name,
        kind="pattern",
        expected=[str(pattern) for pattern in near],
        received="-".join(kinds),
        remedy=remedy,
    )


def _likeness(first: Sequence[str], second: Sequence[str]) -> float:
    return SequenceMatcher(None, first, second, autojunk=False).ratio()
