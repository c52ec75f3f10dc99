"""The convolutions of Akida 2.0."""

from __future__ import annotations

from cnn2snn.akida.enums import ActivationType, Padding, PoolType
from cnn2snn.akida.layer import given
from cnn2snn.akida.layers.akida2.base import Akida2Layer


class InputConv2D(Akida2Layer):
    """A convolution of 8-bit images: a cross-correlation, not flipping its kernel.

    Images are uint8 arrays (n, X, Y, C). It is the first layer of a model, or reads a `Quantizer` of uint8.

    Args:
        input_shape: (X, Y, C) of one image, C = 1 or 3.
        filters: number of output channels.
        kernel_size: height and width of a kernel.
        padding: border of the convolution and of the pooling. `SameUpper` excludes `PoolType.Max`.
        kernel_stride: step of the convolution.
        pool_type: `Max` pools before the activation. `Average` adds all positions after it.
        pool_size: height and width of the windows of `PoolType.Max`; -1 for the other types.
        pool_stride: step of `PoolType.Max`; -1 means `pool_size`.
        activation: none, a ReLU or a table. A bool says whether there is a ReLU.
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        weights_bits: 2, 4 or 8.
        output_signed: whether outputs have a sign. None means what the documentation implies: outputs of a ReLU with
            less than 8 bits have none, all others have one. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `weights` of shape (kernel_size, kernel_size, C, filters); `padding_value`, uint8 (C,), the value
    outside the image; then those of the steps behind sums (see `cnn2snn.akida.layers.akida2`).

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> model = akida.Model(layers=[akida.InputConv2D((32, 32, 3), 16, 3, kernel_stride=2, name="image")])
        >>> model.output_shape, model.output_dtype
        ([16, 16, 16], dtype('int8'))
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        filters: int,
        kernel_size: int,
        padding: Padding = Padding.Same,
        kernel_stride: int = 1,
        pool_type: PoolType = PoolType.NoPooling,
        pool_size: int = -1,
        pool_stride: int = -1,
        activation: ActivationType = ActivationType.ReLU,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))


class Conv2D(Akida2Layer):
    """A true convolution of maps: the kernel is flipped on both spatial axes.

    Args:
        filters: number of output channels.
        kernel_size: height and width of a kernel.
        padding: border of the convolution and of the pooling. `SameUpper` excludes `PoolType.Max`.
        kernel_stride: step of the convolution.
        pool_type: `Max` pools before the activation. `Average` adds all positions after it.
        pool_size: height and width of the windows of `PoolType.Max`; -1 for the other types.
        pool_stride: step of `PoolType.Max`; -1 means `pool_size`.
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
        >>> import numpy as np
        >>> from cnn2snn import akida
        >>> layer = akida.Conv2D(1, 1, activation=akida.ActivationType.NoActivation, name="conv")
        >>> model = akida.Model(layers=[akida.InputData((1, 1, 2), input_bits=8), layer])
        >>> layer.set_variable("weights", np.array([10, 1], np.int8).reshape(1, 1, 2, 1))
        >>> layer.set_variable("output_shift", np.array([-1], np.int8))
        >>> model.forward(np.array([5, -3], np.int8).reshape(1, 1, 1, 2)).item()  # 47 / 2, rounded up
        24
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        padding: Padding = Padding.Same,
        kernel_stride: int = 1,
        pool_type: PoolType = PoolType.NoPooling,
        pool_size: int = -1,
        pool_stride: int = -1,
        activation: ActivationType = ActivationType.ReLU,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))


class DepthwiseConv2D(Akida2Layer):
    """A true convolution of each channel alone: there are as many filters as channels.

    Args:
        kernel_size: height and width of a kernel.
        padding: border of the convolution and of the pooling. `SameUpper` excludes `PoolType.Max`.
        kernel_stride: step of the convolution.
        pool_type: `Max` pools before the activation. `Average` adds all positions after it.
        pool_size: height and width of the windows of `PoolType.Max`; -1 for the other types.
        pool_stride: step of `PoolType.Max`; -1 means `pool_size`.
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
        >>> akida.DepthwiseConv2D(3, output_bits=4).parameters.output_signed
        False
    """

    def __init__(
        self,
        kernel_size: int,
        padding: Padding = Padding.Same,
        kernel_stride: int = 1,
        pool_type: PoolType = PoolType.NoPooling,
        pool_size: int = -1,
        pool_stride: int = -1,
        activation: ActivationType = ActivationType.ReLU,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
