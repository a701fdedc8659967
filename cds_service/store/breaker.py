"""Circuit breaker and deadline: a database that is down or stuck delays no call for long.

Contention among our own threads, and slow connecting, do not open the circuit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from cds_service.store.records import StoreUnavailable

T = TypeVar("T")


class CircuitBreaker:
    """After a failure all work is refused at once for ``rest`` seconds; then one call may try.

    A failure counts only if nothing was answered since the failed work began: otherwise it was
    contention. Any answer closes the circuit, also one that comes after its caller timed out. The
    first call after the rest is the half-open trial: others are refused until it is answered or
    another rest has passed.
    """

    def __init__(self, rest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._clock = clock
        self._lock = threading.Lock()
        self._answers = 0
        self._open_until: float | None = None

    def enter(self) -> int:
        """Returns the number of answers, for ``failed``; raises StoreUnavailable while open."""
        with self._lock:
            if self._open_until is not None:
                now = self._clock()
                if now < self._open_until:
                    raise StoreUnavailable("the database failed a moment ago")
                self._open_until = now + self._rest
            return self._answers

    def failed(self, answers: int) -> None:
        """Opens the circuit, unless there was an answer since ``enter`` returned this number."""
        with self._lock:
            if answers == self._answers:
                self._open_until = self._clock() + self._rest

    def answered(self) -> None:
        """Closes the circuit."""
        with self._lock:
            self._answers += 1
            self._open_until = None


class StoreTimeout(StoreUnavailable):
    """No answer in time, or too many threads already waiting."""


class Deadline:
    """Runs work in daemon threads with a time-out, at most ``most`` at a time.

    A database client cannot do this itself: its connection attempts last two seconds or more, and a
    server that is reachable but stuck never answers. Work that times out still runs to its end;
    stuck daemon threads do not keep the process from ending.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._room = threading.BoundedSemaphore(most)

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """Returns or raises what ``work`` does; raises StoreTimeout after ``seconds``."""
        if not self._room.acquire(blocking=False):
            raise StoreTimeout("too many calls are waiting for the database")
        future: Future[T] = Future()
        threading.Thread(target=self._work, args=(work, future), daemon=True).start()
        try:
            return future.result(seconds)
        except TimeoutError:
            raise StoreTimeout("the database did not answer in time") from None

    def drain(self, seconds: float) -> None:
        """Waits until no work is left, or ``seconds`` have passed."""
        until = time.monotonic() + seconds
        taken = 0
        while taken < self._most and self._room.acquire(timeout=max(0, until - time.monotonic())):
            taken += 1
        if taken:
            self._room.release(taken)

    def _work(self, work: Callable[[], T], future: Future[T]) -> None:
        try:
            result = work()
        except BaseException as error:  # any: the caller waits for it, and this thread must live
            self._room.release()
            future.set_exception(error)
        else:
            self._room.release()
            future.set_result(result)
