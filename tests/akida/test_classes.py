"""predict, predict_classes and evaluate."""

import numpy as np
import pytest

from cnn2snn import akida
from cnn2snn.akida import Model
from cnn2snn.errors import InvalidArgumentError, UnsupportedModelError


@pytest.fixture
def scores():
    """A model whose six outputs are its six inputs."""
    model = Model(
        layers=[
            akida.InputData((1, 1, 6), name="in"),
            akida.FullyConnected(6, "out", weights_bits=2, activation=False),
        ]
    )
    model.get_layer("out").set_variable("weights", np.eye(6, dtype=np.int8)[np.newaxis, np.newaxis])
    return model


def rows(*values):
    return np.array(values, np.uint8).reshape(-1, 1, 1, 6)


def test_predict_subtracts_the_threshold_and_divides_by_the_step(scores):
    out = scores.get_layer("out")
    out.set_variable("threshold", np.array([-1, 0, 5, 0, 0, 0], np.int32))
    out.set_variable("act_step", np.array([4.1666665, 2, 0.5, 3, 1, 1], np.float32))
    outputs = scores.predict(rows([3, 3, 3, 1, 0, 15]))
    assert outputs.dtype == np.float32
    assert outputs.shape == (1, 1, 1, 6)
    expected = np.array([0.96000004, 1.5, -4, 1 / 3, 0, 15], np.float32)
    np.testing.assert_array_equal(outputs.ravel(), expected)


def test_predict_needs_a_last_layer_without_activation(events):
    with pytest.raises(UnsupportedModelError, match=r'layer "events": .* use forward') as error:
        events.predict(np.zeros((1, 2, 3, 2), np.uint8))
    assert isinstance(error.value, RuntimeError)


def test_class_is_the_largest_output_and_the_first_of_equals(scores):
    classes = scores.predict_classes(rows([0, 9, 3, 9, 1, 1], [0] * 6, [1, 2, 3, 4, 5, 6]))
    assert classes.dtype == np.int32
    assert classes.tolist() == [1, 0, 5]


def test_class_is_decided_by_predict_not_by_potentials(scores):
    scores.get_layer("out").set_variable("threshold", np.array([0, 9, 0, 0, 0, 0], np.int32))
    assert scores.predict_classes(rows([1, 9, 3, 0, 0, 0])).tolist() == [2]


def test_class_of_levels():
    model = Model(layers=[akida.InputData((1, 1, 6))])
    assert model.predict_classes(rows([0, 1, 7, 7, 0, 0])).tolist() == [2]


def test_neighbouring_outputs_share_a_class(scores):
    inputs = rows([0, 9, 3, 9, 1, 1], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1])
    assert scores.predict_classes(inputs, num_classes=3).tolist() == [0, 1, 2]
    assert scores.predict_classes(inputs, num_classes=2).tolist() == [0, 1, 1]
    assert scores.predict_classes(inputs, num_classes=1).tolist() == [0, 0, 0]
    assert scores.predict_classes(inputs, num_classes=6).tolist() == [1, 3, 5]


@pytest.mark.parametrize(
    ("num_classes", "error"), [(4, ValueError), (7, ValueError), (-1, ValueError), (2.0, TypeError)]
)
def test_outputs_must_be_shared_out_evenly(scores, num_classes, error):
    with pytest.raises(error, match="num_classes"):
        scores.predict_classes(rows([0] * 6), num_classes)


def test_classes_need_one_position(events):
    with pytest.raises(UnsupportedModelError, match=r'layer "events": .*\(1, 1, C\)'):
        events.predict_classes(np.zeros((1, 2, 3, 2), np.uint8))


def test_evaluate_is_the_share_of_right_classes(scores):
    inputs = rows([1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1])
    accuracy = scores.evaluate(inputs, np.array([0, 1, 4]))
    assert isinstance(accuracy, float)
    assert accuracy == 2 / 3
    assert scores.evaluate(inputs, [0, 0, 2], num_classes=3) == 1.0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(2, int), r"labels must be of shape \(3,\), one per input, received \(2,\)"),
        (np.zeros((3, 1), int), r"labels must be of shape \(n,\).*ravel"),
        (np.zeros((3, 6)), "labels must be integers, received dtype float64; .*argmax"),
        (np.array([0, 1, 6]), r"labels must be in 0\.\.=5, received 6 at index 2"),
        (np.array([0, -1, 5]), r"labels must be in 0\.\.=5, received -1 at index 1"),
    ],
)
def test_refused_labels(scores, labels, message):
    with pytest.raises(InvalidArgumentError, match=message) as error:
        scores.evaluate(rows(*[[0] * 6] * 3), labels)
    assert error.value.kind == "labels"


def test_no_inputs_have_no_accuracy(scores):
    with pytest.raises(InvalidArgumentError, match="at least one"):
        scores.evaluate(rows()[:0], np.zeros(0, int))


def test_classes_of_integers_are_those_of_their_inputs(scores):
    rng = np.random.default_rng(8)
    out = scores.get_layer("out")
    out.set_variable("threshold", rng.integers(-9, 9, 6, dtype=np.int32))
    out.set_variable("act_step", rng.uniform(0.3, 3, 6).astype(np.float32))
    inputs = rng.integers(0, 16, (200, 1, 1, 6), dtype=np.uint8)
    potentials = scores.forward(inputs)
    expected = scores.predict(inputs).reshape(200, 6).argmax(axis=1)
    assert np.any(expected != potentials.reshape(200, 6).argmax(axis=1))
    np.testing.assert_array_equal(scores.classes_of(potentials), expected)
    np.testing.assert_array_equal(scores.predict_classes(inputs), expected)
    np.testing.assert_array_equal(scores.classes_of(potentials, 2), expected // 3)
    leading = scores.classes_of(potentials.reshape(4, 50, 1, 1, 6))
    np.testing.assert_array_equal(leading, expected.reshape(4, 50))


def test_classes_of_akida2_are_those_of_the_dequantizer():
    model = Model(layers=[akida.InputData((1, 1, 3), input_bits=8), akida.Dequantizer(name="floats")])
    model.get_layer("floats").set_variable("scales", np.array([0.25, 1.0, 2.0], np.float32))
    inputs = np.random.default_rng(8).integers(-128, 128, (100, 1, 1, 3), dtype=np.int8)
    expected = model.predict(inputs).reshape(100, 3).argmax(axis=1)
    assert np.any(expected != inputs.reshape(100, 3).argmax(axis=1))
    np.testing.assert_array_equal(model.predict_classes(inputs), expected)
    np.testing.assert_array_equal(model.classes_of(model.forward(inputs)), expected)


def test_classes_of_other_arrays_are_refused(scores):
    with pytest.raises(ValueError, match="outputs must be of"):
        scores.classes_of(np.zeros((2, 1, 1, 5), np.int32))
    with pytest.raises(ValueError, match="outputs must be of dtype int32"):
        scores.classes_of(np.zeros((2, 1, 1, 6), np.float32))
    with pytest.raises(ValueError, match="divisor of 6"):
        scores.classes_of(np.zeros((2, 1, 1, 6), np.int32), 4)
    with pytest.raises(TypeError, match=r"must be a numpy.ndarray, received list; make it one with numpy.asarray"):
        scores.classes_of([1, 2])
