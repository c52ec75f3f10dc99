"""What is refused: B, C3, C7, E3, F3, G, H1, I4, J, K, L1 and M2, M3. Every refusal names its rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import layers, model, stage
from .bounds import accumulator_interval
from .counts import all_shapes
from .numbers import Format

UINT8, INT8, UINT16, INT16 = (0, 255), (-128, 127), (0, 65535), (-(2**15), 2**15 - 1)
SHIFT_LEFT, SHIFT_BOTH = UINT8, INT8
RANGES = {
    "input_shift": SHIFT_LEFT,
    "padding_value": UINT8,
    "bias": INT8,
    "bias_shift": SHIFT_LEFT,
    "max_value": (-1, 255),
    "max_value_shift": SHIFT_LEFT,
    "activation_scales": UINT16,
    "activation_shift": SHIFT_BOTH,
    "lut_values": (-(2**31), 2**31 - 1),
    "output_scales": UINT16,
    "output_shift": SHIFT_BOTH,
    "a_shift": SHIFT_LEFT,
    "b_shift": SHIFT_LEFT,
    "zero_points": UINT8,
    "in_proj": (-127, 127),
    "out_proj": (-127, 127),
    "A_real": INT16,
    "A_imag": INT16,
    "new_state_scale": UINT16,
    "new_state_shift": SHIFT_BOTH,
    "internal_state_outputs_shift": SHIFT_BOTH,
    "input_scales": UINT16,
    "threshold": UINT16,
}
WITH_TABLE = ("InputConv2D", "Conv2D", "DepthwiseConv2D", "Conv2DTranspose", "DepthwiseConv2DTranspose")
WITH_STAGE = (*WITH_TABLE, "Dense1D", "BufferTempConv", "DepthwiseBufferTempConv", "StatefulRecurrent", "Add")
INPUTS = ("InputData", "Quantizer", "InputConv2D")
TRANSPOSED = ("Conv2DTranspose", "DepthwiseConv2DTranspose")
MOST_TERMS = 2**24


def require(holds: Any, rule: str, layer: dict[str, Any], what: str) -> None:
    if not holds:
        raise ValueError(f"{rule}: layer {layer['name']!r}: {what}")


def check_format(layer: dict[str, Any], form: Format) -> None:
    """B1."""
    require(form.bits in (*range(1, 9), 16, 32), "B1", layer, f"{form.bits} bits are no format")
    require(form.bits >= 2 or not form.signed, "B1", layer, "a signed format has 2 bits at least")
    require(form.bits <= 8 or form.signed, "B1", layer, "an unsigned format has 8 bits at most")


def check_stage(layer: dict[str, Any]) -> None:
    """B6 and B8."""
    params = layer["params"]
    bits, post = layers.buffer_bits(layer), stage.post_op_bits(layer)
    require(16 <= bits <= 32, "B6", layer, f"buffer_bits {bits}")
    require(16 <= post <= 32, "B6", layer, f"post_op_buffer_bits {post}")
    output = params.get("output_bits", 8)
    require(output <= 32, "B8", layer, f"output_bits {output}")
    require(output <= 16 or params.get("output_signed") is not False, "B8", layer, "output_signed of accumulators")


def check_variables(layer: dict[str, Any]) -> None:
    """B4, B5, I6, J4, K3, K5: ranges."""
    variables, params = layer["variables"], layer["params"]
    for name, values in variables.items():
        if name == "scales":
            good = np.isfinite(values).all() and (values > 0).all()
            require(good, "K3", layer, "scales are finite and above 0")
            continue
        if name == "weights":
            bits = params.get("weights_bits", 8)
            require(bits in (2, 4, 8), "B4", layer, f"weights_bits {bits}")
            low, high = -(2 ** (bits - 1)) + 1, 2 ** (bits - 1) - 1
        else:
            low, high = RANGES[name]
            if name == "input_shift" and layer["type"] == "PicoPostProcessing":
                low, high = SHIFT_BOTH
        values = np.asarray(values).astype(np.int64)
        outside = values[(values < low) | (values > high)]
        require(outside.size == 0, "B4" if name == "weights" else "B5", layer, f"{name}: {outside[:1]}")
    if params.get("activation") == "LUT":
        require(layer["type"] in WITH_TABLE, "E3", layer, "no table")
        require(np.shape(variables.get("lut_values", np.zeros(2048))) == (2048,), "B5", layer, "2048 entries")


def check_inputs(layer: dict[str, Any], read: list[Format | None], shapes: list[tuple]) -> None:
    """B3, C1, C3, C4, C7, F3, G, H1, I4, J, K1, K2, L1."""
    kind, params = layer["type"], layer["params"]
    if kind not in ("Dequantizer", "PicoPostProcessing"):
        require(all(form.bits <= 16 for form in read), "B3", layer, "reads 32 bits")
    if kind == "InputConv2D":
        require("input_shift" not in layer["variables"], "C1", layer, "no input shift")
        require(params["input_shape"][2] in (1, 3), "C4", layer, "images have 1 or 3 channels")
        require(not read or read[0] == Format(8, False), "L1", layer, "reads 8 unsigned bits")
    if kind == "Quantizer":
        form = layers.output_format(layer, [])
        good = form in (Format(8, False), Format(8, True), Format(16, True))
        require(good, "K2", layer, f"output_bits {form.bits}, output_signed {form.signed}")
    if kind == "InputData":
        require(params["input_bits"] in (1, 2, 4, 8, 16), "K1", layer, f"input_bits {params['input_bits']}")
        require(not read or read[0] == layers.output_format(layer, []), "L1", layer, "reads another format")
    if kind in ("InputConv2D", "InputData"):
        require(not read or shapes[0] == tuple(params["input_shape"]), "L1", layer, "reads another input_shape")
    if kind in TRANSPOSED:
        require(params["kernel_size"] in (3, 4), "C7", layer, f"kernel_size {params['kernel_size']}")
    if kind in layers.TEMPORAL:
        require(params["fifo_size"] >= 1, "H1", layer, f"fifo_size {params['fifo_size']}")
    if params.get("padding") == "SameUpper":
        require(params.get("pool_type") != "Max", "C3", layer, "SameUpper")
    if params.get("pool_type") == "Average":
        require(not params.get("pool_size"), "F3", layer, "a global average has no pool_size")
    if kind == "Add":
        require(len(read) == 2 and shapes[0] == shapes[1], "G1", layer, f"shapes {shapes}")
    if kind == "Concatenate":
        require(len(read) >= 2 and len({s[:2] for s in shapes}) == 1, "G2", layer, f"shapes {shapes}")
    if kind == "StatefulRecurrent":
        good = shapes[0][0] == 1 and shapes[0][1] % params["subsample"] == 0
        require(good, "I4", layer, f"{shapes[0]} in steps of {params['subsample']}")
    if kind == "PicoPostProcessing":
        good = len(read) == 2 and shapes[0] == shapes[1] and shapes[0][0] == 1 and read[1].bits <= 16
        require(good, "J", layer, f"shapes {shapes}, formats {read}")
        bits = params.get("buffer_bits", 44)
        require(33 <= bits <= 48, "J", layer, f"buffer_bits {bits}")


def check_sums(layer: dict[str, Any], form: Format, shape: tuple) -> None:
    """M2 and M3."""
    for name in ("weights", "in_proj", "out_proj"):
        values = layer["variables"].get(name)
        if values is not None:
            depthwise = layer["type"].startswith("Depthwise")
            outputs = values.shape[2] if depthwise and values.shape[3] == 1 else values.shape[-1]
            require(values.size <= MOST_TERMS * outputs, "M3", layer, "too many terms")
    if layer["type"] != "Add" and stage.output_format(layer).bits > 16:
        ends = accumulator_interval(layer, form, shape)
        good = ends.min() >= -(2**31) and ends.max() <= 2**31 - 1
        require(good, "M2", layer, f"accumulators in {ends.min()} … {ends.max()}")


def check_structure(described: list[dict[str, Any]]) -> None:
    """L1: who reads whom."""
    for index, layer in enumerate(described):
        kind, inbounds = layer["type"], layer["inbounds"]
        require(kind in INPUTS or index > 0, "L1", layer, "is no input")
        require(bool(inbounds) == (index > 0), "L1", layer, "an input stands first, all others read")
        require(all(inbound < index for inbound in inbounds), "L1", layer, "reads a layer before it")
        feeds = all(described[inbound]["type"] == "Quantizer" for inbound in inbounds)
        good = kind not in INPUTS or index == 0 or (kind != "Quantizer" and feeds)
        require(good, "L1", layer, "an input reads a Quantizer alone, and a Quantizer nothing")
    read = {inbound for layer in described for inbound in layer["inbounds"]}
    for index, layer in enumerate(described[:-1]):
        require(index in read, "L1", layer, "nobody reads it")
        require(layer["type"] != "Dequantizer", "L1", layer, "is the last layer")


def check(described: list[dict[str, Any]]) -> None:
    """Raises ValueError, naming the rule, for a model that the page refuses."""
    check_structure(described)
    shapes, formats = all_shapes(described), model.formats(described)
    for index, layer in enumerate(described):
        if formats[index] is not None:
            check_format(layer, formats[index])
        read = [formats[i] for i in layer["inbounds"]]
        check_variables(layer)
        check_inputs(layer, read, [shapes[i] for i in layer["inbounds"]])
        if layer["type"] in WITH_STAGE:
            check_stage(layer)
            inputs = shapes[layer["inbounds"][0]] if index else tuple(layer["params"]["input_shape"])
            check_sums(layer, read[0] if read else Format(8, False), inputs)
