"""Memory that the system refuses is a MemoryError. The process goes on, and later calls give what they should give."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the size of the address space is read from /proc")

# Each call is made under address spaces that are larger and larger.
_PRELUDE = """
import resource
import numpy as np
from cnn2snn import akida

def address_space():
    pages = open("/proc/self/statm").read().split()[0]
    return int(pages) * resource.getpagesize()

def under_limits(name, call):
    outcomes = []
    for mebibytes in (3, 12, 48, 128, 512):
        limit = address_space() + (mebibytes << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        try:
            result = call()
            outcomes.append("done")
        except MemoryError as error:
            assert str(error), "no message"
            outcomes.append("refused")
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        result = None
    call()
    print(name, *outcomes)

rng = np.random.default_rng(1)
"""

_LARGE_MAPS = """
model = akida.Model()
model.add(akida.InputData((256, 256, 4), 4))
model.add(akida.Convolutional((3, 3), 96, act_bits=4, name="conv"))
model.add(akida.SeparableConvolutional((3, 3), 64, activation=False, name="sep"))
inputs = rng.integers(0, 16, (6, 256, 256, 4), dtype=np.uint8)
for threads in (1, 2, 4):
    under_limits(f"forward{threads}", lambda: model._native.forward(inputs, 0, threads))
under_limits("predict", lambda: model.predict(inputs))
under_limits("taps", lambda: model.forward_taps(inputs))
under_limits("measure", lambda: model.measure(inputs))
"""

_LARGE_WEIGHTS = """
def layers():
    model = akida.Model()
    model.add(akida.InputData((1, 1, 16384), 4))
    model.add(akida.FullyConnected(8192, weights_bits=4, act_bits=4, name="dense"))
    return model

model = layers()
dense = model.get_layer("dense")
weights = rng.integers(-7, 8, dense.get_variable("weights").shape, dtype=np.int8)
under_limits("add", layers)
under_limits("set_variable", lambda: dense.set_variable("weights", weights))
under_limits("get_variable", lambda: dense.get_variable("weights"))
buffer = model.to_buffer()
under_limits("to_buffer", lambda: model.to_buffer())
under_limits("from_buffer", lambda: akida.Model.from_buffer(buffer))
under_limits("map", lambda: model.map(akida.AKD1000()))
"""


def _outcomes(script: str, *arguments: str) -> dict[str, list[str]]:
    command = [sys.executable, "-c", _PRELUDE + textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: outcomes for name, *outcomes in filter(None, lines) if set(outcomes) <= {"done", "refused"}}


@pytest.mark.parametrize("script", [_LARGE_MAPS, _LARGE_WEIGHTS], ids=["maps", "weights"])
def test_a_call_without_memory_raises_and_the_process_goes_on(script: str) -> None:
    outcomes = _outcomes(script)
    assert len(outcomes) >= 6
    for name, results in outcomes.items():
        assert results[-1] == "done", f"{name} is refused where the memory suffices"
    assert sum("refused" in results for results in outcomes.values()) >= 5
