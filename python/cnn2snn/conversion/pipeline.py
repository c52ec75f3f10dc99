"""`convert`: from a quantized Keras model to an Akida model, in the order of the steps."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn.conversion.akida1 import THRESHOLDS, Converted, build_model, certificate
from cnn2snn.conversion.keras import read_blocks
from cnn2snn.conversion.report import ConversionReport
from cnn2snn.conversion.scaling import input_scaling_of
from cnn2snn.errors import InvalidArgumentError
from cnn2snn.graph import read

__all__ = ["conversion_report", "convert", "convert_blocks"]


def convert(
    model: keras.Model,
    file_path: str | os.PathLike[str] | None = None,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
    report: str | os.PathLike[str] | Callable[[ConversionReport], object] | None = None,
) -> akida.Model:
    """Converts a quantized Keras model to an Akida model.

    Integer inputs of the result are α · x + β for Keras inputs x, with (α, β) = `input_scaling`, or (1 / scale,
    -offset / scale) where the model begins with a `Rescaling(scale, offset)` layer. The formulas are in section H of
    ``docs/arithmetic.md``. A final softmax is left out: it does not change which output is the largest.

    Args:
        model: the quantized model; it is not changed.
        file_path: where to save the result. ``.fbz`` is appended to a name without suffix, a missing folder is
            made, and a path that
            ends in a separator or is a folder names one, in which the file is called like the model. None saves
            nothing.
        input_scaling: (α, β), α greater than zero; (1, 0) by default.
        input_is_image: whether inputs are 8-bit images of 1 or 3 channels (the first layer becomes
            `InputConvolutional`); otherwise they are values of 4 bits, 0 to 15 (`InputData` comes first).
        thresholds: "fit" chooses threshold and step of each filter together, so that as many activation boundaries as
            possible are those of the quantized network; "floor" gives the original toolkit's variables bit for bit (as
            they are before its correction of values beyond the chip's widths), whose boundaries differ more often.
        padding_value: the border of the first layer, 0 to 255, where β is not such an integer and padding is "same":
            borders are then inexact. By default β itself.
        report: a JSON file to write the report of the conversion to, or a function that takes the report; see
            `conversion_report`.

    Returns:
        The Akida model. Its `input_scaling` says how its inputs follow from those of `model`: (α, β), or (1, 0) where
        `model` begins with `Rescaling`.

    Raises:
        InvalidArgumentError: (ValueError) an argument or a bitwidth that is not possible.
        UnsupportedModelError: (RuntimeError) a structure that Akida 1.0 cannot express; the message names the
            layer, what was
            received, what is allowed and the remedy. An existing file is left as it was.

    Example:
        >>> model_akida = cnn2snn.convert(quantized, file_path="model.fbz")  # doctest: +SKIP
    """
    converted = convert_blocks(model, input_scaling, input_is_image, thresholds=thresholds, padding_value=padding_value)
    if callable(report):
        report(certificate.report(converted, thresholds))
    elif report is not None:
        certificate.report(converted, thresholds).save(report)
    if file_path is not None:
        path = _file(file_path, model.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        converted.model.save(path)
    return converted.model


def conversion_report(
    model: keras.Model,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
) -> ConversionReport:
    """Reports what converting a quantized Keras model proves, without keeping the result.

    For each layer and filter, by interval arithmetic over all inputs (``docs/arithmetic.md``, H5 to H9): that the
    integer layer gives the levels of the quantized network, or the boundaries that differ, each with a potential that
    shows it; the error of Keras' own float32 arithmetic beside the distance of boundaries from potentials; the
    potentials within reach; what is beyond the chip's widths and why; filters that never fire or always saturate; and
    what became of every other Keras layer.

    Args:
        model: the quantized model; it is not changed.
        input_scaling: as for `convert`.
        input_is_image: as for `convert`.
        thresholds: as for `convert`.
        padding_value: as for `convert`.

    Returns:
        The report. It prints as text, and `to_dict` and `save` give it as JSON.

    Raises:
        InvalidArgumentError, UnsupportedModelError: as for `convert`.

    Example:
        >>> print(cnn2snn.conversion_report(quantized))  # doctest: +SKIP
    """
    converted = convert_blocks(model, input_scaling, input_is_image, thresholds=thresholds, padding_value=padding_value)
    return certificate.report(converted, thresholds)


def convert_blocks(
    model: keras.Model,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
) -> Converted:
    """The Akida model together with the blocks that it was made of; arguments and errors as for `convert`."""
    blocks = read_blocks(read(model))
    scaling = input_scaling_of(blocks, input_scaling)
    if thresholds not in THRESHOLDS:
        raise InvalidArgumentError(
            f'thresholds must be "fit" or "floor", received {thresholds!r}',
            kind="thresholds",
            expected=THRESHOLDS,
            received=thresholds,
        )
    if padding_value is not None:
        _check_padding_value(padding_value, input_is_image)
    converted = build_model(blocks, scaling, input_is_image, thresholds=thresholds, padding_value=padding_value)
    # A Rescaling layer is part of the Keras model, which then takes the integers themselves.
    converted.model.input_scaling = (1, 0) if blocks.rescaling else (float(scaling.scale), float(scaling.shift))
    return converted


def _check_padding_value(value: int, input_is_image: bool) -> None:
    if not input_is_image:
        raise InvalidArgumentError(
            "padding_value is the border of images, inputs that are no images are padded with 0",
            kind="padding_value",
            received=value,
            remedy="leave it out",
        )
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value <= 255:
        raise InvalidArgumentError(
            f"padding_value must be an integer in 0..255, received {value!r}",
            kind="padding_value",
            expected=(0, 255),
            received=value,
        )


def _file(file_path: str | os.PathLike[str], model_name: str) -> Path:
    text = os.fspath(file_path)
    if not text:
        raise InvalidArgumentError(
            "file_path must not be empty", kind="file_path", received=text, remedy="None saves nothing"
        )
    path = Path(text)
    if text.endswith(("/", os.sep)) or path.is_dir():
        return path / f"{model_name}.fbz"
    return path if path.suffix else path.with_name(path.name + ".fbz")
