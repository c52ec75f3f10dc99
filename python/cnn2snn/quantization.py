"""Quantization of Keras models: float layers replaced by quantized ones."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from numbers import Integral
from pathlib import Path
from typing import Any

from cnn2snn import quantization_layers, quantization_ops
from cnn2snn._keras import keras
from cnn2snn._problems import Problems
from cnn2snn.bit_widths import Choice, choose, has_kernel, is_activation
from cnn2snn.conversion.input_rules import check_either
from cnn2snn.conversion.keras import read_blocks
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, InvalidTypeError, UnsupportedModelError
from cnn2snn.graph import FINAL_ACTIVATIONS, Graph, Node, affine, applied, build, read
from cnn2snn.quantization_activations import largest_of_discrete_relu
from cnn2snn.quantization_ops import MaxPerAxisQuantizer, MaxQuantizer, WeightQuantizer
from cnn2snn.transforms.equalize_branches import equalize_branches_graph
from cnn2snn.transforms.fold_batchnorm import fold_graph
from cnn2snn.transforms.invert_batchnorm_pooling import invert_graph
from cnn2snn.transforms.prepare import Changes, prepare_graph
from cnn2snn.transforms.prepare.late_normalization import why_not_folded

__all__ = ["quantize", "quantize_layer"]

# Widths by name or pattern of layers, or the path of a JSON file of them.
Config = Mapping[str, Mapping[str, int]] | str | Path
QuantizerFunction = Callable[[keras.layers.Layer, WeightQuantizer], WeightQuantizer]

# Widths that layers which stay in float are judged with.
_JUDGED_BITS = 4

# Quantized class of each float one.
_QUANTIZED = {
    "Conv2D": quantization_layers.QuantizedConv2D,
    "SeparableConv2D": quantization_layers.QuantizedSeparableConv2D,
    "DepthwiseConv2D": quantization_layers.QuantizedDepthwiseConv2D,
    "Dense": quantization_layers.QuantizedDense,
}

# Layers with weights, or with an activation, that have no quantized form, and what to use instead.
_NO_QUANTIZED_FORM = {
    "Conv1D": "use Conv2D on maps of height 1 and train again",
    "Conv3D": "use Conv2D and train again",
    "Conv2DTranspose": "Akida 1.0 has no transposed convolution: use Conv2D and train again",
    "SeparableConv1D": "use SeparableConv2D on maps of height 1 and train again",
    "LeakyReLU": "use ReLU and train again",
    "PReLU": "use ReLU and train again",
    "ELU": "use ReLU and train again",
    "LayerNormalization": "use BatchNormalization between the convolution and its activation, and train again",
    "GroupNormalization": "use BatchNormalization between the convolution and its activation, and train again",
    "Lambda": "use layers that Akida 1.0 has and train again, or compute it outside of the model",
}

# What to do about an argument that a quantized layer does not have.
_REMEDIES = {
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
    *,
    config: Config | None = None,
    return_changes: bool = False,
) -> keras.Model | tuple[keras.Model, Changes]:
    """Replaces the layers of a Keras model by quantized ones.

    `Conv2D`, `SeparableConv2D`, `DepthwiseConv2D` and `Dense` get quantized weights, `ReLU` becomes `QuantizedReLU`
    with the same `max_value` (2^bits - 1 where it has none). Layers that are quantized already get the new widths.
    Everything that computes the same on integers stays. Float branches whose `ReLU` layers differ in `max_value` and
    meet in a `Concatenate` are brought to one, as their quantized outputs need one step: the factor moves into the
    weights before and behind them. Model and layer names are kept.

    What `transforms.prepare` rewrites is rewritten here too, such as fused activations. Layers that training needs
    stay, such as `Dropout` and augmentation.

    A model whose structure or weights `cnn2snn.convert` always refuses is refused here, with all problems at once.
    Widths that cannot be converted are not, as they can still be changed.

    Args:
        model: a built Sequential or functional model; it is not changed.
        weight_quantization: bits of the weights, 2 to 8; 0 leaves float layers as they are.
        activ_quantization: bits of the activations, 1 to 24 (1, 2 and 4 can be converted); 0 leaves ReLUs as
            they are.
        input_weight_quantization: bits of the weights of the first layer with weights; `weight_quantization` by
            default.
        fold_BN: whether poolings followed by a batch normalization are moved behind it, normalizations
            folded into the layer before them or, behind an activation, into the layers after them, and scales per
            channel of a `Rescaling` into the layer after it, first.
        quantizer_function: called as ``quantizer_function(layer, default_quantizer)`` for each layer with weights;
            gives the quantizer to use. For a separable layer it is called for the pointwise, then for the depthwise
            kernel. By default kernels get a `MaxPerAxisQuantizer`, depthwise kernels a `MaxQuantizer`, and kernels that
            are quantized already their own quantizer with the new width.
        config: widths of single layers, which prevail over the other arguments: a dictionary, or the path of a JSON
            file. Its keys are names of layers, or patterns of them such as ``"sep*"``. Its values are dictionaries
            with the bits of "weights", of "depthwise_weights" (of a separable layer; those of "weights" by default)
            and of "activations" (of the activation that has this name, or that follows a layer of this name). Where
            several fit, a name prevails over patterns, and a later pattern over an earlier one. With a configuration
            layers that are quantized already keep their widths where no argument gives another. `bits` gives the
            configuration of a quantized model.
        return_changes: whether to return what was rewritten as well; see `transforms.prepare`.

    Returns:
        A new model of the same kind, or (model, changes).

    Raises:
        InvalidArgumentError: a width that is not possible, 0 for a layer that is quantized already, or a configuration
            that means no layer of the model.
        UnsupportedModelError: a layer with weights or an activation that would stay in float, or lose an argument; a
            structure that `cnn2snn.convert` always refuses; weights that are not finite. The message has a line for
            each problem.

    Example:
        >>> quantized = cnn2snn.quantize(model, weight_quantization=4, activ_quantization=4,
        ...                              input_weight_quantization=8)  # doctest: +SKIP
        >>> mixed = cnn2snn.quantize(model, 4, 4, config={"conv_1": {"weights": 8},
        ...                                               "sep*": {"weights": 2}})  # doctest: +SKIP
    """
    if input_weight_quantization is None:
        input_weight_quantization = weight_quantization
    if quantizer_function is not None and not callable(quantizer_function):
        raise InvalidTypeError(
            f"quantizer_function must be a function of a layer and a quantizer, received {quantizer_function!r}",
            kind="quantizer_function",
            expected="a function",
            received=quantizer_function,
        )
    problems = Problems(collect=True)
    graph = read(model, problems)
    widths = (weight_quantization, activ_quantization, input_weight_quantization)
    changes = ready_graph(graph, *widths, quantizer_function, problems, fold_BN=fold_BN, config=config)
    for error in problems.found:
        if not isinstance(error, UnsupportedModelError):
            raise error
    if any(widths) or config is not None:
        _check_convertible(graph, widths, problems)
    problems.sort(graph.nodes)
    problems.settle(None)
    quantized = build(graph)
    return (quantized, changes) if return_changes else quantized


def ready_graph(
    graph: Graph,
    weight_quantization: int,
    activ_quantization: int,
    input_weight_quantization: int,
    function: QuantizerFunction | None,
    problems: Problems,
    *,
    fold_BN: bool = True,
    config: Config | None = None,
) -> Changes:
    """Prepares a graph, folds normalizations and replaces layers by quantized ones; arguments as for `quantize`.

    Returns:
        What was rewritten before layers were replaced.
    """
    changes = prepare_graph(graph, for_training=True, fold=fold_BN)
    if fold_BN:
        invert_graph(graph, problems)
        fold_graph(graph, problems=problems)
        if weight_quantization or activ_quantization or config is not None:
            _refuse_normalizations(graph, problems)
    widths = (weight_quantization, activ_quantization, input_weight_quantization)
    quantize_graph(graph, *widths, function, problems, choose(graph, config))
    return changes


def _check_convertible(graph: Graph, widths: tuple[int, int, int], problems: Problems) -> None:
    """Refuses what conversion refuses whatever its arguments are."""
    judged = graph.copy()
    floats = (
        node for node in graph if node.is_exactly("ReLU") or (has_kernel(node) and "quantizer" not in node.config)
    )
    if any(floats):
        # What stays in float on purpose is judged as if it were quantized too.
        quantize_graph(judged, *(width or _JUDGED_BITS for width in widths), None, problems)
    check_either(read_blocks(judged, problems), problems)


def quantize_graph(
    graph: Graph,
    weight_quantization: int,
    activ_quantization: int,
    input_weight_quantization: int,
    function: QuantizerFunction | None,
    problems: Problems,
    choice: Choice | None = None,
) -> None:
    """Replaces the layers of a graph by quantized ones; arguments as for `quantize`, which says what is refused.

    Where `problems` collects errors, an argument that is refused is left out, and a layer that is refused stays.
    """
    choice = choice or Choice()
    usable = {name: width for name, width in choice.activations.items() if _is_width(width)}
    if _is_width(activ_quantization) or usable:
        equalize_branches_graph(graph, lambda name: 2.0 ** usable.get(name, activ_quantization) - 1)
    first = True
    for node in graph:
        with problems.catch():
            if has_kernel(node):
                default = input_weight_quantization if first else weight_quantization
                first = False
                bits = choice.weights.get(node.name, default)
                depthwise = choice.depthwise_weights.get(node.name, bits)
                if choice.active and "quantizer" in node.config:
                    present = node.config["quantizer"]
                    bits = bits or present.bitwidth
                    depthwise = depthwise or node.config.get("quantizer_dw", present).bitwidth
                _quantize_weights(node, bits, depthwise, function, problems)
            elif is_activation(node):
                bits = choice.activations.get(node.name, activ_quantization)
                if bits or not (choice.active and node.is_a("QuantizedActivation")):
                    _quantize_activation(node, bits, problems)
            elif weight_quantization or activ_quantization or choice.active:
                _refuse_float(node)


def _is_width(bits: Any) -> bool:
    return isinstance(bits, Integral) and 1 <= bits <= 24


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
    if has_kernel(node):
        _quantize_weights(node, bitwidth, bitwidth, quantizer_function, Problems())
    elif node.is_a("QuantizedActivation"):
        node.config, node.layer = {**node.config, "bitwidth": bitwidth}, None
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


def _quantize_weights(
    node: Node, bits: int, depthwise: int, function: QuantizerFunction | None, problems: Problems
) -> None:
    """Quantizes the kernel of a layer, or changes its width; `depthwise` is the one of a separable layer's second."""
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
        for key, width in (("quantizer", bits), ("quantizer_dw", depthwise)):
            if key in node.config:
                old = node.config[key]
                new = _of_layer(node, functools.partial(quantization_ops.copied, old), width)
                node.config[key] = _chosen(node, new, function)
        return
    if bits == 0 and depthwise == 0:
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
                    remedy=_REMEDIES.get(name) or _remedy_of_activation(node),
                )
            )
    config.pop("quantization_config", None)
    default = MaxQuantizer if node.is_exactly("DepthwiseConv2D") else MaxPerAxisQuantizer
    config["quantizer"] = _chosen(node, _of_layer(node, default, bits), function)
    if node.is_exactly("SeparableConv2D"):
        config["quantizer_dw"] = _chosen(node, _of_layer(node, MaxQuantizer, depthwise), function)
    node.cls, node.config = cls, config


