"""Runs work in a transaction, within its time, and turns every failure into StoreUnavailable."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from cds_service.store.breaker import CircuitBreaker, Deadline, StoreTimeout
from cds_service.store.engines import (
    FEEDBACK_CALL,
    HOOK_CALL,
    OFFLINE,
    READING,
    Engines,
    Timeouts,
)
from cds_service.store.group_commit import GroupCommit
from cds_service.store.records import StoreUnavailable
from cds_service.telemetry.metrics import STORE_FAILURES

T = TypeVar("T")
OPEN_SECONDS = 1.0  # seconds for which a failure is remembered
MAX_WAITING = 32  # threads of a process that wait for a database


class Transactions:
    """Transactions over one URL; thread-safe. ``failures`` counts by name what did not succeed.

    A failure is remembered for ``rest`` seconds, of reading and of writing apart: a full disk or a
    held lock stops writers, while readers are answered. And for each limit apart: a database that
    is too slow for a call may be fast enough for feedback.
    """

    def __init__(self, url: str, rest: float = OPEN_SECONDS) -> None:
        self.engines = Engines(url)
        self.failures: Counter[str] = Counter()
        limits = (HOOK_CALL, FEEDBACK_CALL, OFFLINE)
        self._reads = {timeouts: CircuitBreaker(rest) for timeouts in limits}
        self._writes = {timeouts: CircuitBreaker(rest) for timeouts in limits}
        self._deadline = Deadline(MAX_WAITING)
        self._counting = threading.Lock()
        self._group_commit = GroupCommit(self.engines)

    def write(self, name: str, timeouts: Timeouts, work: Callable[[Connection], T]) -> T:
        """Returns what ``work`` returns, after the commit."""

        def run() -> T:
            if self.engines.is_sqlite:
                return self._group_commit.write(timeouts, work)
            with self.engines.get(timeouts).connect() as connection:
                result = work(connection)
                connection.commit()
                return result

        return self._guarded(name, timeouts, self._writes[timeouts], run)

    def read(self, name: str, timeouts: Timeouts, work: Callable[[Connection], T]) -> T:
        """Returns what ``work`` returns; what it writes is rolled back."""

        def run() -> T:
            with self.engines.get(timeouts).connect() as connection:
                return work(connection.execution_options(**{READING: True}))

        return self._guarded(name, timeouts, self._reads[timeouts], run)

    def read_patiently(self, name: str, seconds: float, work: Callable[[Connection], T]) -> T:
        """Returns what ``work`` returns, for a thread that no caller waits for.

        Not refused while a circuit breaker is open. The pool is that of feedback, so that it costs
        no connections of its own.
        """

        def run() -> T:
            with self.engines.get(FEEDBACK_CALL).connect() as connection:
                return work(connection.execution_options(**{READING: True}))

        def timed() -> T:
            return run() if self.engines.is_sqlite else self._deadline.run(run, seconds)

        with self._counted(name):
            return timed()

    def warm_up(self) -> None:
        """Connects ahead of the first call: a new PostgreSQL connection may outlast its time."""
        for timeouts in (HOOK_CALL, FEEDBACK_CALL):
            engine = self.engines.get(timeouts)
            breaker = self._writes[timeouts]
            self._guarded("warm_up", FEEDBACK_CALL, breaker, partial(_connect, engine))

    def close(self) -> None:
        """Closes the connections of this process, after the work still done on them."""
        self._deadline.drain(FEEDBACK_CALL.total_seconds)
        self.engines.close()

    def _guarded(
        self, name: str, timeouts: Timeouts, breaker: CircuitBreaker, run: Callable[[], T]
    ) -> T:
        def reported() -> T:
            try:
                result = run()
            except (DataError, IntegrityError):  # a value it refuses is an answer, too
                breaker.answered()
                raise
            breaker.answered()  # also after its caller has timed out
            return result

        with self._counted(name):
            answers = breaker.enter()
            try:
                return self._timed(timeouts, reported)
            except (SQLAlchemyError, OSError, StoreTimeout):
                breaker.failed(answers)
                raise

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        """Counts what fails, and raises StoreUnavailable for it."""
        try:
            yield
        except (SQLAlchemyError, OSError, StoreUnavailable) as error:
            with self._counting:
                self.failures[name] += 1
            STORE_FAILURES.labels(name).inc()
            # The message of the error may hold what was to be written; its code does not.
            raise StoreUnavailable(_code(error)) from None

    def _timed(self, timeouts: Timeouts, run: Callable[[], T]) -> T:
        """SQLite keeps to its own time limit, and offline work takes as long as it takes."""
        if self.engines.is_sqlite or timeouts is OFFLINE:
            return run()
        return self._deadline.run(run, timeouts.total_seconds)


def _connect(engine: Engine) -> None:
    engine.connect().close()


def _code(error: Exception) -> str:
    """A short reason for the log: our own words, or the database's error code."""
    if isinstance(error, StoreUnavailable):
        return str(error)
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return f"{type(cause).__name__} {code}" if code else type(cause).__name__
