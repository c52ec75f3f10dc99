"""The convolutions along time of Akida 2.0."""

from __future__ import annotations

from cnn2snn.akida.enums import ActivationType
from cnn2snn.akida.layer import given
from cnn2snn.akida.layers.akida2.base import Akida2Layer


class BufferTempConv(Akida2Layer):
    """A convolution along time, over all channels of the last maps of a stream.

    The layer has state: a queue of its last `fifo_size` inputs, zeros before the first one. An input gives one output.
    `Model.session` tells how streams and clips are run.

    Args:
        filters: number of output channels.
        fifo_size: number of maps in the queue, the newest one included: 1 to 1024. The documentation allows 2 to 10.
        activation: none or a ReLU. A bool says whether there is a ReLU.
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        weights_bits: 2, 4 or 8.
        output_signed: whether outputs have a sign. None means what the documentation implies: outputs of a ReLU with
            less than 8 bits have none, all others have one. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `weights` of shape (1, 1, fifo_size · C, filters), the oldest map first; `input_shift` (C,); then those
    of the steps behind sums (see `cnn2snn.akida.layers.akida2`).

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> from cnn2snn import akida
        >>> layer = akida.BufferTempConv(1, 2, name="sum")
        >>> model = akida.Model(layers=[akida.InputData((1, 1, 1), input_bits=8), layer])
        >>> layer.set_variable("weights", np.array([10, 1], np.int8).reshape(1, 1, 2, 1))
        >>> clip = np.array([3, 4, 5], np.int8).reshape(3, 1, 1, 1, 1)  # three steps of one stream
        >>> model.session().run_clip(clip).ravel()
        array([ 3, 34, 45], dtype=int8)
    """

    def __init__(
        self,
        filters: int,
        fifo_size: int,
        activation: ActivationType = ActivationType.ReLU,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))


class DepthwiseBufferTempConv(Akida2Layer):
    """A convolution of each channel alone along time, over the last maps of a stream.

    The layer has state: a queue of its last `fifo_size` inputs, zeros before the first one. An input gives one output.
    `Model.session` tells how streams and clips are run.

    Args:
        fifo_size: number of maps in the queue, the newest one included: 1 to 1024. The documentation allows 2 to 10.
        activation: none or a ReLU. A bool says whether there is a ReLU.
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        weights_bits: 2, 4 or 8.
        output_signed: whether outputs have a sign. None means what the documentation implies: outputs of a ReLU with
            less than 8 bits have none, all others have one. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `weights` of shape (1, 1, fifo_size, C), the oldest map first; `input_shift` (C,); then those of the
    steps behind sums (see `cnn2snn.akida.layers.akida2`).

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> model = akida.Model(layers=[akida.InputData((1, 1, 7), input_bits=8), akida.DepthwiseBufferTempConv(4)])
        >>> model.layers[1].get_variable("weights").shape
        (1, 1, 4, 7)
    """

    def __init__(
        self,
        fifo_size: int,
        activation: ActivationType = ActivationType.ReLU,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
