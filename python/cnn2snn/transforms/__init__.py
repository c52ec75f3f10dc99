"""Transforms of Keras models: each takes a model and returns a new one, and never changes its argument."""

from cnn2snn.transforms.fold_batchnorm import fold_batchnorm
from cnn2snn.transforms.invert_batchnorm_pooling import invert_batchnorm_pooling

__all__ = ["fold_batchnorm", "invert_batchnorm_pooling"]
