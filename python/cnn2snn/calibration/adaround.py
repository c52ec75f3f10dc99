"""Weights rounded so that the outputs of their layer change least."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from cnn2snn._keras import keras, tf
from cnn2snn._progress import Progress
from cnn2snn.calibration.bias_correction import correct_bias
from cnn2snn.calibration.propagation import (
    Calibrated,
    LayerError,
    Propagation,
    RelativeError,
    Section,
    compiled,
    quantized_nodes,
)
from cnn2snn.calibration.rounding import Rounding
from cnn2snn.calibration.walk import Change, Site
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError
from cnn2snn.graph import build, read
from cnn2snn.quantization_ops import LinearWeightQuantizer

__all__ = ["adaround", "round_adaptively", "rounding"]

# The weight of the regularization, and the ends of its exponent: the paper's λ and β.
LAMBDA = 0.01
BETA = (20.0, 2.0)
# How much heavier the regularization of `rounding` weighs than its loss: enough for all roundings to settle.
_BALANCE = 100

_MSE = keras.losses.MeanSquaredError()


def adaround(
    model: keras.Model,
    samples: np.ndarray,
    optimizer: keras.optimizers.Optimizer | str,
    epochs: int,
    loss: keras.losses.Loss | Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | str = _MSE,
    batch_size: int | None = None,
    include_activation: bool = False,
) -> keras.Model:
    """Chooses for each weight whether to round it up or down, so that outputs change least.

    The nearest integer is the best choice for a weight alone, not for a filter. For each layer with quantized weights,
    in order, the roundings of all its weights are optimized together: kernels become

        clip(floor(w k) + h(V), -kmax, kmax) / k        (equation 22; k is the quantizer's scale factor)
        h(V) = clip(1.2 sigmoid(V) - 0.1, 0, 1)         (equation 23)

    and V minimizes

        loss(float outputs, outputs) + 0.01 sum(1 - |2 h(V) - 1|^beta)      (equations 21 and 24)

    beta falling from 20 to 2 along a cosine, so that each h ends at 0 or 1. The inputs are those of the quantized model
    with the layers before already rounded, for the float outputs as well. With `include_activation` outputs are
    compared after the activation, as in equation 25. The optimization of a layer ends early when all its weights have
    settled; a result that is worse on the samples than rounding to nearest is discarded. The float kernels
    of the result are those of `model`, moved only as far as their quantizers need to round them as chosen.

    Source: Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", ICML 2020 (arXiv 2004.10568),
    section 3.

    Args:
        model: a quantized Keras model; it is not changed.
        samples: inputs of the model, (n, …); all are used in each epoch. Memory holds what a layer reads and gives for
            all of them.
        optimizer: as ``keras.optimizers.Adam(1e-2)``, or its name; each layer gets a fresh one with its configuration.
        epochs: passes over the samples for each layer.
        loss: of float and quantized outputs: a loss of Keras, its name, or a function; the mean counts where it gives
            several values.
        batch_size: samples in a step of the optimizer; all by default.
        include_activation: whether the activation after a layer takes part.

    Returns:
        A new model of the same kind and name.

    Raises:
        InvalidArgumentError: (ValueError) samples that the model does not take, epochs or a batch size below 1, a
            quantizer that is not a `LinearWeightQuantizer`, or a name that Keras does not know.
        InvalidTypeError: (TypeError) no optimizer, or no loss.
        UnsupportedModelError: (RuntimeError) the model has no layer with quantized weights.

    Example:
        >>> rounded = cnn2snn.calibration.adaround(
        ...     quantized, images, keras.optimizers.Adam(1e-2), epochs=100, batch_size=100)  # doctest: +SKIP
    """
    return round_adaptively(model, samples, optimizer, epochs, loss, batch_size, include_activation).model


def round_adaptively(
    model: keras.Model,
    samples: np.ndarray,
    optimizer: keras.optimizers.Optimizer | str,
    epochs: int,
    loss: keras.losses.Loss | Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | str,
    batch_size: int | None,
    include_activation: bool,
) -> Calibrated:
    """`adaround` with the errors of all layers."""
    if isinstance(epochs, bool) or not isinstance(epochs, Integral) or epochs < 1:
        raise InvalidArgumentError(
            f"epochs must be a positive integer, received {epochs!r}", kind="epochs", expected="at least 1"
        )
    optimizer = _of_keras("optimizer", keras.optimizers, optimizer)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise InvalidTypeError(
            f"optimizer must be an optimizer of Keras, received {optimizer!r}",
            kind="optimizer",
            expected="a Keras optimizer, or its name",
            received=optimizer,
            remedy="for example keras.optimizers.Adam(1e-2)",
        )
    loss = _of_keras("loss", keras.losses, loss)
    if not callable(loss):
        raise InvalidTypeError(
            f"loss must be a loss of Keras or a function of wanted and given outputs, received {loss!r}",
            kind="loss",
            expected="a Keras loss, its name, or a function",
            received=loss,
            remedy="for example keras.losses.MeanSquaredError()",
        )
    rounded = build(read(model))
    graph = read(rounded)
    propagation = Propagation(graph, samples, batch_size)
    nodes = quantized_nodes(graph)
    last = "activation" if include_activation else "layer"
    progress = Progress(len(nodes) * epochs)
    errors = []
    for number, node in enumerate(nodes):
        section, inputs = Section(graph, node), propagation.inputs(node.name)
        wanted = compiled(functools.partial(section.outputs, last=last, quantized=False), inputs[0])
        training = _LayerTraining(section, inputs, [wanted(x) for x in inputs], optimizer, loss, last)
        training.run(epochs, lambda done, number=number: progress.update(number * epochs + done))
        errors.append(training.finish())
    progress.close()
    return Calibrated(rounded, errors)


def _of_keras(argument: str, module: Any, value: Any) -> Any:
    """What the name of an optimizer or of a loss stands for; other values are returned."""
    if not isinstance(value, str):
        return value
    try:
        return module.get(value)
    except ValueError as error:
        raise InvalidArgumentError(
            f"{argument} must be one that Keras knows, received {value!r}",
            kind=argument,
            expected=f"a name in keras.{argument}s",
            received=value,
        ) from error


def rounding(epochs: int, rate: float = 0.1, batch_size: int = 16) -> Change:
    """Rounding of weights, with the bias, towards the outputs in the float network, as a change for `adjust`.

    The loss is the mean squared error over the variance of the wanted outputs, and the regularization is divided by the
    number of weights, so that both count alike in layers of all sizes. Layers with other quantizers than a
    `LinearWeightQuantizer` stay as they are.

    Args:
        epochs: passes over the samples.
        rate: the learning rate of Adam.
        batch_size: samples in a step.
    """

    def apply(site: Site) -> None:
        quantizers = site.section.quantizers()
        if not all(isinstance(quantizer, LinearWeightQuantizer) for _, quantizer in quantizers):
            return
        inputs, wanted = tf.concat(site.inputs, 0), tf.concat(site.wanted, 0)
        variance = float(tf.math.reduce_variance(wanted))
        if not variance > 0:
            return
        weights = sum(int(tf.size(kernel)) for kernel, _ in quantizers)
        factor = weights / (_BALANCE * variance)
        order = np.random.default_rng(0).permutation(len(inputs))
        parts = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
        training = _LayerTraining(
            site.section,
            [tf.gather(inputs, part) for part in parts],
            [tf.gather(wanted, part) for part in parts],
            keras.optimizers.Adam(rate),
            lambda wanted, given: factor * tf.reduce_mean((wanted - given) ** 2),
            "layer",
            bias=True,
        )
        training.run(epochs, lambda done: None)
        training.finish()
        # Roundings that had not settled move the mean.
        correct_bias(site)

    return Change("rounding", apply)


class _LayerTraining:
    """The optimization of the roundings of one layer and, with `bias`, of its bias."""

    def __init__(
        self,
        section: Section,
        inputs: list[tf.Tensor],
        wanted: list[tf.Tensor],
        optimizer: keras.optimizers.Optimizer,
        loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        last: str,
        *,
        bias: bool = False,
    ) -> None:
        self.section = section
        self.inputs = inputs
        self._wanted = wanted
        self.roundings = [Rounding(section.layer.name, *pair) for pair in section.quantizers()]
        self._given = compiled(functools.partial(section.outputs, last=last, quantized=True), inputs[0])
        self._state = section.layer.get_weights()
        self._before = self._error()
        variables = [rounding.variable for rounding in self.roundings] + ([section.layer.bias] if bias else [])
        fresh = type(optimizer).from_config(optimizer.get_config())
        fresh.build(variables)

        def step(x: tf.Tensor, wanted: tf.Tensor, beta: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                outputs = section.run(x, [rounding.soft_kernel() for rounding in self.roundings], last)
                unsettled = tf.add_n([rounding.unsettled(beta) for rounding in self.roundings])
                value = tf.reduce_mean(loss(wanted, outputs)) + LAMBDA * unsettled
            fresh.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
            return unsettled

        self._step = compiled(step, inputs[0], self._wanted[0], tf.constant(BETA[0]))

    def run(self, epochs: int, done: Callable[[int], None]) -> None:
        """Passes over the samples until all weights have settled; `done` is told how many were made."""
        for epoch in range(epochs):
            beta = BETA[1] + (BETA[0] - BETA[1]) * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
            if self._epoch(beta):
                break
            done(epoch + 1)

    def _epoch(self, beta: float) -> bool:
        """One pass over the samples; whether all weights had settled before its last step."""
        unsettled = tf.constant(0.0)
        for x, wanted in zip(self.inputs, self._wanted, strict=True):
            unsettled = self._step(x, wanted, tf.constant(beta))
        return float(unsettled) == 0

    def finish(self) -> LayerError:
        """Rounds the weights as found, where that is better than to the nearest."""
        changed = 0
        for rounding in self.roundings:
            changed += rounding.apply()
        after = self._error()
        if after > self._before:
            self.section.layer.set_weights(self._state)
            after, changed = self._before, 0
        return LayerError(self.section.layer.name, self._before, after, changed)

    def _error(self) -> float:
        error = RelativeError()
        for x, wanted in zip(self.inputs, self._wanted, strict=True):
            error.add(wanted, self._given(x))
        return error.value()
