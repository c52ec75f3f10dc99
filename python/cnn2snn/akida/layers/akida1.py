"""The layers of Akida 1.0; both generations have `InputData`."""

from __future__ import annotations

from cnn2snn.akida.enums import Padding, PoolType
from cnn2snn.akida.layer import Layer, given

Pair = tuple[int, int]


class InputConvolutional(Layer):
    """A convolution of 8-bit images: a cross-correlation, not flipping its kernel.

    Args:
        input_shape: (X, Y, C) of one image, C = 1 or 3.
        kernel_size: (height, width).
        filters: number of output channels.
        name: name of the layer, unique in its model; one is made when empty.
        padding: border of the convolution and of the pooling.
        kernel_stride: step of the convolution: (height, width).
        weights_bits: 1, 2, 4 or 8.
        pool_size: window of `PoolType.Max`: (height, width). (−1, −1) for the other types.
        pool_type: pooling of the potentials. `Average` is global and takes the sum.
        pool_stride: step of `PoolType.Max`; (−1, −1) means `pool_size`.
        activation: False gives the int32 potentials, for the last layer only.
        act_bits: width of the output levels: 1, 2 or 4. Without activation it has no effect, but must be 1, 2 or 4.
        padding_value: value outside the image with padding `Same`, 0 … 255.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        kernel_size: Pair,
        filters: int,
        name: str = "",
        padding: Padding = Padding.Same,
        kernel_stride: Pair = (1, 1),
        weights_bits: int = 1,
        pool_size: Pair = (-1, -1),
        pool_type: PoolType = PoolType.NoPooling,
        pool_stride: Pair = (-1, -1),
        activation: bool = True,
        act_bits: int = 1,
        padding_value: int = 0,
    ) -> None:
        super().__init__(**given(locals()))


class Convolutional(Layer):
    """A true convolution of levels: the kernel is flipped on both spatial axes.

    Args:
        kernel_size: (height, width).
        filters: number of output channels.
        name: name of the layer, unique in its model; one is made when empty.
        padding: border of the convolution and of the pooling.
        kernel_stride: step of the convolution: (height, width).
        weights_bits: 1, 2, 4 or 8.
        pool_size: window of `PoolType.Max`: (height, width). (−1, −1) for the other types.
        pool_type: pooling of the potentials. `Average` is global and takes the sum.
        pool_stride: step of `PoolType.Max`; (−1, −1) means `pool_size`.
        activation: False gives the int32 potentials, for the last layer only.
        act_bits: width of the output levels: 1, 2 or 4. Without activation it has no effect, but must be 1, 2 or 4.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.
    """

    def __init__(
        self,
        kernel_size: Pair,
        filters: int,
        name: str = "",
        padding: Padding = Padding.Same,
        kernel_stride: Pair = (1, 1),
        weights_bits: int = 1,
        pool_size: Pair = (-1, -1),
        pool_type: PoolType = PoolType.NoPooling,
        pool_stride: Pair = (-1, -1),
        activation: bool = True,
        act_bits: int = 1,
    ) -> None:
        super().__init__(**given(locals()))


class SeparableConvolutional(Layer):
    """A depthwise true convolution followed at once by a 1×1 convolution, nothing in between.

    Args:
        kernel_size: (height, width) of the depthwise kernel.
        filters: number of output channels of the pointwise kernel.
        name: name of the layer, unique in its model; one is made when empty.
        padding: border of the convolution and of the pooling.
        kernel_stride: step of the depthwise convolution: (height, width).
        weights_bits: 1, 2, 4 or 8, the same for both kernels.
        pool_size: window of `PoolType.Max`: (height, width). (−1, −1) for the other types.
        pool_type: pooling of the potentials. `Average` is global and takes the sum.
        pool_stride: step of `PoolType.Max`; (−1, −1) means `pool_size`.
        activation: False gives the int32 potentials, for the last layer only.
        act_bits: width of the output levels: 1, 2 or 4. Without activation it has no effect, but must be 1, 2 or 4.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.
    """

    def __init__(
        self,
        kernel_size: Pair,
        filters: int,
        name: str = "",
        padding: Padding = Padding.Same,
        kernel_stride: Pair = (1, 1),
        weights_bits: int = 2,
        pool_size: Pair = (-1, -1),
        pool_type: PoolType = PoolType.NoPooling,
        pool_stride: Pair = (-1, -1),
        activation: bool = True,
        act_bits: int = 1,
    ) -> None:
        super().__init__(**given(locals()))


class FullyConnected(Layer):
    """Every input connected to every unit; the input is flattened with the first axis fastest.

    Args:
        units: number of outputs.
        name: name of the layer, unique in its model; one is made when empty.
        weights_bits: 1, 2, 4 or 8.
        activation: False gives the int32 potentials, for the last layer only.
        act_bits: width of the output levels: 1, 2 or 4. Without activation it has no effect, but must be 1, 2 or 4.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.
    """

    def __init__(
        self,
        units: int,
        name: str = "",
        weights_bits: int = 1,
        activation: bool = True,
        act_bits: int = 1,
    ) -> None:
        super().__init__(**given(locals()))


class Concat(Layer):
    """Joins maps on the channel axis, in the order of its inbounds.

    The maps have the same height, width and number of bits.

    Args:
        name: name of the layer, unique in its model; one is made when empty.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(name=name)
