"""The entry of maps, which both generations have."""

from __future__ import annotations

from cnn2snn.akida.layer import Layer, given


class InputData(Layer):
    """The entry of a model whose inputs are maps; passes them on unchanged.

    Maps of 1, 2 or 4 bits belong to either generation; they are uint8 arrays without a sign. Maps of 8 and 16 bits
    belong to Akida 2.0; they are int8 and int16 arrays. In a model of Akida 2.0 it may also read a `Quantizer` of the
    same shape, width and sign.

    Args:
        input_shape: (X, Y, C).
        input_bits: width of the input values: 1, 2 or 4 without a sign, 8 or 16 with a sign.
        input_signed: has no effect for 8 and 16 bits, which are signed in any case. Must be False for fewer bits.
        name: name of the layer, unique in its model; one is made when empty.

    Raises:
        ValueError: an argument is not allowed.
        TypeError: an argument has the wrong type.

    Example:
        >>> from cnn2snn import akida
        >>> akida.InputData((1, 1, 3), input_bits=8).parameters
        InputData(input_shape=(1, 1, 3), input_bits=8, input_signed=True)
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        input_bits: int = 4,
        input_signed: bool = False,
        name: str = "",
    ) -> None:
        super().__init__(**given(locals()))
