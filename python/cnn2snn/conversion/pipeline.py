"""`convert`: from a quantized model to an Akida model, in the order of the steps.

Keras is imported for models that are none of QuantizeML.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn2snn import akida
from cnn2snn._files import path_of
from cnn2snn.akida_versions import AkidaVersion, asked_akida_version, get_akida_version
from cnn2snn.conversion.akida1 import THRESHOLDS, Converted, build_model
from cnn2snn.conversion.onnx import Graph
from cnn2snn.conversion.quantizeml import Network
from cnn2snn.conversion.report import ConversionReport
from cnn2snn.conversion.scaling import USUAL_SCALINGS, InputScaling, input_scaling_of
from cnn2snn.conversion.source import keras_model_of, quantizeml_of
from cnn2snn.conversion.versions import Conversion, build_plan, plan_network
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError

if TYPE_CHECKING:
    from cnn2snn._keras import keras

__all__ = ["conversion_report", "convert", "convert_blocks", "convert_quantizeml"]


def convert(
    model: keras.Model | str | os.PathLike[str] | Any,
    file_path: str | os.PathLike[str] | None = None,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
    report: str | os.PathLike[str] | Callable[[ConversionReport], object] | None = None,
) -> akida.Model:
    """Converts a quantized model to an Akida model.

    A model that `cnn2snn.quantize` made becomes one of Akida 1.0, whatever the version. A QuantizeML model becomes one
    of the version in force (`get_akida_version`), Akida 2.0 by default. Its layers give the integers that QuantizeML's
    formulas give in exact arithmetic. Akida 1.0 fits thresholds to these integers. Layers behind the `Dequantizer` are
    not converted, and a warning lists them. Neither TensorFlow nor quantizeml is needed for a QuantizeML file.

    For models of this package, integer inputs of the result are α · x + β for Keras inputs x, with (α, β) =
    `input_scaling`, or (1 / scale, -offset / scale) where the model begins with a `Rescaling(scale, offset)` layer.
    The formulas are in section H of ``docs/arithmetic.md``. A final softmax is left out: it does not change which
    output is the largest.

    Args:
        model: the quantized model, or the path of its file; it is not changed. QuantizeML models are `.h5` or `.onnx`
            files, models of tf_keras, or an `onnx.ModelProto`. Others are Keras models, and files that
            `load_quantized_model` reads.
        file_path: where to save the result. ``.fbz`` is appended to a name without suffix, a missing folder is
            made, and a path that ends in a separator or is a folder names one, in which the file is called like the
            model. None saves nothing.
        input_scaling: (α, β), α greater than zero; (1, 0) by default. A QuantizeML model holds its own scales: this
            argument, `input_is_image` and `padding_value` have no effect on it, which a warning says.
        input_is_image: whether inputs are 8-bit images of 1 or 3 channels (the first layer becomes
            `InputConvolutional`); otherwise they are values of 4 bits, 0 to 15 (`InputData` comes first).
        thresholds: "fit" chooses threshold and step of each filter together, so that as many activation boundaries as
            possible are those of the quantized network; "floor" gives the original toolkit's variables bit for bit (as
            they are before its correction of values beyond the chip's widths), whose boundaries differ more often.
            Akida 2.0 has no thresholds.
        padding_value: the border of the first layer, 0 to 255, where β is not such an integer and padding is "same":
            borders are then inexact. By default β itself.
        report: a JSON file to write the report of the conversion to, or a function that takes the report; see
            `conversion_report`.

    Returns:
        The Akida model. Its `input_scaling` says how its inputs follow from those of `model`: (α, β), or (1, 0) where
        `model` begins with `Rescaling`.

    Raises:
        InvalidArgumentError: (ValueError) an argument or a bitwidth that is not possible, a damaged file, an ONNX model
            for Akida 1.0, or a version in the environment that does not exist.
        UnsupportedModelError: (RuntimeError) a structure that Akida cannot express; the message names the layer, what
            was received, what is allowed and the remedy. An existing file is left as it was.
        FileNotFoundError: there is no file at the path `model`.

    Warns:
        UserWarning: batch statistics or weights make plain that the model was trained on other values than those that
            its integers stand for; the model looks snapped (`transforms.snap_to_chip`) for another scaling; a
            QuantizeML model is given arguments without effect, or has layers that are not converted.

    Example:
        >>> model_akida = cnn2snn.convert(quantized, file_path="model.fbz")  # doctest: +SKIP
        >>> model_akida = cnn2snn.convert("ds_cnn_kws_i8_w8_a8.h5")  # doctest: +SKIP
    """
    choices: dict[str, Any] = {"thresholds": thresholds, "padding_value": padding_value}
    network = quantizeml_of(model)
    if network is not None:
        conversion = convert_quantizeml(network, input_scaling, input_is_image, **choices, stacklevel=3)
    else:
        blocks = convert_blocks(keras_model_of(model), input_scaling, input_is_image, **choices, stacklevel=3)
        conversion = Conversion.of(blocks)
    if report is not None:
        proved = conversion.report(thresholds)
        if callable(report):
            report(proved)
        else:
            proved.save(Path(report))
    if file_path is not None:
        path = _file(file_path, conversion.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        conversion.model.save(path)
    return conversion.model


def conversion_report(
    model: keras.Model | str | os.PathLike[str] | Any,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
) -> ConversionReport:
    """Reports what converting a quantized model proves, without keeping the result.

    Akida 1.0, for each layer and filter, by interval arithmetic over all inputs (``docs/arithmetic.md``, H5 to H9):

    - that the integer layer gives the levels of the quantized network, or the boundaries that differ, each with a
      potential that shows it;
    - the error of Keras' own float32 arithmetic beside the distance of boundaries from potentials;
    - the potentials within reach, what is beyond the chip's widths and why, filters that never fire or always saturate.

    Akida 2.0, for each layer and channel (``docs/arithmetic-akida2.md``, M1):

    - the accumulators and outputs within reach, and channels that always give the same output;
    - where a saturation is not ruled out, and where a chip with registers of 32 bits may differ;
    - where QuantizeML's float32 may round to another integer, with an accumulator that shows it.

    For both, what became of every other layer of the quantized model.

    Args:
        model: as for `convert`.
        input_scaling: as for `convert`.
        input_is_image: as for `convert`.
        thresholds: as for `convert`.
        padding_value: as for `convert`.

    Returns:
        The report: an `Akida1Report` or an `Akida2Report` of `cnn2snn.conversion.report`. It prints as text, and
        `to_dict` and `save` give it as JSON.

    Raises:
        InvalidArgumentError, UnsupportedModelError: as for `convert`.

    Example:
        >>> print(cnn2snn.conversion_report(quantized))  # doctest: +SKIP
    """
    choices: dict[str, Any] = {"thresholds": thresholds, "padding_value": padding_value}
    network = quantizeml_of(model)
    if network is None:
        conversion = Conversion.of(convert_blocks(keras_model_of(model), input_scaling, input_is_image, **choices))
    else:
        conversion = convert_quantizeml(network, input_scaling, input_is_image, **choices, stacklevel=3)
    return conversion.report(thresholds)


def convert_blocks(
    model: keras.Model,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
    stacklevel: int = 2,
) -> Converted:
    """The Akida model together with the blocks that it was made of; arguments and errors as for `convert`.

    A scaling is warned of that the model looks not trained for, or that it was not snapped for.
    """
    from cnn2snn.conversion.keras import read_blocks
    from cnn2snn.graph import read
    from cnn2snn.input_range import warn_of_scaling

    # These models become ones of Akida 1.0 whatever the version, but a wrong one must not go unnoticed.
    asked_akida_version()
    graph = read(model)
    blocks = read_blocks(graph.copy())
    scaling = input_scaling_of(blocks, input_scaling)
    _check_thresholds(thresholds)
    if padding_value is not None:
        _check_padding_value(padding_value, input_is_image)
    converted = build_model(blocks, scaling, input_is_image, thresholds=thresholds, padding_value=padding_value)
    # A Rescaling layer is part of the Keras model, which then takes the integers themselves.
    used = (1.0, 0.0) if blocks.rescaling else (float(scaling.scale), float(scaling.shift))
    converted.model.input_scaling = used
    highest = 2 ** converted.model.layers[0].input_bits - 1
    warn_of_scaling(graph, used, highest, is_given=not blocks.rescaling, stacklevel=stacklevel + 1)
    if not blocks.rescaling:
        _warn_of_snapping(converted, input_is_image, stacklevel + 1)
    return converted


def _warn_of_snapping(converted: Converted, input_is_image: bool, stacklevel: int) -> None:
    """Warns where a model was snapped for another input scaling: only the layers that read inputs are then inexact."""
    exact = [block for block in converted.blocks if block.ideal is not None and block.step is not None]
    inexact = [block.block for block in exact if np.any(block.mismatches)]
    most = any(np.count_nonzero(block.mismatches) > len(block.mismatches) / 2 for block in exact)
    if not most or len(exact) == len(inexact) or not all(block.is_input for block in inexact):
        return
    used = (float(converted.scaling.scale), float(converted.scaling.shift))
    for scale, shift in USUAL_SCALINGS:
        if (scale, shift) == used:
            continue
        scaling = InputScaling.of(scale, shift, "input_scaling")
        try:
            other = build_model(converted.source, scaling, input_is_image)
        except Cnn2SnnError:
            continue
        if not any(np.any(block.mismatches) for block in other.blocks):
            warnings.warn(
                f'layer "{inexact[0].name}": with input_scaling={used} some boundaries are inexact, with '
                f"({scale:g}, {shift:g}) all are exact, as if the model was snapped for that: give snap_to_chip and "
                "convert the same input_scaling",
                UserWarning,
                stacklevel=stacklevel + 1,
            )
            return


def convert_quantizeml(
    network: Network | Graph,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    *,
    thresholds: str = "fit",
    padding_value: int | None = None,
    stacklevel: int = 2,
) -> Conversion:
    """The Akida model of a QuantizeML model, of the version in force.

    Arguments that have no effect, and layers that are not converted, are warned of.

    Args:
        network: the neutral form.
        input_scaling: as for `convert`.
        input_is_image: as for `convert`.
        thresholds: as for `convert`.
        padding_value: as for `convert`.
        stacklevel: whose line warnings name, as for `warnings.warn`.

    Raises:
        InvalidArgumentError, UnsupportedModelError: as for `convert`.
    """
    version = get_akida_version()
    _check_thresholds(thresholds)
    conversion = build_plan(network, plan_network(network, version), thresholds)
    given = {
        "input_scaling": input_scaling is not None,
        "input_is_image": not input_is_image,
        "thresholds": thresholds != "fit" and version is AkidaVersion.v2,
        "padding_value": padding_value is not None,
    }
    without_effect = [name for name, is_given in given.items() if is_given]
    if without_effect:
        warnings.warn(
            f"{', '.join(without_effect)}: no effect on a QuantizeML model, which holds its own scales",
            UserWarning,
            stacklevel=stacklevel,
        )
    if network.ignored:
        warnings.warn(
            f"layers behind the Dequantizer are not converted: {', '.join(network.ignored)}",
            UserWarning,
            stacklevel=stacklevel,
        )
    return conversion


def _check_thresholds(thresholds: str) -> None:
    if thresholds not in THRESHOLDS:
        raise InvalidArgumentError(
            f'thresholds must be "fit" or "floor", received {thresholds!r}',
            kind="thresholds",
            expected=THRESHOLDS,
            received=thresholds,
        )


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
    text = path_of("file_path", file_path)
    if not text:
        raise InvalidArgumentError(
            "file_path must not be empty", kind="file_path", received=text, remedy="None saves nothing"
        )
    path = Path(text)
    if text.endswith(("/", os.sep)) or path.is_dir():
        return path / f"{model_name}.fbz"
    return path if path.suffix else path.with_name(path.name + ".fbz")
