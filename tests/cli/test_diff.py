"""`cnn2snn diff`."""

import numpy as np
import pytest

from cnn2snn import akida


def network(filters=4, kernel=(3, 3), last="classes", scaling=None):
    model = akida.Model(
        layers=[
            akida.InputConvolutional((8, 6, 1), kernel, filters, "image", weights_bits=8, act_bits=4),
            akida.FullyConnected(3, last, weights_bits=4, activation=False),
        ]
    )
    model.input_scaling = scaling
    return model


@pytest.fixture
def left():
    network().save("left.fbz")


def test_equal_models_have_no_differences(command, report, left):
    result = command("diff", "left.fbz", "left.fbz")
    assert (result.code, result.out, result.err) == (0, "The models are equal.\n", "")
    assert report("diff", "left.fbz", "left.fbz") == {
        "left": "left.fbz",
        "right": "left.fbz",
        "equal": True,
        "differences": [],
    }


def test_variables_are_compared_value_by_value(command, left):
    right = network()
    weights = right.layers[1].get_variable("weights")
    weights[0, 0, 5, 2] = -3
    weights[0, 0, 7, 0] = 2
    right.layers[1].set_variable("weights", weights)
    right.layers[0].set_variable("act_step", np.array([1, 1, 1.5, 1], np.float32))
    right.layers[0].set_variable("threshold", np.array([2**31 - 1, 0, 0, -(2**31)], np.int32))
    right.save("right.fbz")
    result = command("diff", "left.fbz", "right.fbz")
    assert result.code == 1
    assert result.out.splitlines() == [
        "image.threshold: 2 of 4 values differ, by at most 2.14748e+09; at (0): 0 -> 2147483647",
        "image.act_step: 1 of 4 values differ, by at most 0.5; at (2): 1 -> 1.5",
        "classes.weights: 2 of 576 values differ, by at most 3; at (0, 0, 5, 2): 0 -> -3",
    ]


def test_parameters_shapes_and_scaling_are_compared(command, left):
    network(filters=5, scaling=(255, 0)).save("right.fbz")
    result = command("diff", "left.fbz", "right.fbz")
    assert result.code == 1
    assert result.out.splitlines() == [
        "input_scaling: None -> (255, 0)",
        "image.output_shape: (8, 6, 4) -> (8, 6, 5)",
        "image.filters: 4 -> 5",
        "image.weights: (3, 3, 1, 4) -> (3, 3, 1, 5)",
        "image.threshold: (4) -> (5)",
        "image.act_step: (4) -> (5)",
        "classes.weights: (1, 1, 192, 3) -> (1, 1, 240, 3)",
    ]


def test_layers_are_matched_by_name(command, report, left):
    network(last="scores").save("right.fbz")
    assert command("diff", "left.fbz", "right.fbz").out.splitlines() == [
        "classes.layer: FullyConnected -> absent",
        "scores.layer: absent -> FullyConnected",
    ]


def test_what_cannot_be_compared_has_a_code_of_its_own(command, left):
    result = command("diff", "left.fbz", "missing.fbz")
    assert (result.code, result.out) == (2, "")
    assert result.err == "cnn2snn: error: missing.fbz: No such file or directory\n"
