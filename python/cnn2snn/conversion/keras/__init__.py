"""The reader of Keras models: from a graph of quantized layers to blocks.

`reader` goes through the layers and asks one file of rules about each: `rescaling`, `neural`, `normalization`,
`activations`, `pooling`, `branches` or `shapes`. `reading` holds what these share. `depthwise` joins layers beforehand,
`weights` reads the arrays of neural layers, `account` says what became of all other layers.
"""

from cnn2snn.conversion.keras.depthwise import join_depthwise
from cnn2snn.conversion.keras.reader import read_blocks

__all__ = ["join_depthwise", "read_blocks"]
