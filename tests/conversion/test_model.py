"""How blocks become a model: what is kept of each block, and what is collected of networks that cannot be converted."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from cnn2snn._problems import Problems
from cnn2snn.conversion.akida1 import build_model
from cnn2snn.conversion.block import Activation
from cnn2snn.conversion.scaling import InputScaling
from cnn2snn.errors import UnsupportedModelError
from tests.conversion.networks import branched_network, image_network

DOUBLED = InputScaling.of(2.0, 3.0, "input_scaling")
SAME = InputScaling.of(1.0, 0.0, "default")


def test_each_block_is_kept_with_its_layer_step_and_shift():
    converted = build_model(image_network(), DOUBLED, input_is_image=True)
    assert [b.block.name for b in converted.blocks] == [b.layer.name for b in converted.blocks] == ["conv", "dense"]
    assert [(b.step, b.input_shift) for b in converted.blocks] == [(3.0, 3), (None, 0)]
    # Levels of the convolution are thirds of a unit.
    assert [b.ideal.maps[0].gain for b in converted.blocks] == [8, Fraction(2, 3)]
    converted = build_model(branched_network(), SAME, input_is_image=False)
    assert [b.block.name for b in converted.blocks] == ["small", "large", "join", "separable"]
    join, last = converted.blocks[2:]
    assert (join.ideal, join.step, join.mismatches.tolist(), join.input_shift) == (None, 0.5, [], 0)
    assert join.mismatches.dtype == np.uint8
    assert last.ideal.maps[0].gain == 4 * 4 * 2 / Fraction(1, 2)


def test_floored_layers_read_levels_of_the_step_before_in_float32():
    model = build_model(image_network(), DOUBLED, input_is_image=True, thresholds="floor").model
    scale = np.float32(1) / np.float32(3) * np.float32(2)
    # In float32 two thirds are a little more: three of them exceed 2.
    assert model.layers[1].get_variable("threshold").tolist() == [-3, 0]
    assert model.layers[1].get_variable("act_step").tolist() == [scale, scale]


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_steps_are_finite_and_positive(step):
    blocks = image_network()
    blocks.blocks["conv"].activation = Activation("relu", 2, step)
    with pytest.raises(UnsupportedModelError, match='"relu": step must be finite and greater than zero') as error:
        build_model(blocks, DOUBLED, input_is_image=True)
    assert (error.value.layer, error.value.kind) == ("relu", "step")
    problems = Problems(collect=True)
    converted = build_model(blocks, DOUBLED, input_is_image=True, problems=problems)
    assert [error.kind for error in problems.found] == ["step"]
    # The layer is in the model, and the next one is judged as if the step were 1.
    assert [layer.name for layer in converted.model.layers] == ["conv", "dense"]
    assert [b.block.name for b in converted.blocks] == ["dense"]
    assert converted.blocks[0].ideal.maps[0].gain == 2


def test_an_image_is_read_by_one_layer():
    blocks = branched_network()
    for name in ("small", "large"):
        block = blocks.blocks[name]
        weights = block.weights
        kernel = weights.kernel[:, :, :1]
        blocks.blocks[name] = replace(block, input_shape=(4, 4, 1), weights=replace(weights, kernel=kernel))
    with pytest.raises(UnsupportedModelError, match='"large": an image is read by one layer') as error:
        build_model(blocks, SAME, input_is_image=True)
    assert (error.value.layer, error.value.expected, error.value.received) == ("large", 1, 2)
    assert error.value.remedy == "split after the first convolution"


def test_what_reads_a_refused_block_is_left_out_where_problems_are_collected():
    blocks = branched_network()
    blocks.blocks["small"].weights = None
    problems = Problems(collect=True)
    # What a reader says of weights that it refuses.
    problems.add(UnsupportedModelError("no weights", layer="small", kind="weights"))
    converted = build_model(blocks, SAME, input_is_image=False, problems=problems)
    assert [layer.name for layer in converted.model.layers] == ["input", "large"]
    assert [b.block.name for b in converted.blocks] == ["large", "separable"]


def test_a_concatenation_of_a_block_without_activation_is_left_out_where_problems_are_collected():
    blocks = branched_network()
    blocks.blocks["small"].activation = None
    problems = Problems(collect=True)
    problems.add(UnsupportedModelError("no activation", layer="small", kind="activation"))
    converted = build_model(blocks, SAME, input_is_image=False, problems=problems)
    assert [layer.name for layer in converted.model.layers] == ["input", "small", "large"]
    assert len(problems.found) == 1


def test_boundaries_of_a_block_beside_a_refused_one_are_counted_and_not_set():
    blocks = image_network()
    conv = blocks.blocks["conv"]
    conv.weights = replace(conv.weights, bias=np.array([np.nan, 0], np.float32))
    problems = Problems(collect=True)
    converted = build_model(blocks, DOUBLED, input_is_image=True, problems=problems)
    assert [error.kind for error in problems.found] == ["bias"]
    assert [(b.block.name, b.mismatches.tolist()) for b in converted.blocks] == [("dense", [0, 0])]
    assert converted.model.layers[1].get_variable("weights").any() == np.False_
