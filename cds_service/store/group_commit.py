"""Group commit: the thread that holds the lock writes all queued transactions and commits once.

SQLite takes one writer at a time, and each commit waits for the disk.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from cds_service.store.engines import Engines, Timeouts, check_same_file
from cds_service.store.records import StoreUnavailable

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Write:
    """A queued write, and its result or error."""

    work: Callable[[Connection], Any]
    result: Any = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def attempt(self, connection: Connection) -> None:
        """Runs the work in a savepoint: if it fails, only its own changes are rolled back."""
        try:
            with connection.begin_nested():
                self.result = self.work(connection)
        except Exception as error:
            self.error = error

    def outcome(self) -> Any:
        """Returns what the work returned; raises its error, or that of the commit."""
        if self.error is not None:
            raise self.error
        return self.result


class GroupCommit:
    """Writers of one process over a SQLite file; thread-safe.

    Writes with equal timeouts share a transaction, so that none waits for longer ones.
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._committing = threading.Lock()
        self._queue = threading.Lock()
        self._waiting: dict[Timeouts, list[_Write]] = defaultdict(list)

    def write(self, timeouts: Timeouts, work: Callable[[Connection], T]) -> T:
        """Returns what ``work`` returns, after the commit; raises StoreUnavailable after
        ``timeouts.lock_seconds`` without the lock, and what the database raises."""
        write = _Write(work)
        with self._queue:
            self._waiting[timeouts].append(write)
        if self._committing.acquire(timeout=timeouts.lock_seconds):
            try:
                if not write.done.is_set():
                    self._commit(timeouts)
            finally:
                self._committing.release()
        elif self._withdrawn(timeouts, write):
            raise StoreUnavailable("too many calls are writing")
        elif not write.done.wait(timeouts.total_seconds):  # another thread is writing it just now
            raise StoreUnavailable("the database did not answer in time")
        result: T = write.outcome()
        return result

    def _withdrawn(self, timeouts: Timeouts, write: _Write) -> bool:
        with self._queue:
            if write in self._waiting[timeouts]:
                self._waiting[timeouts].remove(write)
                return True
        return False

    def _commit(self, timeouts: Timeouts) -> None:
        """Writes everything queued in one transaction, and sets results and errors."""
        with self._queue:
            batch = self._waiting.pop(timeouts)
        try:
            with self._engines.get(timeouts).connect() as connection:
                transaction = connection.begin()
                for write in batch:
                    write.attempt(connection)
                transaction.commit()
                check_same_file(connection, Path(self._engines.url.database or ""))
        except Exception as error:
            for write in batch:
                write.error = write.error or error
        finally:
            for write in batch:
                write.done.set()
