"""`compare`: a quantized model and a converted model on the same inputs. Keras is imported for Keras models alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn2snn import akida
from cnn2snn.analysis.akida1 import compare_blocks
from cnn2snn.analysis.akida2 import NetworkLayers, OnnxLayers, compare_layers
from cnn2snn.analysis.comparison import Comparison
from cnn2snn.analysis.edits import Conversion, edits_of, match
from cnn2snn.analysis.reference import QuantizemlReference
from cnn2snn.conversion.akida1 import build_model
from cnn2snn.conversion.akida1.quantizeml import convert_plan
from cnn2snn.conversion.akida2 import plan_model
from cnn2snn.conversion.akida2.model import build_model as build_akida2
from cnn2snn.conversion.onnx import Graph, plan_onnx
from cnn2snn.conversion.quantizeml import Network
from cnn2snn.conversion.quantizeml.akida1 import plan_akida1
from cnn2snn.conversion.scaling import check_inputs, input_scaling_of
from cnn2snn.conversion.source import keras_model_of, quantizeml_of
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError

if TYPE_CHECKING:
    from cnn2snn._keras import keras

__all__ = ["compare"]


def compare(
    model: keras.Model | str | os.PathLike[str] | Any,
    akida_model: akida.Model,
    samples: np.ndarray,
    input_scaling: tuple[float, float] | None = None,
) -> Comparison:
    """Runs a quantized model and the model converted from it on the same inputs, and says where and why they differ.

    A QuantizeML model is evaluated with NumPy as QuantizeML does it, in float32: neither TensorFlow nor quantizeml is
    needed. The generation is that of `akida_model`, whatever the version in force.

    Args:
        model: the quantized model, or the path of its file, as for `cnn2snn.convert`.
        akida_model: the model that `convert` made of it, perhaps read from a file.
        samples: what the Akida model takes, of its `input_dtype` and (n, *`input_shape`). Of a model with state the
            first axis is time: (steps, streams, *`input_shape`), or (steps, *`input_shape`) of one stream.
        input_scaling: (α, β): samples are α · x + β for inputs x of the quantized model. By default what the Akida
            model says (`akida.Model.input_scaling`), and (1, 0) where it says nothing or the quantized model begins
            with `Rescaling`. A QuantizeML model holds its own scales, so that it has none.

    Returns:
        The counts of every layer by cause, the first difference in detail, and everything in the Akida model that
        conversion makes otherwise.

    Raises:
        InvalidArgumentError: (ValueError) `samples` have another type, shape or range, the models do not have the same
            layers, or `input_scaling` is given for a QuantizeML model.
        InvalidTypeError: (TypeError) a model is none.
        UnsupportedModelError: (RuntimeError) the quantized model cannot be converted.
        FileNotFoundError: there is no file at the path `model`.

    Example:
        >>> print(cnn2snn.analysis.compare(quantized, model_akida, images))  # doctest: +SKIP
        >>> print(cnn2snn.analysis.compare("ds_cnn_kws_i8_w8_a8.h5", model_akida, sounds))  # doctest: +SKIP
    """
    if not isinstance(akida_model, akida.Model):
        raise InvalidTypeError(
            f"akida_model must be a cnn2snn.akida.Model, received {type(akida_model).__name__}",
            kind="akida_model",
            expected="cnn2snn.akida.Model",
            received=type(akida_model).__name__,
        )
    network = quantizeml_of(model)
    if network is None:
        return _compare_keras(keras_model_of(model), akida_model, samples, input_scaling)
    if input_scaling is not None:
        raise InvalidArgumentError(
            f'model "{network.name}": a QuantizeML model holds its own scales and has no input_scaling, received '
            f"{input_scaling}",
            kind="input_scaling",
            received=input_scaling,
            remedy="leave it out",
        )
    if akida_model.ip_version is akida.IpVersion.v2:
        return _compare_akida2(model, network, akida_model, samples)
    if isinstance(network, Graph):
        raise InvalidArgumentError(
            f'model "{network.name}": ONNX models convert to Akida 2.0 only, and akida_model is one of Akida 1.0',
            kind="akida_model",
            expected="v2",
            received="v1",
            remedy="convert it under set_akida_version(AkidaVersion.v2)",
        )
    return _compare_akida1(network, akida_model, samples)


def _compare_keras(
    model: keras.Model, akida_model: akida.Model, samples: np.ndarray, input_scaling: tuple[float, float] | None
) -> Comparison:
    """A model of this package."""
    from cnn2snn.analysis.keras_reference import KerasReference
    from cnn2snn.conversion.keras import read_blocks
    from cnn2snn.graph import read

    graph = read(model)
    blocks = read_blocks(graph)
    stored = None if blocks.rescaling else akida_model.input_scaling
    scaling = input_scaling_of(blocks, stored if input_scaling is None else input_scaling)
    used = (float(scaling.scale), float(scaling.shift))
    first = akida_model.layers[0]
    _check_levels(samples, first, (1.0, 0.0) if blocks.rescaling else used)
    conversion = Conversion(blocks, first.parameters.layer_type.name == "InputConvolutional", used, stored)
    # A shift that is no integer leaves the border open: then it is the model's to say.
    is_border = conversion.image and not (scaling.shift.denominator == 1 and 0 <= scaling.shift <= 255)
    border = first.parameters.padding_value if is_border else None
    converted = build_model(blocks, scaling, conversion.image, padding_value=border)
    found = match(converted.model, akida_model)
    edits = edits_of(converted, found, conversion)
    if any(edits.values()):
        # Perhaps the thresholds were floored.
        floored = build_model(blocks, scaling, conversion.image, thresholds="floor", padding_value=border)
        other = edits_of(floored, found, conversion)
        if sum(map(len, other.values())) < sum(map(len, edits.values())):
            converted, edits = floored, other
    reference = KerasReference(model, graph, [b.block.output for b in converted.blocks])
    used = (1.0, 0.0) if blocks.rescaling else used
    return compare_blocks(reference, akida_model, converted, edits, found, samples, used)


def _compare_akida1(network: Network, akida_model: akida.Model, samples: np.ndarray) -> Comparison:
    """A QuantizeML model and one of Akida 1.0."""
    plan = plan_akida1(network)
    converted = convert_plan(plan, "fit")
    found = match(converted.model, akida_model)
    _check_levels(samples, akida_model.layers[0], (1.0, 0.0))
    edits = edits_of(converted, found)
    if any(edits.values()):
        # Perhaps the thresholds are those of the published converter.
        floored = convert_plan(plan, "floor")
        other = edits_of(floored, found)
        if sum(map(len, other.values())) < sum(map(len, edits.values())):
            converted, edits = floored, other
    levels = {b.block.output: b.step is not None for b in converted.blocks}
    reference = QuantizemlReference(network, levels)
    return compare_blocks(reference, akida_model, converted, edits, found, samples, (1.0, 0.0))


def _compare_akida2(model: Any, network: Network | Graph, akida_model: akida.Model, samples: np.ndarray) -> Comparison:
    """A QuantizeML model and one of Akida 2.0."""
    plan = plan_onnx(network) if isinstance(network, Graph) else plan_model(network)
    checked = _check_integers(samples, akida_model)
    layers: NetworkLayers | OnnxLayers
    if isinstance(network, Graph):
        layers = OnnxLayers(_onnx_model(model), plan, network.input_shape)
    else:
        layers = NetworkLayers(network, plan)
    return compare_layers(layers, akida_model, build_akida2(plan), plan, checked)


def _onnx_model(model: Any) -> Any:
    """The `onnx.ModelProto` at a path, or itself."""
    if isinstance(model, (str, os.PathLike)):
        import onnx

        return onnx.load(Path(model), load_external_data=False)
    return model


def _check_levels(samples: np.ndarray, first: akida.Layer, scaling: tuple[float, float]) -> None:
    """Checks inputs of Akida 1.0."""
    shape = tuple(first.input_dims)
    if not isinstance(samples, np.ndarray) or samples.shape[1:] != shape:
        raise _wrong_samples(samples, f"a uint8 array of shape (n, {', '.join(map(str, shape))})")
    check_inputs(samples, first.input_bits, scaling)
    if samples.dtype != np.uint8:
        raise InvalidArgumentError(
            f"samples must be uint8, received {samples.dtype}",
            kind="samples",
            expected="uint8",
            received=str(samples.dtype),
            remedy="they are integers in range: samples.astype(np.uint8)",
        )


def _check_integers(samples: np.ndarray, model: akida.Model) -> np.ndarray:
    """Checks inputs of Akida 2.0, and returns them with the axes of steps and streams where there is state."""
    shape, dtype = tuple(model.input_shape), np.dtype(model.input_dtype)
    leading = "steps, streams" if model.has_state else "n"
    expected = f"a {dtype} array of shape ({leading}, {', '.join(map(str, shape))})"
    if not isinstance(samples, np.ndarray) or samples.dtype != dtype:
        raise _wrong_samples(samples, expected)
    if model.has_state and samples.shape[1:] == shape:
        samples = samples[:, np.newaxis]
    if samples.shape[2 if model.has_state else 1 :] != shape or samples.ndim != len(shape) + 1 + model.has_state:
        raise _wrong_samples(samples, expected)
    return samples


def _wrong_samples(samples: Any, expected: str) -> InvalidArgumentError:
    received = f"{samples.dtype} {samples.shape}" if isinstance(samples, np.ndarray) else type(samples).__name__
    return InvalidArgumentError(
        f"samples must be {expected}, as the Akida model takes them, received {received}",
        kind="samples",
        expected=expected,
        received=received,
    )
