"""Transforms of Keras models: each takes a model and returns a new one, and never changes its argument.

`normalize_separable_layer` alone changes the layer that it is given; `weights_homogeneity` measures.
"""

from cnn2snn.transforms.cross_layer_scaling import cross_layer_scaling
from cnn2snn.transforms.fold_batchnorm import fold_batchnorm
from cnn2snn.transforms.fold_rescaling import fold_rescaling
from cnn2snn.transforms.invert_batchnorm_pooling import invert_batchnorm_pooling
from cnn2snn.transforms.normalize_separable import normalize_separable_layer, normalize_separable_model
from cnn2snn.transforms.prepare import prepare
from cnn2snn.transforms.reshape import reshape
from cnn2snn.transforms.sequentialize import sequentialize
from cnn2snn.transforms.snap_to_chip import SnapLayer, SnapReport, SnapToChip, snap_to_chip
from cnn2snn.transforms.syncretize import syncretize
from cnn2snn.transforms.weights_homogeneity import weights_homogeneity

__all__ = [
    "SnapLayer",
    "SnapReport",
    "SnapToChip",
    "cross_layer_scaling",
    "fold_batchnorm",
    "fold_rescaling",
    "invert_batchnorm_pooling",
    "normalize_separable_layer",
    "normalize_separable_model",
    "prepare",
    "reshape",
    "sequentialize",
    "snap_to_chip",
    "syncretize",
    "weights_homogeneity",
]
