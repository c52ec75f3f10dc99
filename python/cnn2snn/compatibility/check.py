"""`check_model_compatibility`: for which generations a model is judged, and what was found."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn2snn import akida
from cnn2snn.akida.devices import device_of
from cnn2snn.akida_versions import AkidaVersion, asked_akida_version
from cnn2snn.compatibility.problems import Findings
from cnn2snn.compatibility.quantizeml import judge_network
from cnn2snn.conversion.source import keras_model_of, quantizeml_of
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from cnn2snn.reports.check import CompatibilityReport

if TYPE_CHECKING:
    from cnn2snn._keras import keras

__all__ = ["check_model_compatibility"]


def check_model_compatibility(
    model: keras.Model | str | os.PathLike[str] | Any,
    input_is_image: bool = True,
    device: akida.Device | str | None = None,
    input_dtype: Any = "uint8",
) -> CompatibilityReport:
    """Finds everything that keeps a model from being converted, and from running on a device.

    The generation is that of `device`; without a device that of `set_akida_version` or of the environment variable
    ``CNN2SNN_TARGET_AKIDA_VERSION``. Where neither asks for one, a float model is judged for both generations, and a
    QuantizeML model for Akida 2.0. A model that `cnn2snn.quantize` made is always judged for Akida 1.0.

    The rules are those of quantization and of `cnn2snn.convert` themselves, and the limits of the device. A float model
    is judged for Akida 1.0 as if `cnn2snn.quantize` gave it weights and activations of 4 bits, the first layer's
    weights 8 bits for images. For Akida 2.0 it is judged as if `quantizeml.models.quantize` quantized it with its
    defaults, and the report says what that changes first. Without a device, limits of AKD1000, the production chip of
    Akida 1.0, are noted but do not count, as `convert` does not ask for them.

    Args:
        model: the model, which is not changed, or the path of its file: a built Sequential or functional Keras model,
            float or quantized; or a QuantizeML model as `cnn2snn.convert` takes it.
        input_is_image: as for `cnn2snn.convert`. Akida 2.0 tells images by their type and channels.
        device: the device whose limits hold, or its documented name, such as "AKD1000"; None for none.
        input_dtype: element type of the inputs. Akida 1.0 reads uint8 alone. For Akida 2.0 it is the argument of
            QuantizeML's `QuantizationParams`, "uint8", "int8" or "int16", for float models whose `Input` is float.

    Returns:
        A report that is true where the model is compatible with a generation that it was judged for. It lists every
        problem: layer, rule, received, allowed, remedy.

    Raises:
        InvalidTypeError: (TypeError) `model` is no model, or `device` neither a device nor a name.
        InvalidArgumentError: (ValueError) there is no such device, or it is of another generation than the one asked
            for; `input_dtype` is not an element type; a file is damaged; or the environment variable names no version.
        FileNotFoundError: there is no file at the path `model`.

    Example:
        >>> report = cnn2snn.check_model_compatibility(model)  # doctest: +SKIP
        >>> if not report:  # doctest: +SKIP
        ...     print(report)
    """
    chip = None if device is None else device_of(device)
    asked = _asked(chip)
    dtype = _dtype(input_dtype)
    try:
        network = quantizeml_of(model)
    except UnsupportedModelError as error:
        # A QuantizeML model of a structure that the neutral form has no place for.
        findings = Findings((asked or AkidaVersion.v2).value)
        findings.add_rules([error], ())
        return _report(_name(model), chip, [findings])
    if network is not None:
        return _report(network.name, chip, [judge_network(network, asked or AkidaVersion.v2, chip)])
    from cnn2snn.compatibility.akida1 import is_float, judge_akida1
    from cnn2snn.compatibility.akida2 import judge_akida2

    keras_model = keras_model_of(model)
    if not is_float(keras_model):
        if chip is not None and chip.ip_version.name != "v1":
            return _report(keras_model.name, chip, [_of_other_generation(keras_model, chip)])
        findings = judge_akida1(keras_model, input_is_image, chip, dtype)
        if asked is AkidaVersion.v2:
            findings.note(
                "it was judged for Akida 1.0, as models that cnn2snn.quantize made convert to it whatever the version",
                remedy=_FOR_AKIDA2,
            )
        return _report(keras_model.name, chip, [findings])
    found = []
    if asked in (None, AkidaVersion.v1):
        found.append(judge_akida1(keras_model, input_is_image, chip, dtype))
    if asked in (None, AkidaVersion.v2):
        found.append(judge_akida2(keras_model, chip, dtype))
    return _report(keras_model.name, chip, found)


def _asked(device: akida.Device | None) -> AkidaVersion | None:
    """The generation of the device, or that of the context or the environment; they must agree."""
    asked = asked_akida_version()
    if device is None:
        return asked
    own = AkidaVersion(device.ip_version.name)
    if asked not in (None, own):
        raise InvalidArgumentError(
            f"device must be of the generation asked for, {_TITLES[asked]}, received {device.name} of {_TITLES[own]}",
            kind="akida_version",
            expected=asked.value,
            received=own.value,
            remedy=f"ask for AkidaVersion.{own.value}, or for no version: the device decides",
        )
    return own


_FOR_AKIDA2 = "quantize the float model with quantizeml.models.quantize for Akida 2.0"
_TITLES = {AkidaVersion.v1: "Akida 1.0", AkidaVersion.v2: "Akida 2.0"}


def _dtype(input_dtype: Any) -> np.dtype:
    try:
        return np.dtype(input_dtype)
    except TypeError:
        raise InvalidArgumentError(
            f"input_dtype must be an element type such as uint8, received {input_dtype!r}",
            kind="input_dtype",
            expected="uint8",
            received=input_dtype,
        ) from None


def _name(model: Any) -> str:
    return Path(model).stem if isinstance(model, (str, os.PathLike)) else str(getattr(model, "name", "model"))


def _of_other_generation(model: keras.Model, device: akida.Device) -> Findings:
    """What is found of a model of Akida 1.0 on a device of Akida 2.0."""
    findings = Findings("v2")
    error = UnsupportedModelError(
        f'model "{model.name}": it is quantized for Akida 1.0, and {device.name} is of Akida 2.0',
        kind="akida_version",
        expected="v2",
        received="v1",
        remedy=_FOR_AKIDA2,
    )
    findings.add_rules([error], ())
    return findings


def _report(name: str, device: akida.Device | None, found: list[Findings]) -> CompatibilityReport:
    return CompatibilityReport(
        model=name,
        device=None if device is None else device.name,
        ip_versions=tuple(findings.ip_version for findings in found),
        problems=tuple(problem for findings in found for problem in findings.problems),
        notes=tuple(note for findings in found for note in findings.notes),
        changes=tuple(change for findings in found for change in findings.changes),
    )
