"""`check_model_compatibility`: everything that keeps a Keras model from conversion, or from a chip, at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnn2snn import akida
from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.akida.devices import device_of
from cnn2snn.conversion.akida1 import build_model
from cnn2snn.conversion.keras import read_blocks
from cnn2snn.conversion.scaling import InputScaling, input_scaling_of
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, UnsupportedModelError
from cnn2snn.graph import Graph, read
from cnn2snn.quantization import ready_graph
from cnn2snn.reports.check import CompatibilityReport, Problem

__all__ = ["CompatibilityReport", "Problem", "check_model_compatibility"]

# Widths that a float model is judged with: those of most published networks.
_WEIGHT_BITS = 4
_ACT_BITS = 4
_IMAGE_WEIGHT_BITS = 8


def check_model_compatibility(
    model: keras.Model,
    input_is_image: bool = True,
    device: akida.Device | str | None = None,
    input_dtype: Any = "uint8",
) -> CompatibilityReport:
    """Finds everything that keeps a Keras model from being converted, and from running on a device.

    The rules are those of `cnn2snn.quantize` and `cnn2snn.convert` themselves, and the limits of the device. Without a
    device those of AKD1000, the production chip of Akida 1.0, are noted but do not count, as `convert` does not ask for
    them. A float
    model is judged as if it were quantized to weights and activations of 4 bits, the first layer's weights to 8 bits
    for images.

    Args:
        model: a built Sequential or functional model, float or quantized; it is not changed.
        input_is_image: as for `cnn2snn.convert`.
        device: the device whose limits hold, or its documented name, such as "AKD1000"; None for none.
        input_dtype: element type of the inputs; Akida 1.0 reads uint8 alone.

    Returns:
        A report whose truth value says whether the model is compatible. It lists every problem: layer, rule, received,
        allowed, remedy.

    Raises:
        InvalidTypeError: (TypeError) `model` is not a Keras model, or `device` neither a device nor a name.
        InvalidArgumentError: (ValueError) there is no such device, or `input_dtype` is not an element type.

    Example:
        >>> report = cnn2snn.check_model_compatibility(model)  # doctest: +SKIP
        >>> if not report:  # doctest: +SKIP
        ...     print(report)
    """
    chip = device_of("AKD1000" if device is None else device)
    problems = Problems(collect=True)
    _check_input_dtype(input_dtype, problems)
    graph = None
    try:
        graph = read(model, problems)
    except UnsupportedModelError as error:
        problems.add(error)
    is_float = graph is not None and not any(
        "quantizer" in node.config or node.is_a("QuantizedActivation") for node in graph
    )
    violations = None
    if graph is not None:
        violations = _violations(_build(graph, is_float, input_is_image, problems), chip)
    order = {} if graph is None else {layer: place for place, layer in enumerate(graph.nodes)}
    rules = [_problem(error) for error in sorted(problems.found, key=lambda error: order.get(error.layer, -1))]
    limits, notes = [], []
    if violations is None:
        remedy = "correct the problems first"
        text = f"its limits were not checked, as not all layers can be told; {remedy}"
        notes.append(Problem(None, "limits", "", "", remedy, chip.name, text))
    else:
        for violation in violations:
            # Some inputs never occur.
            counts = violation.effect in ("software", "refused")
            if counts and device is not None:
                limits.append(_limit(violation, chip))
            # Values of a float model change with training.
            elif device is not None or violation.effect == "software" or (counts and not is_float):
                notes.append(_limit(violation, chip))
    name = None if device is None else chip.name
    return CompatibilityReport(model.name, name, (*rules, *limits), tuple(notes))


def _violations(model: akida.Model | None, chip: akida.Device) -> list[akida.Violation] | None:
    """The limits of the chip that layers break; None for a model of which parts are missing."""
    try:
        return None if model is None else model.check(chip)
    except UnsupportedModelError:
        return None


def _limit(violation: akida.Violation, chip: akida.Device) -> Problem:
    return Problem(
        layer=violation.layer,
        rule=violation.rule,
        received=violation.received,
        allowed=violation.allowed,
        remedy=violation.remedy,
        device=chip.name,
        message=str(violation),
    )


def _check_input_dtype(input_dtype: Any, problems: Problems) -> None:
    try:
        name = np.dtype(input_dtype).name
    except TypeError:
        raise InvalidArgumentError(
            f"input_dtype must be an element type such as uint8, received {input_dtype!r}",
            kind="input_dtype",
            expected="uint8",
            received=input_dtype,
        ) from None
    if name != "uint8":
        problems.add(
            UnsupportedModelError(
                f"inputs of Akida 1.0 must be uint8, received {name}",
                kind="input_dtype",
                expected="uint8",
                received=name,
                remedy="scale and shift them to 0..255 for images, 0..15 otherwise",
            )
        )


def _build(graph: Graph, is_float: bool, input_is_image: bool, problems: Problems) -> akida.Model | None:
    """The engine's model, where layers have no variables once there are problems; None where it cannot be told."""
    if is_float:
        _quantize(graph, input_is_image, problems)
    blocks = read_blocks(graph, problems)
    scaling = InputScaling.of(1.0, 0.0, "default")
    with problems.catch():
        scaling = input_scaling_of(blocks, None)
    converted = build_model(blocks, scaling, input_is_image, problems)
    layers = {layer.name for layer in converted.model.layers}
    return converted.model if blocks.blocks and layers.issuperset(blocks.blocks) else None


def _quantize(graph: Graph, input_is_image: bool, problems: Problems) -> None:
    """What `cnn2snn.quantize` does."""
    input_bits = _IMAGE_WEIGHT_BITS if input_is_image else _WEIGHT_BITS
    ready_graph(graph, _WEIGHT_BITS, _ACT_BITS, input_bits, None, problems)


def _problem(error: Cnn2SnnError) -> Problem:
    def words(value: object) -> str:
        if value is None:
            return ""
        return (
            ", ".join(map(str, value))
            if error.kind in ("weights_bits", "act_bits") and isinstance(value, tuple)
            else str(value)
        )

    return Problem(
        layer=error.layer,
        rule=error.kind or "structure",
        received=words(error.received),
        allowed=words(error.expected),
        remedy=error.remedy or "",
        device=None,
        message=str(error),
    )
