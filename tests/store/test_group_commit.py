"""Writers of a SQLite file share transactions, and no one's failure is another's."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, insert

from cds_service.store.engines import FEEDBACK_CALL, HOOK_CALL, Timeouts
from cds_service.store.migrations import upgrade
from cds_service.store.records import StoreUnavailable
from cds_service.store.tables import TOKENS
from cds_service.store.transactions import Transactions
from tests.support.databases import SqliteFile
from tests.support.made_records import NOW

WRITERS = 6


@pytest.fixture
def file(tmp_path: Path) -> SqliteFile:
    file = SqliteFile(tmp_path / "cds.sqlite3")
    upgrade(file.url)
    return file


def adds(digest: str) -> object:
    def work(connection: Connection) -> str:
        connection.execute(insert(TOKENS).values(digest=digest, expires=NOW))
        if digest == "bad":
            raise ZeroDivisionError
        return digest

    return work


class Queue:
    """Writers that all wait while the first holds the turn; ``commits`` counts transactions."""

    def __init__(self, file: SqliteFile, timeouts: Timeouts) -> None:
        self.transactions, self.timeouts = Transactions(file.url), timeouts
        self.commits = 0
        event.listen(self.transactions.engines.get(timeouts), "commit", self._count)

    def _count(self, _: Connection) -> None:
        self.commits += 1

    def write(self, digest: str) -> object:
        return self.transactions.write("test", self.timeouts, adds(digest))  # type: ignore[arg-type]

    def run(self, digests: list[str]) -> list[object]:
        """What each write came to, its exception where it raised one."""
        holding, go_on = threading.Event(), threading.Event()

        def hold(_: Connection) -> None:
            holding.set()
            go_on.wait(10)

        with ThreadPoolExecutor(len(digests) + 1) as pool:
            pool.submit(self.transactions.write, "test", self.timeouts, hold)
            holding.wait(10)
            futures = [pool.submit(self.write, digest) for digest in digests]
            writes = self.transactions._group_commit
            while len(writes._waiting[self.timeouts]) < len(digests):
                pass
            go_on.set()
            return [f.exception() or f.result() for f in futures]


def test_those_who_wait_share_one_commit(file: SqliteFile) -> None:
    digests = [str(n) for n in range(WRITERS)]
    queue = Queue(file, FEEDBACK_CALL)

    assert queue.run(digests) == digests
    assert queue.commits == 2
    assert {row[0] for row in file.rows("SELECT digest FROM tokens")} == set(digests)


def test_what_fails_is_undone_alone(file: SqliteFile) -> None:
    queue = Queue(file, FEEDBACK_CALL)

    first, bad, last = queue.run(["first", "bad", "last"])

    assert (first, last) == ("first", "last")
    assert isinstance(bad, ZeroDivisionError)
    assert {row[0] for row in file.rows("SELECT digest FROM tokens")} == {"first", "last"}


def test_a_commit_that_fails_is_nobodys_success(file: SqliteFile) -> None:
    queue = Queue(file, FEEDBACK_CALL)
    event.listen(
        queue.transactions.engines.get(FEEDBACK_CALL),
        "commit",
        lambda _: file.path.rename(file.path.with_suffix(".gone")) if queue.commits == 2 else None,
    )

    assert [type(came) for came in queue.run(["a", "b"])] == [StoreUnavailable] * 2


def test_who_gets_no_turn_in_time_has_written_nothing(file: SqliteFile) -> None:
    queue = Queue(file, HOOK_CALL)
    with (
        queue.transactions._group_commit._committing,
        pytest.raises(StoreUnavailable, match="too many"),
    ):
        queue.write("late")

    queue.write("next")
    assert file.rows("SELECT digest FROM tokens") == [("next",)]
