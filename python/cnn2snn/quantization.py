"""Quantization of Keras models: float layers replaced by quantized ones."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

from cnn2snn import quantization_layers, quantization_ops
from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, InvalidTypeError, UnsupportedModelError
from cnn2snn.graph import Graph, Node, build, read
from cnn2snn.quantization_activations import largest_of_discrete_relu
from cnn2snn.quantization_ops import MaxPerAxisQuantizer, MaxQuantizer, WeightQuantizer
from cnn2snn.transforms.equalize_branches import equalize_branches_graph
from cnn2snn.transforms.fold_batchnorm import fold_graph
from cnn2snn.transforms.fold_rescaling import fold_rescaling_graph
from cnn2snn.transforms.invert_batchnorm_pooling import invert_graph

__all__ = ["quantize", "quantize_layer"]

QuantizerFunction = Callable[[keras.layers.Layer, WeightQuantizer], WeightQuantizer]

# Quantized class of each float one.
_QUANTIZED = {
    "Conv2D": quantization_layers.QuantizedConv2D,
    "SeparableConv2D": quantization_layers.QuantizedSeparableConv2D,
    "DepthwiseConv2D": quantization_layers.QuantizedDepthwiseConv2D,
    "Dense": quantization_layers.QuantizedDense,
}

# Layers with weights, or with an activation, that have no quantized form, and what to use instead.
_NO_QUANTIZED_FORM = {
    "Conv1D": "use Conv2D on inputs of height 1",
    "Conv3D": "use Conv2D",
    "Conv2DTranspose": "Akida 1.0 has no transposed convolution",
    "SeparableConv1D": "use SeparableConv2D on inputs of height 1",
    "LeakyReLU": "use ReLU",
    "PReLU": "use ReLU",
    "ELU": "use ReLU",
    "Lambda": "compute it outside of the model, or use layers that Akida has",
}

# What to do about an argument that a quantized layer does not have.
_REMEDIES = {
    "activation": "put the activation into a layer of its own",
    "depth_multiplier": "use 1 and train again",
    "dilation_rate": "use 1 and train again, with a larger kernel or stride for a larger field",
    "groups": "use 1, or SeparableConv2D, and train again",
}


def quantize(
    model: keras.Model,
    weight_quantization: int = 0,
    activ_quantization: int = 0,
    input_weight_quantization: int | None = None,
    fold_BN: bool = True,
    quantizer_function: QuantizerFunction | None = None,
) -> keras.Model:
    """Replaces the layers of a Keras model by quantized ones.

    `Conv2D`, `SeparableConv2D`, `DepthwiseConv2D` and `Dense` get quantized weights, `ReLU` becomes `QuantizedReLU`
    with the same `max_value` (2^bits - 1 where it has none). Layers that are quantized already get the new widths.
    Everything that computes the same on integers stays. Float branches whose `ReLU` layers differ in `max_value` and
    meet in a `Concatenate` are brought to one, as their quantized outputs need one step: the factor moves into the
    weights before and behind them. Model and layer names are kept.

    Args:
        model: a built Sequential or functional model; it is not changed.
        weight_quantization: bits of the weights, 2 to 8; 0 leaves float layers as they are.
        activ_quantization: bits of the activations, 1 to 24 (1, 2 and 4 can be converted); 0 leaves ReLUs as
            they are.
        input_weight_quantization: bits of the weights of the first layer with weights; `weight_quantization` by
            default.
        fold_BN: whether poolings followed by a batch normalization are moved behind it, normalizations
            folded into the layer before them, and scales per channel of a `Rescaling` into the layer after it, first.
        quantizer_function: called as ``quantizer_function(layer, default_quantizer)`` for each layer with weights;
            gives the quantizer to use. For a separable layer it is called for the pointwise, then for the depthwise
            kernel. By default kernels get a `MaxPerAxisQuantizer`, depthwise kernels a `MaxQuantizer`, and kernels that
            are quantized already their own quantizer with the new width.

    Returns:
        A new model of the same kind.

    Raises:
        InvalidArgumentError: a width that is not possible, or 0 for a layer that is quantized already.
        UnsupportedModelError: a layer with weights or an activation that would stay in float, or lose an argument; with
            `fold_BN` also a normalization that cannot be folded.

    Example:
        >>> quantized = cnn2snn.quantize(model, weight_quantization=4, activ_quantization=4,
        ...                              input_weight_quantization=8)  # doctest: +SKIP
    """
    if input_weight_quantization is None:
        input_weight_quantization = weight_quantization
    graph = read(model)
    if fold_BN:
        invert_graph(graph)
        fold_graph(graph)
        fold_rescaling_graph(graph)
    quantize_graph(
        graph, weight_quantization, activ_quantization, input_weight_quantization, quantizer_function, Problems()
    )
    if fold_BN and (weight_quantization or activ_quantization):
        _refuse_normalizations(graph)
    return build(graph)


def quantize_graph(
    graph: Graph,
    weight_quantization: int,
    activ_quantization: int,
    input_weight_quantization: int,
    function: QuantizerFunction | None,
    problems: Problems,
) -> None:
    """Replaces the layers of a graph by quantized ones; arguments as for `quantize`, which says what is refused.

    Where `problems` collects errors, an argument that is refused is left out, and a layer that is refused stays.
    """
    if isinstance(activ_quantization, Integral) and 1 <= activ_quantization <= 24:
        equalize_branches_graph(graph, 2.0**activ_quantization - 1)
    first = True
    for node in graph:
        with problems.catch():
            if _has_kernel(node):
                bits = input_weight_quantization if first else weight_quantization
                first = False
                _quantize_weights(node, bits, function, problems)
            elif is_activation(node):
                _quantize_activation(node, activ_quantization, problems)
            elif weight_quantization or activ_quantization:
                _refuse_float(node)


def quantize_layer(
    model: keras.Model,
    target_layer: int | str | keras.layers.Layer,
    bitwidth: int,
    quantizer_function: QuantizerFunction | None = None,
) -> keras.Model:
    """Replaces one layer of a Keras model by a quantized one, or changes its width.

    A `ReLU` becomes an `ActivationDiscreteRelu`, whose largest output is 6, or 2^bitwidth - 1 where that is smaller.
    One with another `max_value` becomes a `QuantizedReLU`, which keeps it.

    Args:
        model: a built Sequential or functional model; it is not changed.
        target_layer: the layer, its name or its index in ``model.layers``.
        bitwidth: bits of its weights (2 to 8) or of its activation (1 to 24).
        quantizer_function: as for `quantize`.

    Returns:
        A new model of the same kind; nothing is folded.

    Raises:
        InvalidArgumentError: no such layer, one that has nothing to quantize, or a width that is not possible.
        UnsupportedModelError: the layer would lose an argument.
    """
    if isinstance(bitwidth, bool) or not isinstance(bitwidth, Integral) or bitwidth <= 0:
        raise InvalidArgumentError(
            f"bitwidth must be an integer greater than zero, received {bitwidth!r}",
            kind="bitwidth",
            expected="greater than zero",
            received=bitwidth,
        )
    graph = read(model)
    node = _target(graph, model, target_layer)
    if _has_kernel(node):
        _quantize_weights(node, bitwidth, quantizer_function, Problems())
    elif node.is_a("QuantizedActivation"):
        node.config = {**node.config, "bitwidth": bitwidth}
    elif is_activation(node):
        _quantize_activation(node, bitwidth, Problems())
        if node.config["max_value"] in (None, largest_of_discrete_relu(bitwidth)):
            node.cls = quantization_layers.ActivationDiscreteRelu
            del node.config["max_value"]
    else:
        raise InvalidArgumentError(
            f'layer "{node.name}": a {node.cls.__name__} has nothing to quantize',
            layer=node.name,
            kind="layer",
            received=node.cls.__name__,
            remedy=_remedy_of_float(node) or "name a convolution, a Dense or a ReLU",
        )
    return build(graph)


def _target(graph: Graph, model: keras.Model, target: int | str | keras.layers.Layer) -> Node:
    layers = model.layers
    if isinstance(target, Integral) and not isinstance(target, bool):
        if not -len(layers) <= target < len(layers):
            raise InvalidArgumentError(
                f"target_layer must be in {-len(layers)}..{len(layers) - 1}, received {target}",
                kind="target_layer",
                received=target,
            )
        target = layers[target]
    for node in graph:
        if node.name == target or (node.layer is not None and node.layer is target):
            return node
    raise InvalidArgumentError(
        f"target_layer must be a layer of the model, its name or its index, received {target!r}",
        kind="target_layer",
        received=target,
        remedy=f"the layers are {', '.join(graph.nodes)}",
    )


def _has_kernel(node: Node) -> bool:
    """Whether a layer has weights that can be quantized, or are."""
    return node.is_neural or node.is_exactly("DepthwiseConv2D", "QuantizedDepthwiseConv2D")


def is_activation(node: Node) -> bool:
    """Whether a layer is an activation that can be quantized, or is quantized."""
    return node.is_exactly("ReLU") or node.is_a("QuantizedActivation")


def _quantize_weights(node: Node, bits: int, function: QuantizerFunction | None, problems: Problems) -> None:
    if "quantizer" in node.config:
        if bits == 0:
            raise InvalidArgumentError(
                f'layer "{node.name}" is quantized already',
                layer=node.name,
                kind="bitwidth",
                expected="2 to 8",
                received=0,
                remedy="its width must be 2..8, received 0",
            )
        for key in ("quantizer", "quantizer_dw"):
            if key in node.config:
                old = node.config[key]
                new = _of_layer(node, lambda width, old=old: quantization_ops.copied(old, width), bits)
                node.config[key] = _chosen(node, new, function)
        return
    if bits == 0:
        return
    cls = _QUANTIZED[node.cls.__name__]
    config = dict(node.config)
    for name, value in cls.unsupported_args.items():
        received = config.pop(name, value)
        received = tuple(received) if isinstance(received, (list, tuple)) else received
        if received != value:
            problems.add(
                UnsupportedModelError(
                    f'layer "{node.name}": {name} must be {value!r}, received {received!r}',
                    layer=node.name,
                    kind=name,
                    expected=value,
                    received=received,
                    remedy=_REMEDIES[name],
                )
            )
    config.pop("quantization_config", None)
    default = MaxQuantizer if node.is_exactly("DepthwiseConv2D") else MaxPerAxisQuantizer
    config["quantizer"] = _chosen(node, _of_layer(node, default, bits), function)
    if node.is_exactly("SeparableConv2D"):
        config["quantizer_dw"] = _chosen(node, _of_layer(node, MaxQuantizer, bits), function)
    node.cls, node.config = cls, config


def _chosen(node: Node, default: WeightQuantizer, function: QuantizerFunction | None) -> WeightQuantizer:
    if function is None:
        return default
    if not callable(function):
        raise InvalidTypeError(
            f"quantizer_function must be a function of a layer and a quantizer, received {function!r}",
            kind="quantizer_function",
            expected="a function",
            received=function,
        )
    chosen = function(node.layer, default)
    if chosen is None:
        raise InvalidArgumentError(
            f'layer "{node.name}": quantizer_function must return a quantizer, received None',
            layer=node.name,
            kind="quantizer_function",
        )
    return _of_layer(node, quantization_ops.get, chosen)


def _of_layer(node: Node, make: Callable[[Any], WeightQuantizer], argument: Any) -> WeightQuantizer:
    """What `make` gives for `argument`; its errors get the layer's name."""
    try:
        return make(argument)
    except Cnn2SnnError as error:
        raise type(error)(
            f'layer "{node.name}": {error}',
            layer=node.name,
            kind=error.kind,
            expected=error.expected,
            received=error.received,
        ) from None


