"""Keras models as small graphs: the only module that walks Keras topology.

A model is read once, rewritten as a graph, and built once.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnn2snn._keras import DEPTHWISE_KERNEL, LEGACY, is_of_other_generation, keras
from cnn2snn._problems import Problems
from cnn2snn.errors import Cnn2SnnError, InvalidArgumentError, InvalidTypeError, UnsupportedModelError

__all__ = ["Graph", "Node", "assign_weights", "build", "build_chain", "read"]

# Layers that compute nothing at inference.
_IDENTITIES = (
    "Dropout",
    "SpatialDropout2D",
    "GaussianDropout",
    "GaussianNoise",
    "AlphaDropout",
    "ActivityRegularization",
)

# The layers that Keras 2 makes of operations.
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")

# Weights that transforms and conversion use, by layer class; in the order of Keras.
_ROLES = {
    "DepthwiseConv2D": ("depthwise_kernel", "bias"),
    "SeparableConv2D": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "Conv2D": ("kernel", "bias"),
    "Dense": ("kernel", "bias"),
    "BatchNormalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}


@dataclass
class Node:
    """One layer.

    Attributes:
        name: the layer's name.
        cls: its class.
        config: its configuration.
        weights: its weights by role ("kernel", "bias", "gamma", …), or by position for other layers.
        inbounds: the names of the layers that it reads.
        output_shape: the shape of its output, without the batch.
        layer: the layer itself; None once it was replaced.
        call: arguments that it is called with beside its inputs.
    """

    name: str
    cls: type
    config: dict[str, Any]
    weights: dict[str, np.ndarray]
    inbounds: list[str]
    output_shape: tuple[int | None, ...]
    layer: keras.layers.Layer | None
    call: dict[str, Any] = field(default_factory=dict)

    def is_a(self, *class_names: str) -> bool:
        """Whether the class, or one that it derives from, has one of these names.

        Names are compared, not classes, so that layers of all Keras generations are recognised.
        """
        return any(base.__name__ in class_names for base in self.cls.__mro__)

    def is_exactly(self, *class_names: str) -> bool:
        """Whether the class has one of these names."""
        return self.cls.__name__ in class_names

    @property
    def is_neural(self) -> bool:
        """Whether this is a layer with weights that can be quantized."""
        return self.is_exactly(
            "Conv2D",
            "SeparableConv2D",
            "Dense",
            "QuantizedConv2D",
            "QuantizedSeparableConv2D",
            "QuantizedDense",
        )

    @property
    def fused_activation(self) -> str:
        """The name of the activation that a layer with weights applies itself."""
        activation = self.config.get("activation") or "linear"
        return activation if isinstance(activation, str) else str(activation.get("config", activation))

    @property
    def is_identity(self) -> bool:
        """Whether this layer computes nothing at inference."""
        return self.is_a(*_IDENTITIES)

    @property
    def is_max_pooling(self) -> bool:
        """Whether this is a two-dimensional max pooling."""
        return self.is_a("MaxPooling2D")

    @property
    def is_global_average(self) -> bool:
        """Whether this is a two-dimensional global average pooling."""
        return self.is_a("GlobalAveragePooling2D")


@dataclass
class Graph:
    """The layers of a model, in an order in which each comes after those it reads.

    Attributes:
        name: the name of the model.
        sequential: whether it is a Sequential model.
        nodes: the layers by name.
        output: the name of the layer that gives the model's output.
        problems: receives what reading refuses; the first error is raised unless it collects them.
        joined: the layers that became part of another one, with their classes and its name.
    """

    name: str
    sequential: bool
    nodes: dict[str, Node] = field(default_factory=dict)
    output: str = ""
    problems: Problems = field(default_factory=Problems)
    joined: dict[str, tuple[type, str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Node]:
        return iter(list(self.nodes.values()))

    @property
    def input(self) -> Node:
        """The input layer."""
        return next(iter(self.nodes.values()))

    @property
    def is_chain(self) -> bool:
        """Whether each layer reads the one before it."""
        names = list(self.nodes)
        return all(self.nodes[name].inbounds == [before] for before, name in itertools.pairwise(names))

    def consumers(self, name: str) -> list[Node]:
        """The layers that read layer `name`."""
        return [node for node in self.nodes.values() if name in node.inbounds]

    def only_consumer(self, name: str) -> Node | None:
        """The layer that reads `name`, when exactly one does and it reads nothing else."""
        consumers = self.consumers(name)
        if len(consumers) == 1 and consumers[0].inbounds == [name]:
            return consumers[0]
        return None

    def remove(self, name: str) -> None:
        """Takes out a layer with one input; those that read it read its input."""
        node = self.nodes.pop(name)
        (source,) = node.inbounds
        for consumer in self.nodes.values():
            consumer.inbounds = [source if n == name else n for n in consumer.inbounds]
        if self.output == name:
            self.output = source

    def swap(self, first: Node, second: Node) -> None:
        """Exchanges two neighbours, `second` the only reader of `first`."""
        (source,) = first.inbounds
        for consumer in self.nodes.values():
            consumer.inbounds = [first.name if n == second.name else n for n in consumer.inbounds]
        second.inbounds = [source]
        first.inbounds = [second.name]
        if self.output == second.name:
            self.output = first.name
        order = list(self.nodes)
        i, j = order.index(first.name), order.index(second.name)
        order[i], order[j] = order[j], order[i]
        self.nodes = {name: self.nodes[name] for name in order}


def read(model: keras.Model, problems: Problems | None = None) -> Graph:
    """The graph of a Keras model.

    Args:
        model: a built Sequential or functional model with one input and one output. The layers of models in it
            are taken as its own.
        problems: receives what is wrong with single layers; by default the first error is raised.

    Raises:
        InvalidTypeError: not a Keras model.
        UnsupportedModelError: a model is not built or has several inputs or outputs, a layer is used more than once,
            is called with other arguments than ``training=False``, shares its name with another or computes in
            another type than float32 or float64, or an operation is not a layer.
    """
    if is_of_other_generation(model):
        raise InvalidTypeError(
            f"the model was built with {'Keras 3' if LEGACY else 'Keras 2 (tf_keras)'}, but "
            f"{'Keras 2' if LEGACY else 'Keras 3'} is in use here; {'unset' if LEGACY else 'set'} the environment "
            f"variable TF_USE_LEGACY_KERAS{'' if LEGACY else '=1'} before TensorFlow is imported, or build the model "
            f"with {keras.__name__}",
            kind="model",
            expected=keras.__name__,
            received=type(model).__module__.partition(".")[0],
        )
    if not isinstance(model, keras.Model):
        raise InvalidTypeError(
            f"a Keras model is needed, received {type(model).__name__}; load a file with cnn2snn.load_quantized_model",
            kind="model",
            expected="a Keras model",
            received=type(model).__name__,
        )
    graph = Graph(model.name, sequential=False, problems=problems or Problems())
    graph.output = _take_model(graph, model, None, {})
    graph.sequential = isinstance(model, keras.Sequential) and graph.is_chain and not any(node.call for node in graph)
    return graph


def _take_model(graph: Graph, model: keras.Model, source: str | None, call: dict[str, Any]) -> str:
    """Adds the layers of a model; the name of its output.

    A nested model has `source` for its input, and its layers get the arguments `call` that it is called with.
    """
    if not getattr(model, "inputs", None):
        raise UnsupportedModelError(
            f'model "{model.name}" has no graph of layers: give a Sequential model an Input layer, and build others as '
            "keras.Model(inputs, outputs)",
            kind="built",
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UnsupportedModelError(
            f'model "{model.name}" must have one input and one output, it has '
            f"{len(model.inputs)} and {len(model.outputs)}",
            kind="inputs",
            expected=(1, 1),
            received=(len(model.inputs), len(model.outputs)),
        )
    take = _take_sequential if isinstance(model, keras.Sequential) else _take_functional
    return take(graph, model, source, call)


def _take_layer(graph: Graph, layer: keras.layers.Layer, sources: list[str], call: dict[str, Any]) -> str:
    """Adds a layer, or the layers of a nested model; the name of the output."""
    if isinstance(layer, keras.Model):
        return _take_model(graph, layer, sources[0], call)
    if layer.name in graph.nodes:
        raise UnsupportedModelError(
            f'layer "{layer.name}": two layers of the model and of the models in it have this name; give each its own',
            layer=layer.name,
            kind="name",
        )
    if layer.compute_dtype not in ("float32", "float64"):
        graph.problems.add(
            UnsupportedModelError(
                f'layer "{layer.name}": it must compute in float32, received {layer.compute_dtype}; '
                "build the model without mixed precision",
                layer=layer.name,
                kind="dtype",
                expected="float32",
                received=layer.compute_dtype,
            )
        )
    shapes = [graph.nodes[name].output_shape for name in sources]
    graph.nodes[layer.name] = _node(layer, sources, shapes, call)
    return layer.name


def _take_operation(graph: Graph, model: keras.Model, name: str, sources: list[str]) -> str:
    """Adds an operation of Keras 3 that is not a layer, where errors are collected."""
    operation = next(operation for operation in model.operations if operation.name == name)
    shape = tuple(operation.output.shape)[1:]
    graph.nodes[name] = Node(name, type(operation), {}, {}, sources, shape, None)
    return name


def _take_input(graph: Graph, model: keras.Model, name: str, dtype: str) -> str:
    batch, *shape = model.inputs[0].shape
    config = {"name": name, "dtype": dtype, "batch_size": batch}
    graph.nodes[name] = Node(name, keras.layers.InputLayer, config, {}, [], tuple(shape), None)
    return name


def _take_sequential(graph: Graph, model: keras.Sequential, source: str | None, call: dict[str, Any]) -> str:
    if source is None:
        first = model.get_config()["layers"][0]
        given = first["config"] if first["class_name"] == "InputLayer" else {}
        source = _take_input(graph, model, given.get("name", "input"), given.get("dtype", "float32"))
    for layer in model.layers:
        if not _is_input(layer):
            source = _take_layer(graph, layer, [source], call)
    return source


def _take_functional(graph: Graph, model: keras.Model, source: str | None, call: dict[str, Any]) -> str:
    config = model.get_config()
    known = {layer.name: layer for layer in model.layers}
    # How each layer is called, in the words of its configuration.
    waiting: dict[str, Any] = {}
    # The layer of the graph that gives the output of each layer of the model.
    outputs: dict[str, str] = {}
    for entry in config["layers"]:
        name = entry.get("name") or entry["config"]["name"]
        calls = entry["inbound_nodes"]
        if calls and isinstance(calls[0], str):
            # Keras 2 describes the one call of an operation without the list.
            calls = [calls]
        if name not in known or entry["class_name"] in _OPERATIONS:
            graph.problems.add(
                UnsupportedModelError(
                    f'"{name}": the operation {entry["class_name"]} is not a layer; use a Keras layer',
                    layer=name,
                    kind="operation",
                    expected="a Keras layer",
                    received=entry["class_name"],
                )
            )
            waiting[name] = calls[0]
            continue
        if len(calls) > 1:
            graph.problems.add(
                UnsupportedModelError(
                    f'layer "{name}" is used {len(calls)} times; make a layer for each use',
                    layer=name,
                    kind="shared",
                    expected=1,
                    received=len(calls),
                )
            )
        if _is_input(known[name]):
            outputs[name] = source or _take_input(graph, model, name, known[name].dtype)
        else:
            waiting[name] = calls[0]
    while waiting:
        ready = [name for name, own in waiting.items() if all(s in outputs for s in _sources(own))]
        for name in ready:
            own = waiting.pop(name)
            sources = [outputs[s] for s in _sources(own)]
            if name not in known:
                outputs[name] = _take_operation(graph, model, name, sources)
                continue
            given = {}
            if not graph.problems.has(name, "operation"):
                with graph.problems.catch():
                    given = _arguments(name, own)
            outputs[name] = _take_layer(graph, known[name], sources, {**call, **given})
    # A list or a dictionary of [name, node, tensor], or one such list.
    return outputs[next(_sources(config["output_layers"]))]


def _is_input(layer: keras.layers.Layer) -> bool:
    return type(layer).__name__ == "InputLayer"


def _sources(value: Any) -> Iterator[str]:
    """The names of the layers in the description of a call, in the form of Keras 3 or of Keras 2."""
    if isinstance(value, dict):
        history = value.get("config", {}).get("keras_history") if "class_name" in value else None
        if history:
            yield history[0]
        else:
            for item in value.values():
                yield from _sources(item)
    elif isinstance(value, (list, tuple)):
        if len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int):
            yield value[0]
        else:
            for item in value:
                yield from _sources(item)


def _arguments(layer: str, call: Any) -> dict[str, Any]:
    """The arguments of a call beside its inputs, in the form of Keras 3 or of Keras 2.

    Raises:
        UnsupportedModelError: any but ``training=False``, which freezes a layer in Keras 2.
    """
    if isinstance(call, dict):
        given = {**call["kwargs"], **{f"argument {i}": value for i, value in enumerate(call["args"]) if i > 0}}
    else:
        given = {name: value for item in call if len(item) == 4 for name, value in item[3].items()}
    # Keras 3 notes training=False where nothing is given, and does not heed it.
    given = {k: v for k, v in given.items() if v is not None and not (k == "training" and not v and not LEGACY)}
    for name, value in given.items():
        if name != "training" or value:
            raise UnsupportedModelError(
                f'layer "{layer}" must be called on its inputs alone, received {name}={value!r}; leave that out of the '
                "call",
                layer=layer,
                kind="call",
                received={name: value},
            )
    return given


def _node(
    layer: keras.layers.Layer, inbounds: list[str], input_shapes: list[tuple[int | None, ...]], call: dict[str, Any]
) -> Node:
    roles = next((_ROLES[b.__name__] for b in type(layer).__mro__ if b.__name__ in _ROLES), None)
    if roles is None:
        weights = {str(i): w for i, w in enumerate(layer.get_weights())}
    else:
        present = ((role, getattr(layer, _attribute(type(layer), role), None)) for role in roles)
        weights = {role: np.asarray(w) for role, w in present if w is not None}
    config = layer.get_config()
    # The quantizers themselves: classes of the user's own need no registration to be carried over.
    config.update({k: getattr(layer, k) for k in ("quantizer", "quantizer_dw") if k in config})
    if "training" not in inspect.signature(layer.call).parameters:
        call = {}
    shape = _output_shape(layer, input_shapes)
    return Node(layer.name, type(layer), config, weights, inbounds, shape, layer, call)


def _output_shape(layer: keras.layers.Layer, inputs: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """The shape of a layer's output for inputs of these shapes, all without the batch."""
    shapes = [(None, *shape) for shape in inputs]
    try:
        # Not `layer.output` where it can be avoided: a layer may be part of other models, with other inputs.
        shape = layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)
    except NotImplementedError:
        shape = layer.output.shape
    return tuple(shape)[1:]


