"""QuantizeML models: read without TensorFlow, Keras or quantizeml, and brought to integers.

`network` is the neutral form, `h5_file` and `keras_model` read into it. `classes` and `layer` check what a model holds,
`shapes`, `blocks` and `patterns` say what becomes one layer of Akida, `integers` computes what it holds.
"""

from cnn2snn.conversion.quantizeml.h5_file import is_quantizeml_h5, read_h5
from cnn2snn.conversion.quantizeml.keras_model import is_quantizeml_model, read_keras_model
from cnn2snn.conversion.quantizeml.network import Network, Node

__all__ = ["Network", "Node", "is_quantizeml_h5", "is_quantizeml_model", "read_h5", "read_keras_model"]
