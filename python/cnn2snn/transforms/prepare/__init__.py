"""`prepare`: ordinary Keras models rewritten into what `quantize` and `convert` take, with equal outputs.

Each file has one rule, or those of one kind. `changes` says what was done.
"""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.graph import Graph, build, read
from cnn2snn.transforms.prepare.activations import split_activations, unify_activations
from cnn2snn.transforms.prepare.changes import Change, Changes
from cnn2snn.transforms.prepare.depthwise_bias import move_depthwise_biases
from cnn2snn.transforms.prepare.input_scaling import fold_channels, merge_input_scaling
from cnn2snn.transforms.prepare.late_normalization import fold_late_normalizations
from cnn2snn.transforms.prepare.training_layers import drop_resizing, drop_training_layers, move_training_layers
from cnn2snn.transforms.prepare.zero_padding import fold_zero_padding

__all__ = ["Change", "Changes", "prepare", "prepare_graph"]


def prepare(model: keras.Model, *, return_changes: bool = False) -> keras.Model | tuple[keras.Model, Changes]:
    """Rewrites an ordinary float model into what `cnn2snn.quantize` takes, wherever that is the same network.

    - The activation of a layer with weights becomes a layer of its own. `Activation("relu")` and `relu6` become `ReLU`.
    - Layers that compute nothing at inference (`Dropout`, `RandomFlip`, `GaussianNoise`, `Identity`, …) are left out,
      and resizings to the size that is there.
    - `ZeroPadding2D` becomes padding "same" of the layer behind it, where its zeros are the same.
    - `Normalization`, `Rescaling` and `BatchNormalization` at the input become one `Rescaling`; numbers per channel
      move into the weights behind it where nothing is padded.
    - `BatchNormalization` behind an activation is folded into the layers that read it.
    - The bias of a depthwise convolution moves into the pointwise one behind it.

    Outputs at inference stay equal up to float32 rounding. What no rule can rewrite stays, and `quantize` says why it
    refuses it. `quantize` does all this by itself, but leaves layers in place that training needs: give it the model
    itself to train with its `Dropout` and augmentation.

    Args:
        model: a built Sequential or functional model; it is not changed.
        return_changes: whether to return what was done as well.

    Returns:
        A new model of the same kind and name, or (model, changes).

    Raises:
        UnsupportedModelError: (RuntimeError) as `quantize` for models that cannot be read: not built, with several
            inputs or outputs, with layers that are used twice.

    Example:
        >>> prepared, changes = cnn2snn.transforms.prepare(model, return_changes=True)  # doctest: +SKIP
        >>> print(changes)  # doctest: +SKIP
        layer "conv": its activation relu became the layer "conv_relu"
    """
    graph = read(model)
    changes = prepare_graph(graph)
    prepared = build(graph)
    return (prepared, changes) if return_changes else prepared


def prepare_graph(graph: Graph, *, for_training: bool = False, fold: bool = True) -> Changes:
    """`prepare` on a graph, in place.

    Args:
        graph: the graph.
        for_training: whether layers that training needs stay.
        fold: whether normalizations and scales are folded into other layers.

    Returns:
        What was done.
    """
    changes = Changes()
    split_activations(graph, changes)
    unify_activations(graph, changes)
    drop_resizing(graph, changes)
    if not for_training:
        drop_training_layers(graph, changes)
    fold_zero_padding(graph, changes)
    if fold:
        move_training_layers(graph, changes)
        merge_input_scaling(graph, changes)
        fold_late_normalizations(graph, changes)
        fold_channels(graph, changes)
    move_depthwise_biases(graph, changes)
    return changes
