"""Rate limit: at most so many of something a minute in this process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

MINUTE = timedelta(minutes=1)


class RateLimitExceeded(Exception):
    """This minute's share is used up; the next minute brings another."""


class RateLimit:
    """``most`` a minute in this process, by ``clock`` (aware); safe for threads."""

    def __init__(self, most: int, clock: Callable[[], datetime]) -> None:
        self.most, self._clock = most, clock
        self._since: datetime | None = None
        self._count, self._lock = 0, Lock()

    def acquire(self) -> None:
        """Counts one more; raises RateLimitExceeded when that is too many."""
        now = self._clock()
        with self._lock:
            if self._since is None or not self._since <= now < self._since + MINUTE:
                self._since, self._count = now, 0  # also when a clock was set back
            if self._count >= self.most:
                raise RateLimitExceeded
            self._count += 1
