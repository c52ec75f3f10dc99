"""From a graph of Keras layers to blocks: one neural layer with its pooling, normalization and activation.

The grammar of a block is

    neural [pooling and batch normalization, in any order] activation [max pooling]

Only the last block may lack the activation. Everything that cannot be expressed is refused with the layer's name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnn2snn._problems import Problems
from cnn2snn.conversion.block import Block, Blocks, MaxPooling
from cnn2snn.conversion.depthwise import join_depthwise
from cnn2snn.errors import UnsupportedModelError
from cnn2snn.graph import Graph, Node, affine
from cnn2snn.quantization_layers import QuantizedActivation

__all__ = ["read_blocks"]

# The property that conversion relies on: half a step.
_THRESHOLD = QuantizedActivation.threshold

_FLOAT_NEURAL = ("Conv2D", "SeparableConv2D", "Dense")

# Layers that may come last.
_FINAL = ("Softmax", "Activation")

# Layers whose place depends on the neural layer before them.
_AROUND_NEURAL = (
    "QuantizedActivation",
    "MaxPooling2D",
    "GlobalAveragePooling2D",
    "BatchNormalization",
    "Flatten",
    "Reshape",
    *_FINAL,
)

# What to use in place of layers that a chip has no equivalent for.
_REMEDIES = {
    "AveragePooling2D": "use MaxPooling2D, or GlobalAveragePooling2D",
    "GlobalMaxPooling2D": "use MaxPooling2D of the size of the map",
    "ZeroPadding2D": 'use padding="same" in the convolution after it',
    "QuantizedDepthwiseConv2D": "give it no bias (use_bias=False) and let one QuantizedConv2D of kernel size 1 and "
    "stride 1 alone read it, or use QuantizedSeparableConv2D",
    "DepthwiseConv2D": "use SeparableConv2D",
}


@dataclass(frozen=True)
class _Tail:
    """Where a Keras layer stands: the block whose (unfinished) output it gives."""

    block: str
    # "input", "rescaled" (the input after Rescaling), "open" (before the activation), "closed" (after it), "ended"
    # (after a final softmax) or "unknown" (after a layer that was refused, where errors are collected).
    state: str

    @property
    def is_input(self) -> bool:
        return self.state in ("input", "rescaled")


def _refuse(node: Node, text: str, **details: object) -> UnsupportedModelError:
    kind = str(details.pop("kind", "order"))
    place = f' after "{node.inbounds[0]}"' if node.inbounds else ""
    details = {"expected": text, "received": f"{node.cls.__name__}{place}", "remedy": None, **details}
    return UnsupportedModelError(
        f'layer "{node.name}" ({node.cls.__name__}): {text}',
        layer=node.name,
        kind=kind,
        **details,
    )


def read_blocks(graph: Graph, problems: Problems | None = None) -> Blocks:
    """The blocks of a graph.

    Args:
        graph: the graph; its depthwise convolutions are joined with those behind them.
        problems: receives what is refused; by default the first error is raised. With errors collected the result
            has the blocks as far as they can be told.

    Raises:
        UnsupportedModelError: the first layer that has no place in a block.
    """
    join_depthwise(graph)
    reader = _Reader(graph, problems or Problems())
    for node in graph:
        reader.take(node)
    reader.check_rescaling()
    if not reader.found.blocks:
        reader.problems.add(UnsupportedModelError(f'model "{graph.name}" has no layer to convert', kind="structure"))
    return reader.found


class _Reader:
    def __init__(self, graph: Graph, problems: Problems) -> None:
        self.graph = graph
        self.problems = problems
        self.found = Blocks(graph)
        self.tails: dict[str, _Tail] = {}
        # Layers that read the input as it is, without Rescaling.
        self.unscaled: list[Node] = []

    def check_rescaling(self) -> None:
        """Refuses a `Rescaling` that some of the layers that read the input go around."""
        if self.found.rescaling is not None and self.unscaled:
            self.problems.add(
                _refuse(
                    self.unscaled[0],
                    "reads the input without the Rescaling that another layer reads it through",
                    kind="rescaling",
                    remedy="put Rescaling directly after the input, before any split",
                )
            )

    def take(self, node: Node) -> None:
        """Places one layer; those that it reads have been placed."""
        if node.is_exactly("InputLayer"):
            self.tails[node.name] = _Tail("", "input")
            return
        tail = self.tails[node.inbounds[0]]
        # Where errors are collected, what follows a refused layer is judged as if that layer were not there; after one
        # that may have computed anything, or made levels, nothing is held against it.
        self.tails[node.name] = _Tail(tail.block, "unknown")
        if self.problems.has(node.name, "layer", "operation"):
            return
        with self.problems.catch():
            if node.is_a("Concatenate"):
                self._concatenate(node)
                return
            self._check_place(node, tail)
            self.tails[node.name] = self._place(node, tail)
            return
        opaque = self.problems.has(node.name, "layer") or node.is_a("QuantizedActivation", "Concatenate", *_FINAL)
        if tail.state == "closed" or (tail.state != "ended" and not opaque):
            self.tails[node.name] = tail

    def _check_place(self, node: Node, tail: _Tail) -> None:
        """The rules for every layer."""
        if len(node.inbounds) != 1:
            raise _refuse(
                node,
                f"a layer with {len(node.inbounds)} inputs cannot be converted",
                kind="layer",
                expected=1,
                received=len(node.inbounds),
                remedy="only Concatenate joins branches",
            )
        if node.config.get("data_format", "channels_last") not in ("channels_last", None):
            self.problems.add(
                _refuse(
                    node,
                    f"data_format must be channels_last, received {node.config['data_format']}",
                    kind="data_format",
                    expected="channels_last",
                    received=node.config["data_format"],
                    remedy="build the model on maps (height, width, channels)",
                )
            )
        if tail.state == "open" and len(self.graph.consumers(node.inbounds[0])) > 1:
            self.problems.add(
                _refuse(
                    node,
                    f'"{node.inbounds[0]}" must be followed by its activation alone, not by a split',
                    remedy="split after the activation",
                )
            )
        if tail.state == "ended" and not (node.is_identity or node.is_a("Flatten", "Reshape")):
            raise _refuse(node, "nothing can follow the final activation", remedy="compute it outside of the model")

    def _place(self, node: Node, tail: _Tail) -> _Tail:
        if node.is_identity:
            return tail
        if node.is_a("Rescaling"):
            return self._rescaling(node, tail)
        if "quantizer" in node.config:
            if not node.is_neural and not node.is_exactly("QuantizedDepthwiseConv2D"):
                raise _refuse(
                    node,
                    "only QuantizedConv2D, QuantizedSeparableConv2D and QuantizedDense themselves can be converted, "
                    "not classes derived from them",
                    kind="layer",
                )
            if node.is_neural:
                return self._neural(node, tail)
        if node.is_exactly(*_FLOAT_NEURAL) or node.is_exactly("ReLU"):
            raise _refuse(node, "is not quantized", kind="layer", remedy="quantize the model first (cnn2snn.quantize)")
        if tail.state == "unknown" and node.is_a(*_AROUND_NEURAL):
            return tail
        if node.is_a("QuantizedActivation"):
            return self._activation(node, tail)
        if node.is_max_pooling or node.is_global_average:
            return self._pooling(node, tail)
        if node.is_a("BatchNormalization"):
            return self._normalization(node, tail)
        if node.is_a("Flatten"):
            return self._flatten(node, tail)
        if node.is_a("Reshape"):
            return self._reshape(node, tail)
        if node.is_a(*_FINAL):
            return self._final(node, tail)
        remedy = _REMEDIES.get(node.cls.__name__, "compute it outside of the model")
        raise _refuse(node, "cannot be converted to a layer of Akida 1.0", kind="layer", remedy=remedy)

    def _rescaling(self, node: Node, tail: _Tail) -> _Tail:
        if tail.state != "input" or self.found.rescaling is not None:
            raise _refuse(
                node, "is possible only once, directly after the input", remedy="move it there, or into the weights"
            )
        values = [np.ravel(np.asarray(value, np.float64)) for value in (node.config["scale"], node.config["offset"])]
        if any(value.size != 1 for value in values):
            raise _refuse(
                node,
                "scale and offset must be one number each, not one per channel",
                kind="rescaling",
                expected=1,
                received=max(value.size for value in values),
                remedy=(
                    "Akida has one padding value "
                    "for all channels. quantize brings those of a float model to one where the first layer pads nothing "
                    '(padding="valid") or -offset / scale is the same in all channels'
                ),
            )
        self.found.rescaling = (float(values[0][0]), float(values[1][0]))
        return _Tail("", "rescaled")

    def _neural(self, node: Node, tail: _Tail) -> _Tail:
        # An activation within the layer before it, which is refused, is one nevertheless.
        if tail.state == "open" and not self.problems.has(tail.block, "activation"):
            self.problems.add(
                _refuse(
                    node,
                    f'needs an activation before it: "{tail.block}" has none',
                    kind="activation",
                    remedy="add a QuantizedReLU between them",
                )
            )
        if tail.state == "input":
            self.unscaled.append(node)
        shape = self.graph.nodes[node.inbounds[0]].output_shape
        if node.is_a("Dense") and not _is_flat(shape):
            self.problems.add(
                _refuse(
                    node,
                    f"its input must have the shape (N,) or (1, 1, N), received {shape}",
                    kind="input_shape",
                    expected="(N,) or (1, 1, N)",
                    received=shape,
                    remedy="put Flatten before it",
                )
            )
        # What a refused layer gives comes from no block.
        source = node.inbounds[0] if tail.state == "unknown" else tail.block
        self.found.blocks[node.name] = Block(node.name, node, [source], output=node.name)
        return _Tail(node.name, "open")

    def _open_block(self, node: Node, tail: _Tail, what: str) -> Block:
        if tail.state != "open":
            raise _refuse(
                node, f"{what} must follow a convolution or dense layer, before its activation", remedy="move it there"
            )
        return self.found.blocks[tail.block]

    def _activation(self, node: Node, tail: _Tail) -> _Tail:
        if tail.is_input:
            raise _refuse(node, "an activation cannot be the first layer", remedy="put a convolution before it")
        if tail.state == "closed":
            raise _refuse(
                node, f'"{tail.block}" has an activation already', remedy="two cannot follow each other, remove one"
            )
        block = self._open_block(node, tail, "an activation")
        if node.cls.call is not QuantizedActivation.call or node.cls.threshold is not _THRESHOLD:
            raise _refuse(
                node,
                "an activation of one's own may define the step alone",
                kind="activation",
                remedy="its call and threshold must be those of QuantizedActivation",
            )
        block.activation = node
        block.output = node.name
        return _Tail(tail.block, "closed")

    def _pooling(self, node: Node, tail: _Tail) -> _Tail:
        if tail.is_input:
            raise _refuse(node, "pooling cannot be the first layer", remedy="put a convolution before it")
        block = self.found.blocks[tail.block]
        if tail.state == "closed":
            # Max pooling of levels is the level of the max-pooled potentials, as levels rise with potentials.
            if not node.is_max_pooling:
                raise _refuse(
                    node,
                    f'global average pooling must come before the activation "{block.output}"',
                    remedy="swap the two",
                )
            if not self._reads_alone(node, block):
                raise _refuse(
                    node,
                    f'max pooling must be the only layer that reads "{block.output}"',
                    remedy="put it before the activation",
                )
        if block.is_concat or block.node.is_a("Dense"):
            raise _refuse(node, f'pooling must follow a convolution, not "{block.name}"', remedy="remove it")
        if block.pooling is not None:
            raise _refuse(
                node, f'"{block.name}" is pooled already', remedy="two poolings cannot follow each other, remove one"
            )
        if node.is_global_average:
            block.pooling = "average"
        else:
            block.pooling = self._max_pooling(node, block)
        block.output = node.name
        return tail

    def _reads_alone(self, node: Node, block: Block) -> bool:
        """Whether only `node` reads the block's output, past layers that compute nothing."""
        name = block.output
        while (reader := self.graph.only_consumer(name)) is not None and reader is not node:
            if not reader.is_identity:
                return False
            name = reader.name
        return reader is node

    def _max_pooling(self, node: Node, block: Block) -> MaxPooling:
        size = tuple(node.config["pool_size"])
        stride = tuple(node.config["strides"] or size)
        padding = node.config["padding"]
        wanted = block.node.config["padding"]
        rows_columns = self.graph.nodes[node.inbounds[0]].output_shape[:2]
        # One padding rules convolution and pooling in a layer; where the windows tile the map both are the same.
        # A convolution with a 1x1 kernel has no border and takes the padding of its pooling.
        tiles = all(
            n is not None and (n - k) >= 0 and (n - k) % s == 0 and -(-n // s) == (n - k) // s + 1
            for n, k, s in zip(rows_columns, size, stride, strict=True)
        )
        if padding != wanted and not tiles and tuple(block.node.config["kernel_size"]) != (1, 1):
            raise _refuse(
                node,
                f'padding must be "{wanted}" like that of "{block.name}", received "{padding}"',
                kind="padding",
                expected=wanted,
                received=padding,
                remedy=(
                    f"the windows {size} at every {stride} do not cover the {rows_columns} map evenly, so the two "
                    "differ: use one padding in both, or a map that the windows cover"
                ),
            )
        return MaxPooling(size, stride, padding)

    def _normalization(self, node: Node, tail: _Tail) -> _Tail:
        if tail.state == "closed":
            name = self.found.blocks[tail.block].output
            raise _refuse(node, f'batch normalization must come before the activation "{name}"', remedy="swap the two")
        block = self._open_block(node, tail, "batch normalization")
        channels = self.graph.nodes[block.name].output_shape[-1]
        if node.output_shape[-1] != channels:
            raise _refuse(
                node,
                f'must normalize the {channels} channels of "{block.name}", received {node.output_shape[-1]} values',
                kind="order",
                expected=channels,
                received=node.output_shape[-1],
                remedy=f'put it directly after "{block.name}"',
            )
        factor, offset = affine(node)
        if isinstance(block.pooling, MaxPooling) and np.any(factor <= 0):
            channel = int(np.argmax(factor <= 0))
            raise _refuse(
                node,
                f"gamma / sqrt(variance + epsilon) must be greater than zero after max pooling, received "
                f"{factor[channel]:g} for channel {channel}",
                kind="gamma",
                remedy="constrain gamma while training, or put the normalization before the pooling",
            )
        if block.scale is None or block.offset is None:
            block.scale, block.offset = factor, offset
        else:
            block.scale, block.offset = factor * block.scale, factor * block.offset + offset
        block.output = node.name
        return tail

    def _concatenate(self, node: Node) -> None:
        tails = [self.tails[name] for name in node.inbounds]
        if any(tail.state == "unknown" for tail in tails):
            return
        axis = node.config.get("axis", -1)
        rank = len(node.output_shape)
        if axis not in (-1, rank):
            raise _refuse(node, f"branches are joined on the channel axis (-1), received {axis}", kind="axis")
        unfinished = [name for name, tail in zip(node.inbounds, tails, strict=True) if tail.state != "closed"]
        if unfinished:
            listed = ", ".join(f'"{name}"' for name in unfinished)
            raise _refuse(
                node, f"every branch must end in a quantized activation, received {listed}", remedy="add one to each"
            )
        if any(len(self.graph.nodes[name].output_shape) != 3 for name in node.inbounds):
            raise _refuse(node, "branches are joined as maps", remedy="put Flatten after Concatenate")
        widths = {
            name: self.found.blocks[tail.block].activation.config["bitwidth"]
            for name, tail in zip(node.inbounds, tails, strict=True)
            if self.found.blocks[tail.block].activation is not None
        }
        if len(set(widths.values())) > 1:
            listed = ", ".join(f'"{name}": {bits}' for name, bits in widths.items())
            raise _refuse(
                node,
                f"the activations of all branches must have the same bitwidth, received {listed}",
                kind="act_bits",
                received=widths,
            )
        blocks = [tail.block for tail in tails]
        self.found.blocks[node.name] = Block(node.name, node, blocks, output=node.name)
        self.tails[node.name] = _Tail(node.name, "closed")

    def _flatten(self, node: Node, tail: _Tail) -> _Tail:
        if _is_flat(self.graph.nodes[node.inbounds[0]].output_shape):
            return tail
        followers = self._followers(node)
        if any(not f.is_a("Dense") and not f.is_a(*_FINAL) for f in followers):
            raise _refuse(node, "must be followed by a QuantizedDense, or come last", remedy="remove it")
        if tail.state == "open" and any(f.is_a("Dense") for f in followers):
            raise _refuse(node, "must come after the activation", remedy="swap the two")
        return tail

    def _reshape(self, node: Node, tail: _Tail) -> _Tail:
        before = self.graph.nodes[node.inbounds[0]].output_shape
        after = node.output_shape
        values = int(np.prod([n or 1 for n in before]))
        same = before == after or {before, after} <= {(values,), (1, 1, values)}
        flat = after == (values,)
        if not same and not (flat and all(f.is_a("Dense") for f in self._followers(node))):
            raise _refuse(
                node,
                f"{before} to {after} cannot be converted",
                kind="reshape",
                received=after,
                remedy="only (N,) to (1, 1, N), the reverse, and flattening before a QuantizedDense can",
            )
        return tail

    def _followers(self, node: Node) -> list[Node]:
        """The layers that use the output, past those that compute nothing."""
        found = []
        for consumer in self.graph.consumers(node.name):
            passes = consumer.is_identity or consumer.is_a("Flatten", "Reshape")
            found += self._followers(consumer) if passes else [consumer]
        return found

    def _final(self, node: Node, tail: _Tail) -> _Tail:
        activation = node.config.get("activation", "softmax")
        if activation not in ("linear", "softmax", "sigmoid"):
            raise _refuse(
                node,
                f"the activation must be linear, softmax or sigmoid, received {activation!r}",
                kind="activation",
                expected=("linear", "softmax", "sigmoid"),
                received=activation,
                remedy="use QuantizedReLU, or compute it outside of the model",
            )
        if activation == "linear":
            return tail
        if self._followers(node):
            raise _refuse(
                node, "is possible only at the end", kind="activation", remedy="use QuantizedReLU between layers"
            )
        if tail.is_input:
            raise _refuse(node, "an activation cannot be the first layer", remedy="put a convolution before it")
        return _Tail(tail.block, "ended")


def _is_flat(shape: tuple[int | None, ...]) -> bool:
    """Whether a shape is (N,) or (1, 1, N)."""
    return len(shape) == 1 or (len(shape) == 3 and shape[:2] == (1, 1))
