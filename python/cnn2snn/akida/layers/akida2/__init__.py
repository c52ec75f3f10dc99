"""The layers of Akida 2.0.

All of them are integer layers; `Quantizer` and `Dequantizer` connect them to floats. Kernels, strides, pools and queues
are given as one number: windows are squares. Shapes are (X, Y, C), and values that layers hand on have 1 to 8 bits, or
16.

`docs/arithmetic-akida2.md` has every rule. What follows the sums of a layer with weights, per output channel f:

1. the sum saturates at `buffer_bits` signed bits;
2. `bias_f << bias_shift_f` is added, and saturates there again;
3. the largest value of each window is taken, with `PoolType.Max`;
4. the activation: a ReLU with the bound `max_value_f << max_value_shift_f`; or a table, whose entry -1024 … 1023 is the
   value times `activation_scales_f`, shifted by `activation_shift_f`;
5. all positions are added, with `PoolType.Average`: there is no division;
6. the value times `output_scales_f` saturates at `post_op_buffer_bits` bits and a sign;
7. it is shifted by `output_shift_f`, to the left where positive, to the right with rounding where negative (ties go
   up), and saturates at `output_bits`, signed or not.

With `output_bits` beyond 16, a layer has no output quantizer: outputs are int32 accumulators, and `output_scales` and
`output_shift` stay 1 and 0. Only `Dequantizer` and the first inbound of `PicoPostProcessing` read accumulators.

Variables of these steps have one value per output channel, but for `lut_values`. A new layer has weights, biases,
shifts and tables of 0, scales of 1, and no bounds:

| Variable | Element type | Values |
| --- | --- | --- |
| `weights` | int8 | ±(2^(`weights_bits` - 1) - 1) |
| `input_shift` | uint8 | per input channel: inputs are shifted to the left before they are multiplied |
| `bias`, `bias_shift` | int8, uint8 | |
| `max_value`, `max_value_shift` | int16, uint8 | with a ReLU: 0 … 255, or -1 for no bound |
| `activation_scales`, `activation_shift` | uint16, int8 | with a table |
| `lut_values` | int32 | with a table: 2048 entries, from index -1024 on |
| `output_scales`, `output_shift` | uint16, int8 | |

Arrays of a narrower integer type are taken as well, such as uint8 for `output_scales`.
"""

from cnn2snn.akida.layers.akida2.convolution import Conv2D, DepthwiseConv2D, InputConv2D
from cnn2snn.akida.layers.akida2.dense import Dense1D
from cnn2snn.akida.layers.akida2.interface import Dequantizer, Quantizer
from cnn2snn.akida.layers.akida2.joining import Add, Concatenate
from cnn2snn.akida.layers.akida2.recurrent import PicoPostProcessing, StatefulRecurrent
from cnn2snn.akida.layers.akida2.temporal import BufferTempConv, DepthwiseBufferTempConv
from cnn2snn.akida.layers.akida2.transposed import Conv2DTranspose, DepthwiseConv2DTranspose

__all__ = [
    "Add",
    "BufferTempConv",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Dense1D",
    "DepthwiseBufferTempConv",
    "DepthwiseConv2D",
    "DepthwiseConv2DTranspose",
    "Dequantizer",
    "InputConv2D",
    "PicoPostProcessing",
    "Quantizer",
    "StatefulRecurrent",
]