def _quantize_activation(node: Node, bits: int, problems: Problems) -> None:
    if node.is_exactly("ReLU"):
        if bits == 0:
            return
        for argument in ("threshold", "negative_slope"):
            _check_zero(node, argument, problems)
        max_value = node.config.get("max_value")
        _replace_activation(node, bits, None if max_value is None else float(max_value))
        return
    if bits == 0:
        raise InvalidArgumentError(
            f'layer "{node.name}" is quantized already',
            layer=node.name,
            kind="bitwidth",
            expected="at least 1",
            received=0,
            remedy="its width must be at least 1, received 0",
        )
    if node.is_exactly("ActivationDiscreteRelu"):
        # Its largest output depends on its width; the replacement keeps it.
        _replace_activation(node, bits, largest_of_discrete_relu(node.config["bitwidth"]))
    else:
        node.config = {**node.config, "bitwidth": bits}


def _replace_activation(node: Node, bits: int, max_value: float | None) -> None:
    node.cls = quantization_layers.QuantizedReLU
    kept = {key: node.config[key] for key in ("name", "trainable", "dtype") if key in node.config}
    node.config = {**kept, "bitwidth": bits, "max_value": max_value}


def _check_zero(node: Node, name: str, problems: Problems) -> None:
    received = node.config.get(name) or 0.0
    if float(received) != 0:
        problems.add(
            UnsupportedModelError(
                f'layer "{node.name}": {name} must be 0, received {received}',
                layer=node.name,
                kind=name,
                expected=0,
                received=received,
                remedy="use a plain ReLU and train again",
            )
        )


