"""Samples that TensorFlow and Keras hold are read as arrays are."""

import numpy as np
import pytest

from cnn2snn._keras import keras, tf
from cnn2snn._samples import read_samples

X = np.random.default_rng(1).normal(size=(7, 4, 3, 1)).astype(np.float32)
Y = np.arange(7) % 3
LABELLED = tf.data.Dataset.from_tensor_slices((X, Y))
UNLABELLED = tf.data.Dataset.from_tensor_slices(X)


class Batches(getattr(keras.utils, "PyDataset", keras.utils.Sequence)):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[3 * index : 3 * index + 3], Y[3 * index : 3 * index + 3]


@pytest.mark.parametrize("source", [tf.constant(X), UNLABELLED, UNLABELLED.batch(3)])
def test_samples_without_labels_are_those_of_the_array(source):
    found = read_samples(source, (4, 3, 1))
    np.testing.assert_array_equal(found.inputs, X)
    assert found.labels is None


@pytest.mark.parametrize("source", [LABELLED, LABELLED.batch(3), iter(LABELLED.batch(4)), Batches()])
def test_labels_come_with_their_samples(source):
    found = read_samples(source, (4, 3, 1))
    np.testing.assert_array_equal(found.inputs, X)
    np.testing.assert_array_equal(found.labels, Y)


def test_a_data_set_that_repeats_itself_needs_an_end():
    with pytest.raises(ValueError, match=r"received a data set that repeats itself; take a part of it"):
        read_samples(LABELLED.repeat(), (4, 3, 1))
    np.testing.assert_array_equal(read_samples(LABELLED.batch(2).repeat(), (4, 3, 1), limit=5).inputs, X[:5])
