"""The parts that guard a store: breaker, deadline, key file."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest

from cds_service.store import StoreUnavailable, load_key
from cds_service.store.breaker import CircuitBreaker, Deadline


def test_after_a_rest_one_may_try_and_the_others_wait() -> None:
    now = 100.0
    breaker = CircuitBreaker(1.0, lambda: now)

    def refused() -> bool:
        try:
            breaker.enter()
        except StoreUnavailable:
            return True
        return False

    breaker.failed(breaker.enter())
    assert refused()
    now = 101.0
    assert [refused(), refused()] == [False, True]
    breaker.answered()
    assert [refused(), refused()] == [False, False]


def test_a_failure_counts_only_when_nobody_was_answered_meanwhile() -> None:
    breaker = CircuitBreaker(1.0, lambda: 100.0)

    early = breaker.enter()
    breaker.answered()
    late = breaker.enter()
    breaker.failed(early)
    assert breaker.enter() == late
    breaker.failed(late)
    with pytest.raises(StoreUnavailable, match="a moment ago"):
        breaker.enter()


def test_a_deadline_hands_on_results_and_errors_and_refuses_a_crowd() -> None:
    deadline, hold = Deadline(1), threading.Event()

    assert deadline.run(lambda: 7, 1) == 7
    with pytest.raises(ZeroDivisionError):
        deadline.run(lambda: 1 // 0, 1)
    with pytest.raises(StoreUnavailable, match="in time"):
        deadline.run(hold.wait, 0.01)
    with pytest.raises(StoreUnavailable, match="too many"):
        deadline.run(lambda: 7, 1)
    hold.set()
    deadline.drain(30)
    assert deadline.run(lambda: 7, 1) == 7


def test_the_key_file_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cds.key"
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(load_key(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(found)) == 1
    assert len(found) == 8
    assert len(found[0]) == 32
    assert path.stat().st_mode & 0o077 == 0
    assert [p.name for p in path.parent.iterdir()] == ["cds.key"]


@pytest.mark.parametrize("held", ["", "ab" * 31, "words", "ä" * 64])
def test_a_file_without_a_key_is_refused(tmp_path: Path, held: str) -> None:
    path = tmp_path / f"{uuid.uuid4()}.key"
    path.touch(mode=0o600)
    path.write_text(held, encoding="utf-8")

    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        load_key(path)
