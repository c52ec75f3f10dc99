"""`search`: widths of single layers under limits, found by walking down the sensitivities."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError
from cnn2snn.sweeping.configuration import Configuration
from cnn2snn.sweeping.result import Search, SweepResult

if TYPE_CHECKING:
    from cnn2snn._keras import keras
    from cnn2snn.akida import Device
    from cnn2snn.sweeping.runner import Runner

__all__ = ["search"]

# Widths of Akida 1.0, the widest first.
_WIDTHS = {"weights": (8, 4, 2), "activations": (4, 2, 1)}


def search(
    model: keras.Model,
    samples: Any,
    labels: Any = None,
    device: Device | str | None = None,
    client: Any = None,
    *,
    accuracy: float | None = None,
    nps: int | None = None,
    energy: float | None = None,
    start: Any = (4, 4, 8),
    processes: int = 0,
    calibration: str = "ranges",
    calibration_samples: Any = None,
    retrain: Callable[[keras.Model], keras.Model] | None = None,
    input_scaling: tuple[float, float] | None = None,
    input_is_image: bool = True,
    journal: str | os.PathLike[str] | None = None,
) -> Search:
    """Searches for the widths of single layers that keep limits.

    First every layer alone is narrowed by one step, weights and activations apart, from the configuration `start`: what
    that costs in accuracy is its sensitivity. Then the layers are narrowed one after the other, the least sensitive
    first, and again from the beginning as long as something can be narrowed. A step after which the accuracy is below
    its limit, or that cannot be converted or mapped, is taken back.

    With limits on NPs or energy the search ends with the first configuration that keeps them: it is the most accurate
    one on the way. With a limit on accuracy alone it goes on to the end: what is left is the smallest.

    Args:
        model: the float model; it is not changed.
        samples: as for `sweep`.
        labels: as for `sweep`.
        device: as for `sweep`; needed for limits on NPs and energy.
        client: as for `sweep`; workers measure sensitivities side by side.
        accuracy: the least share of right classes, 0 to 1; without labels the least agreement with the float model.
        nps: the most NPs.
        energy: the most millijoules per input, as estimated.
        start: the configuration to begin with, as for `sweep`.
        processes: as for `sweep`.
        calibration: as for `sweep`.
        calibration_samples: as for `sweep`.
        retrain: as for `sweep`.
        input_scaling: as for `sweep`.
        input_is_image: as for `sweep`.
        journal: as for `sweep`.

    Returns:
        The configuration that was found, all steps to it, and the sensitivities. `met` says whether limits are kept;
        where they are not, `best` is the last step.

    Raises:
        InvalidArgumentError: (ValueError) no limit, a limit that is not possible, or one that needs a device.
        UnsupportedModelError: (RuntimeError) the first configuration cannot be converted or mapped, or its energy
            cannot be estimated.
        Exception: as for `sweep`.

    Example:
        >>> found = cnn2snn.search(model, images, labels, "AKD1000", accuracy=0.96)  # doctest: +SKIP
        >>> mixed = cnn2snn.quantize(model, 4, 4, 8, config=found.best.configuration.layers)  # doctest: +SKIP
    """
    from cnn2snn.sweeping.runner import Options, Runner

    limits = {"accuracy": accuracy, "nps": nps, "energy": energy}
    limits = {name: value for name, value in limits.items() if value is not None}
    _check(limits, device)
    options = Options(
        device=device,
        client=client,
        processes=processes,
        calibration=calibration,
        calibration_samples=calibration_samples,
        retrain=retrain,
        input_scaling=input_scaling,
        input_is_image=input_is_image,
        journal=journal,
    )
    first = Configuration.of(start)
    with Runner(model, samples, labels, options) as runner:
        (begin,) = runner.run([first])
        _check_begin(begin, limits)
        narrowings = _narrowings(model, first)
        singles = runner.run([first.with_layer(layer, kind, bits) for layer, kind, bits in narrowings])
        ranked = sorted(zip(narrowings, singles, strict=True), key=lambda pair: _loss(begin, pair[1]))
        steps = _walk(runner, begin, [narrowing for narrowing, _ in ranked], limits)
    name = None if options.device is None else options.device.name
    return Search(
        samples=runner.samples,
        metric=runner.metric,
        float_share=runner.float_share,
        device=name,
        limits=limits,
        met=_keeps(steps[-1], limits),
        best=steps[-1],
        steps=steps,
        sensitivities=[
            (*narrowing, begin.accuracy - result.accuracy) for narrowing, result in ranked if _usable(result)
        ],
        tried=runner.tried,
    )


def _walk(
    runner: Runner, begin: SweepResult, narrowings: list[tuple[str, str, int]], limits: dict[str, float]
) -> list[SweepResult]:
    """The steps from the first result down."""
    steps = [begin]
    done = {"nps", "energy"} & limits.keys()
    least = {name: value for name, value in limits.items() if name == "accuracy"}
    waiting = list(narrowings)
    while waiting:
        again = []
        for layer, kind, bits in waiting:
            if done and _keeps(steps[-1], limits):
                return steps
            (result,) = runner.run([steps[-1].configuration.with_layer(layer, kind, bits)])
            if not _usable(result) or not _keeps(result, least):
                continue
            steps.append(result)
            if (narrower := _next(kind, bits)) is not None:
                again.append((layer, kind, narrower))
        waiting = again
    return steps


def _narrowings(model: keras.Model, first: Configuration) -> list[tuple[str, str, int]]:
    """What can be narrowed by one step: (layer, "weights" or "activations", bits)."""
    from cnn2snn.bit_widths import bits
    from cnn2snn.quantization import quantize

    quantized = quantize(model, first.weights, first.activations, first.input_weights, config=first.layers or None)
    found = []
    for layer, widths in bits(quantized).items():
        for kind in _WIDTHS:
            if kind in widths and (narrower := _next(kind, widths[kind])) is not None:
                found.append((layer, kind, narrower))
    return found


def _next(kind: str, bits: int) -> int | None:
    return next((width for width in _WIDTHS[kind] if width < bits), None)


def _usable(result: SweepResult) -> bool:
    return result.accuracy is not None and result.refused is None


def _loss(begin: SweepResult, result: SweepResult) -> tuple[float, float]:
    """What orders narrowings: the accuracy that they cost, then how little they save."""
    if not _usable(result):
        return float("inf"), 0.0
    return begin.accuracy - result.accuracy, float(result.weight_bytes or 0)


def _keeps(result: SweepResult, limits: dict[str, float]) -> bool:
    if not _usable(result):
        return False
    if "accuracy" in limits and result.accuracy < limits["accuracy"]:
        return False
    most = {"nps": result.nps, "energy": result.energy_mj}
    return all(name not in limits or (value is not None and value <= limits[name]) for name, value in most.items())


def _check(limits: dict[str, float], device: Any) -> None:
    if not limits:
        raise InvalidArgumentError(
            "a search needs a limit: accuracy, nps or energy", kind="limits", remedy="as in accuracy=0.95"
        )
    if device is None and limits.keys() & {"nps", "energy"}:
        raise InvalidArgumentError(
            "limits on NPs and energy need a device", kind="device", remedy='as in device="AKD1500"'
        )
    for name, value in limits.items():
        top = 1 if name == "accuracy" else float("inf")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= top:
            raise InvalidArgumentError(
                f"the limit on {name} must be above 0{' and at most 1' if top == 1 else ''}, received {value!r}",
                kind=name,
                received=value,
            )


def _check_begin(begin: SweepResult, limits: dict[str, float]) -> None:
    if not _usable(begin):
        raise UnsupportedModelError(
            f"the configuration to begin with, {begin.configuration.label}, was refused: {begin.refused}",
            kind="start",
            remedy="begin with another one",
        )
    if "energy" in limits and begin.energy_mj is None:
        raise UnsupportedModelError(
            "no energy can be estimated: the device has no public benchmark, or a part runs in software",
            kind="energy",
            remedy="limit the NPs instead, or map on AKD1500",
        )
