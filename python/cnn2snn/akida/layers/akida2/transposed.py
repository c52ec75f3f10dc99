"""The transposed convolutions of Akida 2.0."""

from __future__ import annotations

from cnn2snn.akida.enums import ActivationType
from cnn2snn.akida.layer import given
from cnn2snn.akida.layers.akida2.base import Akida2Layer


class Conv2DTranspose(Akida2Layer):
    """A transposed convolution with a stride of 2: height and width are doubled. The kernel is not flipped.

    Args:
        filters: number of output channels.
        kernel_size: height and width of a kernel: 3 or 4.
        activation: none, a ReLU or a table. A bool says whether there is a ReLU.
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        weights_bits: 2, 4 or 8.
        output_signed: whether outputs have a sign. None means what the documentation implies: outputs of a ReLU with
            less than 8 bits have none, all others have one. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `weights` of shape (kernel_size, kernel_size, C, filters); `input_shift` (C,); then those of the steps
    behind sums (see `cnn2snn.akida.layers.akida2`).

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> model = akida.Model(layers=[akida.InputData((4, 6, 2), input_bits=8), akida.Conv2DTranspose(5, 3)])
        >>> model.output_shape
        [8, 12, 5]
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        activation: ActivationType = ActivationType.ReLU,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))


class DepthwiseConv2DTranspose(Akida2Layer):
    """A transposed convolution of each channel alone, with a stride of 2: height and width are doubled.

    The kernel is not flipped.

    Args:
        kernel_size: height and width of a kernel: 3 or 4.
        activation: none, a ReLU or a table. A bool says whether there is a ReLU.
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        weights_bits: 2, 4 or 8.
        output_signed: whether outputs have a sign. None means what the documentation implies: outputs of a ReLU with
            less than 8 bits have none, all others have one. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `weights` of shape (kernel_size, kernel_size, C, 1); `input_shift` (C,); then those of the steps behind
    sums (see `cnn2snn.akida.layers.akida2`).

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> data = akida.InputData((4, 6, 2), input_bits=8)
        >>> akida.Model(layers=[data, akida.DepthwiseConv2DTranspose(4)]).output_shape
        [8, 12, 2]
    """

    def __init__(
        self,
        kernel_size: int,
        activation: ActivationType = ActivationType.ReLU,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
