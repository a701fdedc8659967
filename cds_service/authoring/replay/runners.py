"""The places where tasks run: this process, several processes, or a Dask cluster.

A runner is one method, ``map(function, items)``: it yields the results in any order. Tasks may run
twice (a worker was lost): they leave their files whole, under the same names.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Protocol

from cds_service.authoring.replay.extras import load_extra
from cds_service.authoring.replay.sources import ReplayError

CONNECT_SECONDS = 10
WAITING = 4  # tasks sent to a cluster for each of its threads


class Runner(Protocol):
    """Runs a function on items, somewhere."""

    workers: int

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yields the result for each item, in any order; raises what the function raises."""


class InProcess:
    """One task after another, here."""

    workers = 1

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yields the result for each item, in order."""
        return map(function, items)


class Processes:
    """Several processes on this machine, forked, so that they share the compiled content."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yields the results as they come; raises ReplayError if a process ends by itself."""
        context = multiprocessing.get_context("fork")
        pool = ProcessPoolExecutor(self.workers, context, initializer=_ignore_interrupts)
        try:
            futures: list[Future[Any]] = [pool.submit(function, item) for item in items]
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise ReplayError(
                "a worker process ended by itself (out of memory, or killed): add --resume"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches the whole process group: the first process decides, workers end their task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Dask:
    """The workers of a cluster, which see the export and the output folder under the same paths.
    Raises ReplayError if the scheduler does not answer, or has no worker."""

    def __init__(self, address: str) -> None:
        self._distributed = load_extra("distributed")
        try:
            self.client = self._distributed.Client(
                address, timeout=CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError):
            raise ReplayError(f"no Dask scheduler answers at {address}") from None
        self.workers = sum(self.client.nthreads().values())
        if not self.workers:
            self.close()
            raise ReplayError(f"the Dask scheduler at {address} has no worker")

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Yields the results as they come; a task of a worker that was lost runs again."""
        waiting = iter(items)
        running = self._distributed.as_completed(
            [self._submit(function, item) for item in islice(waiting, WAITING * self.workers)],
            loop=self.client.loop,  # this client is nobody's default
        )
        try:
            for future in running:
                yield future.result()
                future.release()
                for item in islice(waiting, 1):
                    running.add(self._submit(function, item))
        except self._distributed.KilledWorker:
            raise ReplayError(
                "Dask gave a task up because its workers kept ending: add --resume"
            ) from None

    def _submit(self, function: Callable[[Any], Any], item: Any) -> Any:
        return self.client.submit(function, item, pure=False)

    def close(self) -> None:
        """Leaves the cluster; it goes on."""
        self.client.close()


def cores() -> int:
    """The processors this process may use."""
    return len(os.sched_getaffinity(0))


def local_runner(workers: int) -> Runner:
    """Runs here for one worker, else in processes."""
    return InProcess() if workers == 1 else Processes(workers)
