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

_AKIDA_2 = """
from cnn2snn.akida import PoolType
model = akida.Model()
model.add(akida.Quantizer((256, 256, 4), output_signed=False, name="floats"))
model.add(akida.Conv2D(64, 3, name="conv"))
model.add(akida.DepthwiseConv2D(3, output_bits=16, name="depthwise"))
model.add(akida.Dequantizer(name="last"))
inputs = rng.uniform(0, 1, (4, 256, 256, 4)).astype(np.float32)
for threads in (1, 2, 4):
    under_limits(f"forward{threads}", lambda: model._native.forward(inputs, 0, threads))
under_limits("predict", lambda: model.predict(inputs))
under_limits("taps", lambda: model.forward_taps(inputs))
integers = model.forward(inputs)
under_limits("dequantize", lambda: model.dequantize(integers))
"""

_STREAMS = """
model = akida.Model()
model.add(akida.InputData((128, 128, 64), 8))
model.add(akida.DepthwiseBufferTempConv(12, name="queue"))
buffer = model.to_buffer()
inputs = np.ones((1, 128, 128, 64), np.int8)

def forward():
    model.reset()
    return model.forward(inputs)

under_limits("session", lambda: model.session(1))
session = model.session(1)
under_limits("forward", forward)
under_limits("step", lambda: session.step(inputs))
under_limits("clip", lambda: session.run_clip(inputs[None]))
under_limits("taps", lambda: session.taps(inputs))
under_limits("save", lambda: session.save())
saved = session.save()
under_limits("restore", lambda: session.restore(saved))
under_limits("from_buffer", lambda: akida.Model.from_buffer(buffer))
under_limits("map", lambda: model.map(akida.SixNodesIPv2()))
"""


def _outcomes(script: str, *arguments: str) -> dict[str, list[str]]:
    command = [sys.executable, "-c", _PRELUDE + textwrap.dedent(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    return {name: outcomes for name, *outcomes in filter(None, lines) if set(outcomes) <= {"done", "refused"}}


@pytest.mark.parametrize(
    "script", [_LARGE_MAPS, _LARGE_WEIGHTS, _AKIDA_2, _STREAMS], ids=["maps", "weights", "akida2", "streams"]
)
def test_a_call_without_memory_raises_and_the_process_goes_on(script: str) -> None:
    outcomes = _outcomes(script)
    assert len(outcomes) >= 6
    for name, results in outcomes.items():
        assert results[-1] == "done", f"{name} is refused where the memory suffices"
    assert sum("refused" in results for results in outcomes.values()) >= 4
