"""From a Keras model to its graph: the only module that walks Keras topology."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from cnn2snn._keras import LEGACY, is_of_other_generation, keras, tf
from cnn2snn._problems import Problems
from cnn2snn.errors import InvalidStateError, InvalidTypeError, UnsupportedModelError
from cnn2snn.graph.graph import Graph, Node
from cnn2snn.graph.roles import attribute, roles
from cnn2snn.quantization_ops import copied

__all__ = ["read"]

# The layers that Keras 2 makes of operations.
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")


def read(model: keras.Model, problems: Problems | None = None) -> Graph:
    """The graph of a Keras model.

    Args:
        model: a built Sequential or functional model with one input and one output. The layers of models in it
            are taken as its own.
        problems: receives what is wrong with single layers; by default the first error is raised.

    Raises:
        InvalidTypeError: not a Keras model.
        InvalidStateError: TensorFlow does not compute at once: inside of `tf.Graph` or `tf.function`.
        UnsupportedModelError: a model is not built or has several inputs or outputs, a layer is used more than once,
            is called with other arguments than ``training=False``, shares its name with another, computes in another
            type than float32 or float64, reads strings or has its channels first, or an operation is not a layer.
    """
    if is_of_other_generation(model):
        raise InvalidTypeError(
            f"the model was built with {'Keras 3' if LEGACY else 'Keras 2 (tf_keras)'}, but "
            f"{'Keras 2' if LEGACY else 'Keras 3'} is in use here",
            kind="model",
            expected=keras.__name__,
            received=type(model).__module__.partition(".")[0],
            remedy=(
                f"{'unset' if LEGACY else 'set'} the environment variable TF_USE_LEGACY_KERAS{'' if LEGACY else '=1'} "
                f"before TensorFlow is imported, or build the model with {keras.__name__}"
            ),
        )
    if not isinstance(model, keras.Model):
        raise InvalidTypeError(
            f"a Keras model is needed, received {type(model).__name__}",
            kind="model",
            expected="a Keras model",
            received=type(model).__name__,
            remedy="load a file with cnn2snn.load_quantized_model",
        )
    if not tf.executing_eagerly():
        raise InvalidStateError(
            "TensorFlow must execute eagerly, as weights are read",
            kind="eager",
            remedy="call it outside of tf.Graph and tf.function, and leave eager execution switched on",
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
            f'model "{model.name}" has no graph of layers',
            kind="built",
            remedy="give a Sequential model an Input layer, and build others as keras.Model(inputs, outputs)",
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UnsupportedModelError(
            f'model "{model.name}" must have one input and one output, it has '
            f"{len(model.inputs)} and {len(model.outputs)}",
            kind="inputs",
            expected=(1, 1),
            received=(len(model.inputs), len(model.outputs)),
            remedy=(
                "join the inputs before the model, as channels of one map"
                if len(model.inputs) > 1
                else "make a model of each output, as in keras.Model(model.inputs, model.outputs[0])"
            ),
        )
    take = _take_sequential if isinstance(model, keras.Sequential) else _take_functional
    return take(graph, model, source, call)


def _take_layer(graph: Graph, layer: keras.layers.Layer, sources: list[str], call: dict[str, Any]) -> str:
    """Adds a layer, or the layers of a nested model; the name of the output."""
    if isinstance(layer, keras.Model):
        return _take_model(graph, layer, sources[0], call)
    if layer.name in graph.nodes:
        raise UnsupportedModelError(
            f'layer "{layer.name}": two layers of the model and of the models in it have this name',
            layer=layer.name,
            kind="name",
            remedy="give each its own",
        )
    if layer.compute_dtype not in ("float32", "float64"):
        graph.problems.add(
            UnsupportedModelError(
                f'layer "{layer.name}": it must compute in float32, received {layer.compute_dtype}',
                layer=layer.name,
                kind="dtype",
                expected="float32",
                received=layer.compute_dtype,
                remedy="build the model without mixed precision",
            )
        )
    shapes = [graph.nodes[name].output_shape for name in sources]
    graph.nodes[layer.name] = _node(layer, sources, shapes, call, graph.problems)
    return layer.name


def _take_operation(graph: Graph, model: keras.Model, name: str, sources: list[str]) -> str:
    """Adds an operation of Keras 3 that is not a layer, where errors are collected."""
    operation = next(operation for operation in model.operations if operation.name == name)
    shape = tuple(operation.output.shape)[1:]
    graph.nodes[name] = Node(name, type(operation), {}, {}, sources, shape, None)
    return name


def _take_input(graph: Graph, model: keras.Model, name: str, dtype: str) -> str:
    batch, *shape = model.inputs[0].shape
    if dtype == "string":
        graph.problems.add(
            UnsupportedModelError(
                f'layer "{name}": inputs must be numbers, received strings',
                layer=name,
                kind="dtype",
                expected="float32",
                received=dtype,
                remedy="turn them into numbers outside of the model",
            )
        )
        dtype = "float32"
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
                    f'"{name}": the operation {entry["class_name"]} is not a layer',
                    layer=name,
                    kind="operation",
                    expected="a Keras layer",
                    received=entry["class_name"],
                    remedy="use a Keras layer",
                )
            )
            waiting[name] = calls[0]
            continue
        if len(calls) > 1:
            graph.problems.add(
                UnsupportedModelError(
                    f'layer "{name}" is used {len(calls)} times',
                    layer=name,
                    kind="shared",
                    expected=1,
                    received=len(calls),
                    remedy="make a layer for each use",
                )
            )
        if _is_input(known[name]):
            outputs[name] = source or _take_input(graph, model, name, known[name].dtype)
        else:
            waiting[name] = calls[0]
    while waiting:
        ready = [name for name, own in waiting.items() if all(s in outputs for s in _inputs(own))]
        for name in ready:
            own = waiting.pop(name)
            sources = [outputs[s] for s in _inputs(own)]
            if name not in known:
                outputs[name] = _take_operation(graph, model, name, sources)
                continue
            given = {}
            if not graph.problems.has(name, "operation"):
                with graph.problems.catch():
                    given = _arguments(known[name], own)
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


def _inputs(call: Any) -> list[str]:
    """The names of the layers that a call reads; its other arguments are refused where they are tensors."""
    found = list(_sources(call["args"])) if isinstance(call, dict) else []
    return found or list(_sources(call))


def _arguments(layer: keras.layers.Layer, call: Any) -> dict[str, Any]:
    """The arguments of a call beside its inputs, in the form of Keras 3 or of Keras 2.

    Raises:
        UnsupportedModelError: any but ``training=False``, which freezes a layer in Keras 2.
    """
    if isinstance(call, dict):
        given = {**call["kwargs"], **{f"argument {i}": value for i, value in enumerate(call["args"]) if i > 0}}
        if not call["args"]:
            # The inputs themselves, given by their name.
            given.pop(next(iter(inspect.signature(layer.call).parameters)), None)
    else:
        given = {name: value for item in call if len(item) == 4 for name, value in item[3].items()}
    given = {name: value for name, value in given.items() if value is not None}
    if not LEGACY and "training" in given:
        # Keras 3 notes the default where nothing is given, True for augmentation, and heeds neither it nor False.
        # A `call` with **kwargs does not name it.
        parameter = inspect.signature(layer.call).parameters.get("training")
        if given["training"] is False or (parameter is not None and given["training"] == parameter.default):
            del given["training"]
    for name, value in given.items():
        if name != "training" or value:
            shown = "a tensor" if isinstance(value, dict) else repr(value)
            raise UnsupportedModelError(
                f'layer "{layer.name}" must be called on its inputs alone, received {name}={shown}',
                layer=layer.name,
                kind="call",
                received={name: value},
                remedy="leave that out of the call",
            )
    return given


def _node(
    layer: keras.layers.Layer,
    inbounds: list[str],
    input_shapes: list[tuple[int | None, ...]],
    call: dict[str, Any],
    problems: Problems,
) -> Node:
    names = roles(type(layer))
    if names is None:
        weights = {str(i): w for i, w in enumerate(layer.get_weights())}
    else:
        present = ((role, getattr(layer, attribute(type(layer), role), None)) for role in names)
        weights = {role: np.asarray(w) for role, w in present if w is not None}
    config = layer.get_config()
    # The quantizers themselves: classes of the user's own need no registration to be carried over. Those with weights
    # are copied, as training them in one model must not change another.
    quantizers = {k: getattr(layer, k) for k in ("quantizer", "quantizer_dw") if k in config}
    config.update({k: copied(quantizer) if quantizer.weights else quantizer for k, quantizer in quantizers.items()})
    if "training" not in inspect.signature(layer.call).parameters:
        call = {}
    shape = _output_shape(layer, input_shapes)
    if config.get("data_format") == "channels_first":
        problems.add(
            UnsupportedModelError(
                f'layer "{layer.name}": data_format must be channels_last, received channels_first',
                layer=layer.name,
                kind="data_format",
                expected="channels_last",
                received="channels_first",
                remedy="build the model on maps (height, width, channels)",
            )
        )
        config["data_format"] = "channels_last"
    return Node(layer.name, type(layer), config, weights, inbounds, shape, layer, call)


def _output_shape(layer: keras.layers.Layer, inputs: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
    """The shape of a layer's output for inputs of these shapes, all without the batch."""
    shapes = [(None, *shape) for shape in inputs]
    try:
        # Not `layer.output` where it can be avoided: a layer may be part of other models, with other inputs.
        shape = layer.compute_output_shape(shapes[0] if len(shapes) == 1 else shapes)
    # Some layers cannot tell it, others raise whatever they raise for a size that is not known.
    except Exception:
        try:
            shape = layer.output.shape
        except Exception as error:
            raise UnsupportedModelError(
                f'layer "{layer.name}": the shape of its output cannot be told',
                layer=layer.name,
                kind="shape",
                received=[shape[1:] for shape in shapes],
                remedy="give the model an input of known size",
            ) from error
    return tuple(shape)[1:]
