"""The recurrent layer of Akida 2.0, and what judges its predictions."""

from __future__ import annotations

from cnn2snn.akida.enums import ActivationType
from cnn2snn.akida.layer import given
from cnn2snn.akida.layers.akida2.base import Akida2Layer


class StatefulRecurrent(Akida2Layer):
    """Complex states that follow from each other in time, between two projections.

    The input is one row (1, T, C) of T steps in time; the output has the shape (1, T / subsample, output_channels). The
    layer has state: real and imaginary parts of 16 bits, which stay from input to input of a stream. `Model.session`
    tells how streams and clips are run.

    Args:
        stateful_channels: number of complex states S.
        output_channels: number of output channels.
        subsample: of so many steps, only the last one has an output. T is a multiple of it.
        activation: none or a ReLU. A bool says whether there is a ReLU.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        output_signed: whether outputs have a sign. None means what the documentation implies: outputs of a ReLU with
            less than 8 bits have none, all others have one. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `in_proj`, int8 (C, S); `input_shift`, uint8 (C,); `new_state_scale`, uint16 (S,), and
    `new_state_shift`, int8 (S,), which take projected inputs to the scale of products of states; `A_real` and
    `A_imag`, int16 (S,), by which states are multiplied in each step; `internal_state_outputs_shift`, int8 (S,),
    which takes products back to states; `out_proj`, int8 (S, output_channels); then those of the steps behind sums
    (see `cnn2snn.akida.layers.akida2`).

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> layer = akida.StatefulRecurrent(8, 3, subsample=2)
        >>> akida.Model(layers=[akida.InputData((1, 16, 4), input_bits=16), layer]).output_shape
        [1, 8, 3]
    """

    def __init__(
        self,
        stateful_channels: int,
        output_channels: int,
        subsample: int = 1,
        activation: ActivationType = ActivationType.ReLU,
        buffer_bits: int = 28,
        post_op_buffer_bits: int = 32,
        output_bits: int = 8,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))


class PicoPostProcessing(Akida2Layer):
    """Whether a prediction is far from its target, for each channel: 0 or 1.

    It has two inbounds of one shape: a prediction, then its target of at most 16 bits. Predictions are multiplied by
    `input_scales` and shifted by `input_shift`. The output is 1 where the mean distance over all positions, rounded
    down, is at least `threshold`. The output is uint8 of shape (1, 1, C).

    Args:
        buffer_bits: width of scaled predictions, without their sign: 33 to 48.
        name: name of the layer, unique in its model; one is made when empty.

    Variables, with one value per channel: `input_scales`, uint16; `input_shift`, int8, to the left where positive;
    `threshold`, uint16.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> source = akida.InputData((1, 16, 4), input_bits=16)
        >>> model = akida.Model(layers=[source, akida.StatefulRecurrent(8, 4, output_bits=32)])
        >>> model.add(akida.PicoPostProcessing(), [model.layers[1], source])
        >>> model.output_shape, model.output_dtype
        ([1, 1, 4], dtype('uint8'))
    """

    def __init__(
        self,
        buffer_bits: int = 44,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
