"""Branches whose activations differ are brought to one step, or refused."""

import numpy as np
import pytest

import cnn2snn
from cnn2snn._keras import keras
from tests.keras.models import outputs, randomize

L = keras.layers


def branched(left, right, top="conv"):
    x = keras.Input((6, 6, 3), name="image")
    stem = L.ReLU(6.0, name="stem_relu")(L.Conv2D(4, 3, padding="same", name="stem")(x))
    a = L.ReLU(left, name="left_relu")(L.SeparableConv2D(3, 3, padding="same", name="left")(stem))
    b = L.MaxPooling2D(3, 1, padding="same", name="pool")(L.Conv2D(2, 3, padding="same", name="right")(stem))
    b = L.Dropout(0.5, name="drop")(L.ReLU(right, name="right_relu")(b))
    y = L.Concatenate(name="join")([a, b])
    if top == "conv":
        y = L.Conv2D(4, 3, name="top")(y)
    else:
        y = L.Dense(4, name="top")(L.Flatten(name="flatten")(y))
    model = keras.Model(x, y, name="branched")
    randomize(model)
    return model


@pytest.mark.parametrize("top", ["conv", "dense"])
@pytest.mark.parametrize(("left", "right"), [(6.0, 1.5), (1.0, 6.0), (None, 4.0), (6.0, 6.0)])
def test_branches_with_different_bounds_are_quantized_to_one_step_and_convert(left, right, top):
    model = branched(left, right, top)
    quantized = cnn2snn.quantize(model, 8, 4)
    steps = {float(quantized.get_layer(name).step) for name in ("left_relu", "right_relu")}
    assert len(steps) == 1
    images = np.random.default_rng(1).integers(0, 256, (4, 6, 6, 3), np.uint8)
    converted = cnn2snn.convert(quantized)
    assert "join" in [layer.name for layer in converted.layers]
    assert cnn2snn.analysis.compare(quantized, converted, images).totals.unexplained == 0


@pytest.mark.parametrize("top", ["conv", "dense"])
def test_one_step_keeps_what_each_branch_gives(top):
    """Seen without quantized weights: only activations are quantized, in the same places."""
    model = branched(6.0, 1.5, top)
    alone = cnn2snn.quantize_layer(cnn2snn.quantize_layer(model, "left_relu", 4), "right_relu", 4)
    together = cnn2snn.quantize_layer(cnn2snn.quantize(model, 0, 4), "stem_relu", 8)
    alone = cnn2snn.quantize_layer(alone, "stem_relu", 8)
    images = np.random.default_rng(1).uniform(-1, 1, (4, 6, 6, 3))
    # 6 / 1.5 is a power of two: the factor is exact in float32.
    np.testing.assert_allclose(outputs(together, images), outputs(alone, images), rtol=1e-5, atol=1e-5)


def test_quantized_branches_with_different_steps_are_refused():
    quantizer = cnn2snn.MaxPerAxisQuantizer(4)
    x = keras.Input((6, 6, 3), name="image")
    branches = [
        cnn2snn.QuantizedReLU(4, top, name=name)(cnn2snn.QuantizedConv2D(3, 3, quantizer)(stem))
        for stem in [cnn2snn.QuantizedReLU(4)(cnn2snn.QuantizedConv2D(3, 3, quantizer)(x))]
        for name, top in (("left", 6.0), ("right", 1.5))
    ]
    y = cnn2snn.QuantizedConv2D(2, 1, quantizer)(L.Concatenate(name="join")(branches))
    with pytest.raises(RuntimeError, match=r'layer "join" .* must have the same step, received .*0.4.*0.1'):
        cnn2snn.convert(keras.Model(x, y))


def test_a_branch_that_is_also_the_input_of_another_layer_is_brought_to_the_same_step():
    x = keras.Input((6, 6, 3), name="image")
    stem = L.ReLU(2.0, name="stem_relu")(L.Conv2D(4, 3, padding="same", name="stem")(x))
    y = L.ReLU(6.0, name="relu")(L.Conv2D(3, 3, padding="same", name="conv")(stem))
    y = L.Concatenate(name="join")([stem, y])
    model = keras.Model(x, L.Conv2D(2, 3, name="top")(y))
    randomize(model)
    quantized = cnn2snn.quantize(model, 4, 4)
    assert float(quantized.get_layer("stem_relu").step) == float(quantized.get_layer("relu").step)
    cnn2snn.convert(quantized)


def test_branches_without_activations_are_refused_and_reported():
    x = keras.Input((6, 6, 3), name="image")
    branches = [L.Conv2D(2, 3, padding="same", name=name)(x) for name in ("left", "right")]
    y = L.ReLU(6.0, name="relu")(L.Conv2D(2, 3, name="top")(L.Concatenate(name="join")(branches)))
    model = keras.Model(x, y, name="linear")
    randomize(model)
    with pytest.raises(RuntimeError, match=r'layer "join" .* must end in a quantized activation, .*"left", "right"'):
        cnn2snn.quantize(model, 4, 4, 8)
    with cnn2snn.set_akida_version(cnn2snn.AkidaVersion.v1):
        report = cnn2snn.check_model_compatibility(model)
    assert [problem.layer for problem in report.problems] == ["right", "join"]
    assert '"left", "right"' in report.problems[1].message
