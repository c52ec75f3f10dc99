"""Helpers of the Keras tests."""

import numpy as np


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
