"""Flatten of a tensor that is quantized per axis.

QuantizeML shifts channels left to one number of fractional bits and saturates them within their own width. A dense
layer shifts its inputs in a wide accumulator, without saturating. Both agree where no value saturates, and intervals
have to prove that.
"""

from __future__ import annotations

import numpy as np

from cnn2snn.conversion.quantizeml.integers.intervals import output_interval
from cnn2snn.conversion.quantizeml.integers.neural import aligned_input
from cnn2snn.conversion.quantizeml.integers.walk import Walk
from cnn2snn.conversion.quantizeml.layer import Layer, refuse

__all__ = ["flatten_shift"]


def flatten_shift(walk: Walk, layer: Layer) -> np.ndarray | None:
    """The left shifts of the channels that a Flatten reads.

    Returns:
        int64 of shape (channels,); None where the tensor is quantized per tensor.

    Raises:
        UnsupportedModelError: some value of a channel can saturate.
    """
    source = layer.inbounds[0]
    tensor = walk.records[source].output
    _, shift = aligned_input(tensor, walk.shapes[source][-1])
    if shift is None:
        return None
    low, high = output_interval(walk, source)
    saturates = (low << shift < -(2**tensor.value_bits)) | (high << shift > 2**tensor.value_bits - 1)
    if np.any(saturates):
        channel = int(np.argmax(saturates))
        raise refuse(
            layer,
            f'it flattens "{source}", which is quantized per axis: values of channel {channel}, in '
            f"{low[channel]}..{high[channel]}, saturate where they are shifted by {shift[channel]} to the fractional "
            "bits of the other channels",
            kind="flatten",
            expected="per-tensor",
            received="per-axis",
            remedy=f'quantize the output of "{source}" per tensor, for instance with per_tensor_activations=True',
        )
    return shift
