"""Helpers of the Keras tests."""

import re

import numpy as np
import pytest

import cnn2snn


def randomize(model, seed=3, negative_gammas=False):
    """Random biases and batch statistics, so that nothing is 0 or 1 by accident."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            for role, low, high in (
                ("gamma", 0.5, 2.0),
                ("beta", -0.5, 0.5),
                ("moving_mean", -0.3, 0.3),
                ("moving_variance", 0.2, 2.0),
            ):
                weight = getattr(layer, role)
                if weight is None:
                    continue
                values = rng.uniform(low, high, weight.shape)
                if role == "gamma" and negative_gammas:
                    values *= rng.choice([-1, 1], weight.shape)
                weight.assign(values)
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(rng.uniform(-0.1, 0.5, layer.bias.shape))


def outputs(model, inputs):
    """Outputs at inference."""
    return np.asarray(model(inputs.astype(np.float32), training=False))


def assert_refused(error, text, model, input_is_image=True):
    """Conversion raises the error, and the check of compatibility reports it."""
    with pytest.raises(error, match=text):
        cnn2snn.convert(model, input_is_image=input_is_image)
    report = cnn2snn.check_model_compatibility(model, input_is_image)
    assert not report
    assert not report.convertible
    assert any(re.search(text, problem.message) for problem in report.problems)
