"""Every transform keeps the function, the model's name and its argument, on random networks."""

import numpy as np
import pytest

from cnn2snn import transforms
from cnn2snn._keras import keras
from tests.keras.models import outputs
from tests.keras.random_float_networks import random_network

KEEPING = [
    transforms.sequentialize,
    transforms.syncretize,
    transforms.invert_batchnorm_pooling,
    transforms.fold_batchnorm,
    transforms.fold_rescaling,
    transforms.cross_layer_scaling,
    transforms.normalize_separable_model,
]
CASES = [(seed, branches) for seed in range(6) for branches in (False, True)]


@pytest.mark.parametrize(("seed", "branches"), CASES)
def test_transforms_keep_the_function(seed, branches):
    model, inputs = random_network(seed, branches)
    expected = outputs(model, inputs)
    before = [w.copy() for w in model.get_weights()]
    bound = 1e-4 * (1 + np.abs(expected).max())
    for transform in KEEPING:
        transformed = transform(model)
        assert transformed.name == "grown"
        assert np.abs(outputs(transformed, inputs) - expected).max() <= bound, transform.__name__
    # One after the other, on what the others made.
    chain = transforms.cross_layer_scaling(transforms.syncretize(transforms.sequentialize(model)))
    assert np.abs(outputs(chain, inputs) - expected).max() <= bound
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(("seed", "branches"), CASES)
def test_syncretized_models_have_no_pattern_left(seed, branches):
    model, _ = random_network(seed, branches)
    syncretized = transforms.syncretize(model)
    assert isinstance(syncretized, keras.Sequential) is not branches
    chains = [syncretized] if not branches else [m for m in syncretized.layers if isinstance(m, keras.Sequential)]
    kinds = [type(layer).__name__ for chain in chains for layer in chain.layers]
    assert not {"Dropout", "BatchNormalization"} & set(kinds)
    for kind, before in zip(kinds[1:], kinds, strict=False):
        assert not (kind == "MaxPooling2D" and before == "ReLU")


@pytest.mark.parametrize("seed", range(8))
def test_scaling_never_widens_the_ranges_of_separable_kernels(seed):
    model, _ = random_network(seed)
    scaled = transforms.normalize_separable_model(model)
    for layer in scaled.layers:
        if isinstance(layer, keras.layers.SeparableConv2D):
            ranges = np.abs(np.asarray(layer.depthwise_kernel)).max(axis=(0, 1, 3))
            np.testing.assert_allclose(ranges, 1, rtol=1e-6)
