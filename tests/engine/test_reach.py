"""`Layer.reach` against the coefficients of every potential (docs/arithmetic.md, H5)."""

from __future__ import annotations

import numpy as np
import pytest

from cnn2snn import akida


def add_layer(rng, kind, **options) -> tuple[akida.Model, akida.Layer]:
    """A model of one neural layer without activation, with random weights."""
    model = akida.Model()
    shape = (*(int(n) for n in rng.integers(1, 6, 2)), 3 if kind == "InputConvolutional" else int(rng.integers(1, 4)))
    bits = int(rng.choice([2, 4, 8]))
    common = {"weights_bits": bits, "activation": False}
    if kind != "InputConvolutional":
        model.add(akida.InputData(shape, input_bits=int(rng.choice([1, 2, 4]))))
    if kind == "FullyConnected":
        layer = akida.FullyConnected(3, **common)
    else:
        padding = akida.Padding.Same if rng.random() < 0.7 else akida.Padding.Valid
        largest = (7, 7) if padding == akida.Padding.Same else shape[:2]
        common |= {
            "kernel_size": tuple(int(rng.integers(1, n + 1)) for n in largest),
            "filters": 3,
            "padding": padding,
            "kernel_stride": tuple(int(s) for s in rng.integers(1, 4, 2)),
            **options,
        }
        if kind == "InputConvolutional":
            layer = akida.InputConvolutional(shape, padding_value=int(rng.integers(0, 256)), **common)
        else:
            layer = getattr(akida, kind)(**common)
    model.add(layer)
    limit = 2 ** (bits - 1) - 1
    for name in {"weights", "weights_pw"} & set(layer.variables):
        layer.set_variable(name, rng.integers(-limit, limit + 1, layer.get_variable(name).shape).astype(np.int8))
    return model, layer


def hull(model: akida.Model, layer: akida.Layer) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest potential over all positions, from what each input cell adds to each potential."""
    cells = int(np.prod(model.input_shape))
    inputs = np.concatenate([np.zeros((1, cells), np.uint8), np.eye(cells, dtype=np.uint8)])
    potentials = model.forward(inputs.reshape(-1, *model.input_shape)).astype(np.int64)
    coefficients = potentials[1:] - potentials[0]
    largest = 2**layer.input_bits - 1
    low = potentials[0] + largest * np.minimum(coefficients, 0).sum(axis=0)
    high = potentials[0] + largest * np.maximum(coefficients, 0).sum(axis=0)
    return low.min(axis=(0, 1)), high.max(axis=(0, 1))


@pytest.mark.parametrize("pooling", ["NoPooling", "Average"])
@pytest.mark.parametrize("kind", ["InputConvolutional", "Convolutional", "SeparableConvolutional", "FullyConnected"])
def test_the_ends_are_the_extremes_of_all_positions(kind, pooling):
    rng = np.random.default_rng(3)
    options = {"pool_type": akida.PoolType[pooling]}
    for _ in range(25):
        model, layer = add_layer(rng, kind, **options)
        low, high = layer.reach()
        assert low.dtype == high.dtype == np.int32
        expected = hull(model, layer)
        np.testing.assert_array_equal(low, expected[0])
        np.testing.assert_array_equal(high, expected[1])


def test_max_pooling_reaches_what_its_cells_reach():
    rng = np.random.default_rng(4)
    for _ in range(10):
        state = rng.bit_generator.state
        plain = add_layer(rng, "Convolutional", padding=akida.Padding.Same)[1]
        rng.bit_generator.state = state
        pooled = add_layer(
            rng,
            "Convolutional",
            padding=akida.Padding.Same,
            pool_type=akida.PoolType.Max,
            pool_size=(1, 1),
            pool_stride=(1, 1),
        )[1]
        np.testing.assert_array_equal(plain.reach(), pooled.reach())


def test_a_layer_without_weights_has_no_reach():
    model = akida.Model()
    layer = akida.InputData((2, 2, 1), input_bits=4, name="it")
    model.add(layer)
    with pytest.raises(ValueError, match=r'"it".*reach must be asked of a layer with weights'):
        layer.reach()
