"""SQLite takes one writer at a time, and each commit waits for the disk: threads of one process
share transactions. Whoever's turn it is writes the work of all who wait, and commits once."""

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
    """What one thread wants written, and what came of it."""

    work: Callable[[Connection], Any]
    result: Any = None
    error: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def attempt(self, connection: Connection) -> None:
        """Does the work; if it fails, what it wrote is undone and the others' work stays."""
        try:
            with connection.begin_nested():
                self.result = self.work(connection)
        except Exception as error:
            self.error = error

    def outcome(self) -> Any:
        """What the work returned; raises what it raised, or what the commit did."""
        if self.error is not None:
            raise self.error
        return self.result


class GroupCommit:
    """Writers of one process over a SQLite file; thread-safe.

    Those of equal patience share a transaction, so that nobody's work waits less or longer than
    was promised for it.
    """

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._turn = threading.Lock()
        self._queue = threading.Lock()
        self._waiting: dict[Timeouts, list[_Write]] = defaultdict(list)

    def write(self, patience: Timeouts, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, after the commit; raises StoreUnavailable when there is no turn
        within ``patience.locks`` seconds, and what the database raises."""
        mine = _Write(work)
        with self._queue:
            self._waiting[patience].append(mine)
        if self._turn.acquire(timeout=patience.locks):
            try:
                if not mine.done.is_set():
                    self._commit(patience)
            finally:
                self._turn.release()
        elif self._withdrawn(patience, mine):
            raise StoreUnavailable("too many calls are writing")
        elif not mine.done.wait(patience.whole):  # another thread is writing it just now
            raise StoreUnavailable("the database did not answer in time")
        result: T = mine.outcome()
        return result

    def _withdrawn(self, patience: Timeouts, mine: _Write) -> bool:
        with self._queue:
            if mine in self._waiting[patience]:
                self._waiting[patience].remove(mine)
                return True
        return False

    def _commit(self, patience: Timeouts) -> None:
        """Writes all that waits, in one transaction; each of them learns what came of it."""
        with self._queue:
            batch = self._waiting.pop(patience)
        try:
            with self._engines.get(patience).connect() as connection:
                transaction = connection.begin()
                for each in batch:
                    each.attempt(connection)
                transaction.commit()
                check_same_file(connection, Path(self._engines.url.database or ""))
        except Exception as error:
            for each in batch:
                each.error = each.error or error
        finally:
            for each in batch:
                each.done.set()
