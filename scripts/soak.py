#!/usr/bin/env python3
"""Runs random models for a long time on many threads, and tells whether an output changed or memory grew.

    python scripts/soak.py [--seconds 3600] [--threads 16] [--models 200] [--seed 0]

Threads make models from bytes, run them with any number of threads and any batch size, move streams on, and drop the
models. The main thread meanwhile interrupts runs of its own by signals, and forks processes that run models. Every
output is compared with the oracle of the tests. The exit code is 1 where an output differs, where a forked process
fails, or where memory, threads or open files grow from the second fifth of the time to the last one.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from cnn2snn import akida

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.oracle import random_akida2, random_networks  # noqa: E402
from tests.oracle.akida2_engine import has_state, native  # noqa: E402
from tests.oracle.engine import to_engine  # noqa: E402

# What may be more in the last fifth than in the second one: the allocator's arenas settle slowly.
GROWTH = 1.02
GROWTH_BYTES = 4 << 20


class Difference(Exception):
    """An output is not that of the oracle."""


class Case:
    """The bytes of a model, and calls with their outputs."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        if seed % 2:
            network = random_networks.random_case(seed)
            model = to_engine(network.network)
            self.data, self.shared = model.to_buffer(), model
            self.calls = [(network.inputs, network.results[-1].output)]
            self.has_state = False
        else:
            case = random_akida2.random_case(seed)
            self.data = bytes(native(case.model).to_buffer())
            self.shared = akida.Model.from_buffer(self.data)
            dequantized = case.model[-1]["type"] == "Dequantizer"
            outputs = [results[-2 if dequantized else -1] for results in case.results]
            self.calls = list(zip(case.calls, outputs, strict=True))
            self.has_state = has_state(case.model)

    def check(self, model: akida.Model, rng: random.Random) -> None:
        """Runs all calls on a model that other threads may run as well."""
        if self.has_state:
            session = model.session(len(self.calls[0][0]))
            for inputs, expected in self.calls:
                self.compare(session.step(inputs), expected)
            return
        inputs, expected = self.calls[0]
        times = rng.randint(1, 6)
        found = model.forward(np.concatenate([inputs] * times), rng.randint(0, 5), threads=rng.randint(0, 4))
        self.compare(found, np.concatenate([expected] * times))

    def compare(self, found: np.ndarray, expected: np.ndarray) -> None:
        if found.dtype != expected.dtype or not np.array_equal(found, expected):
            raise Difference(f"seed {self.seed}")

    def fresh(self) -> akida.Model:
        return akida.Model.from_buffer(self.data)


class Soak:
    """The work of all threads, with counts of what was done."""

    def __init__(self, models: int, seed: int) -> None:
        self.cases = [Case(seed + number) for number in range(models)]
        self.counts: Counter[str] = Counter()
        self.failures: list[str] = []
        self.lock = threading.Lock()
        self.stop = threading.Event()

    def count(self, what: str, number: int = 1) -> None:
        with self.lock:
            self.counts[what] += number

    def fail(self, what: str) -> None:
        with self.lock:
            self.failures.append(what)
        self.stop.set()

    def guarded(self, work: Callable[[random.Random], None], rng: random.Random) -> None:
        try:
            while not self.stop.is_set():
                work(rng)
        except BaseException:
            self.fail(traceback.format_exc())

    def run_models(self, rng: random.Random) -> None:
        """What a thread does again and again."""
        case = rng.choice(self.cases)
        if rng.random() < 0.5:
            case.check(case.shared, rng)
            self.count("runs of shared models")
            return
        model = case.fresh()
        case.check(model, rng)
        if rng.random() < 0.2 and model.to_buffer() != case.data:
            raise Difference(f"seed {case.seed}: other bytes")
        self.count("runs of models that were made and dropped")

    def interrupt(self, rng: random.Random) -> None:
        """Interrupts runs of a model, which then runs as before."""
        case = rng.choice(self.cases)
        model = case.fresh() if rng.random() < 0.5 else case.shared

        # NumPy's array_equal takes any Exception inside it for a difference.
        class Interrupt(BaseException):
            pass

        def handle(number: int, frame: object) -> None:
            raise Interrupt

        signal.signal(signal.SIGALRM, handle)
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0005, 0.05))
            while True:
                case.check(model, rng)
        except Interrupt:
            pass
        case.check(model, rng)
        self.count("interrupts")

    def fork(self, rng: random.Random) -> None:
        """Runs models in a forked process."""
        seed = rng.random()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                faulthandler.cancel_dump_traceback_later()
                signal.signal(signal.SIGALRM, signal.SIG_DFL)
                signal.alarm(120)
                own = random.Random(seed)
                for _ in range(5):
                    # A shared model may be locked by a thread that only the parent has.
                    case = own.choice(self.cases)
                    case.check(case.fresh(), own)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status != 0:
            self.fail(f"a forked process ended with {os.waitstatus_to_exitcode(status)}")
        self.count("forks")


def measured() -> dict[str, int]:
    """Memory in bytes, threads and open files of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "bytes": pages * os.sysconf("SC_PAGE_SIZE"),
        "threads": len(os.listdir("/proc/self/task")),
        "files": len(os.listdir("/proc/self/fd")),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    # To fork beside threads is what is tried here.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    faulthandler.enable()
    soak = Soak(arguments.models, arguments.seed)
    threads = [
        threading.Thread(target=soak.guarded, args=(soak.run_models, random.Random(arguments.seed + number)))
        for number in range(arguments.threads)
    ]
    for thread in threads:
        thread.start()
    rng = random.Random(arguments.seed - 1)
    begin = shown = time.monotonic()
    fifths: list[list[dict[str, int]]] = [[] for _ in range(5)]

    def steer(rng: random.Random) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - begin >= arguments.seconds:
            soak.stop.set()
            return
        for _ in range(5):
            soak.interrupt(rng)
        soak.fork(rng)
        gc.collect()
        values = measured()
        fifths[min(4, int(5 * (now - begin) / arguments.seconds))].append(values)
        if now - shown > 60:
            shown = now
            print(f"{now - begin:6.0f} s: {values['bytes'] / 2**20:.1f} MiB, {dict(soak.counts)}", flush=True)

    soak.guarded(steer, rng)
    for thread in threads:
        thread.join()
    print(f"{time.monotonic() - begin:.0f} s, {arguments.threads} threads, {arguments.models} models")
    for what, number in sorted(soak.counts.items()):
        print(f"{number:10} {what}")
    for name in ("bytes", "threads", "files"):
        middles = [median(values[name] for values in fifth) for fifth in fifths if fifth]
        print(f"{name} in each fifth of the time: {', '.join(f'{value:.0f}' for value in middles)}")
        if len(middles) == 5:
            most = middles[1] * GROWTH + (GROWTH_BYTES if name == "bytes" else 0)
            if middles[4] > most:
                soak.failures.append(f"{name} grew from {middles[1]:.0f} to {middles[4]:.0f}")
    for failure in soak.failures:
        print(failure)
    print("no difference and no growth" if not soak.failures else "FAILED")
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())
