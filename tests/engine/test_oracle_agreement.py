"""The engine equals the oracle on random networks, with no difference anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle import model
from tests.oracle.engine import from_engine, to_engine
from tests.oracle.model import LayerDescription
from tests.oracle.random_networks import Case, Generator, random_case

NETWORKS_PER_TEST = 100


def assert_equal(found: np.ndarray, expected: np.ndarray, what: object) -> None:
    assert found.dtype == expected.dtype, what
    assert found.shape == expected.shape, what
    assert np.array_equal(found, expected), f"{(found != expected).sum()} differ\n{what}"


def assert_engine_equals_oracle(case: Case, label: object) -> None:
    engine = to_engine(case.network)
    taps = engine.forward_taps(case.inputs)
    assert len(taps) == len(case.network)
    for layer, tap, result in zip(case.network, taps, case.results, strict=True):
        assert_equal(tap, result.output, f"{label}: {layer.name} of\n{case}")
    last = case.results[-1]
    assert_equal(engine.forward(case.inputs), last.output, f"{label}: forward of\n{case}")
    outputs = last.output
    if last.levels is None:
        outputs = model.predict(case.network, last)
        assert_equal(engine.predict(case.inputs), outputs, f"{label}: predict of\n{case}")
    if outputs.shape[1:3] == (1, 1):
        units = outputs.shape[3]
        for groups in {0, 1, units, *(n for n in (2, 3, 4) if units % n == 0)}:
            found = engine.predict_classes(case.inputs, num_classes=groups)
            assert np.array_equal(found, model.classes(outputs, groups)), f"{label}\n{case}"


@pytest.mark.parametrize("first", range(0, 1600, NETWORKS_PER_TEST))
def test_random_networks(first):
    for seed in range(first, first + NETWORKS_PER_TEST):
        assert_engine_equals_oracle(random_case(seed), f"seed {seed}")


@pytest.mark.parametrize("seed", range(5000, 5040))
def test_random_networks_on_larger_maps(seed):
    assert_engine_equals_oracle(random_case(seed, largest=33), f"seed {seed}")


@pytest.mark.parametrize("seed", range(40))
def test_batches_and_threads_change_nothing(seed):
    case = random_case(seed)
    engine = to_engine(case.network)
    inputs = np.concatenate([case.inputs] * 5)
    expected = np.concatenate([case.results[-1].output] * 5)
    for batch_size in (0, 1, 2, 3, len(inputs), 1000):
        for threads in (1, 2, 3, 0):
            found = engine.forward(inputs, batch_size, threads=threads)
            assert_equal(found, expected, case)


@pytest.mark.parametrize("seed", range(100))
def test_descriptions_survive_the_engine(seed):
    """What is read back through the public names is what was set."""
    case = random_case(seed)
    engine = to_engine(case.network)
    back = from_engine(engine)
    for made, read in zip(case.network, back, strict=True):
        assert (read.type, read.name, read.inbounds) == (made.type, made.name, made.inbounds)
        assert list(read.variables) == list(made.variables)
        for name, values in made.variables.items():
            assert_equal(read.variables[name], values, name)
    results = model.evaluate(back, case.inputs)
    assert_equal(results[-1].output, case.results[-1].output, case)


@pytest.mark.parametrize("seed", range(150))
def test_shapes_and_multiply_accumulates(seed):
    case = random_case(seed)
    engine = to_engine(case.network)
    outputs = {d.name: r.output for d, r in zip(case.network, case.results, strict=True)}
    total = 0
    for layer, description in zip(engine.layers, case.network, strict=True):
        assert list(layer.output_dims) == list(outputs[description.name].shape[1:])
        shape = case.inputs.shape[1:]
        if description.inbounds and description.type != "Concat":
            shape = outputs[description.inbounds[0]].shape[1:]
            assert list(layer.input_dims) == list(shape)
        total += model.macs(description, shape)
    assert engine.macs == total


class _ExtremeValues(Generator):
    """Inputs and weights at the ends of their ranges only: the largest sums there are."""

    def __init__(self, seed: int, channels: int) -> None:
        super().__init__(seed)
        self.channels = channels

    def case(self, kind: str, input_bits: int, weights_bits: int, size: int, kernel: int) -> Case:
        last = LayerDescription(kind, "last", ("events",))
        parameters = {
            "weights_bits": weights_bits,
            "activation": bool(self.chance(0.5)),
            "act_bits": self.pick(1, 2, 4),
        }
        shape = (size, size, self.channels)
        if kind == "FullyConnected":
            parameters["units"] = self.count()
            kernel_shape = (1, 1, int(np.prod(shape)), parameters["units"])
        else:
            parameters |= {
                "filters": self.count(),
                "kernel_size": (kernel, kernel),
                "kernel_stride": self.pair(1, 2),
                "padding": self.pick("Same", "Valid"),
                "pool_type": self.pick("NoPooling", "Average"),
                "pool_size": (-1, -1),
                "pool_stride": (-1, -1),
            }
            kernel_shape = (kernel, kernel, self.channels, parameters["filters"])
        last.parameters = parameters
        if kind == "SeparableConvolutional":
            last.variables["weights"] = self.ends((*kernel_shape[:3], 1), weights_bits)
            last.variables["weights_pw"] = self.ends((1, 1, *kernel_shape[2:]), weights_bits)
        else:
            last.variables["weights"] = self.ends(kernel_shape, weights_bits)
        if kind == "InputConvolutional":
            last.inbounds = ()
            parameters |= {"input_shape": shape, "padding_value": 255}
            inputs = self.top_values((3, *shape), 255)
        else:
            first = LayerDescription("InputData", "events", ())
            first.parameters = {"input_shape": shape, "input_bits": input_bits}
            inputs = self.top_values((3, *shape), 2**input_bits - 1)
            self.append(first, model.evaluate_layer(first, [inputs]))
        if not self.finish(last, inputs):  # the sum over the map leaves 32 bits
            parameters["pool_type"] = "NoPooling"
            assert self.finish(last, inputs)
        return Case(self.network, inputs, self.results)

    def top_values(self, shape: tuple, top: int) -> np.ndarray:
        inputs = np.full(shape, top, np.uint8)
        inputs[1:] -= self.rng.integers(0, 2, (shape[0] - 1, *shape[1:])).astype(np.uint8)
        return inputs

    def ends(self, shape: tuple, bits: int) -> np.ndarray:
        """Per filter: all at the top, all at the bottom, or both mixed."""
        top = model.weight_max(bits)
        low = 0 if bits == 1 else -top
        values = np.where(self.rng.random(shape) < 0.5, low, top).astype(np.int8)
        for f in range(shape[3]):
            if self.chance(0.7):
                values[..., f] = self.pick(low, top)
        return values


@pytest.mark.parametrize("weights_bits", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", ["InputConvolutional", "Convolutional", "SeparableConvolutional", "FullyConnected"])
def test_the_largest_sums(kind, weights_bits):
    """No sum saturates or wraps: 16-bit, and 24-bit float, intermediates would."""
    largest = 0
    for seed in range(24):
        channels = (3, 1, 3, 3) if kind == "InputConvolutional" else (3, 8, 32, 33)
        input_bits = (1, 2, 4)[seed % 3]
        case = _ExtremeValues(seed, channels[seed % 4]).case(kind, input_bits, weights_bits, 6, 5)
        assert_engine_equals_oracle(case, f"{kind}, seed {seed}")
        largest = max(largest, int(np.abs(case.results[-1].potentials).max()))
    if weights_bits == 8:
        assert largest > 2**20


def test_potentials_at_the_limit_of_32_bits():
    """1,127,288 products of 15 and ±127 are the most that are accepted (B5)."""
    terms = model.POTENTIAL_MAX // (15 * 127)
    events = LayerDescription("InputData", "events", ())
    events.parameters = {"input_shape": (1, 1, terms), "input_bits": 4}
    dense = LayerDescription("FullyConnected", "dense", ("events",))
    dense.parameters = {"units": 3, "weights_bits": 8, "activation": False, "act_bits": 4}
    weights = np.full((1, 1, terms, 3), 127, np.int8)
    weights[..., 1] = -127
    weights[:, :, ::2, 2] = -127
    dense.variables = {
        "weights": weights,
        "threshold": np.array([-(2**31), 2**31 - 1, 0], np.int32),
        "act_step": np.array([1.5, 1e-45, 3.0], np.float32),
    }
    engine = to_engine([events, dense])
    inputs = np.full((1, 1, 1, terms), 15, np.uint8)
    assert engine.forward(inputs).ravel().tolist() == [2147483640, -2147483640, 0]
    expected = np.array([np.float32(4294967288 / 1.5), -np.inf, 0], np.float32)
    np.testing.assert_array_equal(engine.predict(inputs).ravel(), expected)

    dense.parameters = {**dense.parameters, "activation": True}
    dense.variables["threshold"] = np.array([2147483639, -2147483640, 0], np.int32)
    dense.variables["act_step"] = np.array([1e-45, 1.0, 1.0], np.float32)
    found = to_engine([events, dense]).forward(inputs)
    assert found.ravel().tolist() == [15, 0, 0]
