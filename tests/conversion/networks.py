"""Quantized networks built by hand as blocks, from numbers that can be followed on paper."""

import numpy as np

from cnn2snn.conversion.block import Activation, Block, Blocks, Kind, Normalization, Weights, Window


def image_network():
    """An image of 3x3 pixels, a convolution of two 2x2 kernels with levels of 2 bits, a dense layer of two units."""
    kernel = np.array([[[[1, -1]], [[2, 0]]], [[[3, 2]], [[-1, 1]]]], np.float32)
    convolution = Block(
        name="conv",
        kind=Kind.CONVOLUTION,
        type="Convolution",
        inbounds=[""],
        input_shape=(3, 3, 1),
        output_shape=(2, 2, 2),
        window=Window((2, 2), (1, 1), "valid"),
        weights=Weights(4, kernel / 4, np.array([4.0]), np.array([0.5, -1.0], np.float32)),
        activation=Activation("relu", 2, 3.0),
        output="relu",
    )
    matrix = np.array([[1, 2, 3, -1, -2, 3, 1, 1], [-3, 1, 0, 2, 1, 0, -1, 2]], np.float32).T
    dense = Block(
        name="dense",
        kind=Kind.DENSE,
        type="Dense",
        inbounds=["conv"],
        input_shape=(8,),
        output_shape=(2,),
        weights=Weights(4, matrix / 2, np.array([2.0]), np.array([3.0, 0.0], np.float32)),
        output="dense",
    )
    return Blocks("by_hand", "input", (3, 3, 1), blocks={"conv": convolution, "dense": dense})


def branched_network():
    """Maps of 4x4 cells with 2 channels, two branches that are joined, and a separable convolution that is averaged."""
    rng = np.random.default_rng(5)

    def integers(*shape):
        return rng.integers(-3, 4, shape).astype(np.float32)

    def branch(name, size, **more):
        return Block(
            name=name,
            kind=Kind.CONVOLUTION,
            type="Convolution",
            inbounds=[""],
            input_shape=(4, 4, 2),
            output_shape=(4, 4, 3),
            window=Window((size, size), (1, 1), "same"),
            weights=Weights(4, integers(size, size, 2, 3) / 2, np.array([2.0]), np.array([0.5, -0.25, 1], np.float32)),
            max_pooling=Window((2, 2), (2, 2), "same"),
            activation=Activation(f"{name}_relu", 4, 0.5),
            output=f"{name}_relu",
            **more,
        )

    scales = np.array([-0.5, 1.0, 2.0])
    normalization = Normalization("norm", scales, np.array([1.0, 0.0, -2.0]), np.array([2.0, 0.0, 1.0]))
    blocks = [
        branch("small", 1),
        branch("large", 3, normalizations=[normalization]),
        Block(
            name="join",
            kind=Kind.CONCAT,
            type="Concatenation",
            inbounds=["small", "large"],
            input_shape=(2, 2, 6),
            output_shape=(2, 2, 6),
            output="join",
        ),
        Block(
            name="separable",
            kind=Kind.SEPARABLE,
            type="Separable",
            inbounds=["join"],
            input_shape=(2, 2, 6),
            output_shape=(2, 2, 5),
            window=Window((3, 3), (1, 1), "same"),
            weights=Weights(
                4,
                integers(1, 1, 6, 5) / 4,
                np.array([4.0]),
                np.zeros(5, np.float32),
                integers(3, 3, 6, 1) / 2,
                2.0,
            ),
            global_average=True,
            activation=Activation("last_relu", 2, 1.0),
            output="last_relu",
        ),
    ]
    return Blocks("branched", "input", (4, 4, 2), blocks={block.name: block for block in blocks})
