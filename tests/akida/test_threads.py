"""Several threads on one model, and runs that are interrupted."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cnn2snn import akida


def test_threads_run_one_model_at_the_same_time(model, inputs):
    expected = model.forward(inputs)
    together = threading.Barrier(4)

    def run(threads):
        together.wait()
        return [model.forward(inputs, threads=threads) for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for results in pool.map(run, [0, 1, 2, 3]):
            for outputs in results:
                np.testing.assert_array_equal(outputs, expected)


def test_run_sees_the_model_before_or_after_an_edit(model, inputs):
    layer = model.get_layer("classes")
    weights = layer.get_variable("weights")
    plus = model.forward(inputs)
    stop = threading.Event()

    def edit():
        sign = 1
        while not stop.is_set():
            sign = -sign
            layer.set_variable("weights", sign * weights)

    editor = threading.Thread(target=edit)
    editor.start()
    try:
        results = [model.forward(inputs) for _ in range(200)]
    finally:
        stop.set()
        editor.join()
    for outputs in results:
        assert np.array_equal(outputs, plus) or np.array_equal(outputs, -plus)


def test_layers_added_by_several_threads_all_have_a_place():
    source = akida.InputData((1, 1, 2), name="source")
    model = akida.Model(layers=[source])
    together = threading.Barrier(8)

    def add(thread):
        together.wait()
        for i in range(50):
            model.add(akida.FullyConnected(1, f"branch {thread}.{i}"), [source])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert model.get_layer_count() == 401
    for index, layer in enumerate(model.layers):
        assert model.get_layer(index) is layer
        assert layer._index == index


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to send Ctrl-C to one process")
@pytest.mark.parametrize("method", ["forward", "predict_classes", "forward_taps"])
def test_long_run_is_interrupted(tmp_path, method):
    # Many minutes of work; the test ends only if the interrupt is heard.
    program = textwrap.dedent(
        f"""
        import numpy as np
        from cnn2snn import akida

        model = akida.Model(layers=[
            akida.InputConvolutional((64, 64, 3), (7, 7), 64, weights_bits=8, act_bits=4),
            akida.Convolutional(
                (7, 7), 64, weights_bits=4, act_bits=4, pool_type=akida.PoolType.Average
            ),
            akida.FullyConnected(10, weights_bits=4, activation=False),
        ])
        sample = np.zeros((1, 64, 64, 3), np.uint8)
        model.forward(sample)
        inputs = np.broadcast_to(sample, (5_000, 64, 64, 3)).copy()
        print("ready", flush=True)
        try:
            model.{method}(inputs)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            raise
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert output == "interrupted\n"
    assert process.returncode in (-signal.SIGINT, 130)


HUGE = {
    "forward": lambda model, inputs: model.forward(inputs),
    "forward on one thread": lambda model, inputs: model.forward(inputs, threads=1),
    "predict": lambda model, inputs: model.predict(inputs),
    "forward_taps": lambda model, inputs: model.forward_taps(inputs),
    "measure": lambda model, inputs: model.measure(inputs),
    "session": lambda model, inputs: model.session(len(inputs)).step(inputs),
}


@pytest.fixture(scope="module")
def huge_model():
    """A model that takes a minute for one input."""
    model = akida.Model(
        layers=[
            akida.InputData((320, 320, 64), input_bits=1),
            akida.Convolutional((32, 32), 256, weights_bits=1, activation=False),
        ]
    )
    model.explain_plan()  # makes the plan
    return model


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to send Ctrl-C to one process")
@pytest.mark.parametrize("call", HUGE)
def test_ctrl_c_ends_a_call_inside_one_huge_input(huge_model, call):
    inputs = np.ones((1, 320, 320, 64), np.uint8)
    sent = []

    def interrupt():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.3, interrupt)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        HUGE[call](huge_model, inputs)
    # A host under load takes much longer than the engine, and a whole input much longer than that.
    assert time.monotonic() - sent[0] < 5


@pytest.mark.skipif(os.name == "nt", reason="Windows has no way to send Ctrl-C to one process")
def test_ctrl_c_ends_waiting_for_streams_that_another_thread_moves_on():
    model = akida.Model(
        layers=[
            akida.InputData((96, 96, 64), input_bits=1),
            akida.Convolutional((32, 32), 256, weights_bits=1, activation=False),
        ]
    )
    session = model.session(1)
    inputs = np.ones((1, 96, 96, 64), np.uint8)
    other = threading.Thread(target=session.step, args=[inputs])
    other.start()
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        session.step(inputs)
    # Signals reach the main thread alone.
    assert other.is_alive()
    other.join()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no interval timer")
def test_exception_of_a_signal_handler_is_raised(model):
    class Stop(Exception):
        pass

    def handle(number, frame):
        raise Stop

    def run_for_ever():
        while True:
            model.forward(inputs, batch_size=10)

    inputs = np.zeros((2000, 8, 6, 3), np.uint8)
    old = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Stop):
            run_for_ever()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def test_other_threads_go_on_during_a_run():
    """A run holds no lock of the interpreter: Python code runs many times meanwhile."""
    model = akida.Model(
        layers=[akida.InputConvolutional((64, 64, 3), (7, 7), 64, weights_bits=4, pool_type=akida.PoolType.Average)]
    )
    inputs = np.zeros((200, 64, 64, 3), np.uint8)
    model.forward(inputs[:1])
    # One batch, so that no look for signals lets other threads in.
    run = threading.Thread(target=lambda: model.forward(inputs, batch_size=len(inputs)))
    ticks = 0
    run.start()
    while run.is_alive():
        time.sleep(0.001)
        ticks += 1
    assert ticks > 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
def test_a_forked_process_runs_with_threads_of_its_own(tmp_path):
    """Threads do not survive a fork: a pool taken over from the parent would wait for ever."""
    script = """
import os
import numpy as np
from cnn2snn import akida
model = akida.Model(layers=[akida.InputData((1, 1, 4)), akida.FullyConnected(3, activation=False)])
inputs = np.ones((64, 1, 1, 4), np.uint8)
before = model.forward(inputs, threads=2)
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(model.forward(inputs, threads=2), before) else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    result = subprocess.run([sys.executable, "-W", "ignore", "-c", script], timeout=60, cwd=tmp_path)
    assert result.returncode == 0


def test_threads_that_read_a_vanishing_layer_do_not_wait_for_each_other():
    """An error is made by Python code, during which another thread may ask for the model."""
    script = """
import threading
import time
from cnn2snn import akida
model = akida.Model(layers=[akida.InputData((1, 1, 4)), akida.FullyConnected(3, name="a")])
end = time.monotonic() + 2
def read():
    while time.monotonic() < end:
        try:
            model.layers[-1].get_variable("weights")
        except Exception:
            pass
def edit():
    while time.monotonic() < end:
        model.pop_layer()
        model.add(akida.FullyConnected(3, name="a"))
threads = [threading.Thread(target=f) for f in (read, read, edit)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=30).returncode == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="this system does not list threads")
def test_runs_of_many_sizes_do_not_pile_up_threads(model, inputs):
    for samples in range(2, 12):
        for threads in (2, 3, 4):
            model.forward(inputs[:samples], threads=threads)
    time.sleep(0.2)

    def name(task):
        try:
            return (task / "comm").read_text()
        except OSError:  # it has just ended
            return ""

    named = [name(task) for task in Path("/proc/self/task").iterdir()]
    assert sum(n.startswith("akida-sim") for n in named) <= 8
