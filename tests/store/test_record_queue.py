"""Records are written behind the calls: in batches, before feedback on them, and before the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import create_engine, func, select

from cds_service.store import Saved, Store, StoreUnavailable
from cds_service.store.record_queue import MAX_WAITING, RecordQueue
from cds_service.store.records import CallRecord
from cds_service.store.tables import CALLS, CARDS
from cds_service.telemetry.metrics import REGISTRY
from tests.support.databases import Database
from tests.support.made_records import CLIENT, KEY, NOW, SERVICE, accepted, call, card


def counted(state: str) -> float:
    """``cds_records_total`` of this process."""
    return REGISTRY.get_sample_value("cds_records_total", {"state": state}) or 0


def rows(database: Database) -> tuple[int, int]:
    """Calls and cards in the database, as another process reads them."""
    engine = create_engine(database.url)
    with engine.connect() as connection:
        calls = connection.scalar(select(func.count()).select_from(CALLS))
        cards = connection.scalar(select(func.count()).select_from(CARDS))
    engine.dispose()
    return calls, cards


@pytest.fixture
def worker(database: Database) -> Iterator[Store]:
    """A store as a worker uses it."""
    store = Store(database.url, KEY)
    store.warm_up()
    yield store
    store.close()


def test_a_batch_keeps_the_cards_of_each_call(worker: Store, database: Database) -> None:
    for number in range(40):
        worker.record_call(call(*[card() for _ in range(number % 3)]))
    worker.records.flush(60)

    assert rows(database) == (40, sum(number % 3 for number in range(40)))
    assert counted("taken") >= 40


def test_what_waits_is_written_before_the_store_is_closed(database: Database) -> None:
    store = Store(database.url, KEY)
    store.warm_up()
    store.record_call(call(card()))

    store.close()

    assert rows(database) == (1, 1)


def test_feedback_waits_for_the_record_of_its_call(worker: Store) -> None:
    shown = card()

    worker.record_call(call(shown))
    saved = worker.save_feedback(SERVICE, CLIENT, [accepted(shown)], NOW)

    assert saved == Saved(1, 0, 0)


def test_feedback_waits_for_a_record_that_another_worker_has(
    worker: Store, database: Database
) -> None:
    other, shown = Store(database.url, KEY), card()
    other.warm_up()

    other.record_call(call(shown))
    saved = worker.save_feedback(SERVICE, CLIENT, [accepted(shown)], NOW)
    other.close()

    assert saved == Saved(1, 0, 0)


def test_feedback_on_a_card_nobody_recorded_is_kept_all_the_same(worker: Store) -> None:
    saved = worker.save_feedback(SERVICE, CLIENT, [accepted(card())], NOW)

    assert saved == Saved(1, 0, 1)


class Disk:
    """A place to write to that can be stuck or full."""

    def __init__(self) -> None:
        self.free, self.full = threading.Event(), False
        self.batches: list[int] = []

    def write(self, calls: Sequence[CallRecord]) -> None:
        self.free.wait(60)
        if self.full:
            raise StoreUnavailable("full")
        self.batches.append(len(calls))


def test_no_more_waits_than_memory_is_kept_for_and_the_loss_is_counted() -> None:
    disk, one = Disk(), call()
    queue = RecordQueue(disk.write)
    queue.start()
    before = {state: counted(state) for state in ("taken", "written", "lost")}
    refused = 0

    for _ in range(2 * MAX_WAITING):
        try:
            queue.add(one)
        except StoreUnavailable:
            refused += 1
    disk.free.set()
    queue.flush(60)
    more = {state: counted(state) - number for state, number in before.items()}

    assert refused >= MAX_WAITING - 400  # at most two batches were taken out meanwhile
    assert more == {"taken": 2 * MAX_WAITING, "written": sum(disk.batches), "lost": refused}
    assert len(disk.batches) < sum(disk.batches) / 100


def test_calls_that_cannot_be_written_are_counted_and_the_next_ones_are_written() -> None:
    disk = Disk()
    disk.free.set()
    queue = RecordQueue(disk.write)
    queue.start()
    lost = counted("lost")

    disk.full = True
    queue.add(call())
    queue.flush(60)
    disk.full = False
    queue.add(call())
    queue.flush(60)

    assert counted("lost") == lost + 1
    assert disk.batches == [1]
