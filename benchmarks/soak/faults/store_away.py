"""The SQLite file is locked by somebody else, then moved away, under load, and comes back: cards
are answered throughout, feedback is refused rather than lost."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from benchmarks.served import free_port, running, service_command
from benchmarks.soak.expecting import expect
from benchmarks.soak.traffic import Traffic, Visits

UNSAVED = ("feedback", 503)


def check(visits: Visits, seconds: float) -> str:
    """Half of the time each."""
    port = free_port()
    with running(service_command(port), port) as server:
        path = Path(make_url(server.database_url).database or "")
        traffic = Traffic(port, visits)
        with traffic.flowing():
            for trouble in (_locked, _moved):
                traffic.wait_for("feedback", 200)
                with trouble(path):
                    traffic.wait_for("feedback", 503)
                    calls = traffic.answered("call")
                    time.sleep(seconds / 2)
                    expect(traffic.answered("call") > calls, "no cards while the store was away")
                traffic.wait_for("feedback", 200)
        expect(not traffic.unexpected(UNSAVED), f"answers: {traffic.unexpected(UNSAVED)}")
        expect(not traffic.broken, f"{traffic.broken} connections were cut")
        traffic.expect_all_kept(server.database_url)
    refused, kept = traffic.answered(*UNSAVED), len(traffic.acknowledged)
    return f"cards throughout, {refused} times feedback refused (503), {kept} items kept"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    stranger = sqlite3.connect(path, isolation_level=None, timeout=10)
    stranger.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        stranger.close()


@contextmanager
def _moved(path: Path) -> Iterator[None]:
    """The file and its log, as an operator would move them."""
    files = [f for f in (path.with_name(path.name + s) for s in ("", "-wal", "-shm")) if f.exists()]
    away = [file.rename(file.with_name(f"away-{file.name}")) for file in files]
    try:
        yield
    finally:
        for file, original in zip(away, files, strict=True):
            file.rename(original)
