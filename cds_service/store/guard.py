"""What keeps a dead database from holding up calls: a deadline and a short memory of failure."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from cds_service.store.records import StoreUnavailable

T = TypeVar("T")


class Breaker:
    """After a failure everybody is refused at once for ``rest`` seconds; then one may try.

    The first to come after the rest tries alone: the others are refused until it has worked or
    another rest has passed.
    """

    def __init__(self, rest: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rest = rest
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until: float | None = None

    def enter(self) -> None:
        """Raises StoreUnavailable while resting."""
        with self._lock:
            if self._closed_until is None:
                return
            now = self._clock()
            if now < self._closed_until:
                raise StoreUnavailable("the database failed a moment ago")
            self._closed_until = now + self._rest

    def failed(self) -> None:
        """Begins a rest."""
        with self._lock:
            self._closed_until = self._clock() + self._rest

    def worked(self) -> None:
        """Ends the rest."""
        with self._lock:
            self._closed_until = None


class Deadline:
    """Runs work in threads of its own, to stop waiting for it; at most ``most`` at a time.

    A database client cannot promise this itself: its connection attempts last two seconds or more,
    and a server that is reachable but stuck never answers. Work that comes too late still ends.
    The threads are daemons, so that stuck ones do not keep the process from ending.
    """

    def __init__(self, most: int) -> None:
        self._room = threading.BoundedSemaphore(most)

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """What ``work`` returns or raises; raises StoreUnavailable when it takes too long."""
        if not self._room.acquire(blocking=False):
            raise StoreUnavailable("too many calls are waiting for the database")
        future: Future[T] = Future()
        threading.Thread(target=self._work, args=(work, future), daemon=True).start()
        try:
            return future.result(seconds)
        except TimeoutError:
            raise StoreUnavailable("the database did not answer in time") from None

    def _work(self, work: Callable[[], T], future: Future[T]) -> None:
        try:
            result = work()
        except BaseException as error:  # handed to whoever waits
            self._room.release()
            future.set_exception(error)
        else:
            self._room.release()
            future.set_result(result)
