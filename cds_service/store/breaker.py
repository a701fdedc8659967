"""What keeps a dead database from holding up calls: a deadline and a short memory of failure.

A crowd of our own, or connections that take their time to open, are not a dead database.
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
    """After a failure everybody is refused at once for ``rest`` seconds; then one may try.

    Only a failure without any answer since the failed work began counts: while others are answered,
    it is that work's own bad luck, as in a crowd. An answer ends the rest, also one that comes
    after its caller has given up waiting. The first to come after the rest tries alone: the others
    are refused until there is an answer or another rest has passed.
    """

    def __init__(self, rest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._clock = clock
        self._lock = threading.Lock()
        self._answers = 0
        self._closed_until: float | None = None

    def enter(self) -> int:
        """How many answers there were so far, for ``failed``; raises StoreUnavailable in a rest."""
        with self._lock:
            if self._closed_until is not None:
                now = self._clock()
                if now < self._closed_until:
                    raise StoreUnavailable("the database failed a moment ago")
                self._closed_until = now + self._rest
            return self._answers

    def failed(self, answers: int) -> None:
        """Begins a rest, unless there was an answer since ``enter`` returned this number."""
        with self._lock:
            if answers == self._answers:
                self._closed_until = self._clock() + self._rest

    def answered(self) -> None:
        """Ends the rest."""
        with self._lock:
            self._answers += 1
            self._closed_until = None


class StoreTimeout(StoreUnavailable):
    """No answer in time, or too many already wait for one."""


class Deadline:
    """Runs work in threads of its own, to stop waiting for it; at most ``most`` at a time.

    A database client cannot promise this itself: its connection attempts last two seconds or more,
    and a server that is reachable but stuck never answers. Work that comes too late still ends.
    The threads are daemons, so that stuck ones do not keep the process from ending.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._room = threading.BoundedSemaphore(most)

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns or raises; raises Overrun when it takes too long."""
        if not self._room.acquire(blocking=False):
            raise StoreTimeout("too many calls are waiting for the database")
        future: Future[T] = Future()
        threading.Thread(target=self._work, args=(work, future), daemon=True).start()
        try:
            return future.result(seconds)
        except TimeoutError:
            raise StoreTimeout("the database did not answer in time") from None

    def drain(self, seconds: float) -> None:
        """Returns when no work is left, its callers gone or not, or after ``seconds``."""
        until = time.monotonic() + seconds
        taken = 0
        while taken < self._most and self._room.acquire(timeout=max(0, until - time.monotonic())):
            taken += 1
        if taken:
            self._room.release(taken)

    def _work(self, work: Callable[[], T], future: Future[T]) -> None:
        try:
            result = work()
        except BaseException as error:  # handed to whoever waits
            self._room.release()
            future.set_exception(error)
        else:
            self._room.release()
            future.set_result(result)
