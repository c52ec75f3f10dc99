"""What random models of Akida 2.0 draw for the variables of a layer: usual values, and now and then extreme ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from .akida2 import stage
from .akida2.numbers import sat


def log2(value: int | float) -> int:
    """floor(log2), of 1 for anything smaller."""
    return max(int(value), 1).bit_length() - 1


def bare(layer: dict[str, Any]) -> dict[str, Any]:
    """The layer with its accumulators as outputs, and without steps that hide them."""
    variables = {k: v for k, v in layer["variables"].items() if k not in ("output_scales", "output_shift")}
    hidden = {"output_bits": 32, "output_signed": True, "post_op_buffer_bits": 32}
    return {**layer, "params": {**layer["params"], **hidden}, "variables": variables}


class Variables:
    """A generator of random numbers, and of variables from them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def pick(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def weights(self, shape: tuple[int, ...], bits: int) -> np.ndarray:
        """Weights over the whole range of B4; some filters wholly at one end, some sparse."""
        top = 2 ** (bits - 1) - 1
        values = self.rng.integers(-top, top + 1, shape).astype(np.int8)
        for f in range(shape[-1]):
            kind = self.rng.random()
            if kind < 0.15:
                values[..., f] = top if kind < 0.08 else -top
            elif kind < 0.25:
                values[..., f] *= self.rng.integers(0, 2, shape[:-1]).astype(np.int8)
        return values

    def stage(self, last: bool, table: bool, wide: bool | None = None) -> dict[str, Any]:
        """Parameters of weights, buffers, activation and outputs; `wide` as for `output_parameters`."""
        kinds = ["NoActivation", "ReLU", "ReLU", *(["LUT"] if table else [])]
        params = {"weights_bits": self.pick(2, 4, 8, 8), "activation": self.pick(*kinds)}
        return params | self.output_parameters(last, wide)

    def output_parameters(self, last: bool, wide: bool | None = None) -> dict[str, Any]:
        """Parameters of buffers and outputs. Only a last layer may have accumulators as outputs; `wide` decides it."""
        params = {}
        if self.chance(0.25):
            params["buffer_bits"] = self.pick(16, 20, 24, 28, 28, 31, 32)
        if self.chance(0.25):
            params["post_op_buffer_bits"] = self.pick(16, 20, 23, 24, 28, 31, 32)
        if wide or (wide is None and last and self.chance(0.3)):
            return params | {"output_bits": self.pick(17, 28, 28, 32, 32)}
        bits = self.pick(8, 8, 8, 4, 4, 4, 2, 3, 5, 6, 7)
        if self.chance(0.15 if last else 0.04):
            bits = 16
        if bits != 8 or self.chance(0.5):
            params["output_bits"] = bits
        if self.chance(0.3):
            params["output_signed"] = True if bits > 8 else self.chance(0.5)
            if not params["output_signed"] and self.chance(0.2):
                params["output_bits"] = 1
        return params

    def input_shift(self, layer: dict[str, Any], channels: int) -> None:
        """Shifts that are usually small, and now and then saturate."""
        if self.chance(0.5):
            high = self.pick(12, 24, 31, 255) if self.chance(0.15) else 4
            layer["variables"]["input_shift"] = self.rng.integers(0, high + 1, channels).astype(np.uint8)

    def mantissas_and_shifts(self, size: np.ndarray, mantissa: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Per channel an integer of 8 bits and a shift, together about as large as `size`; now and then far larger."""
        values = self.rng.integers(mantissa[0], mantissa[1] + 1, size.shape)
        shifts = np.array([max(log2(s) - 7, 0) for s in size]) + self.rng.integers(-1, 2, size.shape)
        if self.chance(0.08):
            shifts[self.rng.random(size.shape) < 0.5] = self.pick(19, 24, 31, 32, 63, 64, 255)
        return values, shifts.clip(0, 255).astype(np.uint8)

    def scales_and_shifts(self, size: np.ndarray, top: int, names: tuple[str, str], variables: dict) -> None:
        """Scales and shifts that take values of `size` to about `top`; now and then far from it."""
        kind = self.rng.random()
        if kind < 0.75:
            scales = self.rng.integers(128, 256, size.shape)
        else:
            scales = self.rng.integers(0, 65536, size.shape) if kind < 0.9 else np.ones(size.shape, int)
        scales[self.rng.random(size.shape) < 0.02] = 0
        reached = [log2(int(v) * int(s)) for v, s in zip(size, scales, strict=True)]
        shifts = log2(top) - np.array(reached) + self.rng.integers(-2, 3, size.shape)
        if self.chance(0.1):
            shifts[self.rng.random(size.shape) < 0.4] = self.pick(
                -128, -64, -63, -40, -33, -32, -26, 0, 7, 31, 32, 63, 127
            )
        if self.chance(0.9):
            variables[names[0]] = scales.astype(np.uint16)
        variables[names[1]] = np.clip(shifts, -128, 127).astype(np.int8)

    def stage_variables(self, layer: dict[str, Any], sums: np.ndarray, buffer_bits: int) -> None:
        """Bias, bound, table, scale and shift for sums that occur. Accumulators as outputs mostly keep theirs."""
        variables, kind = layer["variables"], layer["params"]["activation"]
        size = np.abs(sat(sums, buffer_bits)).max(axis=(0, 1, 2))
        if self.chance(0.7):
            bias, shift = self.mantissas_and_shifts(size, (-128, 127))
            variables["bias"] = bias.astype(np.int8)
            if self.chance(0.9):
                variables["bias_shift"] = shift
        if kind == "ReLU" and self.chance(0.5):
            bound, shift = self.mantissas_and_shifts(size, (0, 255))
            bound[self.rng.random(bound.shape) < 0.1] = -1
            variables["max_value"] = bound.astype(np.int16)
            variables["max_value_shift"] = shift
        if kind == "LUT":
            self.scales_and_shifts(size, 1023, ("activation_scales", "activation_shift"), variables)
            top = self.pick(2**13, 2**13, 127, 2**31 if layer["params"].get("pool_type") != "Average" else 2**20)
            table = self.rng.integers(-top, top, 2048).astype(np.int32)
            if self.chance(0.5):
                table.sort()
            if self.chance(0.97):
                variables["lut_values"] = table
        bits = layer["params"].get("output_bits", 8)
        if bits <= 16 or self.chance(0.2):
            acc = np.abs(stage.outputs(bare(layer), sums, buffer_bits)).max(axis=(0, 1, 2))
            self.scales_and_shifts(acc, 2 ** min(bits, 30), ("output_scales", "output_shift"), variables)

    def add_variables(self, layer: dict[str, Any], read: list[np.ndarray]) -> None:
        """Alignment shifts, and an output shift that suits their sum."""
        channels, size = read[0].shape[-1], 0
        for name, values in zip(("a_shift", "b_shift"), read, strict=True):
            high = self.pick(1, 5, 5, 31, 255) if self.chance(0.3) else 4
            shifts = self.rng.integers(0, high + 1, channels)
            if self.chance(0.8):
                layer["variables"][name] = shifts.astype(np.uint8)
            size = max(size, log2(np.abs(values.astype(np.int64)).max(initial=1)) + 2)
        bits = layer["params"].get("output_bits", 8)
        if bits <= 16 or self.chance(0.2):
            shifts = bits - 3 - size + self.rng.integers(-2, 3, channels)
            if self.chance(0.1):
                shifts[self.rng.random(channels) < 0.5] = self.pick(-128, -63, -33, -31, 0, 31, 127)
            layer["variables"]["output_shift"] = np.clip(shifts, -128, 127).astype(np.int8)

    def recurrence(self, layer: dict[str, Any], largest: int) -> None:
        """The variables of I2 and I3, for projections of at most `largest`."""
        variables, states = layer["variables"], layer["params"]["stateful_channels"]
        angle, radius = self.rng.uniform(-3.2, 3.2, states), self.rng.uniform(0.3, 1, states)
        a = np.stack([radius * np.cos(angle), radius * np.sin(angle)]) * 2**15
        if self.chance(0.15):
            a[:, self.rng.random(states) < 0.5] = self.pick(-(2**15), 2**15 - 1)
        variables["A_real"], variables["A_imag"] = np.clip(np.rint(a), -(2**15), 2**15 - 1).astype(np.int16)
        top = 2 ** self.pick(24, 27, 27, 29, 32)
        size = np.full(states, largest)
        self.scales_and_shifts(size, top, ("new_state_scale", "new_state_shift"), variables)
        back = np.full(states, -15)
        if self.chance(0.15):
            back += self.rng.integers(-3, 4, states)
        variables["internal_state_outputs_shift"] = back.astype(np.int8)

    def pico_variables(self, layer: dict[str, Any], acc: np.ndarray, target: np.ndarray) -> None:
        channels = acc.shape[-1]
        size = np.abs(acc.astype(np.int64)).max(axis=(0, 1, 2))
        variables = layer["variables"]
        self.scales_and_shifts(size, 2**14, ("input_scales", "input_shift"), variables)
        typical = int(np.abs(target.astype(np.int64)).mean()) + 1
        variables["threshold"] = self.rng.integers(0, min(2 * typical, 65536), channels).astype(np.uint16)
