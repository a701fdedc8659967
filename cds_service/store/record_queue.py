"""Calls that wait to be recorded: a thread of each worker writes them in batches.

No call waits for the disk, and a commit is shared (group commit). A process that is killed loses
what it took in the last moment; ``cds_records_total`` shows how much.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from cds_service.store.records import CallRecord, StoreUnavailable
from cds_service.telemetry.logs import LOG
from cds_service.telemetry.metrics import RECORDS

BATCH_SECONDS = 0.25  # from the first call of a batch to its transaction
MAX_BATCH = 200  # calls of one transaction
MAX_WAITING = 2_000  # calls; beyond that they are lost, and memory is kept


class RecordQueue:
    """A bounded queue of call records; thread-safe. ``write`` writes some in one transaction and
    raises StoreUnavailable. Until ``start`` each call is written as it is added."""

    def __init__(self, write: Callable[[Sequence[CallRecord]], None]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._waiting: list[CallRecord] = []
        self._thread: threading.Thread | None = None
        self._added = self._done = 0
        self._urgent = False

    @property
    def started(self) -> bool:
        """Calls are written by a thread."""
        return self._thread is not None

    def start(self) -> None:
        """Starts the thread; to be called in a worker, after the fork."""
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)
        self._thread.start()

    def add(self, call: CallRecord) -> None:
        """Takes a call to be recorded; raises StoreUnavailable when it is known to be lost."""
        RECORDS.labels("taken").inc()
        if self._thread is None:
            self._written((call,))
            return
        with self._changed:
            if len(self._waiting) >= MAX_WAITING:
                RECORDS.labels("lost").inc()
                raise StoreUnavailable("too many calls wait to be recorded")
            self._waiting.append(call)
            self._added += 1
            self._changed.notify_all()

    def flush(self, seconds: float) -> None:
        """Returns once what was added before is written or lost, after these seconds at most."""
        if self._thread is None:
            return
        with self._changed:
            target, self._urgent = self._added, True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._done >= target, seconds)

    def _run(self) -> None:
        while True:
            batch = self._next()
            try:
                self._written(batch)
            except StoreUnavailable:
                LOG.warning("the store is not available: calls are not recorded", count=len(batch))
            finally:
                with self._changed:
                    self._done += len(batch)
                    self._urgent = self._urgent and bool(self._waiting)
                    self._changed.notify_all()

    def _next(self) -> list[CallRecord]:
        """The calls of the next batch, once its time has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            self._changed.wait_for(
                lambda: self._urgent or len(self._waiting) >= MAX_BATCH, BATCH_SECONDS
            )
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            return batch

    def _written(self, calls: Sequence[CallRecord]) -> None:
        state = "lost"
        try:
            self._write(calls)
            state = "written"
        finally:
            RECORDS.labels(state).inc(len(calls))