def _remedy_of_float(node: Node) -> str | None:
    """What to use in place of a layer that would stay in float; None for one that may."""
    remedy = _NO_QUANTIZED_FORM.get(node.cls.__name__)
    if node.is_exactly("Activation"):
        # It comes last and changes no class; conversion holds it to that.
        if node.is_increasing:
            return None
        remedy = "use a ReLU layer"
    elif remedy is None and (node.is_a("ReLU") or node.weights) and not node.is_a("BatchNormalization"):
        remedy = "quantization knows Conv2D, SeparableConv2D, DepthwiseConv2D, Dense and ReLU themselves"
    return remedy


def _refuse_float(node: Node) -> None:
    """Refuses layers that would stay in float although a quantized model is asked for."""
    remedy = _remedy_of_float(node)
    if remedy is not None:
        raise UnsupportedModelError(
            f'layer "{node.name}": a {node.cls.__name__} cannot be quantized and would stay in float',
            layer=node.name,
            kind="layer",
            received=node.cls.__name__,
            remedy=remedy,
        )


def _refuse_normalizations(graph: Graph) -> None:
    """Refuses normalizations that were not folded."""
    for node in graph:
        if node.is_a("BatchNormalization"):
            raise UnsupportedModelError(
                f'layer "{node.name}": it follows "{node.inbounds[0]}", into which it cannot be folded',
                layer=node.name,
                kind="batch_normalization",
                received=node.inbounds[0],
                remedy=(
                    "put it directly after a Conv2D, SeparableConv2D or Dense or its pooling, or keep it in float "
                    "with fold_BN=False"
                ),
            )
