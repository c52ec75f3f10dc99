"""The layers of Akida 2.0 between floats and integers."""

from __future__ import annotations

from cnn2snn.akida.layer import given
from cnn2snn.akida.layers.akida2.base import Akida2Layer


class Quantizer(Akida2Layer):
    """The entry of a model with float inputs: makes integers of them.

    An input x of channel c becomes the nearest integer to x · `scales`_c, ties to even, plus `zero_points`_c, and
    saturates at `output_bits`. Inputs are float32 arrays without NaN. The outputs are read by an `InputConv2D` (8 bits
    without a sign), or by an `InputData` of the same shape, width and sign.

    Args:
        input_shape: (X, Y, C) of one input; (C, X, Y) with `channels_first`.
        output_bits: 8, or 16 with a sign.
        output_signed: whether outputs have a sign.
        channels_first: whether the first axis of inputs is the channels. Outputs have the shape (X, Y, C) in any case.
        name: name of the layer, unique in its model; one is made when empty.

    Variables, with one value per channel: `scales`, float32, finite and greater than zero; `zero_points`, uint8.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> from cnn2snn import akida
        >>> layers = [akida.Quantizer((1, 1, 2), name="q"), akida.InputData((1, 1, 2), input_bits=8)]
        >>> model = akida.Model(layers=layers)
        >>> model.get_layer("q").set_variable("scales", np.array([10, 100], np.float32))
        >>> model.forward(np.array([0.75, -2], np.float32).reshape(1, 1, 1, 2)).ravel()
        array([   8, -128], dtype=int8)
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        output_bits: int = 8,
        output_signed: bool = True,
        channels_first: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))


class Dequantizer(Akida2Layer):
    """The end of a model with float outputs: multiplies its integer inputs by `scales`.

    `Model.predict` gives the floats, `Model.forward` the integers that this layer reads.

    Args:
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `scales`, float32 (C,), finite and greater than zero.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> from cnn2snn import akida
        >>> model = akida.Model(layers=[akida.InputData((1, 1, 2), input_bits=8), akida.Dequantizer("floats")])
        >>> model.get_layer("floats").set_variable("scales", np.array([0.5, 0.25], np.float32))
        >>> inputs = np.array([3, -1], np.int8).reshape(1, 1, 1, 2)
        >>> model.predict(inputs).ravel()
        array([ 1.5 , -0.25], dtype=float32)
        >>> model.forward(inputs).ravel()
        array([ 3, -1], dtype=int8)
    """

    def __init__(
        self,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
