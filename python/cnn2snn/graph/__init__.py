"""Keras models as small graphs: a model is read once, rewritten as a graph, and built once.

`graph` holds the layers, `read` makes a graph of a Keras model, `build` a Keras model of a graph; `roles` names the
weights of layers, `batchnorm` says what a batch normalization computes, `activation` what a layer applies itself,
`windows` which zeros are added to a map, `values` which weights nothing can be computed with.
"""

from cnn2snn.graph.activation import FINAL_ACTIVATIONS, Applied, applied
from cnn2snn.graph.batchnorm import affine
from cnn2snn.graph.build import assign_weights, build, build_chain, make_layer
from cnn2snn.graph.graph import IDENTITIES, Graph, Node
from cnn2snn.graph.read import read
from cnn2snn.graph.values import check_values
from cnn2snn.graph.windows import Padding, has_border, same_padding_of, zeros_of

__all__ = [
    "FINAL_ACTIVATIONS",
    "IDENTITIES",
    "Applied",
    "Graph",
    "Node",
    "Padding",
    "affine",
    "applied",
    "assign_weights",
    "build",
    "build_chain",
    "check_values",
    "has_border",
    "make_layer",
    "read",
    "same_padding_of",
    "zeros_of",
]
