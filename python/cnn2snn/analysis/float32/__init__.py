"""QuantizeML networks evaluated as QuantizeML does it: with integers that are float32 numbers, from float variables.

It is written from the formulas of the library, apart from conversion, and shares no arithmetic with it. In double
precision instead of float32 the same formulas are exact.

`tensors` says what values are and what quantizers do, `layers` and `temporal` what layers compute, `evaluator` goes
through a network, `onnx_model` does the same for ONNX models by the functions in their files.
"""

from cnn2snn.analysis.float32.evaluator import Evaluator

__all__ = ["Evaluator"]
