"""Keras models as small graphs: a model is read once, rewritten as a graph, and built once.

`graph` holds the layers, `read` makes a graph of a Keras model, `build` a Keras model of a graph; `roles` names the
weights of layers, `batchnorm` says what a batch normalization computes.
"""

from cnn2snn.graph.batchnorm import affine
from cnn2snn.graph.build import assign_weights, build, build_chain
from cnn2snn.graph.graph import Graph, Node
from cnn2snn.graph.read import read

__all__ = ["Graph", "Node", "affine", "assign_weights", "build", "build_chain", "read"]
