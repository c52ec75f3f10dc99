"""The layers of Akida 2.0 that join branches."""

from __future__ import annotations

from typing import ClassVar

from cnn2snn.akida import _arguments
from cnn2snn.akida.enums import ActivationType
from cnn2snn.akida.layer import given
from cnn2snn.akida.layers.akida2.base import Akida2Layer


class Add(Akida2Layer):
    """Two maps of one shape, shifted to the left, added, and shifted to the output format.

    The sum of a << `a_shift` and b << `b_shift` saturates at `buffer_bits`. It is shifted by `output_shift`, to the
    left where positive, to the right with rounding where negative (ties go up), and saturates at `output_bits`.

    Args:
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        activation: None, False or `ActivationType.NoActivation`: there is no activation behind a sum.
        output_signed: whether outputs have a sign. None means yes. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables, with one value per channel: `a_shift` and `b_shift`, uint8; `output_shift`, int8.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> from cnn2snn import akida
        >>> source = akida.InputData((1, 1, 1), input_bits=8)
        >>> model = akida.Model(layers=[source])
        >>> model.add(akida.Add(name="mean"), [source, source])
        >>> model.get_layer("mean").set_variable("output_shift", np.array([-1], np.int8))
        >>> model.forward(np.array([[[[100]]]], np.int8)).item()
        100
    """

    _fixed: ClassVar[tuple[str, ...]] = ("activation",)

    def __init__(
        self,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        activation: ActivationType | None = None,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        if activation not in (None, False, ActivationType.NoActivation):
            remedy = "put a Conv2D of kernel_size 1 with the activation behind it"
            _arguments.wrong_value(str(name), "activation", "None: Add has no activation", activation, remedy)
        super().__init__(
            output_bits=output_bits,
            buffer_bits=buffer_bits,
            post_op_buffer_bits=post_op_buffer_bits,
            output_signed=output_signed,
            name=name,
        )


class Concatenate(Akida2Layer):
    """Joins maps of one height and width on the channel axis, in the order of its inbounds.

    The output has the fewest bits that hold all values of all maps, and a sign where one of them has a sign. It has at
    most 8 bits, or 16.

    Args:
        name: name of the layer, unique in its model; one is made when empty.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> source = akida.InputData((4, 4, 3), input_bits=8)
        >>> model = akida.Model(layers=[source])
        >>> model.add(akida.Concatenate(), [source, source])
        >>> model.output_shape
        [4, 4, 6]
    """

    def __init__(
        self,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