def _attribute(cls: type, role: str) -> str:
    """The attribute of a layer of this class that holds the weight of a role."""
    is_depthwise = any(base.__name__ == "DepthwiseConv2D" for base in cls.__mro__)
    return DEPTHWISE_KERNEL if is_depthwise and role == "depthwise_kernel" else role


def build(graph: Graph) -> keras.Model:
    """A new Keras model of the graph, of the same kind and name, with its weights.

    Raises:
        InvalidArgumentError: weights do not have the shape that a layer asks for.
    """
    source, *nodes = graph
    if graph.sequential:
        return build_chain(graph.name, source.output_shape, nodes, source.config)
    tensors = {source.name: keras.Input(source.output_shape, **source.config)}
    for node in nodes:
        layer = _make(node)
        sources = [tensors[name] for name in node.inbounds]
        with _without_initial_values(layer):
            tensors[node.name] = layer(sources[0] if len(sources) == 1 else sources, **node.call)
        assign_weights(layer, node)
    return keras.Model(tensors[source.name], tensors[graph.output], name=graph.name)


def build_chain(
    name: str, input_shape: tuple[int | None, ...], nodes: Iterable[Node], config: dict[str, Any] | None = None
) -> keras.Sequential:
    """A new Sequential model of nodes, each of which reads the one before it, with their weights.

    Args:
        name: the name of the model.
        input_shape: the shape of its input, without the batch.
        nodes: its layers.
        config: name, dtype and batch size of its input.

    Raises:
        UnsupportedModelError: a layer that is called with arguments, for which a Sequential model has no place.
    """
    layers = []
    for node in nodes:
        if node.call:
            raise UnsupportedModelError(
                f'layer "{node.name}": it is called with {node.call}, which a Sequential model cannot do; leave that '
                "out of the call",
                layer=node.name,
                kind="call",
                received=node.call,
            )
        layers.append((_make(node), node))
    source = keras.Input(input_shape, **(config or {}))
    with _without_initial_values(*(layer for layer, _ in layers)):
        model = keras.Sequential([source, *(layer for layer, _ in layers)], name=name)
    for layer, node in layers:
        assign_weights(layer, node)
    return model


