"""Who evaluates configurations: this process, local processes, or the workers of a Dask cluster.

Each gives the outcome of every configuration once, in any order. What a worker that dies was at is done again.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any, Protocol

from cnn2snn._quiet import quiet
from cnn2snn.errors import InvalidArgumentError, InvalidTypeError, UnsupportedModelError
from cnn2snn.sweeping.configuration import Configuration
from cnn2snn.sweeping.job import Job, Outcome, evaluate

__all__ = ["Workers", "workers_of"]

# How often configurations are given out whose workers died.
_ATTEMPTS = 4


class Workers(Protocol):
    """Those who evaluate configurations."""

    def run(self, configurations: Sequence[Configuration]) -> Iterator[tuple[int, Outcome]]:
        """The index and the outcome of every configuration, once, in any order."""
        ...

    def close(self) -> None:
        """Lets go what was started."""
        ...


def workers_of(job: Job, client: Any, processes: int) -> Workers:
    """The workers that were asked for.

    Args:
        job: what configurations have in common.
        client: a Dask `Client`; None without.
        processes: number of local processes; 0 for this process alone.

    Raises:
        InvalidArgumentError: both, or a negative number.
        InvalidTypeError: `client` is no Dask client, or `processes` no integer.
    """
    if isinstance(processes, bool) or not isinstance(processes, int):
        raise InvalidTypeError(f"processes must be an integer, received {processes!r}", kind="processes")
    if processes < 0 or (processes and client is not None):
        raise InvalidArgumentError(
            f"processes must be 0 or more, and 0 with a client, received {processes}",
            kind="processes",
            received=processes,
        )
    if client is not None:
        if not all(hasattr(client, name) for name in ("scatter", "submit", "cancel")):
            raise InvalidTypeError(
                f"client must be a Dask Client, received {type(client).__name__}",
                kind="client",
                received=type(client).__name__,
                remedy="as in distributed.Client('tcp://…'), from the extra dask",
            )
        return _Cluster(job, client)
    return _Processes(job, processes) if processes else _Serial(job)


class _Serial:
    """This process."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def run(self, configurations: Sequence[Configuration]) -> Iterator[tuple[int, Outcome]]:
        """One after the other."""
        for place, configuration in enumerate(configurations):
            yield place, evaluate(self._job, configuration)

    def close(self) -> None:
        """Nothing was started."""


class _Processes:
    """Processes on this machine, each with its share of the cores."""

    def __init__(self, job: Job, count: int) -> None:
        self._threads = max(1, (os.cpu_count() or 1) // count)
        self._job = replace(job, threads=self._threads)
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def run(self, configurations: Sequence[Configuration]) -> Iterator[tuple[int, Outcome]]:
        """As processes come to them."""
        waiting = dict(enumerate(configurations))
        for _ in range(_ATTEMPTS):
            if self._pool is None:
                # Not forked: TensorFlow does not survive that.
                context = multiprocessing.get_context("spawn")
                arguments = (self._job, self._threads)
                self._pool = ProcessPoolExecutor(self._count, context, initializer=_start, initargs=arguments)
            futures: dict[Future[Outcome], int] = {}
            try:
                for place, configuration in waiting.items():
                    futures[self._pool.submit(_evaluate_here, configuration)] = place
                for future in as_completed(futures):
                    outcome = future.result()
                    del waiting[futures[future]]
                    yield futures[future], outcome
                return
            except BrokenProcessPool:
                # Outcomes that came before the end are kept.
                for future, place in futures.items():
                    if place in waiting and future.done() and future.exception() is None:
                        del waiting[place]
                        yield place, future.result()
                self.close()
        raise _lost(waiting)

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


# The job of a local process.
_job_here: Job | None = None


def _start(job: Job, threads: int) -> None:
    global _job_here
    _job_here = job
    with quiet():
        from cnn2snn._keras import tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _evaluate_here(configuration: Configuration) -> Outcome:
    assert _job_here is not None
    return evaluate(_job_here, configuration)


class _Cluster:
    """The workers of a Dask cluster. They need this package and TensorFlow."""

    def __init__(self, job: Job, client: Any) -> None:
        self._client = client
        self._job = job
        self._everywhere: Any = None

    def run(self, configurations: Sequence[Configuration]) -> Iterator[tuple[int, Outcome]]:
        """As workers come to them."""
        from distributed import as_completed as completed
        from distributed.scheduler import KilledWorker

        waiting = dict(enumerate(configurations))
        for _ in range(_ATTEMPTS):
            if self._everywhere is None:
                # On every worker, so that the job outlives the death of some.
                self._everywhere = self._client.scatter(self._job, broadcast=True, hash=False)
            futures = {
                self._client.submit(evaluate, self._everywhere, configuration, pure=False): place
                for place, configuration in waiting.items()
            }
            try:
                for future in completed(list(futures)):
                    place = futures[future]
                    if future.status == "finished":
                        outcome = future.result()
                        del waiting[place]
                        yield place, outcome
                    elif future.status == "error" and not isinstance(future.exception(), KilledWorker):
                        future.result()
            finally:
                self._client.cancel(list(futures))
            if not waiting:
                return
            # A worker that died, perhaps the last one with the job.
            self.close()
        raise _lost(waiting)

    def close(self) -> None:
        """Lets the workers forget the job."""
        self._everywhere = None


def _lost(waiting: dict[int, Configuration]) -> UnsupportedModelError:
    named = ", ".join(configuration.label for configuration in waiting.values())
    return UnsupportedModelError(
        f"workers died {_ATTEMPTS} times, and these configurations have no result: {named}",
        kind="workers",
        remedy="look at the memory and the logs of the workers; a journal keeps the results that there are",
    )
