"""Thresholds and steps of layers, fitted or floored, and what is said of those that no layer holds."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cnn2snn.conversion.akida1 import build_model
from cnn2snn.conversion.akida1.fitting import mismatches_without_layer
from cnn2snn.conversion.akida1.variables import ideal_layer
from cnn2snn.conversion.block import Activation, Normalization
from cnn2snn.conversion.scaling import InputScaling
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.networks import image_network

DOUBLED = InputScaling.of(2.0, 0.0, "input_scaling")


def network(biases, step):
    """`image_network` with other biases and another step: eight potentials are a unit."""
    blocks = image_network()
    conv = blocks.blocks["conv"]
    conv.weights = replace(conv.weights, bias=np.array(biases, np.float32))
    conv.activation = Activation("relu", 2, step)
    return blocks


def converted(blocks, thresholds):
    model = build_model(blocks, DOUBLED, input_is_image=True, thresholds=thresholds)
    layer = model.model.layers[0]
    values = [layer.get_variable(name).tolist() for name in ("threshold", "act_step")]
    return (*values, model.blocks[0].mismatches.tolist())


# Boundaries 0.9375 + n · 2.625 are 0, 3, 6; an interval of 2.625 from 0 gives 0, 2, 5, as the second filter wants.
BIASES, STEP = [0.046875, 0.1640625], 0.328125


def test_floored_thresholds_miss_boundaries_that_fitted_ones_hold():
    threshold, act_step, missed = converted(network(BIASES, STEP), "floor")
    assert (threshold, act_step, missed) == ([0, 0], [2.625 / 4] * 2, [2, 0])
    threshold, act_step, missed = converted(network(BIASES, STEP), "fit")
    assert (threshold, missed) == ([0, 0], [0, 0])
    assert 3 / 4 <= act_step[0] < 3.5 / 4
    # A step that chips store, of the same boundaries.
    assert act_step[1] == 2.5 / 4


def test_floored_thresholds_are_held_inside_int32():
    step = 64.0
    for bias, held in [(2**28 + 32, True), (-(2**28) + 64, True), (2**28 + 64, False), (-(2**28) + 32, False)]:
        blocks = network([0.0, bias], step)
        if held:
            assert converted(blocks, "floor")[0] == [256, 8 * (32 - bias)]
            continue
        with pytest.raises(UnsupportedModelError, match="the floored threshold of channel 1 does not fit 32") as error:
            converted(blocks, "floor")
        assert (error.value.layer, error.value.kind) == ("conv", "threshold")
        assert error.value.received == 8 * (32 - bias)


@pytest.mark.parametrize("step", [254.0, 256.0])
def test_the_largest_threshold_is_held_and_the_next_is_not(step):
    blocks = network([0.0, -(2.0**31 - 128)], step)
    weights = blocks.blocks["conv"].weights
    # One potential is a unit: the threshold is 2^31 - 128 + step / 2.
    blocks.blocks["conv"].weights = replace(weights, kernel=weights.kernel * 8, kernel_scale=np.array([0.5]))
    if step == 254:
        assert converted(blocks, "floor")[0] == [127, 2**31 - 1]
        return
    with pytest.raises(UnsupportedModelError, match="the floored threshold of channel 1"):
        converted(blocks, "floor")


def test_a_floored_step_of_zero_is_refused():
    blocks = network([0.0, 0.0], 3.0)
    factors = np.array([1.0, 1e60])
    blocks.blocks["conv"].normalizations.append(Normalization("norm", factors, np.zeros(2), np.zeros(2)))
    with pytest.raises(UnsupportedModelError, match="the floored act_step of channel 1 does not fit 32 bits") as error:
        converted(blocks, "floor")
    assert (error.value.kind, error.value.received) == ("act_step", 0)


def test_mismatches_of_a_block_alone_are_those_for_all_potentials():
    def missed(block):
        return mismatches_without_layer(block, ideal_layer(block, input_scale=Fraction(2), input_shift=Fraction(0)))

    assert missed(network(BIASES, STEP).blocks["conv"]).tolist() == [0, 0]
    # 0.75 + n · 2.5: no interval gives 0, 3, 5.
    assert missed(network([0.0625, 0.15625], 0.3125).blocks["conv"]).tolist() == [1, 0]
    dense = image_network().blocks["dense"]
    found = missed(dense)
    assert (found.tolist(), found.dtype) == ([0, 0], np.uint8)
    dense.weights = replace(dense.weights, bias=np.array([0, 1e30], np.float32))
    with pytest.raises(UnsupportedModelError, match='layer "dense": channel 1: the threshold') as error:
        missed(dense)
    assert (error.value.layer, error.value.kind) == ("dense", "threshold")