@contextmanager
def _without_initial_values(*layers: keras.layers.Layer) -> Iterator[None]:
    """Layers built in the block begin with zeros: drawing values that are replaced takes longer than all else."""
    zeros = keras.initializers.Zeros()
    found = [(layer, k, v) for layer in layers for k, v in vars(layer).items() if k.endswith("_initializer")]
    for layer, name, _ in found:
        setattr(layer, name, zeros)
    try:
        yield
    finally:
        for layer, name, initializer in found:
            setattr(layer, name, initializer)


def _make(node: Node) -> keras.layers.Layer:
    """A new layer of the node's class and configuration."""
    try:
        return node.cls.from_config(node.config)
    except TypeError as error:
        # Keras hides what the constructor of a layer says in an error of its own.
        if isinstance(error.__context__, Cnn2SnnError):
            raise error.__context__ from None
        raise


def assign_weights(layer: keras.layers.Layer, node: Node) -> None:
    """Gives a layer the weights of a node.

    Raises:
        InvalidArgumentError: their shapes differ.
    """
    roles = all(not role.isdigit() for role in node.weights)
    targets = [getattr(layer, _attribute(node.cls, role)) for role in node.weights] if roles else layer.weights
    for target, value in zip(targets, node.weights.values(), strict=True):
        if tuple(target.shape) != value.shape:
            raise InvalidArgumentError(
                f'layer "{node.name}": for its input it needs weights of shape {tuple(target.shape)}, it has '
                f"{value.shape}",
                layer=node.name,
                kind="weights_shape",
                expected=tuple(target.shape),
                received=value.shape,
            )
        target.assign(value)
