"""The fully connected layer of Akida 2.0."""

from __future__ import annotations

from cnn2snn.akida.enums import ActivationType
from cnn2snn.akida.layer import given
from cnn2snn.akida.layers.akida2.base import Akida2Layer


class Dense1D(Akida2Layer):
    """Every input connected to every unit; the input is flattened with the last axis fastest.

    Args:
        units: number of outputs.
        output_bits: width of the outputs: 1 to 8, or 16. 17 to 32 mean int32 accumulators, without an output quantizer.
        buffer_bits: width of accumulators, sign included: 16 to 32.
        post_op_buffer_bits: width of scaled accumulators, without their sign: 16 to 32.
        weights_bits: 2, 4 or 8.
        activation: none or a ReLU. A bool says whether there is a ReLU.
        output_signed: whether outputs have a sign. None means what the documentation implies: outputs of a ReLU with
            less than 8 bits have none, all others have one. Outputs without a sign have at most 8 bits.
        name: name of the layer, unique in its model; one is made when empty.

    Variables: `weights` of shape (X · Y · C, units); `input_shift` (C,); then those of the steps behind sums (see
    `cnn2snn.akida.layers.akida2`).

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> from cnn2snn import akida
        >>> layer = akida.Dense1D(2, output_bits=32, name="classes")
        >>> model = akida.Model(layers=[akida.InputData((1, 1, 3), input_bits=8), layer])
        >>> layer.set_variable("weights", np.array([[1, 0], [0, 1], [-1, 100]], np.int8))
        >>> model.forward(np.array([5, 3, 9], np.int8).reshape(1, 1, 1, 3)).ravel()
        array([ -4, 903], dtype=int32)
    """

    def __init__(
        self,
        units: int,
        output_bits: int = 8,
        buffer_bits: int = 32,
        post_op_buffer_bits: int = 32,
        weights_bits: int = 8,
        activation: ActivationType = ActivationType.NoActivation,
        output_signed: bool | None = None,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
