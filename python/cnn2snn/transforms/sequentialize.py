"""Models cut into Sequential models and the `Concatenate` layers between them."""

from __future__ import annotations

from cnn2snn._keras import keras
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node, build_chain, read

__all__ = ["build_submodels", "check_structure", "sequentialize"]


def sequentialize(model: keras.Model) -> keras.Model:
    """Cuts a model into Sequential models, joined by `Concatenate` layers alone.

    A model without branches gives one `Sequential`. Otherwise the result is a functional model of Sequential
    models, `sequential`, `sequential_1`, … in the order of computation; one ends where its output splits or
    is joined with others. Layers keep their names and weights, the model its name, and outputs are equal.

    Args:
        model: a built Keras model; it is not changed. Models in it are taken apart.

    Returns:
        A new model.

    Raises:
        UnsupportedModelError: (RuntimeError) more than one input or output, an input of another rank than 2 or 4 (the
            batch included), a layer that is used more than once, has several inputs without being a
            `Concatenate` on the last axis, or works on channels first.

    Example:
        >>> sequential = cnn2snn.transforms.sequentialize(functional)  # doctest: +SKIP
    """
    graph = read(model)
    check_structure(graph)
    return build_submodels(graph)


def check_structure(graph: Graph) -> None:
    """Refuses what cannot be cut into Sequential models and `Concatenate` layers."""
    rank = len(graph.input.output_shape) + 1
    if rank not in (2, 4):
        raise UnsupportedModelError(
            f'layer "{graph.input.name}": inputs must have rank 2 or 4, the batch included, received {rank}',
            layer=graph.input.name,
            kind="input_rank",
            expected=(2, 4),
            received=rank,
            remedy="add or flatten axes before the model",
        )
    for node in graph:
        if node.is_a("Concatenate"):
            axis = node.config.get("axis", -1)
            if axis not in (-1, len(node.output_shape)):
                raise UnsupportedModelError(
                    f'layer "{node.name}": branches are joined on the last axis (-1), received {axis}',
                    layer=node.name,
                    kind="axis",
                    expected=-1,
                    received=axis,
                )
        elif len(node.inbounds) > 1:
            raise UnsupportedModelError(
                f'layer "{node.name}" ({node.cls.__name__}) has {len(node.inbounds)} inputs',
                layer=node.name,
                kind="inputs",
                expected=1,
                received=len(node.inbounds),
                remedy="only Concatenate joins branches",
            )


def build_submodels(graph: Graph) -> keras.Model:
    """The Keras model of a graph, in the form that `sequentialize` gives."""
    source, *nodes = graph
    if graph.is_chain:
        return build_chain(graph.name, source.output_shape, nodes, source.config)
    tensors = {source.name: keras.Input(source.output_shape, **source.config)}
    taken = {node.name for node in nodes if node.is_a("Concatenate")} | {source.name}
    number = 0
    for run in _runs(graph):
        if run[0].is_a("Concatenate"):
            (join,) = run
            tensors[join.name] = join.cls.from_config(join.config)([tensors[name] for name in join.inbounds])
            continue
        while (name := f"sequential_{number}" if number else "sequential") in taken:
            number += 1
        number += 1
        (reads,) = run[0].inbounds
        chain = build_chain(name, graph.nodes[reads].output_shape, run)
        tensors[run[-1].name] = chain(tensors[reads])
    return keras.Model(tensors[source.name], tensors[graph.output], name=graph.name)


def _runs(graph: Graph) -> list[list[Node]]:
    """The layers but the input, in runs that are as long as possible; a `Concatenate` is one of its own."""
    runs: list[list[Node]] = []
    # The run that ends with a layer.
    ending: dict[str, list[Node]] = {}
    for node in list(graph)[1:]:
        run = ending.get(node.inbounds[0]) if graph.only_consumer(node.inbounds[0]) is node else None
        if run is None:
            run = []
            runs.append(run)
        run.append(node)
        if not node.is_a("Concatenate"):
            ending[node.name] = run
    return runs