def _remedy_of_activation(node: Node) -> str:
    """What to do about an activation that a layer with weights applies itself."""
    name = applied(node).name
    split = "split it off with cnn2snn.transforms.prepare"
    if name in ("relu", "relu6"):
        return split
    if name in FINAL_ACTIVATIONS:
        return f'where it comes last {split}, elsewhere use "relu" and train again'
    return 'use "relu" and train again'


def _chosen(node: Node, default: WeightQuantizer, function: QuantizerFunction | None) -> WeightQuantizer:
    if function is None:
        return default
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
        node.config, node.layer = {**node.config, "bitwidth": bits}, None


def _replace_activation(node: Node, bits: int, max_value: float | None) -> None:
    node.cls, node.layer = quantization_layers.QuantizedReLU, None
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
        activation = applied(node).name
        if activation in FINAL_ACTIVATIONS:
            return None
        if activation in ("relu", "relu6"):
            return "make a ReLU layer of it with cnn2snn.transforms.prepare"
        return "use ReLU and train again"
    if remedy is None and (node.is_a("ReLU") or node.weights) and not node.is_a("BatchNormalization", "Normalization"):
        return "remove it, or use Conv2D, SeparableConv2D, DepthwiseConv2D, Dense or ReLU themselves, and train again"
    return remedy


