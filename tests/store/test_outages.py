"""The database goes away, and comes back: nothing acknowledged is lost, no call waits long."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from cds_service.store import Store, StoreUnavailable
from cds_service.store.engines import FEEDBACK_CALL, HOOK_CALL, Timeouts
from cds_service.store.transactions import Transactions
from tests.support.databases import Database, PostgresDatabase, PostgresServer, SqliteFile
from tests.support.made_records import CLIENT, KEY, NOW, SERVICE, WINDOW, accepted, call, card

WRITERS = 20


# -- many writers while the database comes and goes ------------------------------------------


class Crowd:
    """Threads that record calls and send feedback; ``acknowledged`` are the comments saved."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.stop = threading.Event()
        self.acknowledged: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.surprises: list[BaseException] = []

    def work(self) -> None:
        """Goes on until stopped."""
        while not self.stop.is_set():
            shown = card()
            item = accepted(shown)
            try:
                self.store.record_call(call(shown))
                self.store.save_feedback(SERVICE, CLIENT, [item], NOW)
                self.acknowledged.append(item.card)
            except StoreUnavailable as reason:
                self.refusals[str(reason)] += 1
                time.sleep(0.01)
            except BaseException as error:
                self.surprises.append(error)
                return

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Twenty of them, while inside."""
        threads = [threading.Thread(target=self.work) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join(30)

    def wait_for_more(self, seconds: float = 15) -> bool:
        """Whether something is acknowledged from now on."""
        before, limit = len(self.acknowledged), time.monotonic() + seconds
        while len(self.acknowledged) <= before and time.monotonic() < limit:
            time.sleep(0.02)
        return len(self.acknowledged) > before


def disturb(database: Database) -> None:
    """PostgreSQL restarts; a SQLite file is locked by a stranger, then moved away and back."""
    if isinstance(database, SqliteFile):
        with database.stuck():
            time.sleep(0.6)
        hidden = database.path.with_suffix(".hidden")
        database.path.rename(hidden)
        time.sleep(0.6)
        hidden.rename(database.path)
    elif database.restart_server is None:
        pytest.skip("the server is not ours to restart")
    else:
        database.restart_server()


def test_acknowledged_feedback_survives_restarts(store: Store, database: Database) -> None:
    crowd = Crowd(store)
    with crowd.at_work():
        came_back = [crowd.wait_for_more()]
        for _ in range(2):
            disturb(database)
            came_back.append(crowd.wait_for_more())

    kept = {uuid for (uuid,) in database.rows("SELECT card_uuid FROM feedback")}
    assert crowd.surprises == []
    assert came_back == [True] * 3
    assert crowd.refusals
    assert set(crowd.acknowledged) <= kept
    print(f"{database.kind}: {len(crowd.acknowledged)} kept, {dict(crowd.refusals)}")  # noqa: T201 - to be read with -s


def test_many_writers_get_their_turn(store: Store, database: Database) -> None:
    """Beginning with no connection at all: a burst may be refused once, not for good."""
    crowd = Crowd(store)
    with crowd.at_work():
        limit = time.monotonic() + 60
        while len(crowd.acknowledged) < 20 * WRITERS and time.monotonic() < limit:
            time.sleep(0.02)

    print(f"{database.kind}: {len(crowd.acknowledged)} kept, {dict(crowd.refusals)}")  # noqa: T201 - to be read with -s
    assert crowd.surprises == []
    assert len(crowd.acknowledged) >= 20 * WRITERS
    # Refused for want of time is a measure of the machine; refused without trying is not.
    assert crowd.refusals["the database failed a moment ago"] <= len(crowd.acknowledged)


@contextmanager
def slow_call(transactions: Transactions) -> Iterator[threading.Event]:
    """A writer on the way to cards that has connected and then takes as long as it is let."""
    begun, go_on = threading.Event(), threading.Event()

    def work(_: Connection) -> None:
        begun.set()
        go_on.wait(30)

    def write() -> None:
        with pytest.raises(StoreUnavailable, match="in time"):
            transactions.write("slow", HOOK_CALL, work)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert begun.wait(30)
        yield go_on
    finally:
        go_on.set()
        writer.join(30)


@pytest.fixture
def transactions(postgres: PostgresServer) -> Iterator[Transactions]:
    """Of a PostgreSQL; a failure is remembered for good, so that no test depends on time."""
    database = postgres.database(migrated=True)
    made = Transactions(database.url, rest=3600)
    yield made
    made.close()
    postgres.drop(database)


def answer(transactions: Transactions, timeouts: Timeouts = HOOK_CALL) -> int | None:
    return transactions.write("quick", timeouts, lambda c: c.scalar(text("SELECT 1")))


def test_who_comes_too_late_while_others_are_answered_stops_nobody(
    transactions: Transactions,
) -> None:
    with slow_call(transactions):
        assert answer(transactions) == 1
        while transactions.failures["slow"] == 0:  # until it has waited in vain
            time.sleep(0.02)

        assert answer(transactions) == 1


def test_an_answer_that_comes_too_late_still_says_that_the_database_lives(
    transactions: Transactions,
) -> None:
    with slow_call(transactions) as go_on:
        while transactions.failures["slow"] == 0:
            time.sleep(0.02)
        with pytest.raises(StoreUnavailable, match="a moment ago"):
            answer(transactions)
        assert answer(transactions, FEEDBACK_CALL) == 1  # has more time, and its own breaker
        go_on.set()
        limit = time.monotonic() + 30
        while transactions._writes[HOOK_CALL]._open_until is not None and time.monotonic() < limit:
            time.sleep(0.02)

    assert answer(transactions) == 1


def test_readers_are_answered_while_writers_are_stopped(database: Database) -> None:
    transactions = Transactions(database.url, rest=3600)
    query = text("SELECT 1")
    with pytest.raises(StoreUnavailable):
        transactions.write("test", FEEDBACK_CALL, lambda c: c.execute(text("INSERT INTO none")))
    with pytest.raises(StoreUnavailable, match="a moment ago"):
        transactions.write("test", FEEDBACK_CALL, lambda c: c.execute(query))

    assert transactions.read("test", FEEDBACK_CALL, lambda c: c.scalar(query)) == 1
    transactions.close()


# -- a dead database costs little ------------------------------------------------------------


LONG = 5  # seconds; a call waits a tenth of this at most, a busy machine not so long
AT_ONCE = "a moment ago"


def cost(store: Store, why: str | None = None) -> float:
    """Seconds a call waits in vain."""
    begun = time.perf_counter()
    with pytest.raises(StoreUnavailable, match=why):
        store.record_call(call(card()))
    return time.perf_counter() - begun


def test_a_stuck_database_costs_a_call_a_moment_once(store: Store, database: Database) -> None:
    store.ping()
    with database.stuck():
        first = cost(store)
        cost(store, AT_ONCE)
        for why in (None, AT_ONCE):
            with pytest.raises(StoreUnavailable, match=why):
                store.save_feedback(SERVICE, CLIENT, [accepted(card())], NOW)

    assert first < LONG
    assert store.failures["record_call"] == 2


def test_a_host_that_never_answers_costs_a_call_a_moment_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(f"postgresql+psycopg://127.0.0.1:{silent.getsockname()[1]}/x", KEY)

        assert cost(store) < LONG
        cost(store, AT_ONCE)


def test_a_store_that_came_back_is_used_again(store: Store, database: Database) -> None:
    with database.stuck():
        cost(store)
    time.sleep(1.1)

    store.record_call(call(card()))
    assert database.rows("SELECT count(*) FROM calls") == [(1,)]


def test_every_way_in_says_unavailable(tmp_path: Path) -> None:
    def store() -> Store:
        return Store(f"sqlite:///{tmp_path}/none.sqlite3", KEY)

    later = NOW + timedelta(1)
    for attempt in (
        lambda: store().ping(),
        lambda: store().record_call(call()),
        lambda: store().past_reactions(["key"]),
        lambda: store().claim_jti("a", "b", later, NOW),
        lambda: store().save_feedback(SERVICE, CLIENT, [accepted(card())], NOW),
        lambda: store().report(NOW, later, lambda found, _: list(found)),
        lambda: store().purge(NOW, WINDOW),
    ):
        with pytest.raises(StoreUnavailable, match="SQLITE_CANTOPEN"):
            attempt()
    assert not list(tmp_path.iterdir())


def test_a_database_without_tables_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "empty.sqlite3").touch()

    with pytest.raises(StoreUnavailable, match="SQLITE_ERROR"):
        Store(f"sqlite:///{tmp_path}/empty.sqlite3", KEY).ping()


def test_what_is_written_to_a_moved_file_is_not_acknowledged(
    database: Database, store: Store
) -> None:
    if isinstance(database, PostgresDatabase):
        pytest.skip("a server looks after its own files")
    store.ping()
    database.path.rename(database.path.with_suffix(".gone"))

    with pytest.raises(StoreUnavailable):
        store.save_feedback(SERVICE, CLIENT, [accepted(card())], NOW)


def test_a_file_moved_between_writing_and_commit_is_not_acknowledged(
    database: Database,
) -> None:
    if isinstance(database, PostgresDatabase):
        pytest.skip("a server looks after its own files")
    transactions = Transactions(database.url)

    with pytest.raises(StoreUnavailable, match="moved"):
        transactions.write(
            "test", FEEDBACK_CALL, lambda _: database.path.rename(database.path.with_suffix(".g"))
        )
    transactions.close()


# -- several processes -----------------------------------------------------------------------


CLAIM = """
import sys, time
from datetime import datetime, UTC
from cds_service.store import Store, StoreUnavailable
store = Store(sys.argv[1], sys.argv[2].encode())
later = datetime(2126, 1, 1, tzinfo=UTC)
won, unsure = [], []
store.warm_up()
for jti in map(str, range(200)):
    while True:
        try:
            if store.claim_jti("issuer", jti, later, datetime.now(UTC)):
                won.append(jti)
            break
        except StoreUnavailable:  # it may yet have been claimed
            unsure.append(jti)
            time.sleep(0.05)
print(",".join(won), ",".join(unsure), sep=";")
"""


@pytest.mark.requirement("6.10")
def test_a_token_id_is_claimed_by_one_process_only(database: Database) -> None:
    command = [sys.executable, "-c", CLAIM, database.url, KEY.decode()]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0].strip().split(";") for process in running]
    (one, unsure_one), (two, unsure_two) = [[set(p.split(",")) - {""} for p in s] for s in said]

    assert one & two == set()
    assert one | two | unsure_one | unsure_two == set(map(str, range(200)))
    assert len(one | two) > 100


FORK = """
import os, sys
from cds_service.store import Store
store = Store(sys.argv[1], bytes(16))
store.warm_up()
child = os.fork()
store.warm_up()
for _ in range(20):
    store.ping()
if child == 0:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
store.ping()
"""


def test_a_store_survives_a_fork(database: Database) -> None:
    subprocess.run([sys.executable, "-c", FORK, database.url], check=True)
