"""The engine equals the oracle of Akida 2.0 on random models: every layer, every call, no difference anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from tests.oracle.akida2 import counts
from tests.oracle.akida2_engine import has_state, native
from tests.oracle.akida2_implementations import Oracle
from tests.oracle.random_akida2 import Case, random_case

MODELS_PER_TEST = 50
ORACLE = Oracle()


def assert_equal(found: np.ndarray, expected: np.ndarray, what: object) -> None:
    assert found.dtype == expected.dtype, what
    assert found.shape == expected.shape, what
    assert np.array_equal(found, expected), f"{(found != expected).sum()} of {found.size} differ\n{what}"


def integers(case: Case, results: list[np.ndarray]) -> list[np.ndarray]:
    """The results of all layers but `Dequantizer`, which has no integers of its own."""
    return results[:-1] if case.model[-1]["type"] == "Dequantizer" else results


def assert_engine_equals_oracle(case: Case, label: str) -> None:
    engine = native(case.model)
    for number, (x, results) in enumerate(zip(case.calls, case.results, strict=True)):
        taps = engine.forward_taps(x)
        assert len(taps) == len(case.model)
        for layer, tap, expected in zip(case.model, taps, integers(case, results), strict=False):
            assert_equal(tap, expected, f"{label}, call {number}: {layer['name']} of\n{case}")
    engine.reset()
    for number, (x, results) in enumerate(zip(case.calls, case.results, strict=True)):
        assert_equal(
            engine.forward(x, 0, 1), integers(case, results)[-1], f"{label}, forward, call {number} of\n{case}"
        )
    engine.reset()
    if case.model[-1]["type"] == "Dequantizer":
        for number, (x, results) in enumerate(zip(case.calls, case.results, strict=True)):
            found = engine.predict(x, 0, 1)
            assert_equal(found, results[-1], f"{label}, predict, call {number} of\n{case}")


@pytest.mark.parametrize("first", range(0, 1000, MODELS_PER_TEST))
def test_random_models(first):
    for seed in range(first, first + MODELS_PER_TEST):
        assert_engine_equals_oracle(random_case(seed), f"seed {seed}")


@pytest.mark.parametrize("seed", range(50_000, 50_020))
def test_random_models_on_larger_maps(seed):
    assert_engine_equals_oracle(random_case(seed, largest=33), f"seed {seed}")


@pytest.mark.parametrize("first", range(0, 200, MODELS_PER_TEST))
def test_batches_and_threads_change_nothing(first):
    """A batch is cut for threads, and streams are samples: each keeps its own state."""
    for seed in range(first, first + MODELS_PER_TEST):
        case = random_case(seed)
        engine = native(case.model)
        for batch_size, threads in [(0, 0), (1, 2), (2, 3), (3, 2)]:
            engine.reset()
            for x, results in zip(case.calls, case.results, strict=True):
                inputs, expected = (np.concatenate([a] * 3) for a in (x, integers(case, results)[-1]))
                assert_equal(engine.forward(inputs, batch_size, threads), expected, f"seed {seed}\n{case}")


@pytest.mark.parametrize("first", range(0, 400, MODELS_PER_TEST))
def test_shapes_multiply_accumulates_and_events(first):
    """M4, and M5 of models without state: means over the samples, exact up to the last units of double precision."""
    for seed in range(first, first + MODELS_PER_TEST):
        case = random_case(seed)
        engine = native(case.model)
        macs = [counts.macs(layer, read[0]) for layer, read in zip(case.model, counts.inputs(case.model), strict=True)]
        assert [layer.output_shape for layer in engine.layers()] == counts.all_shapes(case.model)
        assert [layer.macs for layer in engine.layers()] == macs
        if has_state(case.model):
            continue
        measured = engine.measure(case.calls[0])
        assert measured.samples == len(case.calls[0])
        expected = ORACLE.events(case.model, case.calls[0])
        found = [(events, effective) for _, events, effective in measured.layers]
        np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=f"seed {seed}\n{case}")