def _refuse_float(node: Node) -> None:
    """Refuses layers that would stay in float although a quantized model is asked for."""
    remedy = _remedy_of_float(node)
    if remedy is not None:
        received = f"Activation({applied(node).name})" if node.is_exactly("Activation") else node.cls.__name__
        article = "an" if received[0] in "AEIOU" else "a"
        raise UnsupportedModelError(
            f'layer "{node.name}": {article} {received} cannot be quantized and would stay in float',
            layer=node.name,
            kind="layer",
            received=received,
            remedy=remedy,
        )


def _refuse_normalizations(graph: Graph, problems: Problems) -> None:
    """Refuses normalizations that were folded neither backwards nor forwards."""
    for node in graph:
        # One that would change integer weights has been refused with these.
        refused = problems.has(node.name) or any(problems.has(name, "quantizer") for name in node.inbounds)
        if not node.is_a("BatchNormalization") or refused:
            continue
        with problems.catch():
            affine(node)  # refuses one whose numbers have no use
            reason, remedy = why_not_folded(graph, node) or (
                f'it follows "{node.inbounds[0]}"',
                "put it directly behind a convolution",
            )
            raise UnsupportedModelError(
                f'layer "{node.name}": it cannot be folded, as {reason}',
                layer=node.name,
                kind="batch_normalization",
                received=node.inbounds[0],
                remedy=remedy,
            )
