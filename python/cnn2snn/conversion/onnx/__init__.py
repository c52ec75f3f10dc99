"""Quantized ONNX models: read with the `onnx` package, and brought to the layers of Akida 2.0.

`graph` is the neutral form, `file` reads into it, `functions` takes names of functions apart. `constants` and `padding`
bring constants to variables. The other files make the layers of one family, and `build` makes all.
"""

from cnn2snn.conversion.onnx.build import plan_onnx
from cnn2snn.conversion.onnx.file import read_onnx, read_onnx_model
from cnn2snn.conversion.onnx.graph import Graph

__all__ = ["Graph", "plan_onnx", "read_onnx", "read_onnx_model"]
